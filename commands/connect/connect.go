package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger/root"
)

// A Daemon says whether a ledger is opened through its daemon.
type Daemon string

// What a Daemon may be. The zero Daemon is Auto.
const (
	Auto    Daemon = "auto"    // through the daemon if one runs
	Never   Daemon = "never"   // here: wait for the lock, even if a daemon holds it
	Require Daemon = "require" // through the daemon, or fail with a *MissingError
)

// Options says which ledger to open, and how. Issuing commands needs a Mode other
// than root.Read.
type Options struct {
	root.Options        // Open ignores Held and sets its own
	Daemon       Daemon // whether to go through a daemon
	Remote       Remote // the daemon to go through, if it is named by a URL

	// Opened is called with each ledger that was opened, before anything is read of it.
	// It may be nil.
	Opened func(*Ledger)
}

// timeout bounds how long a daemon may take to answer.
func (o Options) timeout() time.Duration {
	wait := o.LockTimeout
	if wait == 0 {
		wait = root.DefaultLockTimeout
	}
	return max(wait, time.Second)
}

// errJoined ends the wait for a lock: a daemon that holds it serves the ledger.
var errJoined = errors.New("the holder serves")

// Open opens the ledger of a root: through its daemon if one runs, or if one
// starts while Open waits for the lock. The caller closes it. Errors are those
// of root.Open and daemon.Client.Open, *MissingError and *RunningError.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	l, err := open(ctx, o)
	if err == nil && o.Opened != nil {
		o.Opened(l)
	}
	return l, err
}

func open(ctx context.Context, o Options) (*Ledger, error) {
	if !o.Remote.URL.IsZero() {
		return joinURL(ctx, o)
	}
	if o.Daemon == Never {
		o.Held = nil
		return openHere(ctx, o)
	}
	joined, err := join(ctx, o)
	if _, unreachable := errors.AsType[*daemon.UnreachableError](err); unreachable && o.Daemon != Require && ctx.Err() == nil {
		// Something is at the socket that does not answer. The process that has
		// the ledger open holds the lock; if no process does, it is no daemon.
		free := o
		free.Held, free.LockTimeout = nil, -1
		if l, opened := openHere(ctx, free); opened == nil {
			return l, nil
		}
	}
	if joined != nil || err != nil {
		return joined, err
	}
	if o.Daemon == Require {
		return nil, &MissingError{Dir: o.Dir}
	}
	o.Held = func() error {
		if joined, err = join(ctx, o); joined != nil {
			return errJoined
		}
		return err
	}
	l, err := openHere(ctx, o)
	if errors.Is(err, errJoined) {
		return joined, nil
	}
	return l, err
}

// openHere opens the ledger in this process. A deadline of ctx bounds how long it
// waits for the lock, not how long it reads.
func openHere(ctx context.Context, o Options) (*Ledger, error) {
	reading, stop := pastDeadline(ctx)
	defer stop()
	held := o.Held
	o.Held = func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if held == nil {
			return nil
		}
		return held()
	}
	r, err := root.Open(reading, o.Options)
	if err != nil {
		return nil, err
	}
	engine := &commands.Engine{Log: r.Log, Now: o.Now, Entropy: o.Entropy, Inherited: root.Inherited(r.Content()), Content: r.Content()}
	return &Ledger{Log: r.Log, Signer: r.Signer, Dir: r.Dir, Home: r.Home, Created: r.Created, now: o.Now, entropy: o.Entropy, readOnly: o.Mode == root.Read, acceptClock: o.AcceptClock, root: r, engine: engine, do: engine.Do}, nil
}

// pastDeadline returns a context that ends if ctx is canceled, but not at its
// deadline. The caller calls stop.
func pastDeadline(ctx context.Context) (reading context.Context, stop func()) {
	if _, bounded := ctx.Deadline(); !bounded {
		return ctx, func() {}
	}
	reading, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel(context.Cause(ctx))
		}
	})
	return reading, func() {
		unhook()
		cancel(nil)
	}
}

// With opens a ledger, calls f with it and closes it.
func With(ctx context.Context, o Options, f func(*Ledger) error) (err error) {
	l, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if closing := l.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the ledger: %w", closing)
		}
	}()
	return l.explain(f(l))
}

// tries bounds how often Retry opens a ledger.
const tries = 5

// Retry is With, and calls f again, with the ledger opened again, if the daemon
// went away before it did anything: a daemon that stops leaves its place to the
// next one, or to this process.
func Retry(ctx context.Context, o Options, f func(*Ledger) error) (err error) {
	for range tries {
		if err = With(ctx, o, f); !gone(err) {
			break
		}
	}
	return err
}

// Do opens a ledger, carries out a request and closes the ledger. Errors are
// those of Open and of commands.Engine.Do.
func Do(ctx context.Context, o Options, r commands.Request) (result commands.Result, err error) {
	err = Retry(ctx, o, func(l *Ledger) (err error) {
		result, err = l.Do(ctx, r)
		return err
	})
	return result, err
}
