package ledger

import "fmt"

// An IndexState says whether what a log finds by the id of a job or of a request is
// proved by the index that belongs to the log's signed tree.
type IndexState int

// The states.
const (
	// IndexUnchecked says that nothing is proved: the log has no index, or it is
	// not known whose index it is, as in a copy or without the ledger's key.
	IndexUnchecked IndexState = iota

	// IndexProved says that each job's head, each request id and each job of a list
	// is checked against the index.
	IndexProved

	// IndexBuilding says that an old ledger is to get its index and does not have all
	// of it yet. Nothing is proved.
	IndexBuilding

	// IndexRefused says that an old ledger got no index, since it is damaged. Nothing
	// is proved.
	IndexRefused

	// IndexBroken says that the index is missing or is not the one of the log's
	// tree. What reads by the id of a job or a request fails with an *IndexError.
	IndexBroken
)

func (s IndexState) String() string {
	switch s {
	case IndexUnchecked:
		return "unchecked"
	case IndexProved:
		return "proved"
	case IndexBuilding:
		return "building"
	case IndexRefused:
		return "refused"
	case IndexBroken:
		return "broken"
	}
	return fmt.Sprintf("index state %d", int(s))
}

// ParseIndexState reads what String returns of a state. A name that it does not know
// says nothing of the index: it is IndexUnchecked.
func ParseIndexState(s string) IndexState {
	for _, state := range []IndexState{IndexProved, IndexBuilding, IndexRefused, IndexBroken} {
		if state.String() == s {
			return state
		}
	}
	return IndexUnchecked
}

// An IndexError says that what stands beside a ledger's tree is not what the index
// of the tree says: the head of a job, a request id, the list of jobs, or the index
// itself was changed, or put back to an older state.
type IndexError struct {
	Seq    Seq    // the event that shows it; -1 if no single event does
	Signed bool   // the event is an index_committed: the ledger's key has signed a false index
	Reason string // what was expected and what was found
	Err    error  // the cause, or nil
}

func (e *IndexError) Error() string {
	s := "the ledger's index does not hold"
	if e.Seq >= 0 {
		s = fmt.Sprintf("the ledger's index does not hold at event %d", e.Seq)
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Fault returns the fault of an index that does not hold.
func (*IndexError) Fault() Fault {
	return Fault{Code: "index_mismatch", Category: CategoryVerification}
}

// Unwrap returns the cause.
func (e *IndexError) Unwrap() error { return e.Err }

// MaxIndexUndo is how many of its newest events a log can undo to tell what its index was
// before them.
const MaxIndexUndo = 1 << 16

// An IndexTooOldError says that a log was asked for its index at a size after which it has
// got more than MaxIndexUndo events.
type IndexTooOldError struct {
	Size int64 // that was asked for
	Head int64 // size of the log
}

func (e *IndexTooOldError) Error() string {
	return fmt.Sprintf("the index of %d events can no longer be told: the ledger has %d, and %d more is the most", e.Size, e.Head, MaxIndexUndo)
}

// Fault returns the fault of an index that is too old.
func (*IndexTooOldError) Fault() Fault {
	return Fault{Code: "index_too_old", Category: CategoryInvalid}
}
