package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"gait/commands/process"
	"gait/commands/worker"
	"gait/ledger"
	"gait/projection"
)

var (
	errFenced      = ledger.NewError("the lease has ended", ledger.Fault{Code: "fenced", Category: ledger.CategoryPolicy})
	errHeld        = ledger.NewError("another worker has the lease", ledger.Fault{Code: "lease_held", Category: ledger.CategoryConflict, Retryable: true})
	errTransition  = ledger.NewError("the job does not run", ledger.Fault{Code: "invalid_transition", Category: ledger.CategoryInvalid})
	errUnsettled   = ledger.NewError("grants are open", ledger.Fault{Code: "effects_unsettled", Category: ledger.CategoryApproval})
	errNoCommand   = errors.New("no such command")
	errUnreachable = ledger.NewError("the daemon is gone", ledger.Fault{Code: "daemon_lost", Category: ledger.CategoryIO})
)

// A process is what the loop takes a child for.
var _ worker.Child = (*process.Process)(nil)

// A book is a ledger with one job, by the rules of leases.
type book struct {
	mu      sync.Mutex
	ahead   time.Duration // of its clock
	events  []string
	times   []time.Time
	changed chan struct{} // closed at each change

	status   projection.Status
	waiting  string
	approved bool
	lost     int // attempts in a row
	asked    bool
	grants   int
	attempts int64
	epoch    int64
	ttl      time.Duration
	until    time.Time
	ended    bool // the newest lease, but by time
	left     bool // it ended so

	fails func(op string) error // before an operation; may be nil
	after func(op string) error // after it was done
	reads int
	late  int // writes of supervisors that were fenced
}

func newBook() *book {
	return &book{status: projection.Running, waiting: projection.WaitsForWorker, changed: make(chan struct{}), ended: true}
}

func (b *book) now() time.Time { return time.Now().Add(b.ahead) }

func (b *book) lives() bool { return !b.ended && b.now().Before(b.until) }

// write writes an event. The caller holds mu.
func (b *book) write(format string, args ...any) {
	b.events = append(b.events, fmt.Sprintf(format, args...))
	b.times = append(b.times, time.Now())
	close(b.changed)
	b.changed = make(chan struct{})
}

// to sets the job's status, which ends the lease. The caller holds mu.
func (b *book) to(s projection.Status, waiting string) {
	b.status, b.waiting, b.approved = s, waiting, false
	if s != projection.Running && !b.ended {
		b.ended, b.left = true, true
	}
}

// by is what another than the supervisor does.
func (b *book) by(event string, do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	b.write("%s", event)
}

// work is an event of the worker under an epoch.
func (b *book) work(epoch int64, event string, do func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if epoch != b.epoch || !b.lives() {
		return errFenced
	}
	b.until = b.now().Add(b.ttl)
	if do != nil {
		do()
	}
	b.write("%s", event)
	return nil
}

func (b *book) pause() {
	b.by("paused", func() { b.to(projection.PausedStatus, projection.WaitsForResume) })
}

func (b *book) resume() {
	b.by("resumed", func() { b.to(projection.Running, projection.WaitsForWorker); b.asked = false })
}

func (b *book) list() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.events...)
}

// A client is a supervisor's way to a book.
type client struct {
	*book

	ttl   time.Duration
	epoch int64 // of the newest lease that it got
}

func (c *client) state() worker.State {
	return worker.State{
		JobSeq: int64(len(c.events)), Status: c.status, Approved: c.approved, Asked: c.asked, OpenGrants: c.grants,
		Attempts: c.attempts, Lost: c.lost, Epoch: c.book.epoch, TTL: c.book.ttl, Until: c.until, Left: c.left, Holder: c.epoch > 0 && c.epoch == c.book.epoch && !c.ended,
	}
}

// do carries out an operation, unless it is made to fail.
func (c *client) do(ctx context.Context, op string, f func() error) (worker.State, error) {
	c.mu.Lock()
	fails, after := c.fails, c.after
	c.mu.Unlock()
	if fails != nil {
		if err := fails(op); err != nil {
			return worker.State{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return worker.State{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := f(); err != nil {
		if errors.Is(err, errFenced) {
			c.late++
		}
		return worker.State{}, err
	}
	if after != nil {
		if err := after(op); err != nil {
			return worker.State{}, err
		}
	}
	return c.state(), nil
}

// holds reports whether the client has the lease.
func (c *client) holds() bool { return c.epoch == c.book.epoch && c.lives() }

func (c *client) Look(ctx context.Context) (worker.State, error) {
	return c.do(ctx, "look", func() error { c.reads++; return nil })
}

func (c *client) Watch(ctx context.Context, visit func(worker.State) bool) error {
	for {
		c.mu.Lock()
		s, changed, fails := c.state(), c.changed, c.fails
		c.reads++
		c.mu.Unlock()
		if fails != nil {
			if err := fails("watch"); err != nil {
				return err
			}
		}
		if visit(s) {
			return nil
		}
		select {
		case <-changed:
			time.Sleep(300 * time.Millisecond) // it notices a little later
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *client) Take(ctx context.Context) (worker.State, error) {
	return c.do(ctx, "take", func() error {
		switch {
		case c.status != projection.Running:
			return nil
		case c.lives():
			return errHeld
		}
		if !c.ended && c.book.epoch > 0 {
			c.attempts++
			c.lost++
			c.write("attempt_ended lost")
		}
		c.book.epoch++
		c.epoch, c.book.ttl, c.ended, c.left = c.book.epoch, c.ttl, false, false
		c.until = c.now().Add(c.ttl)
		c.write("leased %d", c.epoch)
		return nil
	})
}

func (c *client) Renew(ctx context.Context) (worker.State, error) {
	return c.do(ctx, "renew", func() error {
		if !c.holds() {
			return errFenced
		}
		c.until = c.now().Add(c.ttl)
		c.write("lease_renewed")
		return nil
	})
}

func (c *client) Release(ctx context.Context, outcome ledger.LeaseOutcome) (worker.State, error) {
	return c.do(ctx, "release", func() error {
		if !c.holds() {
			return errFenced
		}
		c.ended = true
		c.write("lease_released %s", outcome)
		return nil
	})
}

func (c *client) EndAttempt(ctx context.Context, cause ledger.AttemptCause, exit *process.Exit, tail []byte) (worker.State, error) {
	return c.do(ctx, "end", func() error {
		switch {
		case c.epoch != c.book.epoch:
			return errFenced
		case c.status.Final():
			return errTransition
		}
		if c.holds() {
			c.until = c.now().Add(c.ttl)
		}
		c.attempts++
		c.lost = 0
		if exit == nil {
			c.write("attempt_ended %s", cause)
		} else {
			c.write("attempt_ended %s %d", cause, exit.Code)
		}
		return nil
	})
}

// last writes the job's last event.
func (c *client) last(to projection.Status, format string, args ...any) error {
	switch {
	case !c.holds():
		return errFenced
	case c.grants > 0 && to == projection.Completed:
		return errUnsettled
	}
	c.to(to, projection.WaitsForNothing)
	c.write(format, args...)
	return nil
}

func (c *client) Complete(ctx context.Context, _ string) (worker.State, error) {
	return c.do(ctx, "complete", func() error { return c.last(projection.Completed, "completed") })
}

func (c *client) Fail(ctx context.Context, summary string, tail []byte) (worker.State, error) {
	return c.do(ctx, "fail", func() error { return c.last(projection.Failed, "failed %s; %s", summary, tail) })
}

func (c *client) Resume(ctx context.Context) (worker.State, error) {
	return c.do(ctx, "resume", func() error {
		if !c.approved {
			return errTransition
		}
		c.to(projection.Running, projection.WaitsForWorker)
		c.asked = false
		c.write("resumed by the supervisor")
		return nil
	})
}

// A child is a running script.
type child struct {
	book  *book
	state worker.State // as it was started
	n     int64        // the attempt

	mu     sync.Mutex
	term   chan struct{} // closed at Terminate
	killed chan struct{}
	expiry *time.Timer
	done   chan struct{}
	exit   process.Exit
}

// Sleep waits, and reports whether the script was not told to end.
func (c *child) sleep(d time.Duration) bool {
	select {
	case <-c.term:
		return false
	case <-c.killed:
		return false
	case <-time.After(d):
		return true
	}
}

// deaf waits, and does not heed being told to end.
func (c *child) deaf(d time.Duration) {
	select {
	case <-c.killed:
	case <-time.After(d):
	}
}

func (c *child) Wait() process.Exit {
	<-c.done
	return c.exit
}

func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.killed:
	default:
		close(c.killed)
	}
}

func (c *child) Terminate(grace time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.term:
	default:
		close(c.term)
	}
	time.AfterFunc(grace, c.kill)
}

func (c *child) Expire(in time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expiry.Reset(in)
}

func (c *child) Tail() []byte { return []byte("its end") }

// launcher starts scripts. A script returns its exit code.
type launcher struct {
	book   *book
	script func(c *child) int
	err    error

	mu      sync.Mutex
	running int
	started int
}

func (l *launcher) Start(_ context.Context, s worker.State, n int64) (worker.Child, error) {
	if l.err != nil {
		return nil, l.err
	}
	c := &child{book: l.book, state: s, n: n, term: make(chan struct{}), killed: make(chan struct{}), done: make(chan struct{})}
	c.expiry = time.AfterFunc(1000*time.Hour, c.kill)
	l.count(1)
	scripted := make(chan int, 1)
	go func() { scripted <- l.script(c) }()
	go func() {
		select {
		case code := <-scripted:
			c.exit = process.Exit{Code: code}
		case <-c.killed:
			c.exit = process.Exit{Code: 137, Signal: syscall.SIGKILL}
		}
		c.expiry.Stop()
		l.count(-1)
		close(c.done)
	}()
	return c, nil
}

func (l *launcher) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running += n; n > 0 {
		l.started++
	}
}
