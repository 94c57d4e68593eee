package root

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
)

// Rotated says what Rotate did.
type Rotated struct {
	Previous ledger.VerifierKey
	Key      ledger.VerifierKey
	Receipt  ledger.Receipt
	Trusted  bool // the user trusted the key before, and so trusts this one
}

// RotationDraft returns the event that would rotate the ledger's key to key,
// sealed, or why it cannot be: a *ledger.FieldError for actor or reason, or
// ErrTooManyRotations.
func (r *Root) RotationDraft(key ledger.VerifierKey, actor, reason string) (ledger.Event, error) {
	if len(r.Log.Keys().Keys()) > ledger.MaxRotations {
		return ledger.Event{}, ErrTooManyRotations
	}
	now, head := r.options.Now(), r.Log.Head()
	id, err := ulid.New(ulid.Timestamp(now), r.options.Entropy)
	if err != nil {
		return ledger.Event{}, fmt.Errorf("making a ULID: %w", err)
	}
	e := ledger.Event{Seq: ledger.Seq(head.Size), ID: id.String(), Origin: r.Log.Origin(), Actor: actor, Prev: head.Leaf,
		Payload: ledger.KeyRotated{Key: key.String(), Previous: r.Log.Key().String(), Reason: reason}}
	e.Time, e.Clock = head.At(now)
	return ledger.Seal(e)
}

// NewKey makes a key for the ledger. Nothing is written.
func (r *Root) NewKey() (ledger.PrivateKey, error) {
	return ledger.GenerateKey(r.options.Entropy, r.Log.Origin())
}

// Rotate puts another key in the place of the ledger's: the new private key is
// durable before the event that names it, and takes the old one's file after.
// The old one is gone then; it can sign nothing for this ledger any more. The
// next Open finishes what a crash cut short. Errors are those of RotationDraft
// and of the log's Rotate.
func (r *Root) Rotate(ctx context.Context, actor, reason string) (Rotated, error) {
	key, err := r.NewKey()
	if err != nil {
		return Rotated{}, err
	}
	e, err := r.RotationDraft(key.VerifierKey(), actor, reason)
	if err != nil {
		return Rotated{}, fmt.Errorf("rotating the key of %s: %w", r.Log.Origin(), err)
	}
	did := Rotated{Previous: r.Log.Key(), Key: key.VerifierKey()}
	if err := r.rotate(ctx, e, key, &did); err != nil {
		return Rotated{}, fmt.Errorf("rotating the key of %s: %w", r.Log.Origin(), err)
	}
	return did, nil
}

func (r *Root) rotate(ctx context.Context, e ledger.Event, key ledger.PrivateKey, did *Rotated) error {
	// A home that was put back as it was in the middle of a rotation has the key in
	// force where the next one is to be made. It is the only copy.
	if err := takeNext(r.Home, r.Log.Key()); err != nil {
		return err
	}
	// What lies there now is of a rotation that never happened.
	path := nextPath(r.Home, key.Name())
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := replaceFile(path, []byte(key.Secret()+"\n")); err != nil {
		return err
	}
	if err := r.options.done("next key"); err != nil {
		return err
	}
	r.guard.keys = append(r.guard.keys, key.VerifierKey())
	var err error
	if did.Receipt, err = r.Log.Rotate(ctx, r.Log.Head(), e, key); err != nil {
		return err
	}
	// From here on the new key signs.
	r.Signer = key
	if err := r.options.done("event"); err != nil {
		return err
	}
	if err := r.rotated(); err != nil {
		return fmt.Errorf("%w: the key was rotated, and the next command finishes it: %w", ledger.ErrOutcomeUnknown, err)
	}
	keys, err := TrustedKeys(r.Home)
	did.Trusted = slices.ContainsFunc(keys, func(k ledger.PublicKey) bool { return k.Is(did.Key) })
	return err
}

// rotated does what is left once the ledger says that its key was rotated: the
// private key takes its place, the trust of the one before goes over to it, and
// the mark says that all of it is done.
func (r *Root) rotated() error {
	keys := r.Log.Keys().Keys()
	key := keys[len(keys)-1]
	if err := takeNext(r.Home, key); err != nil {
		return err
	}
	if err := r.options.done("key"); err != nil {
		return err
	}
	trusted, err := TrustedKeys(r.Home)
	if err != nil {
		return err
	}
	if before := keys[max(0, len(keys)-2)]; slices.ContainsFunc(trusted, func(k ledger.PublicKey) bool { return k.Is(before) }) {
		if _, err := Trust(r.Home, key.PublicKey()); err != nil {
			return err
		}
	}
	if err := r.options.done("trust"); err != nil {
		return err
	}
	if err := r.guard.keepChain(keys); err != nil {
		return err
	}
	if err := r.options.done("keys seen"); err != nil {
		return err
	}
	if err := r.lock.add(mark{kind: markComplete, key: key}); err != nil {
		return err
	}
	return r.options.done("mark")
}

// takeNext moves the private half of key to its place, over the one before.
func takeNext(home string, key ledger.VerifierKey) error {
	from, to := nextPath(home, key.Name()), keyPath(home, key.Name(), false)
	if k, err := readKey(to); err == nil && k.VerifierKey() == key {
		return nil
	}
	if err := moveFile(from, to); err != nil {
		return fmt.Errorf("moving the new key: %w", err)
	}
	return nil
}

// dropNext removes a key that was made for a rotation and will sign nothing.
func dropNext(home, origin string) error {
	path := nextPath(home, origin)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}
