package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/term"

	"gait/projection"
)

// A screen is what people read: plain text, coloured only on a terminal and
// never with NO_COLOR. Whatever a file says is shown, and nothing of it reaches
// the terminal as a command: see plain.
type screen struct {
	text   strings.Builder
	colour bool
	here   func(string) string // app.here
}

func (a *app) screen() *screen { return a.screenOn(a.stdout) }

func (a *app) screenOn(w io.Writer) *screen {
	return &screen{colour: a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && isTerminal(w), here: a.here}
}

func isTerminal(w io.Writer) bool {
	f, ok := fileOf(w)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalSize returns how many columns and lines a terminal has, or is thought
// to have.
func terminalSize(w io.Writer) (width, height int) {
	if f, ok := fileOf(w); ok {
		width, height, _ = term.GetSize(int(f.Fd()))
	}
	if width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

func fileOf(w io.Writer) (*os.File, bool) {
	if o, ok := w.(output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	return f, ok
}

// Write adds text. Lines end where a line feed is written.
func (s *screen) Write(b []byte) (int, error) {
	s.add(string(b))
	return len(b), nil
}

// add is Write for a string.
func (s *screen) add(text string) {
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			s.text.WriteByte('\n')
		}
		s.text.WriteString(plain(line))
	}
}

// String returns what was written, with its colours.
func (s *screen) String() string { return s.rendered(s.text.String()) }

// Reset forgets what was written.
func (s *screen) Reset() { s.text.Reset() }

// Paint is marked by bytes that occur in no text, so that what is ours can be
// told from what a file says until the last moment.
const (
	paintOn  = "\xff<"
	paintEnd = "\xff>"
)

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return paintOn + code + "m" + text + paintEnd
}

func (s *screen) rendered(text string) string {
	return strings.NewReplacer(paintOn, "\x1b[", paintEnd, "\x1b[0m").Replace(text)
}

// plain returns text of one line with nothing in it that could move a cursor,
// begin a line or turn the writing round: such characters are shown as escapes,
// as Go writes them.
func plain(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		rest := text[i:]
		if strings.HasPrefix(rest, paintOn) || strings.HasPrefix(rest, paintEnd) {
			b.WriteString(rest[:2])
			i += 2
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		if quoted := strconv.QuoteToASCII(rest[:size]); unprintable(r) {
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(rest[:size])
		}
		i += size
	}
	return b.String()
}

func unprintable(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

func (s *screen) bold(text string) string   { return s.paint("1", text) }
func (s *screen) dim(text string) string    { return s.paint("2", text) }
func (s *screen) red(text string) string    { return s.paint("31", text) }
func (s *screen) green(text string) string  { return s.paint("32", text) }
func (s *screen) yellow(text string) string { return s.paint("33", text) }

// status shows a status as a symbol and a word.
func (s *screen) status(status projection.Status) string {
	switch status {
	case projection.Running:
		return s.green("● " + string(status))
	case projection.Completed:
		return s.green("✓ " + string(status))
	case projection.Failed, projection.EmergencyStopped:
		return s.red("✗ " + string(status))
	case projection.Cancelled:
		return s.dim("○ " + string(status))
	}
	return s.yellow("‖ " + string(status))
}

// done says in a line that something was done.
func (s *screen) done(format string, args ...any) {
	fmt.Fprintf(s, "%s %s\n", s.green("✓"), plain(fmt.Sprintf(format, args...)))
}

// fields prints names and values, aligned. Empty values are left out.
func (s *screen) fields(pairs ...[2]string) {
	width := 0
	for _, p := range pairs {
		if p[1] != "" {
			width = max(width, len(p[0]))
		}
	}
	for _, p := range pairs {
		if p[1] != "" {
			fmt.Fprintf(s, "  %s  %s\n", s.dim(fmt.Sprintf("%-*s", width, p[0])), plain(p[1]))
		}
	}
}

// table prints rows under a header.
func (s *screen) table(header []any, rows [][]any) {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.AppendHeader(header)
	for _, row := range rows {
		cells := make(table.Row, len(row))
		for i, cell := range row {
			cells[i] = s.rendered(plain(fmt.Sprint(cell)))
		}
		t.AppendRow(cells)
	}
	for line := range strings.Lines(t.Render()) {
		s.text.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// next proposes the next command.
func (s *screen) next(command string) {
	if command != "" {
		fmt.Fprintf(s, "%s %s\n", s.bold("next:"), plain(s.here(command)))
	}
}
