package ledger_test

import (
	"strings"
	"testing"

	"gait/ledger"
)

func TestPlainText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"key\n", "key\n"},
		{"\ufeffkey\r\n", "key\r\n"},
		{"\ufeff\ufeffkey", "\ufeffkey"},
		{"\xff\xfek\x00\xe9\x00\n\x00", "ké\n"},
		{"\xfe\xff\x00k\xd8\x3d\xde\x00", "k😀"},
		{"\xff\xfe", ""},
		{"\xff\xfek", "\xff\xfek"}, // cut short
		{"\xef\xbbkey", "\xef\xbbkey"},
	} {
		if got := string(ledger.PlainText([]byte(tt.in))); got != tt.want {
			t.Errorf("PlainText(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Keys and policies are read alike with a byte-order mark and without one.
func TestMarkedTexts(t *testing.T) {
	key, err := ledger.GenerateKey(strings.NewReader(strings.Repeat("k", 64)), "example.com/log")
	if err != nil {
		t.Fatal(err)
	}
	line := key.VerifierKey().String()
	for name, mark := range map[string]func(string) []byte{
		"no mark": func(s string) []byte { return []byte(s) },
		"UTF-8":   func(s string) []byte { return []byte("\ufeff" + s) },
		"UTF-16": func(s string) []byte {
			b := []byte{0xff, 0xfe}
			for _, c := range []byte(s) {
				b = append(b, c, 0)
			}
			return b
		},
	} {
		if got, err := ledger.ParsePublicKey(mark("# a comment\r\n" + line + "\r\n")); err != nil || got != key.VerifierKey().PublicKey() {
			t.Errorf("%s: the key is read as %v, %v", name, got, err)
		}
		if _, err := ledger.ParsePolicy(mark("log " + line + "\nquorum none\n")); err != nil {
			t.Errorf("%s: the policy is refused: %v", name, err)
		}
	}
}
