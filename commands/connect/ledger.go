package connect

import (
	"context"
	"fmt"
	"io"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// A Ledger is an open ledger.
type Ledger struct {
	Log     ledger.Log    // on disk, or a daemon's, which does not move
	Signer  ledger.Signer // nil if it was opened to be read
	Dir     string        // of the root, absolute, without links
	Home    string
	Created bool // Open created the ledger

	now         func() time.Time
	entropy     io.Reader
	readOnly    bool // it was opened with root.Read
	acceptClock bool // as root.Options says

	root   *root.Root       // nil if a daemon has the ledger open
	engine *commands.Engine // on root
	daemon *daemonLog       // nil if none has
	do     func(context.Context, commands.Request) (commands.Result, error)
}

// Do carries a request out. Errors are those of commands.Engine.Do; a daemon's
// receipt that does not hold is a *ledger.CorruptError.
func (l *Ledger) Do(ctx context.Context, r commands.Request) (commands.Result, error) {
	if l.readOnly && !r.DryRun {
		return commands.Result{}, ErrReadOnly
	}
	r.AcceptClock = r.AcceptClock || l.acceptClock
	return l.do(ctx, r)
}

// Writable fails as root.Root.Writable does if the ledger is only read.
func (l *Ledger) Writable() error {
	switch {
	case l.root != nil:
		return l.root.Writable()
	case l.Log.Imported():
		return &root.ImportedError{Origin: l.Log.Origin(), Dir: l.Dir}
	}
	return nil
}

// MayWrite fails as the same ledger would if it were opened to write, as far as that can be
// told from here: as Writable does, and if this user cannot sign or write there.
func (l *Ledger) MayWrite() error {
	if err := l.Writable(); err != nil {
		return err
	}
	if l.root != nil {
		return l.root.MayWrite()
	}
	if l.daemon != nil && !l.daemon.url.IsZero() { // the daemon signs
		return nil
	}
	return root.MaySign(l.Dir, l.Home, l.Log.Keys())
}

// PackSigner returns what signs a pack of the ledger: Signer or, for a ledger that is only
// read, what root.Root.PackSigner returns. Nothing else is signed for such a ledger.
func (l *Ledger) PackSigner() (ledger.Signer, error) {
	switch {
	case l.Signer != nil:
		return l.Signer, nil
	case l.root != nil:
		return l.root.PackSigner()
	case l.daemon.url.IsZero():
		return nil, nil
	}
	return nil, &NoRootError{URL: l.daemon.url.String()}
}

// ReadOnly reports whether the ledger was opened to be read: nothing can be written.
func (l *Ledger) ReadOnly() bool { return l.readOnly }

// Restored says that the ledger is in an older state than was seen of it, and is only read.
// It returns nil if it is not.
func (l *Ledger) Restored() *root.Restored {
	if l.root == nil { // a daemon serves no such ledger
		return nil
	}
	return l.root.Restored
}

// Newest fails as root.Root.Newest does: with a *home.RolledBackError if the ledger is in an
// older state than was seen.
func (l *Ledger) Newest() error {
	if l.root == nil {
		return nil
	}
	return l.root.Newest()
}

// Root returns the root if this process has it open, for what no other process
// can do. It fails with a *RunningError if a daemon has.
func (l *Ledger) Root() (*root.Root, error) {
	if l.root == nil {
		return nil, l.daemon.running()
	}
	return l.root, nil
}

// explain returns an error of reading the ledger as root.Root.Explain does.
func (l *Ledger) explain(err error) error {
	if l.root == nil || err == nil {
		return err
	}
	return l.root.Explain(err)
}

// Close closes the ledger.
func (l *Ledger) Close() error {
	if l.root != nil {
		l.engine.Drain()
		return l.root.Close()
	}
	l.daemon.Close()
	return nil
}

// Job returns a job as it is, and compares its last event with its head. It
// fails with commands.ErrJobNotFound, and with a *commands.InvalidError if id
// is not a valid id.
func (l *Ledger) Job(ctx context.Context, id string) (projection.Job, error) {
	if err := checkID(id); err != nil {
		return projection.Job{}, err
	}
	job, head, ok, err := projection.Load(ctx, l.Log, id)
	if err := found(id, ok, err); err != nil {
		return job, err
	}
	last, err := l.Log.Event(ctx, head.Seq)
	if err != nil {
		return job, err
	}
	if last.LeafHash() != head.Leaf || last.JobID() != id {
		return job, &ledger.CorruptError{Seq: head.Seq, Reason: fmt.Sprintf("expected the last event of job %s", id)}
	}
	return job, nil
}

// History is projection.History for a job that must be there, as Job says.
func (l *Ledger) History(ctx context.Context, id string, visit func(projection.Job, ledger.Event) error) error {
	if err := checkID(id); err != nil {
		return err
	}
	ok, err := projection.History(ctx, l.Log, id, visit)
	return found(id, ok, err)
}

// At is projection.At for a job that must be there, as Job says.
func (l *Ledger) At(ctx context.Context, id string, at projection.AsOf) (projection.Moment, error) {
	if err := checkID(id); err != nil {
		return projection.Moment{}, err
	}
	m, ok, err := projection.At(ctx, l.Log, id, at)
	return m, found(id, ok, err)
}

func checkID(id string) error {
	if err := ledger.FieldJobID.Check(id); err != nil {
		return &commands.InvalidError{Err: err}
	}
	return nil
}

// found returns err, or that there is no such job.
func found(id string, ok bool, err error) error {
	if err == nil && !ok {
		return fmt.Errorf("%w: %s", commands.ErrJobNotFound, id)
	}
	return err
}

// Basis returns what verdicts are judged by now.
func (l *Ledger) Basis(ctx context.Context) (projection.Basis, error) {
	return projection.BasisOf(ctx, l.Log, l.now())
}

// List is projection.List, with verdicts judged as of now. The word of a daemon that lists them counts for jobs.
func (l *Ledger) List(ctx context.Context, q projection.Query) (page []projection.Job, more bool, err error) {
	if l.daemon != nil {
		return l.daemon.List(ctx, q)
	}
	if q.Basis.IsZero() {
		var err error
		if q.Basis, err = l.Basis(ctx); err != nil {
			return nil, false, err
		}
	}
	return projection.List(ctx, l.root.Log, q)
}
