package root

import (
	"context"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
)

// A RotateResult is the result of Rotate.
type RotateResult struct {
	Previous ledger.VerifierKey
	Key      ledger.VerifierKey
	Event    ledger.Event
	Receipt  ledger.Receipt
	Trusted  bool // the user trusted the key before, and so trusts this one
}

// RotationDraft returns the event, sealed, that would rotate the ledger's key to
// key. It fails with a *ledger.FieldError for actor or reason, with ErrTooManyRotations, with
// a *ledger.ClockError, or with an *authority.Denial.
func (r *Root) RotationDraft(ctx context.Context, key ledger.VerifierKey, by Order) (ledger.Event, error) {
	return r.draft(ctx, by, ledger.KeyRotated{Key: key.String(), Previous: r.Log.Keys().Current().String(), Reason: by.Reason})
}

// NewKey makes a key for the ledger. It writes nothing.
func (r *Root) NewKey() (ledger.PrivateKey, error) {
	return ledger.GenerateKey(r.options.Entropy, r.Log.Origin())
}

// Rotate replaces the ledger's key by a new one. The new private key is durable
// before the event that names it is written, and replaces the old one's file
// afterwards. The old private key is then lost, and cannot sign for this ledger any
// more. If a crash comes after the event, the next Open that may write finishes the
// rotation. Errors are those of RotationDraft and of the log's Rotate.
func (r *Root) Rotate(ctx context.Context, by Order) (RotateResult, error) {
	key, err := r.NewKey()
	if err != nil {
		return RotateResult{}, err
	}
	e, err := r.RotationDraft(ctx, key.VerifierKey(), by)
	if err != nil {
		return RotateResult{}, fmt.Errorf("rotating the key of %s: %w", r.Log.Origin(), err)
	}
	did := RotateResult{Previous: r.Log.Keys().Current(), Key: key.VerifierKey(), Event: e}
	if err := r.rotate(ctx, e, key, &did); err != nil {
		return RotateResult{}, fmt.Errorf("rotating the key of %s: %w", r.Log.Origin(), err)
	}
	return did, nil
}

func (r *Root) rotate(ctx context.Context, e ledger.Event, key ledger.PrivateKey, did *RotateResult) error {
	// If home was restored from a backup made in the middle of a rotation, the only
	// copy of the key in force is in keys/next, where the new key is to be written.
	if err := home.PromoteKey(r.Home, r.Log.Keys().Current()); err != nil {
		return err
	}
	if err := home.CheckWritable(r.Home, r.Log.Origin()); err != nil {
		return err
	}
	// Any key in keys/next now is of a rotation that never happened.
	if err := home.PutNextKey(r.Home, key); err != nil {
		return err
	}
	if err := r.options.done("next key"); err != nil {
		return err
	}
	r.guard.Expect(key.VerifierKey())
	var err error
	did.Receipt, err = r.Log.Rotate(ctx, r.Log.Head(), e, key)
	r.lock.doing("")
	if err != nil {
		return err
	}
	// From here on the new key signs.
	r.Signer = key
	if err := r.options.done("event"); err != nil {
		return err
	}
	if err := r.finishRotation(); err != nil {
		return fmt.Errorf("%w: the key was rotated, and the next command finishes it: %w", ledger.ErrOutcomeUnknown, err)
	}
	keys, err := home.TrustedKeys(r.Home)
	did.Trusted = slices.ContainsFunc(keys, func(k ledger.PublicKey) bool { return k.Is(did.Key) })
	return err
}

// finishRotation does what remains once the ledger names the new key: the private
// key moves to its place, the new key is trusted too if the old one is, and the mark
// records the end of the rotation.
func (r *Root) finishRotation() error {
	keys := r.Log.Keys().Keys()
	key := keys[len(keys)-1]
	if err := home.PromoteKey(r.Home, key); err != nil {
		return err
	}
	if err := r.options.done("key"); err != nil {
		return err
	}
	trusted, err := home.TrustedKeys(r.Home)
	if err != nil {
		return err
	}
	if before := keys[max(0, len(keys)-2)]; slices.ContainsFunc(trusted, func(k ledger.PublicKey) bool { return k.Is(before) }) {
		if err := home.TrustOwn(r.Home, key.PublicKey()); err != nil {
			return err
		}
	}
	if err := r.options.done("trust"); err != nil {
		return err
	}
	if err := r.guard.KeepKeys(keys); err != nil {
		return err
	}
	if err := r.keepEnds(context.Background()); err != nil {
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
