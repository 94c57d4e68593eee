package connect_test

import (
	"bytes"
	"errors"
	"testing"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
)

// A policy is kept and read in the same way here and through a daemon.
func TestPolicies(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		text := []byte("permit(principal, action, resource);")
		var digest ledger.Hash
		err := connect.With(t.Context(), o, func(l *connect.Ledger) (err error) {
			if digest, err = l.KeepPolicy(t.Context(), text); err != nil {
				return err
			}
			_, err = l.KeepPolicy(t.Context(), make([]byte, connect.MaxPolicy+1))
			if codeOf(err) != "content_too_large" {
				t.Errorf("KeepPolicy of one byte too many = %v, want content_too_large", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		o.Mode = root.Read
		err = connect.With(t.Context(), o, func(l *connect.Ledger) error {
			if b, err := l.ReadPolicy(t.Context(), digest); err != nil || !bytes.Equal(b, text) {
				t.Errorf("ReadPolicy = %q, %v, want what was kept", b, err)
			}
			if _, err := l.ReadPolicy(t.Context(), ledger.Hash{1}); codeOf(err) != "content_missing" {
				t.Errorf("ReadPolicy of none = %v, want content_missing", err)
			}
			if _, err := l.KeepPolicy(t.Context(), text); !errors.Is(err, connect.ErrReadOnly) {
				t.Errorf("KeepPolicy of a reader = %v, want ErrReadOnly", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
