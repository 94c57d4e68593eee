package connect_test

import (
	"errors"
	"testing"

	"gait/commands/connect"
)

// A URL names a daemon and nothing more, and without TLS it stays on this machine.
func TestParseURL(t *testing.T) {
	for _, text := range []string{
		"http://127.0.0.1:7070", "http://localhost:7070/", "http://[::1]:7070", "http://127.0.0.2", "https://gait.example", "https://gait.example:7070", "https://192.0.2.1:1",
		"unix:/srv/jobs/gait.sock", "unix:///srv/jobs/gait.sock",
	} {
		if u, err := connect.ParseURL(text); err != nil || u.String() != text || u.IsZero() {
			t.Errorf("ParseURL(%q) = %v, %v", text, u, err)
		}
	}
	for text, want := range map[string]error{
		"": connect.ErrURL, "127.0.0.1:7070": connect.ErrURL, "ftp://127.0.0.1": connect.ErrURL, "http://": connect.ErrURL, "http://:7070": connect.ErrURL,
		"http://127.0.0.1:x": connect.ErrURL, "https://gait.example/jobs": connect.ErrURL, "https://a:b@gait.example": connect.ErrURL, "https://gait.example?x": connect.ErrURL,
		"unix:gait.sock": connect.ErrURL, "unix:": connect.ErrURL,
		"http://gait.example:7070": connect.ErrPlainURL, "http://192.0.2.1": connect.ErrPlainURL, "http://localhost.evil.example": connect.ErrPlainURL,
		"http://127.0.0.1.evil.example": connect.ErrPlainURL, "http://0.0.0.0:7070": connect.ErrPlainURL,
	} {
		if u, err := connect.ParseURL(text); !errors.Is(err, want) {
			t.Errorf("ParseURL(%q) = %v, %v, want %v", text, u, err, want)
		}
	}
}
