package main

import (
	"bytes"
	"io"
	"os"
	"testing"
)

func TestColourOnlyOnTerminals(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer terminal.Close()
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tests := []struct {
		name string
		to   io.Writer
		env  map[string]string
		want bool
	}{
		{"a terminal", terminal, nil, true},
		{"a terminal with NO_COLOR", terminal, map[string]string{"NO_COLOR": "1"}, false},
		{"a dumb terminal", terminal, map[string]string{"TERM": "dumb"}, false},
		{"a file", file, nil, false},
		{"a buffer", &bytes.Buffer{}, nil, false},
	}
	for _, tt := range tests {
		a := &app{getenv: func(k string) string { return tt.env[k] }}
		if got := a.screenOn(tt.to).colour; got != tt.want {
			t.Errorf("colour on %s is %t, want %t", tt.name, got, tt.want)
		}
	}
}

// What a file says cannot command a terminal, begin a line of its own or be
// taken for paint.
func TestPlain(t *testing.T) {
	s := &screen{colour: true}
	for _, tt := range []struct{ text, want string }{
		{"Grüße, 世界 ✓", "Grüße, 世界 ✓"},
		{"\x1b[2Jgone", `\x1b[2Jgone`}, {"a\nb\r\tc", `a\nb\r\tc`}, {"\u009b31m", `\u009b31m`}, {"\u202eabc", `\u202eabc`}, {"\u2028", `\u2028`},
		{"bad \xff\xfe", `bad \xff\xfe`}, {s.red("x\x1b"), paintOn + "31mx" + `\x1b` + paintEnd},
	} {
		if got := plain(tt.text); got != tt.want {
			t.Errorf("plain(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
	s.table([]any{"a"}, [][]any{{s.green("x\x1b[2J\ny")}})
	s.fields([2]string{"b", "z\x1b\nq"})
	if got, want := s.String(), "A\n\x1b[32mx\\x1b[2J\\ny\x1b[0m\n  \x1b[2mb\x1b[0m  z\\x1b\\nq\n"; got != want {
		t.Errorf("the screen shows %q, want %q", got, want)
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct{ text, want string }{{"short", "short"}, {"exactly 10", "exactly 10"}, {"more than ten", "more than…"}, {"Grüße, 世界 ✓", "Grüße, 世界…"}} {
		if got := shorten(tt.text, 10); got != tt.want {
			t.Errorf("shorten(%q, 10) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
