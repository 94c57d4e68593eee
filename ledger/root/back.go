package root

import (
	"errors"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
)

// A BackError says that what is here of a ledger is an older state, of when it moved: it went
// on under the key that signs it in this home, and no root that home remembers holds it now.
type BackError struct {
	Move ledger.Move
	Seen int64 // number of events
}

func (e *BackError) Error() string {
	return fmt.Sprintf("what is here of the ledger %s is an older state, of when it moved: it has %d events, and %d were seen; it went on under the key that signs it here", e.Move.Origin, e.Move.Seq+1, e.Seen)
}

// Unwrap returns a *ledger.MovedError.
func (e *BackError) Unwrap() error { return &ledger.MovedError{Move: e.Move} }

// wentOnHere returns how many events were seen of a ledger that moved if it went on under the
// key that signs it in this home: the one that it moved to, or one that took over later. It
// returns 0 if it did not, if nothing newer was seen, or if a root that home remembers goes on
// with it.
func (o Options) wentOnHere(moved *ledger.Move) (events int64, err error) {
	if moved == nil || o.glancing {
		return 0, nil
	}
	key, err := home.SigningKey(o.Home, moved.Origin)
	if _, missing := errors.AsType[*home.KeyMissingError](err); missing {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	seen, _, err := home.Seen(o.Home, moved.To)
	if errors.Is(err, home.ErrOtherKey) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, at := range seen {
		to := slices.Index(at.Keys, moved.To)
		if to >= 0 && slices.Contains(at.Keys[to:], key.VerifierKey()) && at.Size > int64(moved.Seq)+1 {
			events = max(events, at.Size)
		}
	}
	if events == 0 {
		return 0, nil
	}
	if other, err := o.goesOnIn(moved.Origin); other != "" || err != nil {
		return 0, err
	}
	return events, nil
}

// movedError says that a ledger that moved is not written here. What cannot be found out of
// where it went on is found out again, and fails, before it is given up.
func (o Options) movedError(moved *ledger.Move) error {
	if seen, err := o.wentOnHere(moved); seen > 0 && err == nil {
		return &BackError{Move: *moved, Seen: seen}
	}
	return &ledger.MovedError{Move: *moved}
}
