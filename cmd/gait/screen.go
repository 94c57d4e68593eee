package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"

	"gait/projection"
)

// A screen collects text for people: plain, coloured only on a terminal and never
// with NO_COLOR. Text from files is shown with control characters escaped, so that
// none of it reaches the terminal as a command: see plain.
type screen struct {
	text   strings.Builder
	colour bool
	here   func(string) string // see globalFlags.here
}

// Write adds text.
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

// Reset removes what was written.
func (s *screen) Reset() { s.text.Reset() }

// Colours are marked by bytes that occur in no text until the screen is rendered,
// so that a file's text cannot bring its own.
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

// plain returns a line of text in which characters that could move the cursor,
// begin a line, reverse the writing direction or not show at all are escaped as Go
// does. Two texts that look the same on a screen are the same then, but for letters
// and spaces that resemble each other.
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
	if r < utf8.RuneSelf {
		return unicode.IsControl(r)
	}
	return r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || invisible(r)
}

// A plainLog is a log whose lines are shown as plain shows them.
type plainLog struct{ to io.Writer }

// Write writes one line.
func (l plainLog) Write(line []byte) (int, error) {
	_, err := io.WriteString(l.to, plain(strings.TrimSuffix(string(line), "\n"))+"\n")
	return len(line), err
}

// invisible reports whether a character shows nothing of its own: format characters
// (Cf) such as U+200B and the tags U+E0000 to U+E007F, variation selectors, fillers,
// and what else Unicode calls Default_Ignorable. The few format characters that are
// drawn, Prepended_Concatenation_Mark, are not among them.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
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
	case projection.PausedStatus, projection.DecisionNeeded, projection.Blocked:
	}
	return s.yellow("‖ " + string(status))
}

// done prints a line that says what was done.
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

// next prints the command to run next.
func (s *screen) next(command string) {
	if command != "" {
		fmt.Fprintf(s, "%s %s\n", s.bold("next:"), plain(s.here(command)))
	}
}
