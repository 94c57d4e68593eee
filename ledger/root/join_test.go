package root_test

import (
	"errors"
	"testing"

	"gait/ledger"
	"gait/ledger/root"
)

func noRenewal() error { return errors.New("asked for what is newer") }

// What another process has open is held to what Open would hold it to.
func TestJoin(t *testing.T) {
	u := newUser(t)
	r := u.open()
	u.add(r, 3)
	signer, err := root.Join(u.Options, r.Log, noRenewal)
	if err != nil || signer == nil || signer.VerifierKey() != r.Log.Key() {
		t.Errorf("Join = %v, %v, want the ledger's key", signer, err)
	}
	if signer, err := root.Join(u.with(readOnly), r.Log, noRenewal); signer != nil || err != nil {
		t.Errorf("Join to read = %v, %v", signer, err)
	}
	elsewhere := u.with(func(o *root.Options) { o.Home = t.TempDir() })
	if _, err := root.Join(elsewhere, r.Log, noRenewal); !isKeyMissing(err) {
		t.Errorf("Join without the key = %v, want *KeyMissingError", err)
	}
}

func isKeyMissing(err error) bool {
	_, ok := errors.AsType[*root.KeyMissingError](err)
	return ok
}

// An older ledger than the one seen is renewed once, and then rolled back.
func TestJoinComparesWithWhatWasSeen(t *testing.T) {
	u := newUser(t)
	r := u.open()
	u.add(r, 2)
	old := &shown{OpenLog: r.Log}
	old.c, old.note = r.Log.Checkpoint()
	u.add(r, 2)
	renewed := false
	if _, err := root.Join(u.Options, old, func() error {
		renewed = true
		old.c, old.note = r.Log.Checkpoint()
		return nil
	}); err != nil || !renewed {
		t.Errorf("Join = %v, renewed: %v, want the newer one", err, renewed)
	}
	old.c.Size -= 2
	_, err := root.Join(u.Options, old, func() error { return nil })
	if _, rolledBack := errors.AsType[*root.RolledBackError](err); !rolledBack {
		t.Errorf("Join of an older ledger = %v, want *RolledBackError", err)
	}
}

// A shown log shows another checkpoint than its own.
type shown struct {
	root.OpenLog
	c    ledger.Checkpoint
	note []byte
}

func (s *shown) Checkpoint() (ledger.Checkpoint, []byte) { return s.c, s.note }

// Whoever finds the lock held may learn that there is another way.
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
