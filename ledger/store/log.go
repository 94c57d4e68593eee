package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
)

// Options say how to open a log. The zero Options are for reading a log on disk.
type Options struct {
	// FS is the file system to use; nil is the operating system's.
	FS FS

	// Signer signs checkpoints. Without it, Append fails with ErrNoSigner.
	Signer ledger.Signer

	// ReadOnly opens the log without changing anything in its directory but
	// the lock file. What such a log shows is durable; it must not be the
	// source of receipts or packs all the same, as nothing was repaired.
	ReadOnly bool

	// OneShot opens the log to append once or twice and close it: each Append
	// writes a table, with fewer syncs than an open with a write-ahead log
	// takes, and each costs as many. Create does not heed it. The directory
	// must have been in its place since Create or Import returned.
	OneShot bool

	// Sustained says that the log stays open and is written much, and may take
	// 100 MiB of memory for it. Without it, opening and closing cost less.
	Sustained bool

	// Fatal is called at the first failed create, write, sync or rename. It
	// must not return: nobody knows then what is on disk. It may be called
	// from any goroutine, with locks held. nil panics.
	Fatal func(error)

	// Published is called with each new signed checkpoint, after it is durable
	// and before Append or Create returns, in order. When it fails, they fail
	// with ledger.ErrOutcomeUnknown, though the events are written.
	Published func(signed []byte) error

	tune func(*pebble.Options) // changes the options that Open opens Pebble with
}

// A Log is an open ledger. Its methods may be called from any goroutine; Close
// must wait until the others have returned.
type Log struct {
	db        database
	published func(signed []byte) error
	readOnly  bool
	imported  bool // the log is a copy: nothing is ever signed here

	now    atomic.Pointer[state] // replaced after each commit, never changed
	signed atomic.Pointer[plan]  // signed and not yet committed, if there is one
	recent recent

	reading sync.Mutex // guards newest and the uses of snapshots
	newest  *snapshot

	mu     sync.Mutex // held by whoever writes
	dirty  bool       // something was committed since the log was opened
	broken bool       // a commit neither succeeded nor stopped the process
	closed atomic.Bool
}

// A state is what a log's newest batch left.
type state struct {
	keys       ledger.Keyring
	signer     ledger.Signer // of the key in force; nil: nothing can be signed
	changed    chan struct{} // closed when the next state takes this one's place
	head       ledger.Head
	tree       ledger.Tree
	checkpoint ledger.Checkpoint
	signed     []byte
}

// newLog makes a log that is at st.
func newLog(db database, st *state, o Options) *Log {
	l := &Log{db: db, published: o.Published, readOnly: o.ReadOnly}
	st.signer, st.changed = o.Signer, make(chan struct{})
	l.now.Store(st)
	l.show()
	return l
}

// advance makes st, which is durable, the log's state, and tells who waits. The
// signer stays where st names none.
func (l *Log) advance(st *state) {
	was := l.now.Load()
	if st.signer == nil {
		st.signer = was.signer
	}
	st.changed = make(chan struct{})
	l.now.Store(st)
	close(was.changed)
}

// Changed returns a channel that is closed when the log has events that it has
// not now, or is closed. Whoever gets it before reading misses nothing.
func (l *Log) Changed() <-chan struct{} { return l.now.Load().changed }

// Wait waits until the log has more than size events, all durable. It fails
// with the context's error, and with ErrClosed where the log is closed first.
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

// Close makes the log's tables durable and closes it. A second Close does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Swap(true) {
		return nil
	}
	l.advance(new(*l.now.Load())) // wakes who waits
	if l.db.stop.stopped.Load() {
		return fmt.Errorf("closing after a failed write: %w", ErrClosed)
	}
	var flushed error
	if l.dirty && l.db.once == nil {
		// A damaged write-ahead log can lose its end in silence; a table cannot.
		flushed = l.db.flush()
	}
	return errors.Join(flushed, l.end())
}

// end closes what newLog was given.
func (l *Log) end() error {
	l.hide()
	return l.db.close()
}

// Origin returns the name of the ledger, by which its checkpoints go.
func (l *Log) Origin() string { return l.Keys().Origin() }

// Keys returns the keys that have signed the ledger.
func (l *Log) Keys() ledger.Keyring { return l.now.Load().keys }

// Key returns the key in force, which signs the newest checkpoint.
func (l *Log) Key() ledger.VerifierKey { return l.Keys().Current() }

// Imported reports whether the log is a copy, made by Import.
func (l *Log) Imported() bool { return l.imported }

// Head returns where the log ends.
func (l *Log) Head() ledger.Head { return l.now.Load().head }

// Checkpoint returns the newest checkpoint and the signed note it stands in,
// which the caller must not change.
func (l *Log) Checkpoint() (ledger.Checkpoint, []byte) {
	st := l.now.Load()
	return st.checkpoint, st.signed
}
