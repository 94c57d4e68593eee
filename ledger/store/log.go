package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"gait/ledger"
	"gait/ledger/mpt"
)

// Options say how to open a log. The zero Options are for reading one.
type Options struct {
	// Signer signs checkpoints. Without it, Append fails with ErrNoSigner.
	Signer ledger.Signer

	// Keys returns the MAC keys that belong to a key of the ledger, and whether
	// they are there. Without them nothing is written, and views are believed
	// that another writer may have changed.
	Keys func(ledger.VerifierKey) (MACKeys, bool, error)

	// ReadOnly refuses every write with ErrReadOnly. The table may be read-only too.
	ReadOnly bool

	// OneShot says that the log commits once or twice and is closed: each commit
	// then also writes the index's pages, and an open has nothing to replay.
	OneShot bool

	// Indexed says that the ledger had a whole index once: to have none now, or to
	// be getting one, is damage.
	Indexed bool

	// Known is the index at sizes at which the caller has computed it from all events,
	// in order. It is used if there are no Keys, and in a copy: if the log's index leads to
	// the newest of them that the log has reached, it is proved. That must not be more
	// than ledger.MaxIndexUndo events old.
	Known []IndexRoot

	// Progress is called while an old ledger gets its index, and while views are
	// written after a rotation, with what is done, how far, and of how much. An error
	// of it ends Open, or the writing of views. It may be nil.
	Progress func(phase string, done, total int64) error

	// Defer leaves the index of an old ledger to a later open: for a command that
	// cannot wait, and that needs no proof.
	Defer bool

	// AsItIs makes Open fail with ErrOldFormat if it would write: an old ledger would get its
	// index or its tags first.
	AsItIs bool

	// Views returns the views to keep once an old ledger has its index: those it had
	// are not proved. It may be nil; then a view is made when its job is read.
	Views func(context.Context, ledger.EventReader) iter.Seq2[ledger.JobView, error]

	// Tags returns the tags of a job, whose first event is first. With it a ledger of an
	// older format gets the rows that say them when it is opened to be written, and Verify
	// and Rebuild know what they should say. It may be nil.
	Tags func(ctx context.Context, log ledger.EventReader, job ledger.JobEntry, first ledger.Event) (ledger.Tags, error)

	// Inherited yields the keys in the content of used request ids that event 0 names,
	// if it does (ledger.ReadRequests), or ledger.ErrContentMissing. Without it such a
	// ledger can be opened, but not created, verified or rebuilt.
	Inherited func(ledger.Requests) iter.Seq2[mpt.Key, error]

	// Ready is called before a batch is committed. If it fails, nothing is written,
	// and its error is returned. It may be nil.
	Ready func() error

	// Published is called with each new signed checkpoint, after it is durable
	// and before Append returns, in order. If it fails, Append fails with
	// ledger.ErrOutcomeUnknown, although the events are written.
	Published func(signed []byte) error

	buildStep int64 // instead of the constant; a multiple of ledger.TileWidth
	tagFlush  int64 // instead of the constant
}

// A Log is an open ledger. Its methods may be called from any goroutine; Close
// must wait until the others have returned.
type Log struct {
	indexReader // of the table, as it is now

	table     Table
	ready     func() error
	published func(signed []byte) error
	progress  func(phase string, done, total int64) error
	tagFlush  int64
	oneShot   bool
	readOnly  bool
	restoring bool // Restore fills it

	signed  atomic.Pointer[plan] // signed and not yet committed, if there is one
	recent  recentHeads
	numbers recentNumbers

	verified atomic.Pointer[IndexRoot] // what Verify has computed, if the index is unchecked

	mu     sync.Mutex // held by the caller that writes
	closed atomic.Bool
}

// A state is the state of a log after its newest batch.
type state struct {
	keys       ledger.Keyring
	signer     ledger.Signer // of the key in force; nil if nothing can be signed
	changed    chan struct{} // closed when the next state replaces this one
	head       ledger.Head
	tree       ledger.Tree
	last       partialTiles // tiles of tree
	checkpoint ledger.Checkpoint
	signed     []byte
	macs       *macs // of the key in force; nil if it is not there, or the log is a copy
	index      index
	tags       tagsRecord
	inherits   inheritance
	old        bool         // the rows are those of format 1
	calls      bool         // an event is about a call
	moved      *ledger.Move // the ledger goes on in another place; nil if it goes on here
}

// format returns the format of the rows.
func (st *state) format() string {
	switch {
	case st.calls:
		return format5
	case !st.head.Authority.IsZero():
		return format4
	case st.tags.state == tagsNone:
		return format2
	}
	return format3
}

// newLog makes a log over a table that is at st.
func newLog(t Table, st *state, o Options) *Log {
	l := &Log{table: t, ready: o.Ready, published: o.Published, progress: o.Progress, tagFlush: cmp.Or(o.tagFlush, tagFlush), oneShot: o.OneShot, readOnly: o.ReadOnly}
	l.read, l.live, l.keys, l.inherited, l.tagsOf = t, l, o.Keys, o.Inherited, o.Tags
	st.signer, st.changed = o.Signer, make(chan struct{})
	l.now.Store(st)
	return l
}

// advance makes st, which is durable, the log's state, and wakes callers that wait.
// It keeps the signer if st has none.
func (l *Log) advance(st *state) {
	was := l.now.Load()
	if st.signer == nil {
		st.signer = was.signer
	}
	st.changed = make(chan struct{})
	l.now.Store(st)
	close(was.changed)
}

// Wait waits until the log has more than size events, all durable. It fails
// with the context's error, or with ErrClosed if the log is closed first.
func (l *Log) Wait(ctx context.Context, size int64) error {
	for {
		changed := l.Changed()
		switch {
		case l.closed.Load():
			return ErrClosed
		case l.Head().Size > size:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// checkSigner refuses to sign a ledger with another ledger's key.
func checkSigner(s ledger.Signer, key ledger.VerifierKey) error {
	if s != nil && s.VerifierKey() != key {
		return fmt.Errorf("%w of this ledger: it is signed by %s, the signer is %s", ErrNoSigner, key, s.VerifierKey())
	}
	return nil
}

// Close closes the log and its table. A second Close does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return nil
	}
	flushed := l.flushPages(context.Background())
	l.closed.Store(true)
	l.advance(new(*l.now.Load())) // wakes callers that wait
	return errors.Join(flushed, l.table.Close())
}
