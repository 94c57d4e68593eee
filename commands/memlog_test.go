package commands_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

const origin = "gait.test/log"

// epoch is what the tests' clocks read first.
var epoch = time.Date(2026, 11, 22, 20, 32, 58, 58e6, time.UTC)

// A memLog is a ledger in memory that keeps bytes, as a real one does, and
// appends by compare-and-swap.
type memLog struct {
	mu       sync.Mutex
	head     ledger.Head
	tree     ledger.Tree
	events   [][]byte
	jobs     map[string]*memJob
	requests map[string]ledger.Seq

	appends int     // calls of Append
	fail    []error // what the next calls of Append fail with
	onView  func()  // called once, when a view is read next

	onCommit func(n int) // called before each commit with its number of events
}

type memJob struct {
	head ledger.JobHead
	seqs []ledger.Seq
	view []byte
}

var _ commands.Log = (*memLog)(nil)

func newLog(t testing.TB) *memLog {
	t.Helper()
	key, err := ledger.GenerateKey(bytes.NewReader(make([]byte, 32)), origin)
	if err != nil {
		t.Fatal(err)
	}
	first, err := ledger.Seal(ledger.Event{ID: "01JDAAAAAAAAAAAAAAAAAAAAAA", Origin: origin, Time: epoch, Actor: "os:test",
		Payload: ledger.LedgerCreated{Format: ledger.Format, Key: key.VerifierKey().String()}})
	if err != nil {
		t.Fatal(err)
	}
	l := &memLog{jobs: map[string]*memJob{}, requests: map[string]ledger.Seq{}}
	if _, err := l.Append(ledger.Head{}, ledger.Entry{Event: first}); err != nil {
		t.Fatal(err)
	}
	l.appends = 0
	return l
}

func (l *memLog) Origin() string { return origin }

func (l *memLog) Head() ledger.Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

func (l *memLog) JobHead(job string) (ledger.JobHead, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j, ok := l.jobs[job]
	if !ok {
		return ledger.JobHead{}, false, nil
	}
	return j.head, true, nil
}

func (l *memLog) View(job string) ([]byte, bool, error) {
	if hook := l.onView; hook != nil {
		l.onView = nil
		hook()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	j, ok := l.jobs[job]
	if !ok || j.view == nil {
		return nil, false, nil
	}
	return bytes.Clone(j.view), true, nil
}

func (l *memLog) Request(id string) (ledger.Seq, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq, ok := l.requests[id]
	return seq, ok, nil
}

func (l *memLog) Event(seq ledger.Seq) (ledger.Event, error) {
	l.mu.Lock()
	raw := l.events[seq]
	l.mu.Unlock()
	return ledger.Decode(raw)
}

func (l *memLog) JobEvents(job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		l.mu.Lock()
		var seqs []ledger.Seq
		if j, ok := l.jobs[job]; ok {
			seqs = j.seqs[from-1:]
		}
		l.mu.Unlock()
		for _, seq := range seqs {
			e, err := l.Event(seq)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// A memBatch is a batch of a memLog. Whether it follows the head shows when it
// is committed.
type memBatch struct {
	log     *memLog
	at      ledger.Head
	entries []ledger.Entry
}

func (l *memLog) Begin(at ledger.Head) (ledger.Batch, error) { return &memBatch{log: l, at: at}, nil }

func (b *memBatch) Add(e ledger.Entry) error { b.entries = append(b.entries, e); return nil }
func (b *memBatch) Sign() error              { return nil }
func (b *memBatch) Discard()                 {}

func (b *memBatch) Commit() (ledger.Receipt, error) {
	if hook := b.log.onCommit; hook != nil {
		hook(len(b.entries))
	}
	return b.log.Append(b.at, b.entries...)
}

// tried returns how many appends there were.
func (l *memLog) tried() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appends
}

// Append writes all entries or none.
func (l *memLog) Append(at ledger.Head, entries ...ledger.Entry) (receipt ledger.Receipt, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appends++
	if len(l.fail) > 0 {
		err := l.fail[0]
		l.fail = l.fail[1:]
		return ledger.Receipt{}, err
	}
	if at.Size != l.head.Size || at.Leaf != l.head.Leaf {
		return ledger.Receipt{}, ledger.ErrConflict
	}
	for _, e := range entries {
		if receipt, err = l.put(e); err != nil {
			return ledger.Receipt{}, fmt.Errorf("half a batch is written: %w", err)
		}
	}
	return receipt, nil
}

func (l *memLog) put(entry ledger.Entry) (ledger.Receipt, error) {
	e := entry.Event
	head, err := l.head.Follow(e)
	if err != nil {
		return ledger.Receipt{}, err
	}
	if _, used := l.requests[e.RequestID]; used {
		return ledger.Receipt{}, fmt.Errorf("request id %s is on the ledger already", e.RequestID)
	}
	if e.JobID != "" {
		j := l.jobs[e.JobID]
		if j == nil {
			j = &memJob{}
		}
		jobHead, err := j.head.Follow(e)
		if err != nil {
			return ledger.Receipt{}, err
		}
		view := bytes.Clone(entry.View)
		if view == nil {
			view = j.view
		}
		l.jobs[e.JobID] = &memJob{head: jobHead, seqs: append(j.seqs, e.Seq), view: view}
	}
	if e.RequestID != "" {
		l.requests[e.RequestID] = e.Seq
	}
	l.head = head
	l.events = append(l.events, bytes.Clone(e.Bytes()))
	l.tree.Append(e.LeafHash(), nil)
	return ledger.Receipt{Seq: e.Seq, Leaf: e.LeafHash(), Revision: e.Revision, TreeSize: l.tree.Size()}, nil
}

// check re-reads the log from its bytes: chain, tree, request ids, and each
// job's stored view against one folded anew.
func (l *memLog) check(t interface {
	Helper()
	Fatalf(string, ...any)
}) {
	t.Helper()
	var head ledger.Head
	var tree ledger.Tree
	folds := map[string]*projection.Folder{}
	for i, raw := range l.events {
		e, err := ledger.Decode(raw)
		if err != nil {
			t.Fatalf("decoding event %d: %v", i, err)
		}
		if head, err = head.Follow(e); err != nil {
			t.Fatalf("chain: %v", err)
		}
		tree.Append(e.LeafHash(), nil)
		if seq, ok := l.requests[e.RequestID]; e.RequestID != "" && (!ok || seq != e.Seq) {
			t.Fatalf("request id %s leads to event %d, want %d", e.RequestID, seq, e.Seq)
		}
		if e.JobID == "" {
			continue
		}
		if folds[e.JobID] == nil {
			folds[e.JobID] = &projection.Folder{}
		}
		if err := folds[e.JobID].Add(e); err != nil {
			t.Fatalf("folding event %d: %v", i, err)
		}
	}
	if head != l.head || tree.Root() != l.tree.Root() || len(folds) != len(l.jobs) {
		t.Fatalf("the log's head, root and jobs are not those of its events")
	}
	for id, f := range folds {
		if f.Head != l.jobs[id].head {
			t.Fatalf("head of %s = %v, want %v", id, l.jobs[id].head, f.Head)
		}
		view := projection.EncodeJob(f.Job, f.Head.Leaf)
		if !bytes.Equal(view, l.jobs[id].view) {
			t.Fatalf("stored view of %s is not the folded one:\n%s\n%s", id, l.jobs[id].view, view)
		}
	}
}

// A bench is an engine on a memLog, with a clock and entropy that repeat.
type bench struct {
	t      testing.TB
	log    *memLog
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

// must carries out requests that the test takes for granted.
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
func (b *bench) refused(r commands.Request, code string, exit int) *commands.RefusedError {
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
	if no.Refusal.Code != code || no.Refusal.Exit() != exit {
		b.t.Errorf("%s by %q is refused as %s (exit %d), want %s (exit %d): %v", r.Command.Verb(), r.Actor,
			no.Refusal.Code, no.Refusal.Exit(), code, exit, no)
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
	j, _, _, err := projection.Load(b.log, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

func (b *bench) size() int64 { return b.log.Head().Size }

var compareResults = cmp.Comparer(func(a, b ledger.Event) bool { return bytes.Equal(a.Bytes(), b.Bytes()) })

// Shorthands for the requests that histories are made of.
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
func resume() commands.Request {
	return by("worker_1", commands.Resume{EnvironmentFingerprint: env})
}
func approve(actor string) commands.Request { return by(actor, commands.Approve{}) }
func deny(actor string) commands.Request    { return by(actor, commands.Deny{}) }
