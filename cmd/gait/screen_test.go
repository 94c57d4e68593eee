package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
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
		a := &console{surroundings: surroundings{getenv: func(k string) string { return tt.env[k] }}}
		if got := a.screenOn(tt.to).colour; got != tt.want {
			t.Errorf("colour on %s is %t, want %t", tt.name, got, tt.want)
		}
	}
}

// Text from a file cannot control the terminal, begin a line of its own or be taken
// for colours.
func TestPlain(t *testing.T) {
	s := &screen{colour: true}
	for _, tt := range []struct{ text, want string }{
		{"Grüße, 世界 ✓", "Grüße, 世界 ✓"},
		{"\x1b[2Jgone", `\x1b[2Jgone`},
		{"a\nb\r\tc", `a\nb\r\tc`},
		{"\u009b31m", `\u009b31m`},
		{"\u202eabc", `\u202eabc`},
		{"\u2028", `\u2028`},
		{"pay\u200bpal", `pay\u200bpal`},
		{"ok\U000e0041\U000e007f", `ok\U000e0041\U000e007f`},
		{"\U000e0000\U000e0100\U000e01ef", `\U000e0000\U000e0100\U000e01ef`},
		{"x\ufe0f\u180b\ufeff\u2060\u2063\u00ad", `x\ufe0f\u180b\ufeff\u2060\u2063\u00ad`},
		{"\u034f\u115f\u1160\u17b4\u3164\uffa0\ufff9", `\u034f\u115f\u1160\u17b4\u3164\uffa0\ufff9`},
		{"نص ٪ \u0600١٢ é e\u0301 한국 हिन्दी 👩", "نص ٪ \u0600١٢ é e\u0301 한국 हिन्दी 👩"},
		{"bad \xff\xfe", `bad \xff\xfe`},
		{s.red("x\x1b"), paintOn + "31mx" + `\x1b` + paintEnd},
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

func TestPlainLog(t *testing.T) {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(plainLog{&b}, nil)).Info("command", "job", "a\u3164\u200b\x1b", "code", "x\ufe0f")
	if got, want := b.String(), `job="a\u3164\u200b\x1b" code=x\ufe0f`+"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("the log says %q, want it to end in %q", got, want)
	}
}

// Every character without a mark on the screen is escaped, and no letter, digit, sign
// or accent is.
func TestInvisible(t *testing.T) {
	escaped := 0
	for r := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(r) || r == utf8.RuneError {
			continue
		}
		ignorable := unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
		shows := unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Mc, unicode.Me, unicode.Prepended_Concatenation_Mark) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
		got := plain(string(r)) != string(r)
		if got && shows || !got && ignorable && !shows {
			t.Errorf("%U is escaped: %t", r, got)
		}
		if got {
			escaped++
		}
	}
	if escaped < 4200 || escaped > 4400 {
		t.Errorf("%d characters are escaped, want those that Unicode ignores by default", escaped)
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct{ text, want string }{{"short", "short"}, {"exactly 10", "exactly 10"}, {"more than ten", "more than…"}, {"Grüße, 世界 ✓", "Grüße, 世界…"}} {
		if got := shorten(tt.text, 10); got != tt.want {
			t.Errorf("shorten(%q, 10) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
