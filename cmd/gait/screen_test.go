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

func TestShorten(t *testing.T) {
	for _, tt := range []struct{ text, want string }{{"short", "short"}, {"exactly 10", "exactly 10"}, {"more than ten", "more than…"}, {"Grüße, 世界 ✓", "Grüße, 世界…"}} {
		if got := shorten(tt.text, 10); got != tt.want {
			t.Errorf("shorten(%q, 10) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
