package connect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// A daemonLog is a ledger that a daemon has open.
type daemonLog struct {
	*daemon.Ledger
	client    *daemon.Client
	transport *http.Transport
	at        socket
	home      string // of this process's user
	url       URL    // by which the daemon was named; the zero URL if it was found in a root
}

// join opens a ledger through the daemon of its root. It returns nil if none
// runs.
func join(ctx context.Context, o Options) (*Ledger, error) {
	d, err := dial(ctx, o)
	if d == nil || err != nil {
		return nil, err
	}
	signer, err := root.Join(ctx, o.Options, d, d.Renew)
	if err == nil {
		err = d.settle(o)
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("opening %s: %w", o.Dir, err)
	}
	return d.opened(o, signer, d.at.root), nil
}

// opened returns the ledger that the daemon has open, in dir.
func (d *daemonLog) opened(o Options, signer ledger.Signer, dir string) *Ledger {
	return &Ledger{Log: d, Signer: signer, Dir: dir, Home: o.Home, now: o.Now, entropy: o.Entropy, readOnly: o.Mode == root.Read, acceptClock: o.AcceptClock, daemon: d, do: d.do}
}

// dial asks the daemon of a root for its ledger. It returns nil if none runs: a
// socket that no process listens at is left over from a daemon that was killed.
func dial(ctx context.Context, o Options) (*daemonLog, error) {
	if !o.Remote.URL.IsZero() {
		return dialURL(ctx, o)
	}
	at, err := find(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, home.InRoot.Unreadable(o.Dir, err)
	}
	d := &daemonLog{at: at, home: o.Home, transport: daemon.Transport(at.dial)}
	d.client = &daemon.Client{HTTP: &http.Client{Transport: d.transport}, Timeout: o.timeout()}
	ctx, cancel := context.WithTimeout(ctx, d.client.Timeout)
	defer cancel()
	if d.Ledger, err = d.client.Open(ctx); err != nil {
		d.Close()
		if unsafe, ok := errors.AsType[*home.UnsafeError](err); ok {
			return nil, unsafe
		}
		if gone(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("asking the daemon at %s: %w", at.path, err)
	}
	if !d.serves(at.root) {
		d.Close()
		return nil, nil
	}
	return d, nil
}

// serves reports whether the daemon holds the lock of a root: a copy of a root that was
// being served has a link to a daemon of the other one. Paths do not decide it, since a
// root may be mounted in several places.
func (d *daemonLog) serves(dir string) bool {
	id, err := root.LockID(dir)
	p := d.Process()
	return err != nil || p.Lock == id || p.Lock == "" && p.Root == dir // an older daemon does not say
}

// A Serving is what a daemon says of itself.
type Serving struct {
	daemon.Process
	Socket string // path
	Size   int64  // of its ledger, in events
}

// Served asks the daemon of a root about itself. ok is false if none runs, or if
// it does not answer.
func Served(ctx context.Context, o Options) (s Serving, ok bool) {
	d, err := dial(ctx, o)
	if d == nil || err != nil {
		return s, false
	}
	defer d.Close()
	return d.serving(), true
}

// Served says who serves the ledger, if this process has it through a daemon.
func (l *Ledger) Served() (s Serving, ok bool) {
	if l.daemon == nil {
		return s, false
	}
	return l.daemon.serving(), true
}

func (d *daemonLog) serving() Serving {
	return Serving{Process: d.Process(), Socket: d.at.path, Size: d.Head().Size}
}

// String says who serves.
func (s Serving) String() string {
	text := fmt.Sprintf("process %d", s.PID)
	if s.Since != "" {
		text += ", since " + s.Since
	}
	return text + ", at " + s.Socket
}

// Held returns a function for root.Options.Held, which fails with a
// *RunningError if it is a daemon that holds the root's lock.
func Held(o Options) func() error {
	return func() error {
		s, ok := Served(context.Background(), o)
		if !ok {
			return nil // the lock says which other process it is
		}
		return &RunningError{Dir: o.Dir, By: s}
	}
}

func (d *daemonLog) running() error {
	if !d.url.IsZero() {
		return &NoRootError{URL: d.url.String()}
	}
	return &RunningError{Dir: d.at.root, By: d.serving()}
}

// Close closes the connections.
func (d *daemonLog) Close() { d.transport.CloseIdleConnections() }

// do has the daemon carry a request out, and verifies the receipt, that what happened is what
// was signed, and that what the gate allows is what was asked for.
func (d *daemonLog) do(ctx context.Context, r commands.Request) (commands.Result, error) {
	result, err := d.client.Do(ctx, r)
	return d.verified(ctx, daemon.GateReply{Request: r, Result: result}, err)
}

// verified returns what the daemon answered to a request, once it was verified.
func (d *daemonLog) verified(ctx context.Context, reply daemon.GateReply, err error) (commands.Result, error) {
	result, answer := reply.Result, reply.Result
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		answer = refused.Result
	} else if err != nil {
		return result, err
	}
	reply.Result = answer
	bad := d.checkSigned(ctx, reply.Request, answer)
	if bad == nil {
		bad = d.checkGate(ctx, reply)
	}
	if bad != nil {
		return commands.Result{}, fmt.Errorf("the daemon's answer: %w", bad)
	}
	written := answer.Receipt
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
	if bad := d.keep(written.Checkpoint); bad != nil {
		return commands.Result{}, fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, bad)
	}
	return result, err
}

// settle keeps the checkpoint of a ledger that was opened. To write, the home must be
// able to keep the next one too. A home that cannot be written keeps no user from
// reading.
func (d *daemonLog) settle(o Options) error {
	if d.keepsHere() {
		return nil
	}
	_, signed := d.Checkpoint()
	err := d.keep(signed)
	if err == nil && o.Mode != root.Read {
		err = home.Ready(d.home, d.Keys().Keys()...)
	}
	if no, ok := errors.AsType[*home.AccessError](err); ok && o.Mode == root.Read {
		if o.Notice != nil {
			o.Notice(fmt.Sprintf("the checkpoint is not remembered, so an older one would not be noticed: %v", no))
		}
		return nil
	}
	return err
}

// keepsHere reports whether the daemon keeps checkpoints in the user's home itself. The
// word of one that was named by a URL, which another user may run, does not count.
func (d *daemonLog) keepsHere() bool { return d.url.IsZero() && d.Process().Home == Absolute(d.home) }

// keep keeps a checkpoint in the user's home, if the daemon has another home.
func (d *daemonLog) keep(signed []byte) error {
	if d.keepsHere() {
		return nil
	}
	return home.Keep(d.home, signed, d.Keys().Keys()...)
}

// Absolute returns path made absolute and without links, as far as there is
// something at it.
func Absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}
