package ledgertest

import (
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// Must ends a test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ReadFile returns the content of a file.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	Must(t, err)
	return b
}

// WriteFile makes a private file, or replaces its content.
func WriteFile(t testing.TB, path string, b []byte) {
	t.Helper()
	Must(t, os.WriteFile(path, b, 0o600))
}

// EntropyOf returns a stream of bytes that depends on the first 32 bytes of a name alone.
func EntropyOf(name string) io.Reader {
	var s [32]byte
	copy(s[:], name)
	return rand.NewChaCha8(s)
}
