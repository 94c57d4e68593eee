package packspec

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// IndexOptions say how to compute the index of a log that cannot prove it: because it is
// a copy, or the index is one that more than ledger.MaxIndexUndo events follow. Then all
// events up to a commitment are read. The zero IndexOptions are for a log whose event 0
// names no request ids of a ledger before.
type IndexOptions struct {
	// Inherited yields the request ids that event 0 names. It may be nil.
	Inherited ledger.Inherited

	// Progress is called now and then with how many events were read. An error of it ends
	// the work. It may be nil.
	Progress func(done, total int64) error
}

// A notHereError says that the index cannot be computed here: content that it needs is not
// at hand, or an event is damaged.
type notHereError struct{ error }

func (e *notHereError) Unwrap() error { return e.error }

// tooOld is the fault of a log that cannot prove its index any more, here or in a daemon.
var tooOld, _ = ledger.FaultOf(&ledger.IndexTooOldError{})

// indexAt returns the root that a log's index had at a size, and the path of a key in
// it. If the log cannot prove that, the index is computed from all events, which may fail
// with a *notHereError.
func indexAt(ctx context.Context, src ledger.Reader, size int64, key mpt.Key, o IndexOptions) (root ledger.Hash, path mpt.Proof, err error) {
	if src.Index() == ledger.IndexProved {
		root, paths, err := src.IndexAt(ctx, size, key)
		if err == nil {
			return root, paths[0], nil
		}
		if f, _ := ledger.FaultOf(err); f.Code != tooOld.Code {
			return root, path, err
		}
	}
	fold := ledger.IndexFold{Inherited: o.Inherited}
	for e, err := range src.Events(ctx, 0) {
		if err != nil {
			return root, path, notHere(err)
		}
		if int64(e.Seq()) == size {
			break
		}
		err := fold.Add(e)
		if err == nil && o.Progress != nil && e.Seq()%4096 == 0 {
			err = o.Progress(int64(e.Seq()), size)
		}
		if err == nil && fold.Unchecked() {
			err = &notHereError{fmt.Errorf("the request ids that ledgers before used: %w", ledger.ErrContentMissing)}
		}
		if err != nil {
			return root, path, err
		}
	}
	return fold.Root(), fold.Prove(key), nil
}

// notHere returns an error of reading events, as a *notHereError if one is damaged.
func notHere(err error) error {
	if _, damaged := errors.AsType[*ledger.CorruptError](err); damaged {
		return &notHereError{err}
	}
	return err
}
