package store

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// IndexAt returns the root that the index had when the log had size events, and for
// each key the proof of what the index had under it then. It fails with a
// *ledger.IndexTooOldError if the log has more than ledger.MaxIndexUndo events since,
// and with an *ledger.IndexError if the index is not proved.
func (l *indexReader) IndexAt(ctx context.Context, size int64, keys ...mpt.Key) (ledger.Hash, []mpt.Proof, error) {
	root, proofs, err := l.indexAt(ctx, size, keys)
	if err != nil {
		return ledger.Hash{}, nil, fmt.Errorf("the index of %d events: %w", size, err)
	}
	return root, proofs, nil
}

func (l *indexReader) indexAt(ctx context.Context, size int64, keys []mpt.Key) (ledger.Hash, []mpt.Proof, error) {
	at, done, err := l.pinned(ctx)
	if err != nil {
		return ledger.Hash{}, nil, err
	}
	defer done()
	st := at.now.Load()
	switch {
	case size < 0 || size > st.head.Size:
		return ledger.Hash{}, nil, fmt.Errorf("there are %d events", st.head.Size)
	case !st.index.proved():
		return ledger.Hash{}, nil, st.index.unproved()
	case st.head.Size-size > ledger.MaxIndexUndo:
		return ledger.Hash{}, nil, &ledger.IndexTooOldError{Size: size, Head: st.head.Size}
	}
	tree, err := at.undone(ctx, st.index.tree, size, st.head.Size)
	if err != nil {
		return ledger.Hash{}, nil, ofPages(err)
	}
	proofs := make([]mpt.Proof, len(keys))
	for i, key := range keys {
		if proofs[i], err = tree.Prove(ctx, at.pages(), key); err != nil {
			return ledger.Hash{}, nil, ofPages(err)
		}
	}
	return ledger.Hash(tree.Root()), proofs, nil
}

// undone returns the tree that the index had at size, from the one that it has at now.
// The key of each job gets the event before the job's first event since, and that of the
// authority and that of each call the one that its first event since names; it is removed if
// there is none, and so is the key of each request id that was used since.
func (l *indexReader) undone(ctx context.Context, tree mpt.Tree, size, now int64) (mpt.Tree, error) {
	if size == 0 { // what event 0 inherits was not there either
		return mpt.Tree{}, nil
	}
	var entries []mpt.Entry
	jobs, calls, authority := map[string]bool{}, map[ledger.CallID]bool{}, false
	for e, err := range l.eventsAhead(ctx, size, now) {
		if err != nil {
			return tree, err
		}
		if id := e.RequestID(); id != "" {
			entries = append(entries, mpt.Entry{Key: ledger.RequestKey(id), Remove: true})
		}
		if id, ok := callOf(e); ok && !calls[id] {
			calls[id] = true
			call, _ := ledger.CallOf(e.Payload())
			entries = append(entries, mpt.Entry{Key: ledger.CallKey(id.Job, id.Call), Value: mpt.Value(call.Prev), Remove: call.Prev.IsZero()})
		}
		if e.Type().OfAuthority() && !authority {
			authority = true
			entries = append(entries, mpt.Entry{Key: ledger.AuthorityKey, Value: mpt.Value(e.Authority()), Remove: e.Authority().IsZero()})
		}
		if id := e.JobID(); id != "" && !jobs[id] {
			jobs[id] = true
			entries = append(entries, mpt.Entry{Key: ledger.JobKey(id), Value: mpt.Value(e.JobPrev()), Remove: e.JobSeq() == 1})
		}
	}
	return tree.Set(ctx, l.pages(), mpt.Sort(entries))
}
