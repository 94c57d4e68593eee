package notify_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gait/commands/notify"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A receiver is a target that takes what it wants, and checks every signature.
type receiver struct {
	t   *testing.T
	key string // whpk_

	mu   sync.Mutex
	got  []string
	fail func(attempt int, kind string) error
	all  int
	took chan string
}

func (r *receiver) Deliver(_ context.Context, m notify.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.key, "whpk_"))
	sig, errSig := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Signature, "v1a,"))
	if err != nil || errSig != nil || !ed25519.Verify(public, []byte(m.ID+"."+m.Timestamp+"."+string(m.Body)), sig) {
		r.t.Errorf("message %s is not signed by %s: %v, %v", m.ID, r.key, err, errSig)
	}
	var body struct{ ID, Type string }
	if err := json.Unmarshal(m.Body, &body); err != nil || m.ID != "msg_"+body.ID {
		r.t.Errorf("message %s is about %s: %v", m.ID, body.ID, err)
	}
	r.all++
	if r.fail != nil {
		if err := r.fail(r.all, body.Type); err != nil {
			return err
		}
	}
	r.got = append(r.got, body.Type)
	r.took <- body.Type
	return nil
}

// told returns what the receiver was told so far.
func (r *receiver) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// A cursor is kept in memory.
type cursor struct {
	mu   sync.Mutex
	next ledger.Seq
	ok   bool
	err  error

	unread error
}

func (c *cursor) Load() (ledger.Seq, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next, c.ok, c.unread
}

func (c *cursor) Save(next ledger.Seq) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.next, c.ok = next, true
	}
	return c.err
}

// A log grows by events that are given to it.
type log struct {
	mu      sync.Mutex
	events  []ledger.Event
	changed chan struct{}
}

func (l *log) Head() ledger.Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ledger.Head{Size: int64(len(l.events))}
}

func (l *log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func (l *log) Events(_ context.Context, from ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		l.mu.Lock()
		events := l.events[from:]
		l.mu.Unlock()
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (l *log) add(payloads ...ledger.Payload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range payloads {
		seq := len(l.events)
		d := ledger.Draft{
			Seq: ledger.Seq(seq), ID: "01M82FCH4GZ2G1MGR00N28YWAR", Origin: "notify.test", Time: time.UnixMilli(1795379578000 + int64(seq)).UTC(),
			Actor: "worker", JobID: "job_1", JobSeq: int64(seq), Revision: int64(seq), Payload: p, Prev: ledger.Hash{1}, JobPrev: ledger.Hash{2},
		}
		if d.JobSeq == 1 {
			d.JobPrev = ledger.Hash{}
		}
		if seq == 0 {
			d.JobID, d.JobSeq, d.JobPrev, d.Revision, d.Prev = "", 0, ledger.Hash{}, 0, ledger.Hash{}
		}
		e, err := ledger.Seal(d)
		if err != nil {
			panic(err)
		}
		l.events = append(l.events, e)
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func newLog() *log {
	key := ledgertest.Key("notify.test").VerifierKey()
	l := &log{changed: make(chan struct{})}
	l.add(ledger.LedgerCreated{Format: 1, Key: key.String()})
	l.add(ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "v"})
	return l
}

var told = []ledger.Payload{
	ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "s"}, // not told
	ledger.CheckpointAdded{CheckpointID: "cp_0002", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "s", RequiredAction: "r"},
	ledger.Approved{CheckpointID: "cp_0002", Reason: "r", Target: ledger.Hash{3}},
	ledger.Paused{Reason: "r"},
	ledger.Stopped{Reason: "r"},
}

var toldTypes = []string{"gait.job.checkpoint_added", "gait.job.approved", "gait.job.paused", "gait.job.emergency_stop_acknowledged"}

func (r *receiver) expect(want ...string) {
	r.t.Helper()
	for _, w := range want {
		select {
		case got := <-r.took:
			if got != w {
				r.t.Errorf("was told of %s, want %s", got, w)
			}
		case <-time.After(time.Minute):
			r.t.Fatalf("was not told of %s", w)
		}
	}
}

// newNotifier returns a notifier of a receiver, and what it says of its attempts, in order.
func newNotifier(t *testing.T, l *log, r *receiver, c notify.Cursor) (n *notify.Notifier, attempts *[]notify.Attempt) {
	t.Helper()
	key := ledgertest.Key("notify.test")
	r.t, r.key, r.took, attempts = t, notify.PublicKey(key.VerifierKey()), make(chan string, 100), new([]notify.Attempt)
	told := func(a notify.Attempt) { *attempts = append(*attempts, a) }
	return &notify.Notifier{Log: l, Signer: key, Target: r, Cursor: c, Now: ledgertest.Now, Told: told}, attempts
}

func start(t *testing.T, l *log, r *receiver, c notify.Cursor) (stop func()) {
	t.Helper()
	n, _ := newNotifier(t, l, r, c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	return func() { cancel(); <-ended }
}

// A target is told of decisions and stops, in order, from when it was first named; after a
// restart it is told of what happened meanwhile, and of nothing twice.
func TestInOrderOverRestarts(t *testing.T) {
	l, c := newLog(), &cursor{}
	l.add(ledger.Paused{Reason: "before"})
	var r receiver
	stop := start(t, l, &r, c)
	for { // begun
		if _, ok, _ := c.Load(); ok {
			break
		}
		time.Sleep(time.Millisecond)
	}
	l.add(told...)
	r.expect(toldTypes...)
	stop()
	l.add(told...)
	stop = start(t, l, &r, c)
	r.expect(toldTypes...)
	stop()
	if len(r.got) != 2*len(toldTypes) {
		t.Errorf("was told of %v", r.got)
	}
}

// A cursor that is ahead of the ledger begins at its end.
func TestCursorAhead(t *testing.T) {
	l, ahead := newLog(), &cursor{next: 1000, ok: true}
	l.add(told...)
	var idle receiver
	stop := start(t, l, &idle, ahead)
	for {
		if next, _, _ := ahead.Load(); next == ledger.Seq(l.Head().Size) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	l.add(ledger.Paused{Reason: "now"})
	idle.expect("gait.job.paused")
	stop()
}
