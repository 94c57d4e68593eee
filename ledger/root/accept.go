package root

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
)

// ErrNothingToAccept says that a root holds what home remembers, in the newest state seen.
var ErrNothingToAccept = ledger.NewError("the ledger here is the one that was here before, in the newest state seen",
	ledger.Fault{Code: "nothing_to_accept", Category: ledger.CategoryInvalid})

// Accept makes home accept what a root holds although it is not what home remembers there:
// an older state of the ledger, which is read from then on and not written, or another
// ledger, root and all, that the user has put there. verify is called with the ledger, and
// nothing is accepted if it fails. Nothing is accepted either if the ledger contradicts
// what was seen of it. Errors are those of Open, of verify, and ErrNothingToAccept.
func Accept(ctx context.Context, o Options, verify func(*Root) error) (Restoration, error) {
	o.Create, o.Mode = false, Read
	did, err := accept(ctx, o, verify)
	if err != nil {
		return Restoration{}, fmt.Errorf("accepting what is in %s: %w", o.Dir, err)
	}
	return did, nil
}

func accept(ctx context.Context, o Options, verify func(*Root) error) (did Restoration, err error) {
	s, err := enter(ctx, o)
	if err != nil {
		return did, err
	}
	defer func() { err = errors.Join(err, s.lock.release()) }()
	s.accepting = true
	r, err := s.open(ctx)
	if err != nil {
		return did, err
	}
	err = verify(r)
	keys := r.Log.Keys()
	c, _ := r.Log.Checkpoint()
	if err := errors.Join(err, r.Log.Close()); err != nil {
		return did, err
	}
	if did.Retired, err = s.retired(c.Origin); err != nil {
		return did, err
	}
	moved := s.placed && s.place.Origin() != c.Origin
	if s.restored == nil && !moved {
		return did, ErrNothingToAccept
	}
	now := home.KnownRoot{Dir: s.dir, Key: keys.Current()}
	if s.restored != nil {
		did.Older, did.Seen.Size = true, s.restored.Seen
		did.Alive = s.aliveIfKnown(lastKnown{keys: keys.Keys(), older: true})
		now.Accepted = c
	}
	if err := now.Write(s.Home); err != nil {
		return did, err
	}
	if err := s.done("place"); err != nil {
		return did, err
	}
	return did, s.markAccepted(c)
}

// markAccepted marks the root as one with an older state, so that no other user writes it
// either. A root that cannot be written needs no mark.
func (s *site) markAccepted(c ledger.Checkpoint) error {
	if s.restored == nil || s.lock.restored != nil {
		return nil
	}
	if s.lock.file == nil || s.lock.shared {
		s.notice("%s cannot be written, so other users are not told that this is an older state", s.lock.path)
		return nil
	}
	return s.lock.add(mark{kind: markRestored, was: older(s.seen, c)})
}
