package root

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gait/ledger"
	"gait/ledger/store"
)

const ledgerName = "ledger"

// Options says which root to open, and how.
type Options struct {
	Dir            string           // the root
	Home           string           // the user's keys, trusted keys and outside checkpoints
	Now            func() time.Time // for what Create and Retire write
	Entropy        io.Reader        // for what Create makes
	LockTimeout    time.Duration    // how long to wait for the lock; 0: 10 s; negative: not at all
	Create         bool             // create the ledger where none was ever completed
	Origin         string           // of the ledger created; "": gait.local/<ULID>
	Actor          string           // who creates it
	ReadOnly       bool             // write nothing but the lock file's pid; Create has no effect
	OneShot        bool             // store.Options.OneShot, where the ledger is complete
	Sustained      bool             // store.Options.Sustained
	AllowNetworkFS bool             // open a root on a network file system all the same
	Held           func() error     // asked each time the lock is found held; an error ends the wait, and Open fails with it
	Notice         func(string)     // told, a line at a time, what the user should know; nil: nobody is
	Fatal          func(error)      // store.Options.Fatal
	FS             store.FS         // store.Options.FS: a view of the real file system

	step      func(string) error           // called after each step of Create and Retire
	networkFS func(string) (string, error) // instead of statNetworkFS
}

func (o Options) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, args...))
	}
}

// done is called after a step that is durable.
func (o Options) done(step string) error {
	if o.step == nil {
		return nil
	}
	return o.step(step)
}

// A Root is an open root directory. It holds the root's lock until Close.
type Root struct {
	Log     *store.Log
	Signer  ledger.Signer // nil when opened read-only
	Dir     string        // absolute, without links
	Home    string
	Created bool // this Open created the ledger, or finished its creation

	lock    *lock
	guard   *guard // nil until the log's key is known
	options Options
	place   fs.FileInfo // of the ledger's directory
}

// Open opens the ledger of a root, creating it where Options say so. It waits
// for another process that has the root open.
//
// Errors are *LockedError, ErrNoLedger, ErrLedgerMissing, *RolledBackError,
// *SwappedError, *RetiredError, *KeyMissingError, *NetworkFSError, *UnsafeError,
// *OriginUsedError,
// *ledger.CorruptError, ledger.ErrUnsupportedVersion, *ledger.FieldError for an
// Origin or Actor, the context's, and those of the operating system.
func Open(ctx context.Context, o Options) (*Root, error) {
	o.Create = o.Create && !o.ReadOnly
	s, err := enter(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", o.Dir, err)
	}
	r, err := s.open()
	if err == nil {
		if r.place, err = os.Lstat(s.ledgerDir()); err != nil {
			err = errors.Join(err, r.Log.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", o.Dir, errors.Join(err, s.lock.release()))
	}
	return r, nil
}

// Close closes the log and gives up the lock.
func (r *Root) Close() error {
	return errors.Join(r.Log.Close(), r.lock.release())
}

// published keeps each checkpoint outside of the ledger. Where the log goes on
// after that, an error ends the process as a failed write does: the next commit
// would be acknowledged over it.
func (r *Root) published(signed []byte) error {
	if r.guard == nil { // the log is still being opened, and will be compared first
		return nil
	}
	err := r.guard.publish(signed)
	if err == nil && r.options.Sustained {
		err = r.inPlace()
	}
	if err != nil && r.options.Sustained && r.options.Fatal != nil {
		r.options.Fatal(err)
	}
	return err
}

// inPlace fails where the ledger that is open is no longer that of the root:
// what is written to it goes nowhere, and closing it would damage the other.
func (r *Root) inPlace() error {
	if r.place == nil { // it is being opened
		return nil
	}
	dir := filepath.Join(r.Dir, ledgerName)
	now, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, r.place) {
		err = fmt.Errorf("%w: %s was replaced while it was open", ErrLedgerMissing, dir)
	}
	return err
}

// A site is a root whose lock we hold.
type site struct {
	Options
	dir  string // absolute, without links
	lock *lock
}

// enter takes the lock of a root. Unless it is to be created, a root in which
// there is nothing is left as it is.
func enter(ctx context.Context, o Options) (*site, error) {
	if err := o.checkFS(o.Dir); err != nil {
		return nil, err
	}
	if o.Create {
		if err := makeDir(o.Dir); err != nil {
			return nil, err
		}
	}
	dir, err := resolve(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoLedger
	}
	if err != nil {
		return nil, err
	}
	s := &site{Options: o, dir: dir}
	if !o.Create {
		locked, err := exists(filepath.Join(dir, lockName))
		if err != nil {
			return nil, err
		}
		has, err := s.hasLedger()
		if err == nil && !locked && !has {
			err = ErrNoLedger
		}
		if err != nil {
			return nil, err
		}
	}
	s.lock, err = acquire(ctx, dir, o)
	return s, err
}

func resolve(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

func (s *site) ledgerDir() string { return filepath.Join(s.dir, ledgerName) }

func (s *site) hasLedger() (bool, error) { return exists(s.ledgerDir()) }

// checkFS refuses a network file system under path, or under the directory in
// which it would be made.
func (o Options) checkFS(path string) error {
	if o.AllowNetworkFS {
		return nil
	}
	network := o.networkFS
	if network == nil {
		network = statNetworkFS
	}
	path = filepath.Clean(path)
	for p := path; ; p = filepath.Dir(p) {
		name, err := network(p)
		if errors.Is(err, fs.ErrNotExist) && p != filepath.Dir(p) {
			continue
		}
		if err == nil && name != "" {
			return &NetworkFSError{Path: path, FS: name}
		}
		return err
	}
}

// open decides what the root is from its last mark and its directory.
func (s *site) open() (*Root, error) {
	if err := s.finishRetiring(); err != nil {
		return nil, err
	}
	has, err := s.hasLedger()
	last := s.lock.last
	switch {
	case err != nil:
		return nil, err
	case has:
		return s.openLedger()
	case last.kind == markComplete:
		return nil, s.missing(last.key.Name())
	case s.Create:
		return s.create()
	case last.kind == markRetired:
		return nil, fmt.Errorf("%w: %s was retired", ErrNoLedger, last.was.Origin)
	}
	return nil, ErrNoLedger
}

// missing says what it means that a completed ledger is not there.
func (s *site) missing(origin string) error {
	_, retired, err := readNote(s.Home, origin)
	if err != nil {
		return err
	}
	if retired { // and a crash came before the mark
		return fmt.Errorf("%w: %s was retired", ErrNoLedger, origin)
	}
	return fmt.Errorf("%w: %s held %s", ErrLedgerMissing, s.ledgerDir(), origin)
}
