package main

import (
	"iter"

	"gait/ledger"
	"gait/ledger/root"
)

// A ledgerLog is what commands read of a ledger: the log itself, or one that a
// daemon has open. Whichever it is, it does not move while a command reads it.
type ledgerLog interface {
	Origin() string
	Key() ledger.VerifierKey
	Keys() ledger.Keyring
	Imported() bool
	Head() ledger.Head
	Checkpoint() (ledger.Checkpoint, []byte)

	Event(ledger.Seq) (ledger.Event, error)
	Events(from ledger.Seq) ledger.Events
	JobHead(job string) (ledger.JobHead, bool, error)
	JobEvents(job string, from int64) ledger.Events
	View(job string) ([]byte, bool, error)
	Jobs(after string) iter.Seq2[ledger.JobEntry, error]

	Proof(ledger.Seq) (ledger.Proof, error)
	ProofIn(signed []byte, seq ledger.Seq) (ledger.Proof, error)
	Consistency(old int64) ([]ledger.Hash, error)
	ConsistencyIn(signed []byte, old int64) ([]ledger.Hash, error)
	RootAt(size int64) (ledger.Hash, error)
	File(ledger.TileName) ([]byte, error)
	Rotations() ([]ledger.Rotation, error)
	Cosigned() ([]ledger.Cosigned, error)
	CosignedCheckpoint() ([]byte, error)

	Keep(signed []byte, c ledger.Cosignature) error
	Verify(progress func(done, total int64) error) error
	VerifyEach(progress func(done, total int64) error, use func(ledger.Event) error) error
	ReplaceViews(iter.Seq2[ledger.JobView, error]) error
}

// An openLedger is the ledger of a root, for as long as a command needs it.
type openLedger struct {
	Log     ledgerLog
	Signer  ledger.Signer // nil where the command only reads
	Dir     string        // of the root, absolute, without links
	Home    string
	Created bool // the ledger was made just now

	root   *root.Root // nil where a daemon has the ledger open
	daemon *daemonLog // nil where none has
}

// ofRoot is a root that this process has open.
func ofRoot(r *root.Root) *openLedger {
	return &openLedger{Log: r.Log, Signer: r.Signer, Dir: r.Dir, Home: r.Home, Created: r.Created, root: r}
}

// Writable fails with a *root.ImportedError where the ledger is a copy.
func (l *openLedger) Writable() error {
	if l.Log.Imported() {
		return &root.ImportedError{Origin: l.Log.Origin(), Dir: l.Dir}
	}
	return nil
}

// owned returns the root, for what only the process that has it open can do.
func (l *openLedger) owned() (*root.Root, error) {
	if l.root == nil {
		return nil, l.daemon.stopFirst()
	}
	return l.root, nil
}

// Close closes the ledger.
func (l *openLedger) Close() error {
	if l.root != nil {
		return l.root.Close()
	}
	l.daemon.Close()
	return nil
}
