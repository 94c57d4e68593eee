package root

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

const ledgerName = "ledger"

// Options says which root to open, and how. Dir, Home, Now and Entropy are
// required. Its zero Mode is Read.
type Options struct {
	// Dir is the root.
	Dir string

	// Home has the user's keys, trusted keys and outside checkpoints.
	Home string

	// Now is the clock, and Entropy is for new keys and ids.
	Now     func() time.Time
	Entropy io.Reader

	// Mode says for what the root is opened.
	Mode Mode

	// LockTimeout is how long to wait for the lock. 0 stands for 10 seconds; if it is
	// negative, Open does not wait.
	LockTimeout time.Duration

	// Held is called each time the lock is found held. Its error ends the wait, and Open
	// returns it. It may be nil.
	Held func() error

	// Create makes Open create the ledger if none was ever completed. It does nothing in
	// Mode Read.
	Create bool

	// Begin makes Create begin a ledger although the one that was here is lost.
	Begin bool

	// Origin is that of a ledger that is created. If it is "", one is made: gait.local/<ULID>.
	Origin string

	// Actor is the actor of event 0. It is required with Create.
	Actor string

	// AllowNetworkFS opens a root although it is on a network file system.
	AllowNetworkFS bool

	// AcceptClock writes although Now is probably wrong: ledger.CheckClock says when.
	AcceptClock bool

	// AlthoughMoved makes Retire and Succeed give up a ledger that moved away. It says that
	// the place where it went is lost.
	AlthoughMoved bool

	// Notice is called with each line that the user should know. It may be nil.
	Notice func(string)

	// Building tells how far an index or the views are that are made while the ledger is
	// opened. It is store.Options.Progress, and may be nil.
	Building func(phase string, done, total int64) error

	// DeferIndex leaves the index of an old ledger to a later open. It is store.Options.Defer.
	DeferIndex bool

	// Views returns the views that an old ledger gets. It is store.Options.Views, and may be
	// nil.
	Views func(context.Context, ledger.EventReader) iter.Seq2[ledger.JobView, error]

	// Tags returns what a job is listed by. It is store.Options.Tags, and may be nil.
	Tags func(ctx context.Context, log ledger.EventReader, job ledger.JobEntry, first ledger.Event) (ledger.Tags, error)

	// Fatal is called if a write has failed, and nothing can be written any more. It is
	// pebble.Options.Fatal.
	Fatal func(error)

	// FS is a view of the real file system. It is pebble.Options.FS.
	FS pebble.FS

	step      func(string) error           // called after each step of what is done in steps
	networkFS func(string) (string, error) // instead of statNetworkFS
	glancing  bool                         // it is opened to see whether a ledger goes on in it: errors need not say where one does
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
	Signer  ledger.Signer // nil if opened to Read, and for a copy
	Dir     string        // absolute, without links
	Home    string
	Created bool // this Open created the ledger, or finished its creation

	Restored *Restored // the ledger is in an older state than was seen; nil if it is not

	site    *site
	content *content.Store
	lock    *lock
	guard   *home.Guard // nil until the log's key is known
	options Options
	noted   home.IndexNote // what home knew of the index when the ledger was opened
	place   fs.FileInfo    // of the ledger's directory
}

// Open opens the ledger of a root. It creates the ledger if Options.Create is set
// and none exists. It waits for another process that has the root open.
//
// Errors are *LockedError, ErrNoLedger, ErrLedgerMissing, *LostError, *home.RolledBackError,
// *SwappedError, *RetiredError, *ledger.MovedError, *UnfinishedError, *home.KeyMissingError, *NetworkFSError, *home.UnsafeError,
// *home.AccessError, *home.OriginUsedError, *ChangedError,
// *ledger.CorruptError, ledger.ErrUnsupportedVersion, *ledger.FieldError for an
// Origin or Actor, the context's, and those of the operating system.
func Open(ctx context.Context, o Options) (*Root, error) {
	o.Create = o.Create && o.Mode.writes()
	s, err := enter(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", o.Dir, err)
	}
	r, err := s.open(ctx)
	if err == nil {
		if r.place, err = os.Lstat(s.ledgerDir()); err != nil {
			err = errors.Join(err, r.Log.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", o.Dir, errors.Join(s.goesOn(s.whyUnread(err)), s.lock.release()))
	}
	r.site = s
	if o.Mode.writes() {
		r.finishErasing(ctx)
	}
	return r, nil
}

// Close closes the log and releases the lock. If another directory has replaced that of a
// ledger that is open to write, the log is not closed: closing it would write.
func (r *Root) Close() error {
	if r.options.Mode.writes() {
		if err := r.inPlace(); err != nil {
			return errors.Join(err, r.lock.release())
		}
	}
	return errors.Join(r.content.Close(), r.Log.Close(), r.lock.release())
}

// LockID returns the LockID of the lock file that the root holds.
func (r *Root) LockID() (string, error) {
	if r.lock.file == nil {
		return "", fmt.Errorf("%s is closed: %w", r.lock.path, fs.ErrClosed)
	}
	st, err := r.lock.file.Stat()
	if err != nil {
		return "", err
	}
	return lockID(st)
}

// publish keeps each checkpoint outside the ledger. In Mode Serve the log stays
// open, so it passes an error to Options.Fatal, as a failed write does: otherwise the
// next commit would be acknowledged although this checkpoint is not kept.
func (r *Root) publish(signed []byte) error {
	if r.guard == nil { // the log is still being opened; it is compared before use
		return nil
	}
	if err := r.stillInPlace(); err != nil {
		return err
	}
	err := r.guard.Publish(signed)
	if err != nil && r.options.Mode == Serve && r.options.Fatal != nil {
		r.options.Fatal(err)
	}
	return err
}

// stillInPlace is inPlace for a log that stays open. It passes an error to Options.Fatal:
// nothing can be written any more, here or in home, where it would make what has replaced
// the ledger an older state.
func (r *Root) stillInPlace() error {
	if r.options.Mode != Serve {
		return nil
	}
	err := r.inPlace()
	if err != nil && r.options.Fatal != nil {
		r.options.Fatal(err)
	}
	return err
}

// ready fails if the next checkpoint could not be kept outside the ledger: home cannot
// be written, or has seen a newer one, of a copy of this ledger that is written too.
func (r *Root) ready() error {
	if r.guard == nil { // the log is still being opened
		return nil
	}
	if err := r.stillInPlace(); err != nil {
		return err
	}
	if err := r.guard.Ready(); err != nil {
		return err
	}
	seen, ok := r.guard.Seen()
	if c, note := r.Log.Checkpoint(); ok && seen.Size > c.Size {
		return &home.RolledBackError{Dir: filepath.Join(r.Dir, ledgerName), Seen: seen.Checkpoint, Found: c, SeenNote: seen.Note, FoundNote: note}
	}
	return nil
}

// inPlace fails if another directory has replaced that of the open ledger. Events
// written to the open one would be lost, and closing it would damage the other.
func (r *Root) inPlace() error {
	if r.place == nil { // the ledger is still being opened
		return nil
	}
	dir := filepath.Join(r.Dir, ledgerName)
	now, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, r.place) {
		err = fmt.Errorf("%w: %s was replaced while it was open", ErrLedgerMissing, dir)
	}
	return err
}

// prepare makes the root's directory, if a ledger may be created there, and fails if there
// is nothing to open.
func (s *directory) prepare() error {
	there, err := home.Exists(s.dir)
	switch {
	case err != nil:
		return home.InRoot.Unreadable(s.dir, err)
	case !s.Create && !there:
		return s.nothing()
	case !s.Create:
		locked, err := home.Exists(filepath.Join(s.dir, lockName))
		if err != nil {
			return home.InRoot.Unreadable(s.dir, err)
		}
		has, err := s.hasLedger()
		if err == nil && !locked && !has {
			err = s.nothing()
		}
		return err
	case !there:
		if err := s.mayBegin(); err != nil {
			return err
		}
	}
	if err := s.notInside(); err != nil {
		return err
	}
	return s.makeDir()
}

// makeDir makes the directory of a ledger that is to be created, unless home cannot
// be written: its key is kept there.
func (o Options) makeDir() error {
	if there, err := home.Exists(filepath.Join(o.Dir, ledgerName)); err != nil || there {
		return home.InRoot.Unreadable(o.Dir, err)
	}
	if err := home.CheckWritable(o.Home, ""); err != nil {
		return err
	}
	return home.InRoot.Unwritable(o.Dir, home.MakeDir(o.Dir))
}

// checkDir refuses a directory of the root that other users can write, or, to write
// in it, one that belongs to another user. It does not look at what leads to the
// root: who can put another ledger in its place is found out by what home remembers.
func (o Options) checkDir(path string) error {
	err := home.CheckDir(path)
	if err == nil && o.Mode.writes() {
		var st fs.FileInfo
		if st, err = os.Lstat(path); err == nil {
			err = home.CheckOwner(path, st)
		}
	}
	return err
}

func resolve(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// checkWritable fails if this user cannot write a directory of the root.
func (s *directory) checkWritable(dir string) error {
	if !s.Mode.writes() {
		return nil
	}
	return home.InRoot.Unwritable(dir, unix.Access(dir, unix.W_OK|unix.X_OK))
}

// ledgerDir returns the directory of the ledger: that of one that was put away is a root too.
func (s *directory) ledgerDir() string {
	if isPutAway(s.dir) {
		return s.dir
	}
	return filepath.Join(s.dir, ledgerName)
}

func (s *directory) hasLedger() (bool, error) { return home.Exists(s.ledgerDir()) }

// checkFS refuses a network file system under path or, if path does not exist, under
// its nearest existing parent.
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

// Is reports whether a directory is a root: it holds the lock file of one.
func Is(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, lockName))
	return err == nil
}
