package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// Dir is the directory in which New puts a ledger on its file system.
const Dir = "jobs/ledger"

// A Ledger is an open log with the table, file system and clock that it uses.
type Ledger struct {
	*store.Log
	Table *pebble.Table // the log's table
	FS    *vfs.MemFS    // holds the ledger; CrashClone returns it as a power cut would leave it
	Dir   string
	Key   ledger.PrivateKey
}

// Options say how to open a ledger in a directory: how to open its table, and how
// to open its log.
type Options struct {
	FS        pebble.FS
	Signer    ledger.Signer
	ReadOnly  bool
	OneShot   bool
	Sustained bool
	Fatal     func(error)
	Ready     func() error              // store.Options.Ready
	Published func(signed []byte) error // also called with the signed checkpoint of a ledger that was created
	Keyless   bool                      // the MAC keys are not there
	Inherited []byte                    // the content of used request ids that event 0 names; none if nil
}

func (o Options) table() pebble.Options {
	return pebble.Options{FS: o.FS, ReadOnly: o.ReadOnly, OneShot: o.OneShot, Sustained: o.Sustained, Fatal: o.Fatal}
}

func (o Options) log() store.Options {
	l := store.Options{Signer: o.Signer, ReadOnly: o.ReadOnly, OneShot: o.OneShot, Ready: o.Ready, Published: o.Published, Inherited: Inherits(o.Inherited)}
	if !o.Keyless {
		l.Keys = o.macKeys
	}
	return l
}

// Inherits returns a function that yields the keys in a content of used request ids, or
// nil if there is no content.
func Inherits(content []byte) func(ledger.Requests) iter.Seq2[mpt.Key, error] {
	if content == nil {
		return nil
	}
	return func(r ledger.Requests) iter.Seq2[mpt.Key, error] {
		return ledger.ReadRequests(bytes.NewReader(content), r)
	}
}

// macKeys returns what a home derives from the signer, for its key, and what MACKeys
// returns for others.
func (o Options) macKeys(of ledger.VerifierKey) (store.MACKeys, bool, error) {
	if key, ok := o.Signer.(ledger.PrivateKey); ok && key.VerifierKey() == of {
		return derived(key)
	}
	return MACKeys(of)
}

// New returns a ledger of one event on a memory file system. It is closed when
// the test ends.
func New(t testing.TB) *Ledger {
	t.Helper()
	l := &Ledger{FS: NewFS(t), Dir: Dir, Key: Key(Origin)}
	o := Options{FS: l.FS, Signer: l.Key}
	if err := createTable(Dir, First(l.Key.VerifierKey()), o); err != nil {
		t.Fatalf("Create = %v", err)
	}
	l.Reopen(t)
	return l
}

// Reopen opens the ledger again, after its log was closed. It is closed when the
// test ends.
func (l *Ledger) Reopen(t testing.TB) {
	t.Helper()
	var err error
	if l.Log, l.Table, err = open(l.Dir, Options{FS: l.FS, Signer: l.Key}); err != nil {
		t.Fatalf("Open = %v", err)
	}
	closeAfter(t, l.Log)
}

// NewFS returns a memory file system with the directory in which Dir goes.
func NewFS(t testing.TB) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll(fs.PathDir(Dir), 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := fs.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	return fs
}

// Create creates a ledger of Origin, signed by its Key unless o names another
// signer, and closes it when the test ends.
func Create(t testing.TB, dir string, o Options) *store.Log {
	t.Helper()
	if o.Signer == nil {
		o.Signer = Key(Origin)
	}
	log, err := CreateWith(dir, First(o.Signer.VerifierKey()), o)
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	closeAfter(t, log)
	return log
}

// CreateWith creates a ledger in dir whose event 0 is first, and opens it.
func CreateWith(dir string, first ledger.Event, o Options) (*store.Log, error) {
	if err := createTable(dir, first, o); err != nil {
		return nil, err
	}
	o.OneShot = false
	log, err := Open(dir, o)
	if err != nil || o.Published == nil {
		return log, err
	}
	_, signed := log.Checkpoint()
	if err := o.Published(signed); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return log, nil
}

func createTable(dir string, first ledger.Event, o Options) error {
	return pebble.Create(dir, o.table(), func(t store.Table) error {
		return store.Create(context.Background(), t, first, o.log())
	})
}

// CreateFrom is CreateWith for a ledger that begins with more events than its event 0:
// with rest, as store.CreateFrom says.
func CreateFrom(dir string, first ledger.Event, rest iter.Seq2[ledger.Entry, error], o Options) (*store.Log, error) {
	err := pebble.Create(dir, o.table(), func(t store.Table) error {
		return store.CreateFrom(context.Background(), t, first, rest, o.log())
	})
	if err != nil {
		return nil, err
	}
	return Open(dir, o)
}

// Import makes a copy of a ledger in dir.
func Import(dir string, from store.Copy, o Options) error {
	return pebble.Create(dir, o.table(), func(t store.Table) error {
		_, err := store.Import(context.Background(), t, from)
		return err
	})
}

// Restore makes a ledger again in dir. key is the one in force.
func Restore(dir string, from store.Copy, key ledger.VerifierKey, o Options) error {
	return pebble.Create(dir, o.table(), func(t store.Table) error {
		_, err := store.Restore(context.Background(), t, from, key, o.log())
		return err
	})
}

// Open opens the ledger in dir.
func Open(dir string, o Options) (*store.Log, error) {
	log, _, err := open(dir, o)
	return log, err
}

func open(dir string, o Options) (*store.Log, *pebble.Table, error) {
	table, err := pebble.Open(dir, o.table())
	if err != nil {
		return nil, nil, err
	}
	log, err := store.Open(context.Background(), table, o.log())
	return log, table, err
}

// Reopen opens the ledger at Dir on a file system to write, and closes it when the
// test ends. The log that has it open must be closed first, unless fs is a clone.
func Reopen(t testing.TB, fs pebble.FS) *store.Log {
	t.Helper()
	log, err := Open(Dir, Options{FS: fs, Signer: Key(Origin)})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	closeAfter(t, log)
	return log
}

func closeAfter(t testing.TB, log *store.Log) {
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}

// First returns event 0 of a ledger that is signed with key.
func First(key ledger.VerifierKey) ledger.Event {
	e, err := ledger.Seal(ledger.Draft{
		ID:      eventID(0, Start),
		Origin:  key.Name(),
		Time:    Start,
		Actor:   "tester",
		Payload: ledger.LedgerCreated{Format: ledger.Format, Key: key.String()},
	})
	if err != nil {
		panic("ledgertest: " + err.Error())
	}
	return e
}
