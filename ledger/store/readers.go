package store

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"gait/ledger"
	"gait/ledger/mpt"
)

// A log is read in three layers, and written in a fourth, [Log]. Each has those before it.
// Reading is either of the table as it is now, or of a snapshot.

// A stateReader says what is known of a log without reading rows.
type stateReader struct {
	now      atomic.Pointer[state] // replaced after each commit, never changed
	imported bool                  // the log is a copy: nothing is ever signed here
}

// A treeReader reads what the signed tree proves: events by their places, and proofs.
type treeReader struct {
	stateReader

	read Reader // the table, or a snapshot
}

// An indexReader finds jobs and request ids, and proves with the index what it finds.
type indexReader struct {
	treeReader

	live      *Log // whose table it reads; nil if it reads a snapshot
	keys      func(ledger.VerifierKey) (MACKeys, bool, error)
	inherited func(ledger.Requests) iter.Seq2[mpt.Key, error]
	tagsOf    func(context.Context, ledger.EventReader, ledger.JobEntry, ledger.Event) (ledger.Tags, error)
	board     boardCache
}

// pin returns a log for reading that stays as this one is now, and its snapshot,
// which the caller closes.
func (l *Log) pin(ctx context.Context) (*indexReader, Snapshot, error) {
	for range pinTries {
		at, snap, err := l.snapshot(ctx)
		if err != nil {
			return nil, nil, err
		}
		head, err := get(ctx, snap, keyHead)
		if err == nil && bytes.Equal(head, headRow(at.Head())) {
			return at, snap, nil
		}
		if err := errors.Join(err, snap.Close()); err != nil {
			return nil, nil, err
		}
	}
	l.mu.Lock() // commits move the head faster than it can be read
	defer l.mu.Unlock()
	return l.snapshot(ctx)
}

// pinTries is how often pin tries without keeping commits waiting.
const pinTries = 4

// snapshot returns a log for reading and its snapshot, which may be of a commit after
// the log's state unless the caller holds l.mu.
func (l *Log) snapshot(ctx context.Context) (*indexReader, Snapshot, error) {
	st := l.now.Load()
	snap, err := l.table.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	at := l.of(snap)
	at.now.Store(st)
	return at, snap, nil
}

// of returns what reads a snapshot of the log, but for its state.
func (l *indexReader) of(snap Snapshot) *indexReader {
	at := &indexReader{keys: l.keys, inherited: l.inherited, tagsOf: l.tagsOf}
	at.read, at.imported = snap, l.imported
	return at
}

// pinned returns what reads the log and stays as this is now, and a function to call when
// it is no longer read.
func (l *indexReader) pinned(ctx context.Context) (*indexReader, func(), error) {
	if l.live == nil {
		return l, func() {}, nil
	}
	at, snap, err := l.live.pin(ctx)
	if err != nil {
		return nil, nil, err
	}
	return at, func() { _ = snap.Close() }, nil // it was only read
}

// macsOf returns what makes the MACs that belong to a key of the ledger, or nil if
// their keys are not there.
func (l *indexReader) macsOf(key ledger.VerifierKey) (*macs, error) {
	if l.keys == nil || l.imported {
		return nil, nil
	}
	keys, ok, err := l.keys(key)
	if err != nil || !ok {
		return nil, err
	}
	return newMACs(keys), nil
}

// Origin returns the name of the ledger, which its checkpoints carry.
func (l *stateReader) Origin() string { return l.Keys().Origin() }

// Keys returns the keys that have signed the ledger.
func (l *stateReader) Keys() ledger.Keyring { return l.now.Load().keys }

// Imported reports whether the log is a copy, made by Import.
func (l *stateReader) Imported() bool { return l.imported }

// Moved returns where the ledger goes on, or nil if it goes on here.
func (l *stateReader) Moved() *ledger.Move { return l.now.Load().moved }

// Head returns where the log ends.
func (l *stateReader) Head() ledger.Head { return l.now.Load().head }

// Checkpoint returns the newest checkpoint and its signed note, which the caller
// must not change.
func (l *stateReader) Checkpoint() (ledger.Checkpoint, []byte) {
	st := l.now.Load()
	return st.checkpoint, st.signed
}

// Changed returns a channel that is closed when the log gets more events than it
// has now, or is closed. A caller that asks for the channel before it reads misses
// nothing.
func (l *stateReader) Changed() <-chan struct{} { return l.now.Load().changed }

// Index says whether what the log finds by the id of a job or a request is proved.
func (l *stateReader) Index() ledger.IndexState { return l.now.Load().index.state }

// IndexErr returns why the index is not proved although it should be: nil if it is, or
// if it is only not checked.
func (l *stateReader) IndexErr() error { return l.now.Load().index.err }

// IndexRoot returns the root of the index of all events, and whether the index is
// proved.
func (l *stateReader) IndexRoot() (root IndexRoot, ok bool) {
	st := l.now.Load()
	if !st.index.proved() {
		return IndexRoot{}, false
	}
	return IndexRoot{Size: st.head.Size, Tree: st.checkpoint.Root, Index: ledger.Hash(st.index.tree.Root()), Jobs: st.index.jobs}, true
}

// Authenticated reports whether the log's own MAC says whose its index is: it is no copy,
// and the MAC keys are there.
func (l *stateReader) Authenticated() bool { return l.now.Load().macs != nil }
