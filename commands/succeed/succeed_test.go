package succeed_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"iter"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/succeed"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
	"gait/projection"
)

const env = "envfp:test"

// A place is a ledger in memory, with an engine that decides commands on it and the
// content beside it.
type place struct {
	t       testing.TB
	log     *store.Log
	engine  *commands.Engine
	content map[ledger.Hash][]byte

	newestUnknown bool // succeed.Writer.NewestUnknown of its successor
}

func (p *place) inherited(r ledger.Requests) iter.Seq2[mpt.Key, error] {
	return ledger.ReadRequests(bytes.NewReader(p.content[r.Digest]), r)
}

var epoch = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

// begin makes a ledger of an origin. rest may be nil.
func begin(t testing.TB, origin string, was *ledger.Predecessor, content map[ledger.Hash][]byte, rest func(ledger.Event) iter.Seq2[ledger.Entry, error]) (*place, error) {
	t.Helper()
	key := ledgertest.Key(origin)
	first, err := ledger.Seal(ledger.Draft{ID: "01JA0000000000000000000000", Origin: origin, Time: epoch, Actor: "operator", Payload: ledger.LedgerCreated{
		Format: ledger.Format, Key: key.VerifierKey().String(), Predecessor: was,
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, content: content}
	o := store.Options{Signer: key, Keys: ledgertest.MACKeys, Inherited: p.inherited}
	table := new(memtable.Table)
	var entries iter.Seq2[ledger.Entry, error]
	if rest != nil {
		entries = rest(first)
	}
	if err := store.CreateFrom(t.Context(), table, first, entries, o); err != nil {
		return nil, err
	}
	table.Reopen()
	if p.log, err = store.Open(t.Context(), table, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.log.Close() })
	now := epoch
	p.engine = &commands.Engine{Log: p.log, Now: func() time.Time { now = now.Add(time.Second); return now }, Entropy: ledgertest.EntropyOf(origin)}
	return p, nil
}

func (p *place) do(job, actor string, c commands.Command, requestID string) (commands.Result, error) {
	reason := ""
	switch c.(type) {
	case commands.Approve, commands.Deny, commands.Stop, commands.Pause:
		reason = "because"
	}
	return p.engine.Do(p.t.Context(), commands.Request{Command: c, JobID: job, Actor: actor, Reason: reason, RequestID: requestID})
}

func (p *place) must(job, actor string, c commands.Command) projection.Job {
	p.t.Helper()
	r, err := p.do(job, actor, c, "")
	if err != nil {
		p.t.Fatalf("%s of %s = %v", c.Verb(), job, err)
	}
	return r.Job
}

func submit() commands.Command {
	return commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test"}
}

func checkpoint(kind ledger.CheckpointType) commands.Command {
	return commands.AddCheckpoint{Type: kind, Summary: "about " + string(kind), RequiredAction: map[bool]string{true: "decide"}[kind == ledger.CheckpointDecisionNeeded]}
}

// story makes a ledger with jobs in many states.
func story(t testing.TB) *place {
	p, err := begin(t, "gait.test/first", nil, map[ledger.Hash][]byte{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range []string{"running", "asked", "stopped", "done", "paused"} {
		if _, err := p.do(job, "boss", submit(), "submit-"+job); err != nil {
			t.Fatal(err)
		}
		p.must(job, "worker_1", checkpoint(ledger.CheckpointProgress))
	}
	p.must("asked", "worker_1", checkpoint(ledger.CheckpointDecisionNeeded))
	p.must("asked", "worker_2", checkpoint(ledger.CheckpointDecisionNeeded))
	p.must("stopped", "boss", commands.Stop{})
	p.must("done", "worker_1", checkpoint(ledger.CheckpointCompleted))
	p.must("paused", "boss", commands.Pause{Hold: true})
	p.must("running", "worker_1", checkpoint(ledger.CheckpointProgress))
	return p
}

func (p *place) options() succeed.Options { return succeed.Options{Inherited: p.inherited} }

// A found is what was found of a ledger that is continued.
type found struct {
	*succeed.Plan
	*succeed.Survey
	Found ledger.Checkpoint
}

// plan surveys a source, and plans to continue it and nothing else.
func (p *place) plan(from succeed.Source) (found, error) {
	s, err := succeed.Look(p.t.Context(), from, p.options())
	if err != nil {
		return found{}, err
	}
	plan, err := succeed.Join(p.t.Context(), s)
	return found{Plan: plan, Survey: s, Found: s.Found}, err
}

// successor continues all of a ledger in another one.
func (p *place) successor(from succeed.Source, origin string) (*place, found, error) {
	p.t.Helper()
	s, err := p.plan(from)
	if err != nil {
		return nil, s, err
	}
	seen, _ := from.Checkpoint()
	next, err := p.continued(s.Plan, seen, origin)
	return next, s, err
}

// continued makes the successor of a plan.
func (p *place) continued(s *succeed.Plan, seen ledger.Checkpoint, origin string) (*place, error) {
	p.t.Helper()
	content := map[ledger.Hash][]byte{}
	if s.Requests != nil {
		content[s.Requests.Digest] = s.Content
	}
	was := &ledger.Predecessor{Origin: seen.Origin, SeenSize: seen.Size, SeenRoot: seen.Root, FoundSize: s.Found.Size, FoundRoot: s.Found.Root, Requests: s.Requests}
	return begin(p.t, origin, was, content, func(first ledger.Event) iter.Seq2[ledger.Entry, error] {
		w := keeper(p.t, content)
		w.NewestUnknown = p.newestUnknown
		return s.Entries(p.t.Context(), first, w)
	})
}

func keeper(t testing.TB, content map[ledger.Hash][]byte) succeed.Writer {
	now := epoch
	return succeed.Writer{
		Actor: "operator", Now: func() time.Time { now = now.Add(time.Millisecond); return now }, Entropy: ledgertest.EntropyOf(t.Name()),
		KeepAll: func(use func(func([]byte) error) error) error {
			return use(func(b []byte) error {
				content[sha256.Sum256(b)] = bytes.Clone(b)
				return nil
			})
		},
	}
}

// check verifies a ledger, and that each job's view is what its events say.
func (p *place) check() {
	p.t.Helper()
	if err := p.log.Verify(p.t.Context(), nil, nil); err != nil {
		p.t.Fatalf("Verify = %v", err)
	}
	for job, err := range projection.Rebuild(p.t.Context(), p.log) {
		if err != nil || !job.Same() {
			p.t.Fatalf("the view of %s is not that of its events: %v", job.JobID, err)
		}
	}
}

func (p *place) job(id string) projection.Job {
	p.t.Helper()
	j, _, ok, err := projection.Load(p.t.Context(), p.log, id)
	if err != nil || !ok {
		p.t.Fatalf("there is no job %s: %v", id, err)
	}
	return j
}

// checkJobs requires that the jobs of a story stand as they stood, go on, and that the
// request ids of before are refused.
func (p *place) checkJobs(before *place) {
	p.t.Helper()
	for _, id := range []string{"running", "asked", "stopped", "done", "paused"} {
		was, j := before.job(id), p.job(id)
		if j.Status != was.Status || j.StopReason != was.StopReason || j.Continued == nil || j.Continued.Leaf == "" || j.Created != was.Created {
			p.t.Errorf("%s is %s (%s), continued %+v; it was %s (%s)", id, j.Status, j.StopReason, j.Continued, was.Status, was.StopReason)
		}
		_, err := p.do(id+".again", "boss", submit(), "submit-"+id)
		if _, used := errors.AsType[*ledger.RequestUsedError](err); !used {
			p.t.Errorf("the request id of %s again: %v", id, err)
		}
		if _, err := p.do(id, "boss", submit(), ""); !errors.Is(err, commands.ErrJobExists) {
			p.t.Errorf("%s submitted again: %v", id, err)
		}
	}
	for _, id := range []string{"stopped", "done"} {
		if _, err := p.do(id, "worker_1", checkpoint(ledger.CheckpointPlan), ""); err == nil && p.job(id).Status == projection.Running {
			p.t.Errorf("%s runs again", id)
		}
	}
	p.must("running", "worker_1", checkpoint(ledger.CheckpointProgress))
	asked := p.job("asked")
	if len(asked.Decisions) != 2 || asked.Decisions[0].Summary != "about decision-needed" || asked.Decisions[0].Actor != "worker_1" || asked.Decisions[1].Actor != "worker_2" {
		p.t.Fatalf("asked again: %+v", asked.Decisions)
	}
	if _, err := p.do("asked", "worker_1", commands.Approve{CheckpointID: asked.Decisions[0].CheckpointID}, ""); err == nil {
		p.t.Error("who asked in the ledger before approves here")
	}
	for _, a := range asked.Decisions {
		p.must("asked", "reviewer", commands.Approve{CheckpointID: a.CheckpointID})
	}
	p.must("asked", "worker_1", commands.Resume{EnvironmentFingerprint: env})
	if _, err := p.do("paused", "worker_1", commands.Resume{EnvironmentFingerprint: env}, ""); err == nil {
		p.t.Error("a hold of the ledger before is none here")
	}
}

func TestSucceed(t *testing.T) {
	first := story(t)
	second, s, err := first.successor(first.log, "gait.test/second")
	if err != nil {
		t.Fatal(err)
	}
	if s.Jobs != 5 || s.Damage != nil || s.Survey.Lost() != 0 || s.Requests.Count != 5 {
		t.Errorf("Look = %+v", s)
	}
	second.check()
	second.checkJobs(first)
	second.check()
	if _, err := second.do("new", "boss", submit(), "submit-new"); err != nil {
		t.Fatal(err)
	}
	third, s, err := second.successor(second.log, "gait.test/third")
	if err != nil || s.Jobs != 6 || s.Requests.Count != 6 {
		t.Fatalf("the successor of a successor: %+v, %v", s, err)
	}
	third.check()
	for _, id := range []string{"submit-running", "submit-new"} {
		_, err = third.do("again", "boss", submit(), id)
		if _, used := errors.AsType[*ledger.RequestUsedError](err); !used {
			t.Errorf("request id %s in the third ledger: %v", id, err)
		}
	}
	if j := third.job("running"); j.Continued.Origin != "gait.test/second" {
		t.Errorf("running was continued from %s", j.Continued.Origin)
	}
}

// Every proof that is kept shows the job's last event in a tree that the other ledger signed.
func TestProofs(t *testing.T) {
	first := story(t)
	second, _, err := first.successor(first.log, "gait.test/second")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for e, err := range second.log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		c, ok := e.Payload().(ledger.Continued)
		if !ok {
			continue
		}
		n++
		p, err := projection.ParseContinuedProof(second.content[c.Proof.Digest])
		if err == nil {
			err = errors.Join(p.Check(e.JobID(), c), p.Open(first.log.Keys().Current().PublicKey()))
		}
		if err != nil {
			t.Errorf("the proof of %s: %v", e.JobID(), err)
		}
	}
	if n != 5 {
		t.Errorf("%d jobs were continued, want 5", n)
	}
}
