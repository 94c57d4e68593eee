package connect

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger/home"
)

// TestPeers connects two users: neither end talks to another user's process.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name           string
		server, client int // the user that each expects, beside ours
		dials, answers bool
	}{{"ours", 0, 0, true, true}, {"another's client", 1, 0, true, false}, {"another's server", 0, 1, false, false}} {
		at := socket{root: dir, path: filepath.Join(dir, "s"), uid: os.Getuid() + tt.server}
		l, err := at.bind(nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Write([]byte("x"))
				conn.Close()
			}
		}()
		at.uid = os.Getuid() + tt.client
		conn, err := at.dial(t.Context())
		no, unsafe := errors.AsType[*home.UnsafeError](err)
		if (err == nil) != tt.dials || unsafe == tt.dials {
			t.Errorf("%s: dial = %v, want success: %v", tt.name, err, tt.dials)
		}
		if unsafe && no.Hint != home.AsUser(os.Getuid()) { // who owns the root listens there
			t.Errorf("%s: the hint is %q", tt.name, no.Hint)
		}
		if err == nil {
			n, _ := conn.Read(make([]byte, 1))
			if (n == 1) != tt.answers {
				t.Errorf("%s: read %d bytes, want an answer: %v", tt.name, n, tt.answers)
			}
			conn.Close()
		}
		l.Close()
	}
}
