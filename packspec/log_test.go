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
	"gait/packspec"
	"gait/packspec/packtest"
)

const origin = "gait.example/packs"

// A memoryLog is a whole log in memory: what an engine writes to and a pack is
// made from.
type memoryLog struct {
	key    ledger.PrivateKey
	events []ledger.Event
	leaves []ledger.Hash
	tree   ledger.Tree
	head   ledger.Head
	jobs   map[string]ledger.JobHead
	signed []byte
	moves  int // how often job_1 moves on while the checkpoint is looked at

	cosigned []byte // the newest checkpoint that witnesses have cosigned
}

func testKey(t testing.TB, seed byte) ledger.PrivateKey {
	t.Helper()
	k, err := ledger.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)), origin)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newLog(t testing.TB, key ledger.PrivateKey) *memoryLog {
	t.Helper()
	l := &memoryLog{key: key, jobs: map[string]ledger.JobHead{}}
	first, err := ledger.Seal(ledger.Event{ID: "01JD0000000000000000000000", Origin: origin, Time: clock(0)(), Actor: "os:root",
		Payload: ledger.LedgerCreated{Format: ledger.Format, Key: key.VerifierKey().PublicKey().String()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), ledger.Head{}, ledger.Entry{Event: first}); err != nil {
		t.Fatal(err)
	}
	return l
}

// clock returns a clock that reads the n-th minute.
func clock(n int) func() time.Time {
	return func() time.Time {
		n++
		return time.Date(2026, 11, 22, 20, n, 0, 123e6, time.UTC)
	}
}

func (l *memoryLog) Append(_ context.Context, at ledger.Head, entries ...ledger.Entry) (r ledger.Receipt, err error) {
	if at != l.head {
		return r, ledger.ErrConflict
	}
	for _, entry := range entries {
		e := entry.Event
		if l.head, err = l.head.Follow(e); err != nil {
			return r, err
		}
		if e.JobID != "" {
			if l.jobs[e.JobID], err = l.jobs[e.JobID].Follow(e); err != nil {
				return r, err
			}
		}
		l.events, l.leaves = append(l.events, e), append(l.leaves, e.LeafHash())
		l.tree.Append(e.LeafHash(), nil)
		r = ledger.Receipt{Seq: e.Seq, Leaf: e.LeafHash(), Revision: e.Revision, TreeSize: l.head.Size}
	}
	l.signed, err = l.checkpoint().Sign(l.key)
	return r, err
}

func (l *memoryLog) checkpoint() ledger.Checkpoint {
	return ledger.Checkpoint{Origin: origin, Size: l.tree.Size(), Root: l.tree.Root()}
}

func (l *memoryLog) Origin() string                        { return origin }
func (l *memoryLog) Key() ledger.VerifierKey               { return l.key.VerifierKey() }
func (l *memoryLog) Rotations() ([]ledger.Rotation, error) { return nil, nil }

func (l *memoryLog) Head() ledger.Head { return l.head }

func (l *memoryLog) Checkpoint() (ledger.Checkpoint, []byte) {
	c, signed := l.checkpoint(), l.signed
	if l.moves > 0 {
		l.moves--
		head, job := l.head, l.jobs["job_1"]
		e, err := ledger.Seal(ledger.Event{Seq: ledger.Seq(head.Size), ID: "01JD0000000000000000000000", Origin: origin, Time: head.Time, Actor: "mover", Prev: head.Leaf,
			JobID: "job_1", JobSeq: job.JobSeq + 1, JobPrev: job.Leaf, Revision: job.Revision, Payload: ledger.Refused{Command: "pause", Exit: 6, Refusal: fmt.Sprintf("moved_%c", 'a'+l.moves%26)}})
		if err != nil {
			panic(err)
		}
		if _, err := l.Append(context.Background(), head, ledger.Entry{Event: e}); err != nil {
			panic(err)
		}
	}
	return c, signed
}

func (l *memoryLog) JobHead(job string) (ledger.JobHead, bool, error) {
	h, ok := l.jobs[job]
	return h, ok, nil
}

func (l *memoryLog) View(string) ([]byte, bool, error)        { return nil, false, nil }
func (l *memoryLog) Request(string) (ledger.Seq, bool, error) { return 0, false, nil }

func (l *memoryLog) Event(seq ledger.Seq) (ledger.Event, error) { return l.events[seq], nil }

func (l *memoryLog) JobEvents(job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range l.events {
			if e.JobID == job && e.JobSeq >= from && !yield(e, nil) {
				return
			}
		}
	}
}

// A memoryBatch appends its one entry when it is committed.
type memoryBatch struct {
	log   *memoryLog
	at    ledger.Head
	entry ledger.Entry
}

func (l *memoryLog) Begin(at ledger.Head) (ledger.Batch, error) {
	return &memoryBatch{log: l, at: at}, nil
}

func (b *memoryBatch) Add(e ledger.Entry) error { b.entry = e; return nil }
func (b *memoryBatch) Sign() error              { return nil }
func (b *memoryBatch) Discard()                 {}
func (b *memoryBatch) Commit() (ledger.Receipt, error) {
	return b.log.Append(context.Background(), b.at, b.entry)
}

func (l *memoryLog) job(id string) []ledger.Event {
	var events []ledger.Event
	for e := range l.JobEvents(id, 1) {
		events = append(events, e)
	}
	return events
}

func (l *memoryLog) ProofIn(signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	c, err := ledger.OpenCheckpoint(signed, l.Key())
	if err != nil {
		return ledger.Proof{}, err
	}
	return ledger.Prove(seq, c, signed, l.tile)
}

func (l *memoryLog) CosignedCheckpoint() ([]byte, error) { return l.cosigned, nil }

// cosign has witnesses cosign the newest checkpoint.
func (l *memoryLog) cosign(names ...string) {
	signed := bytes.Clone(l.signed)
	for _, name := range names {
		signed = append(signed, ledgertest.NewWitness(name).Line(l.signed, cosignedAt)...)
	}
	l.cosigned = signed
}

var cosignedAt = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// tile makes a tile's hashes from the leaves under it.
func (l *memoryLog) tile(level int, n int64, width int) ([]byte, error) {
	span := int64(1) << (level * ledger.TileHeight)
	var out []byte
	for i := range int64(width) {
		var sub ledger.Tree
		start := (n*ledger.TileWidth + i) * span
		for _, leaf := range l.leaves[start : start+span] {
			sub.Append(leaf, nil)
		}
		root := sub.Root()
		out = append(out, root[:]...)
	}
	return out, nil
}

// A script runs commands against a log, each by the actor named.
type script struct {
	t   testing.TB
	log *memoryLog
	do  func(job, actor, reason string, c commands.Command) error
}

func newScript(t testing.TB, l *memoryLog) script {
	engine := &commands.Engine{Log: l, Now: clock(int(l.head.Size)), Entropy: rand.NewChaCha8([32]byte{byte(l.head.Size)})}
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
func history(t testing.TB, key ledger.PrivateKey) *memoryLog {
	l := newLog(t, key)
	s := newScript(t, l)
	policy := ledger.LeafHash([]byte("policy"))
	s.ok("job_1", "worker_1", "", commands.Submit{EnvironmentFingerprint: "envfp:x", Identity: "agent/7", PolicyDigest: policy, PolicyRef: "p<1>&é",
		Labels: []ledger.Label{{Key: "team", Value: "\"blue\" \\ 🟦"}}, ProducerVersion: "gait test"})
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

func build(t testing.TB, l *memoryLog, job string) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := packspec.BuildJob(&b, l, job, l.key); err != nil {
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
