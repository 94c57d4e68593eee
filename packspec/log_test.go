package packspec_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/packspec"
	"gait/packspec/packtest"
)

const origin = "gait.example/packs"

// A testLog is a ledger in memory: what an engine writes to and a pack is made
// from.
type testLog struct {
	*store.Log
	t     testing.TB
	key   ledger.PrivateKey
	moves int // how often job_1 moves on while the checkpoint is looked at
}

func testKey(t testing.TB, seed byte) ledger.PrivateKey {
	t.Helper()
	k, err := ledger.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)), origin)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newLog(t testing.TB, key ledger.PrivateKey) *testLog {
	t.Helper()
	first, err := ledger.Seal(ledger.Draft{
		ID: "01JD0000000000000000000000", Origin: origin, Time: clock(0)(), Actor: "os:root",
		Payload: ledger.LedgerCreated{Format: ledger.Format, Key: key.VerifierKey().PublicKey().String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{Log: ledgertest.InMemory(t, first, key), t: t, key: key}
}

// clock returns a clock that reads the n-th minute.
func clock(n int) func() time.Time {
	return func() time.Time {
		n++
		return time.Date(2026, 11, 22, 20, n, 0, 123e6, time.UTC)
	}
}

// add appends events that are sealed already, and have no view.
func (l *testLog) add(events ...ledger.Event) {
	l.t.Helper()
	var entries []ledger.Entry
	for _, e := range events {
		entries = append(entries, ledger.Entry{Event: e})
	}
	if _, err := l.Append(context.Background(), l.Head(), entries...); err != nil {
		l.t.Fatal(err)
	}
}

// Checkpoint lets job_1 move on once it has been looked at.
func (l *testLog) Checkpoint() (ledger.Checkpoint, []byte) {
	c, signed := l.Log.Checkpoint()
	if l.moves == 0 {
		return c, signed
	}
	l.moves--
	head, job := l.Head(), l.jobHead("job_1")
	e, err := ledger.Seal(ledger.Draft{
		Seq: ledger.Seq(head.Size), ID: "01JD0000000000000000000000", Origin: origin, Time: head.Time, Actor: "mover", Prev: head.Leaf,
		JobID: "job_1", JobSeq: job.JobSeq + 1, JobPrev: job.Leaf, Revision: job.Revision,
		Payload: ledger.Refused{Command: "pause", Exit: 6, Refusal: fmt.Sprintf("moved_%c", 'a'+l.moves%26)},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.add(e)
	return c, signed
}

func (l *testLog) checkpoint() ledger.Checkpoint {
	c, _ := l.Log.Checkpoint()
	return c
}

func (l *testLog) signed() []byte {
	_, signed := l.Log.Checkpoint()
	return signed
}

func (l *testLog) jobHead(job string) ledger.JobHead {
	l.t.Helper()
	head, _, err := ledger.FindJob(context.Background(), l, job)
	if err != nil {
		l.t.Fatal(err)
	}
	return head
}

// at is the time of a job's last event, as packs show it.
func (l *testLog) at(job string) string { return ledger.FormatTime(l.jobHead(job).Time) }

func (l *testLog) event(seq ledger.Seq) ledger.Event {
	l.t.Helper()
	e, err := l.Event(context.Background(), seq)
	if err != nil {
		l.t.Fatal(err)
	}
	return e
}

// all returns all events.
func (l *testLog) all() []ledger.Event { return l.read(l.Events(context.Background(), 0)) }

func (l *testLog) read(events ledger.Events) (all []ledger.Event) {
	l.t.Helper()
	for e, err := range events {
		if err != nil {
			l.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func (l *testLog) job(id string) []ledger.Event {
	return l.read(l.JobEvents(context.Background(), id, 1))
}

// cosign has witnesses cosign the newest checkpoint.
func (l *testLog) cosign(names ...string) {
	l.t.Helper()
	for _, name := range names {
		w := ledgertest.NewWitness(name)
		note := append(bytes.Clone(l.signed()), w.Line(l.signed(), cosignedAt)...)
		by, err := ledger.Cosignatures(note, []ledger.WitnessKey{w.Key})
		if err == nil {
			err = l.Keep(context.Background(), l.signed(), by[0])
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

var cosignedAt = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// A script runs commands against a log, each by the actor named.
type script struct {
	t   testing.TB
	log *testLog
	do  func(job, actor, reason string, c commands.Command) error
}

func newScript(t testing.TB, l *testLog) script {
	engine := &commands.Engine{Log: l, Now: clock(int(l.Head().Size)), Entropy: rand.NewChaCha8([32]byte{byte(l.Head().Size)})}
	return script{t: t, log: l, do: func(job, actor, reason string, c commands.Command) error {
		_, err := engine.Do(t.Context(), commands.Request{JobID: job, Actor: actor, Reason: reason, Command: c})
		return err
	}}
}

func (s script) ok(job, actor, reason string, c commands.Command) {
	s.t.Helper()
	if err := s.do(job, actor, reason, c); err != nil {
		s.t.Fatalf("%s %s: %v", c.Verb(), job, err)
	}
}

func (s script) refused(job, actor string, c commands.Command) {
	s.t.Helper()
	if err := s.do(job, actor, "", c); err == nil {
		s.t.Fatalf("%s %s by %s was not refused", c.Verb(), job, actor)
	}
}

// history is a log with job_1, whose life has a bit of everything, and another
// job whose events stand between.
func history(t testing.TB, key ledger.PrivateKey) *testLog {
	l := newLog(t, key)
	s := newScript(t, l)
	policy := ledger.LeafHash([]byte("policy"))
	s.ok("job_1", "worker_1", "", commands.Submit{
		EnvironmentFingerprint: "envfp:x", Identity: "agent/7", PolicyDigest: policy, PolicyRef: "p<1>&é",
		Labels: []ledger.Label{{Key: "team", Value: "\"blue\" \\ 🟦"}}, ProducerVersion: "gait test",
	})
	s.ok("job_2", "worker_2", "", commands.Submit{EnvironmentFingerprint: "envfp:y", ProducerVersion: "gait test"})
	s.ok("job_1", "worker_1", "", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "step <1> done & ready"})
	s.ok("job_1", "worker_1", "", commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "may I?", RequiredAction: "say yes"})
	s.refused("job_1", "worker_1", commands.Approve{})
	s.ok("job_1", "reviewer_1", "not yet", commands.Deny{})
	s.ok("job_1", "reviewer_2", "now it is", commands.Approve{})
	s.ok("job_2", "worker_2", "", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"})
	s.ok("job_1", "worker_1", "goes on", commands.Resume{EnvironmentFingerprint: "envfp:x", PolicyDigest: policy})
	s.ok("job_1", "operator", "", commands.Pause{})
	s.ok("job_1", "worker_1", "", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "late"})
	return l
}

func build(t testing.TB, l *testLog, job string) []byte {
	t.Helper()
	var b packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &b, l, job, l.key, packspec.JobOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(t testing.TB, pack []byte, keys ...ledger.PrivateKey) packspec.Report {
	t.Helper()
	var o packspec.Options
	for _, k := range keys {
		o.Trusted = append(o.Trusted, packspec.TrustedKey{Key: k.VerifierKey().PublicKey(), From: "trusted_keys:1"})
	}
	report, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return report
}

// files returns the entries of a pack, in order.
func files(t testing.TB, pack []byte) []packspec.File {
	t.Helper()
	return readZip(t, pack)
}

func file(fs []packspec.File, name string) *packspec.File { return packtest.Find(fs, name) }

// A forgetfulLog does not show one event of a job the second time.
type forgetfulLog struct {
	*testLog
	drop   int64
	passes int
}

func (l *forgetfulLog) JobEvents(ctx context.Context, job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		l.passes++
		for e, err := range l.testLog.JobEvents(ctx, job, from) {
			if (l.passes == 1 || e.JobSeq() != l.drop) && !yield(e, err) {
				return
			}
		}
	}
}
