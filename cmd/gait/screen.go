package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/term"

	"gait/projection"
)

// A screen is what people read: plain text, coloured only on a terminal and
// never with NO_COLOR.
type screen struct {
	strings.Builder
	colour bool
	here   func(string) string // app.here
}

func (a *app) screen() *screen { return a.screenOn(a.stdout) }

func (a *app) screenOn(w io.Writer) *screen {
	return &screen{colour: a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && isTerminal(w), here: a.here}
}

func isTerminal(w io.Writer) bool {
	if o, ok := w.(output); ok {
		w = o.Writer
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
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
	fmt.Fprintf(s, "%s %s\n", s.green("✓"), fmt.Sprintf(format, args...))
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
			fmt.Fprintf(s, "  %s  %s\n", s.dim(fmt.Sprintf("%-*s", width, p[0])), p[1])
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
		t.AppendRow(row)
	}
	for line := range strings.Lines(t.Render()) {
		s.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// next proposes the next command.
func (s *screen) next(command string) {
	if command != "" {
		fmt.Fprintf(s, "%s %s\n", s.bold("next:"), s.here(command))
	}
}
