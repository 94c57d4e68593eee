package root_test

import (
	"context"
	"errors"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

func noRenewal(context.Context) error { return errors.New("asked for what is newer") }

// Join checks a ledger that another process has open as Open would check it.
func TestJoin(t *testing.T) {
	u := newUser(t)
	r := u.open()
	u.add(r, 3)
	signer, err := root.Join(t.Context(), u.Options, r.Log, noRenewal)
	if err != nil || signer == nil || signer.VerifierKey() != r.Log.Keys().Current() {
		t.Errorf("Join = %v, %v, want the ledger's key", signer, err)
	}
	if signer, err := root.Join(t.Context(), u.with(readOnly), r.Log, noRenewal); signer != nil || err != nil {
		t.Errorf("Join to read = %v, %v", signer, err)
	}
	elsewhere := u.with(func(o *root.Options) { o.Home = t.TempDir() })
	if _, err := root.Join(t.Context(), elsewhere, r.Log, noRenewal); !isKeyMissing(err) {
		t.Errorf("Join without the key = %v, want *KeyMissingError", err)
	}
}

func isKeyMissing(err error) bool {
	_, ok := errors.AsType[*home.KeyMissingError](err)
	return ok
}

// If log is older than the checkpoint seen, it is renewed once. If it still is, the
// ledger was rolled back.
func TestJoinComparesWithWhatWasSeen(t *testing.T) {
	u := newUser(t)
	r := u.open()
	u.add(r, 2)
	old := &logAt{Reader: r.Log}
	old.c, old.note = r.Log.Checkpoint()
	u.add(r, 2)
	renewed := false
	if _, err := root.Join(t.Context(), u.Options, old, func(context.Context) error {
		renewed = true
		old.c, old.note = r.Log.Checkpoint()
		return nil
	}); err != nil || !renewed {
		t.Errorf("Join = %v, renewed: %v, want the newer one", err, renewed)
	}
	old.c.Size -= 2
	_, err := root.Join(t.Context(), u.Options, old, func(context.Context) error { return nil })
	if _, rolledBack := errors.AsType[*home.RolledBackError](err); !rolledBack {
		t.Errorf("Join of an older ledger = %v, want *RolledBackError", err)
	}
}

// A logAt is a log that shows a checkpoint other than its own newest one.
type logAt struct {
	ledger.Reader
	c    ledger.Checkpoint
	note []byte
}

func (s *logAt) Checkpoint() (ledger.Checkpoint, []byte) { return s.c, s.note }

// A caller that finds the lock held can use the hook to end the wait.
func TestHeld(t *testing.T) {
	u := newUser(t)
	u.open()
	other := errors.New("go there instead")
	asked := 0
	_, err := root.Open(t.Context(), u.with(func(o *root.Options) {
		o.Held = func() error {
			if asked++; asked < 3 {
				return nil
			}
			return other
		}
	}))
	if !errors.Is(err, other) || asked != 3 {
		t.Errorf("Open = %v after %d rounds, want the hook's error after 3", err, asked)
	}
	_, err = root.Open(t.Context(), u.with(func(o *root.Options) { o.LockTimeout, o.Held = -1, func() error { return other } }))
	if !errors.Is(err, other) {
		t.Errorf("Open without waiting = %v, want the hook's error", err)
	}
}
