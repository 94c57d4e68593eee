package root

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
)

// A MoveResult is the result of Move.
type MoveResult struct {
	Previous ledger.VerifierKey // signed the ledger here
	To       ledger.VerifierKey // of the place where it goes on
	Event    ledger.Event
	Receipt  ledger.Receipt
	Key      string // where the private half of Previous is now; "" if it is not here
	Finished bool   // the event was there already
}

// Move hands the ledger of a root over to the key of another place, and ends it here. The
// event that says so is signed by the key in force alone, which is put away then. From the
// event on nothing is written here: Open fails with a *ledger.MovedError, unless it is to
// Read. If a crash comes after the event, another Move to the same key finishes the rest.
//
// Errors are those of MoveDraft, of Open, and of the log's Move.
func Move(ctx context.Context, o Options, to ledger.VerifierKey, by Order) (MoveResult, error) {
	o.Create, o.Mode = false, Once
	did, err := move(ctx, o, to, by)
	if err != nil {
		return MoveResult{}, fmt.Errorf("moving the ledger in %s: %w", o.Dir, err)
	}
	return did, nil
}

func move(ctx context.Context, o Options, to ledger.VerifierKey, by Order) (did MoveResult, err error) {
	r, err := Open(ctx, o)
	moved, before := errors.AsType[*ledger.MovedError](err)
	if before && moved.To == to {
		did.Finished = true
		o.Mode = Read
		r, err = Open(ctx, o)
	}
	if err != nil {
		return did, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	did.Previous, did.To = r.Log.Keys().Current(), to
	if did.Finished {
		err = r.findMove(ctx, &did)
	} else {
		err = r.moveAway(ctx, by, &did)
	}
	if err != nil {
		return did, err
	}
	if err := r.keepEnd(did.Previous); err != nil {
		return did, fmt.Errorf("%w: the ledger has moved, and the same command finishes it: %w", ledger.ErrOutcomeUnknown, err)
	}
	if did.Key, err = home.PutAwayKey(r.Home, did.Previous); err == nil {
		err = r.options.done("key")
	}
	if err != nil {
		err = fmt.Errorf("%w: the ledger has moved, and the same command finishes it: %w", ledger.ErrOutcomeUnknown, err)
	}
	return did, err
}

// moveAway appends the event.
func (r *Root) moveAway(ctx context.Context, by Order, did *MoveResult) error {
	var err error
	if did.Event, err = r.MoveDraft(ctx, did.To, by); err != nil {
		return err
	}
	// If home was restored from a backup made in the middle of a rotation, the only
	// copy of the key in force is in keys/next, where no key of this place may stay.
	if err := home.PromoteKey(r.Home, did.Previous); err != nil {
		return err
	}
	if err := errors.Join(home.CheckWritable(r.Home, r.Log.Origin()), home.DropNextKey(r.Home, r.Log.Origin())); err != nil {
		return err
	}
	if err := r.options.done("next key"); err != nil {
		return err
	}
	if did.Receipt, err = r.Log.Move(ctx, r.Log.Head(), did.Event); err != nil {
		return err
	}
	return r.options.done("event")
}

// findMove finds the event that has moved the ledger.
func (r *Root) findMove(ctx context.Context, did *MoveResult) (err error) {
	c, signed := r.Log.Checkpoint()
	if did.Event, err = r.Log.Event(ctx, ledger.Seq(c.Size-1)); err != nil {
		return err
	}
	did.Receipt = ledger.Receipt{Seq: did.Event.Seq(), Leaf: did.Event.LeafHash(), TreeSize: c.Size, Checkpoint: signed}
	return nil
}

// MoveDraft returns the event, sealed, that would move the ledger to the place of a key. It
// fails with a *ledger.FieldError for actor, reason or key, with ErrTooManyRotations, with a
// *ledger.ClockError, or with an *authority.Denial.
func (r *Root) MoveDraft(ctx context.Context, to ledger.VerifierKey, by Order) (ledger.Event, error) {
	if err := r.checkTo(to); err != nil {
		return ledger.Event{}, err
	}
	return r.draft(ctx, by, ledger.LedgerMoved{To: to.String(), Reason: by.Reason})
}

// checkTo refuses a key that no place can go on with.
func (r *Root) checkTo(to ledger.VerifierKey) error {
	keys := r.Log.Keys()
	for _, was := range keys.Keys() {
		if was.ID() == to.ID() {
			return &ledger.FieldError{Field: "to", Problem: "it was the ledger's key before: the other place needs a new one"}
		}
	}
	if to.Name() != keys.Origin() {
		return &ledger.FieldError{Field: "to", Problem: fmt.Sprintf("it is a key of %s, and the ledger is %s", to.Name(), keys.Origin())}
	}
	_, not, err := home.Trusts(r.Home)
	for _, d := range not {
		if d.ID() == to.ID() {
			return &ledger.FieldError{Field: "to", Problem: "you distrust it"}
		}
	}
	return err
}
