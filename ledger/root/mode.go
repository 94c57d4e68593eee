package root

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// A Mode says for what a root is opened.
type Mode int

// The modes.
const (
	// Read writes nothing but the pid in the lock file, and not that if the root
	// cannot be written or is another user's. What it shows is durable. Nothing can
	// be signed: there is no Signer.
	Read Mode = iota

	// Write opens the ledger to write and then to close it.
	Write

	// Once opens the ledger to write once or twice: each commit then takes
	// fewer syncs than with a write-ahead log. A ledger whose creation is not
	// finished is opened as for Write.
	Once

	// Serve opens the ledger to write for a long time. It uses more memory.
	// It calls Options.Fatal if it cannot keep a checkpoint outside the ledger,
	// or if another directory has replaced the ledger's.
	Serve
)

func (m Mode) writes() bool { return m != Read }

// tableOptions says how to open the table of the ledger that a Root is made of.
func (s *site) tableOptions() pebble.Options {
	return pebble.Options{
		FS: s.FS, Fatal: s.Fatal,
		ReadOnly:  !s.Mode.writes(),
		NoLock:    s.lock.shared,
		OneShot:   s.Mode == Once && s.lock.last.kind == markComplete,
		Sustained: s.Mode == Serve,
	}
}

// readLog opens the ledger to read it, without changing it, and without its index.
func (s *site) readLog(ctx context.Context) (*store.Log, error) {
	return s.openLog(ctx, pebble.Options{FS: s.FS, ReadOnly: true, NoLock: s.lock.shared, Fatal: s.Fatal}, store.Options{ReadOnly: true})
}

// readIndexed is readLog with what proves the ledger's index, if the MAC keys are there.
func (s *site) readIndexed(ctx context.Context, macKeys func(ledger.VerifierKey) (store.MACKeys, bool, error)) (*store.Log, error) {
	keys := func(of ledger.VerifierKey) (store.MACKeys, bool, error) {
		k, ok, err := macKeys(of)
		return k, ok && err == nil, nil // a key that cannot be read is like none
	}
	return s.openLog(ctx, pebble.Options{FS: s.FS, ReadOnly: true, NoLock: s.lock.shared, Fatal: s.Fatal},
		store.Options{ReadOnly: true, Keys: keys, Inherited: Inherited(ContentOf(s.dir))})
}

// openLog opens the table in dir and the ledger in it.
func openLog(ctx context.Context, dir string, t pebble.Options, o store.Options) (*store.Log, error) {
	table, err := pebble.Open(dir, t)
	if err != nil {
		return nil, err
	}
	log, err := store.Open(ctx, table, o)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	return log, nil
}
