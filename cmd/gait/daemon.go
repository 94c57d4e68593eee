package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/root"
)

// What GAIT_DAEMON may say.
const (
	daemonAuto    = "auto"    // through the daemon where one runs
	daemonNever   = "never"   // wait for the lock, whoever holds it
	daemonRequire = "require" // through the daemon, or not at all
)

// daemonMode returns how commands look for a daemon.
func (a *app) daemonMode() (string, error) {
	mode := a.getenv("GAIT_DAEMON")
	switch mode {
	case daemonAuto, daemonNever, daemonRequire:
	case "":
		mode = daemonAuto
	default:
		return "", &usageError{code: "invalid_daemon_mode", text: fmt.Sprintf("GAIT_DAEMON takes require, never or auto, not %.40q", mode), hint: "unset GAIT_DAEMON"}
	}
	if a.requireDaemon {
		mode = daemonRequire
	}
	return mode, nil
}

// A daemonMissingError says that no daemon serves the root, and one must.
type daemonMissingError struct{ dir string }

func (e *daemonMissingError) Error() string { return "no daemon serves " + e.dir }

// A daemonRunningError says that only the process which has the ledger open can
// do what was asked, and that it is a daemon.
type daemonRunningError struct {
	dir string
	pid int
}

func (e *daemonRunningError) Error() string {
	return fmt.Sprintf("the daemon, process %d, has %s open, and this is done without it", e.pid, e.dir)
}

// A daemonLog is a ledger that a daemon has open.
type daemonLog struct {
	*daemon.Ledger
	client    *daemon.Client
	transport *http.Transport
	dir       string
}

// stopFirst says why something cannot be done through the daemon.
func (d *daemonLog) stopFirst() error {
	return &daemonRunningError{dir: d.dir, pid: d.Process().PID}
}

// Close closes the connections.
func (d *daemonLog) Close() { d.transport.CloseIdleConnections() }

// errJoined ends the wait for a lock: its holder serves.
var errJoined = errors.New("the holder serves")

// openLedger opens the ledger of a root: through its daemon where one runs,
// also one that begins to while we wait for the lock.
func (a *app) openLedger(ctx context.Context, o root.Options) (*openLedger, error) {
	mode, err := a.daemonMode()
	if err != nil {
		return nil, err
	}
	if mode == daemonNever {
		o.Held = nil
		return a.openRoot(ctx, o)
	}
	joined, err := a.join(ctx, o)
	if _, unreachable := errors.AsType[*daemon.UnreachableError](err); unreachable && mode == daemonAuto && ctx.Err() == nil {
		// Something is at the socket that does not answer. Whoever has the
		// ledger open holds the lock; where nobody does, it is no daemon.
		free := o
		free.Held, free.LockTimeout = nil, -1
		if l, opened := a.openRoot(ctx, free); opened == nil {
			return l, nil
		}
	}
	if joined != nil || err != nil {
		return joined, err
	}
	if mode == daemonRequire {
		return nil, &daemonMissingError{o.Dir}
	}
	o.Held = func() error {
		if joined, err = a.join(ctx, o); joined != nil {
			return errJoined
		}
		return err
	}
	l, err := a.openRoot(ctx, o)
	if errors.Is(err, errJoined) {
		return joined, nil
	}
	return l, err
}

func (a *app) openRoot(ctx context.Context, o root.Options) (*openLedger, error) {
	r, err := root.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return ofRoot(r), nil
}

// join opens a ledger through the daemon of its root; nil where none runs.
func (a *app) join(ctx context.Context, o root.Options) (*openLedger, error) {
	d, err := a.dialDaemon(ctx, o.Dir)
	if d == nil || err != nil {
		return nil, err
	}
	signer, err := root.Join(o, d, d.Renew)
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("opening %s: %w", o.Dir, err)
	}
	_, signed := d.Checkpoint()
	if err := d.keep(o.Home, signed); err != nil {
		d.Close()
		return nil, fmt.Errorf("opening %s: %w", o.Dir, err)
	}
	return &openLedger{Log: d, Signer: signer, Dir: d.dir, Home: o.Home, daemon: d}, nil
}

// dialDaemon asks the daemon of a root for its ledger; nil where none runs. A
// socket that nobody listens at is left from one that was killed.
func (a *app) dialDaemon(ctx context.Context, dir string) (*daemonLog, error) {
	at, err := a.socketOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(at.path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	d := &daemonLog{dir: at.root, transport: daemon.Transport(at.dial)}
	d.client = &daemon.Client{HTTP: &http.Client{Transport: d.transport}, Timeout: max(a.lockTimeout, time.Second)}
	ctx, giveUp := context.WithCancelCause(ctx) // not before the command ends
	answered := time.AfterFunc(d.client.Timeout, func() { giveUp(context.DeadlineExceeded) })
	defer answered.Stop()
	if d.Ledger, err = d.client.Open(ctx); err != nil {
		d.Close()
		if unsafe, ok := errors.AsType[*root.UnsafeError](err); ok {
			return nil, unsafe
		}
		if gone(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("asking the daemon at %s: %w", at.path, err)
	}
	return d, nil
}

// gone reports whether nobody is at the other end of a connection any more.
func gone(err error) bool {
	_, lost := errors.AsType[*daemon.UnreachableError](err)
	return lost && !errors.Is(err, ledger.ErrOutcomeUnknown) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// A doer carries requests out: an engine, or a daemon that has one.
type doer interface {
	Do(context.Context, commands.Request) (commands.Result, error)
}

// engine returns who carries requests out on an open ledger.
func (a *app) engine(l *openLedger) doer {
	if l.daemon != nil {
		return daemonDoer{l.daemon, l.Home}
	}
	return &commands.Engine{Log: l.root.Log, Now: a.now, Entropy: a.entropy}
}

// A daemonDoer has a daemon carry requests out, and believes its receipts when
// the ledger has signed them.
type daemonDoer struct {
	*daemonLog
	home string
}

// Do carries a request out.
func (d daemonDoer) Do(ctx context.Context, r commands.Request) (commands.Result, error) {
	result, err := d.client.Do(ctx, r)
	written := result.Receipt
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		written = refused.Result.Receipt
	} else if err != nil {
		return result, err
	}
	if written.Checkpoint == nil { // nothing was written now
		return result, err
	}
	c, bad := d.Keys().Open(written.Checkpoint)
	if bad == nil && c.Size != written.TreeSize {
		bad = fmt.Errorf("it is of %d events, not %d", c.Size, written.TreeSize)
	}
	if bad != nil {
		return commands.Result{}, &ledger.CorruptError{Seq: written.Seq, Reason: "the daemon's receipt does not hold", Err: bad}
	}
	if bad := d.keep(d.home, written.Checkpoint); bad != nil {
		return commands.Result{}, fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, bad)
	}
	return result, err
}

// keep keeps a checkpoint in the user's home, where the daemon has another.
func (d *daemonLog) keep(home string, signed []byte) error {
	if d.Process().Home == absolute(home) {
		return nil
	}
	return root.Keep(home, signed, d.Keys().Keys()...)
}

// absolute is path without links, as far as there is something at it.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}

// dial connects to the socket, and to nobody but the user's own processes.
func (s socket) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", s.path)
	if err != nil {
		return nil, err
	}
	uid, err := peerUID(conn.(*net.UnixConn))
	if err == nil && uid != s.uid {
		err = &root.UnsafeError{Path: s.path, Problem: fmt.Sprintf("user %d listens there", uid), Hint: "find out who can write to that directory, and remove the socket"}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// heldByDaemon says that it is a daemon which has the root open.
func (a *app) heldByDaemon() error {
	d, err := a.dialDaemon(context.Background(), a.rootDir())
	if d == nil || err != nil {
		return nil // the lock says who else it is
	}
	defer d.Close()
	return d.stopFirst()
}
