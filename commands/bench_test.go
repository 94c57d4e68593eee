package commands_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/projection"
)

// epoch is what the tests' clocks read first.
var epoch = time.Date(2026, 11, 22, 20, 32, 58, 58e6, time.UTC)

// A hookedLog is a ledger in memory that counts commits, and makes them fail or
// wait.
type hookedLog struct {
	*store.Log

	mu       sync.Mutex
	appends  int          // calls of Commit
	loads    int          // calls of Load
	fail     []error      // what the next calls of Commit fail with
	onLoad   func()       // called once, when Load has read next
	onCommit func(n int)  // called before each commit with its number of events
	added    atomic.Int64 // events that batches have taken
}

func newLog(t testing.TB) *hookedLog {
	t.Helper()
	key := ledgertest.Key(ledgertest.Origin)
	return &hookedLog{Log: ledgertest.InMemory(t, ledgertest.First(key.VerifierKey()), key)}
}

// Load calls onLoad when it has read.
func (l *hookedLog) Load(ctx context.Context, jobs, requests []string, calls ...ledger.CallID) (ledger.Records, error) {
	found, err := l.Log.Load(ctx, jobs, requests, calls...)
	l.mu.Lock()
	l.loads++
	hook := l.onLoad
	l.onLoad = nil
	l.mu.Unlock()
	if hook != nil {
		hook()
	}
	return found, err
}

// Begin begins a batch whose commit is hooked.
func (l *hookedLog) Begin(ctx context.Context, at ledger.Head) (ledger.Batch, error) {
	b, err := l.Log.Begin(ctx, at)
	if err != nil {
		return nil, err
	}
	return &hookedBatch{Batch: b, log: l}, nil
}

type hookedBatch struct {
	ledger.Batch
	log    *hookedLog
	events int
}

// Add counts the events.
func (b *hookedBatch) Add(ctx context.Context, e ledger.Entry) error {
	b.events++
	err := b.Batch.Add(ctx, e)
	if err == nil {
		b.log.added.Add(1)
	}
	return err
}

// Commit fails with the next error of the log's, if there is one.
func (b *hookedBatch) Commit(ctx context.Context) (ledger.Receipt, error) {
	if hook := b.log.onCommit; hook != nil {
		hook(b.events)
	}
	if err := b.log.tryAppend(); err != nil {
		b.Discard()
		return ledger.Receipt{}, err
	}
	return b.Batch.Commit(ctx)
}

// tryAppend counts a commit, and returns what it is to fail with.
func (l *hookedLog) tryAppend() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appends++
	if len(l.fail) > 0 {
		err, l.fail = l.fail[0], l.fail[1:]
	}
	return err
}

// tried returns how many commits there were.
func (l *hookedLog) tried() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appends
}

// check verifies the log, and each job's stored view against one folded again.
func (l *hookedLog) check(t interface {
	Helper()
	Fatalf(string, ...any)
},
) {
	t.Helper()
	if err := l.Verify(context.Background(), nil, nil); err != nil {
		t.Fatalf("Verify = %v", err)
	}
	for job, err := range projection.Rebuild(context.Background(), l) {
		if err != nil || !job.Same() {
			t.Fatalf("stored view of %s is not the folded one (%v):\n%s\n%s", job.JobID, err, job.Stored, job.Made)
		}
	}
}

// A bench is an engine on a ledger in memory, with a clock and entropy that repeat.
type bench struct {
	t      testing.TB
	log    *hookedLog
	engine *commands.Engine
	now    time.Time // what the clock reads next; it ticks with every reading
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, log: newLog(t), now: epoch.Add(time.Second)}
	b.engine = &commands.Engine{Log: b.log, Entropy: rand.NewChaCha8([32]byte{7}), Now: func() time.Time {
		b.now = b.now.Add(time.Millisecond)
		return b.now
	}}
	return b
}

func (b *bench) do(r commands.Request) (commands.Result, error) {
	if r.JobID == "" {
		r.JobID = "job_1"
	}
	if r.Actor == "" {
		r.Actor = "worker_1"
	}
	return b.engine.Do(b.t.Context(), r)
}

// must carries out requests that have to succeed.
func (b *bench) must(requests ...commands.Request) (last commands.Result) {
	b.t.Helper()
	for _, r := range requests {
		result, err := b.do(r)
		if err != nil {
			b.t.Fatalf("%s by %q: %v", r.Command.Verb(), r.Actor, err)
		}
		last = result
	}
	b.log.check(b.t)
	return last
}

// refused carries out a request that must be refused with the code and exit
// given, as one event that changes nothing but the count of refusals.
func (b *bench) refused(r commands.Request, code projection.RefusalCode, exit int64) *commands.RefusedError {
	b.t.Helper()
	if r.JobID == "" {
		r.JobID = "job_1"
	}
	before, size := b.job(r.JobID), b.size()
	result, err := b.do(r)
	no, ok := errors.AsType[*commands.RefusedError](err)
	if !ok {
		b.t.Fatalf("%s by %q = %v, want a refusal %s", r.Command.Verb(), r.Actor, err, code)
	}
	if p := no.Result.Event.Payload().(ledger.Refused); no.Refusal.Code != code || p.Exit != exit {
		b.t.Errorf("%s by %q is refused as %s (exit %d), want %s (exit %d): %v", r.Command.Verb(), r.Actor,
			no.Refusal.Code, p.Exit, code, exit, no)
	}
	if diff := cmp.Diff(commands.Result{}, result, compareResults); diff != "" {
		b.t.Errorf("result beside a refusal (-want +got):\n%s", diff)
	}
	if !no.Result.Repeated && b.size() != size+1 {
		b.t.Errorf("a refusal wrote %d events, want 1", b.size()-size)
	}
	after := b.job(r.JobID)
	if no.Result.Repeated {
		before.JobSeq, before.Refusals, before.LastRefusal = after.JobSeq, after.Refusals, after.LastRefusal
	} else {
		before.JobSeq, before.Refusals, before.LastRefusal = before.JobSeq+1, before.Refusals+1, after.LastRefusal
		before.LastBlock = nil
	}
	if diff := cmp.Diff(before, after); diff != "" {
		b.t.Errorf("%s was refused, but changed the job (-before +after):\n%s", r.Command.Verb(), diff)
	}
	b.log.check(b.t)
	return no
}

// fails carries out a request that must fail without writing anything.
func (b *bench) fails(r commands.Request) error {
	b.t.Helper()
	size := b.size()
	_, err := b.do(r)
	if err == nil {
		b.t.Fatalf("%s by %q succeeded", r.Command.Verb(), r.Actor)
	}
	if b.size() != size {
		b.t.Errorf("%s failed with %q and wrote %d events", r.Command.Verb(), err, b.size()-size)
	}
	b.log.check(b.t)
	return err
}

func (b *bench) job(id string) projection.Job {
	b.t.Helper()
	j, _, _, err := projection.Load(b.t.Context(), b.log, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

func (b *bench) size() int64 { return b.log.Head().Size }

// earlier is a receipt as a retry gets it: without the signed checkpoint.
func earlier(r ledger.Receipt) ledger.Receipt {
	r.Checkpoint = nil
	return r
}

var compareResults = cmp.Comparer(func(a, b ledger.Event) bool { return bytes.Equal(a.Bytes(), b.Bytes()) })

// Short forms of the requests that histories are made of.
const env = "envfp:here"

func by(actor string, c commands.Command) commands.Request {
	return commands.Request{Actor: actor, Command: c}
}

func submit() commands.Request {
	return by("boss", commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test"})
}

func checkpoint(t ledger.CheckpointType) commands.Request {
	c := commands.AddCheckpoint{Type: t, Summary: "about " + string(t)}
	if t == ledger.CheckpointDecisionNeeded {
		c.RequiredAction = "decide"
	}
	return by("worker_1", c)
}

func decision() commands.Request { return checkpoint(ledger.CheckpointDecisionNeeded) }
func blocked() commands.Request  { return checkpoint(ledger.CheckpointBlocked) }
func pause() commands.Request    { return by("worker_1", commands.Pause{}) }
func hold() commands.Request     { return by("worker_1", commands.Pause{Hold: true}) }
func resume() commands.Request {
	return by("worker_1", commands.Resume{EnvironmentFingerprint: env})
}
func approve(actor string) commands.Request { return by(actor, commands.Approve{}) }
func deny(actor string) commands.Request    { return by(actor, commands.Deny{}) }
