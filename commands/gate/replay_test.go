package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"gait/commands/gate"
	"gait/ledger"
	at "gait/ledger/authoritytest"
	"gait/projection"
)

// A recording is a ledger of decisions of the gate, and the intents they are about.
type recording struct {
	*at.Ledger

	folder  projection.Folder
	intents map[ledger.Hash]string
	grants  int
}

// record begins a job that is bound to a policy.
func record(t *testing.T, policy string) *recording {
	r := &recording{Ledger: at.New(t), intents: map[ledger.Hash]string{}}
	p := input(t, policy, transfer).Job.PolicyDigest
	r.add(t, "submitter", ledger.Submitted{ProducerVersion: "1.0.0", EnvironmentFingerprint: "fp", PolicyDigest: p})
	return r
}

func (r *recording) add(t *testing.T, actor string, p ledger.Payload) ledger.Event {
	t.Helper()
	e := r.Claim(actor, "job_1", p)
	if err := r.folder.Add(e); err != nil {
		t.Fatal(err)
	}
	return e
}

// decide asks the gate for worker_1, and records its answer.
func (r *recording) decide(t *testing.T, policy, intent, callID string, call projection.Call) gate.Decision {
	t.Helper()
	in := input(t, policy, intent)
	job := r.folder.Job
	in.Job, in.CallID, in.Call = &job, callID, call
	in.Call.Known = true
	d := gate.Evaluate(in)
	p := ledger.GateDecided{
		Verdict: d.Verdict, Tool: in.Intent.Tool(), Intent: ledger.Content{Digest: in.Digest, Size: int64(len(in.Intent.Canonical()))}, ReasonCode: d.ReasonCode,
		CallID: callID, PolicyDigest: job.PolicyDigest, DeterminedBy: d.DeterminedBy, Engine: d.Engine, Facts: d.Facts,
		RequiredAction: d.RequiredAction, Approvers: d.Approvers, ExpiresAt: d.ExpiresAt, Quorum: d.Quorum, Clearance: d.Clearance,
	}
	if job.ContentKey.IsZero() {
		p.ContentKey = ledger.Hash{1}
	}
	if d.Verdict != ledger.GateBlock {
		p.CallPrev = call.Leaf
	}
	if d.Allows() {
		r.grants++
		p.Grant = fmt.Sprintf("01KAQ2C3TAW6FTY9CXG%07d", r.grants)
	}
	if d.Verdict == ledger.GateRequireApproval {
		p.CheckpointID = ledger.CheckpointID(job.Checkpoints + 1)
	}
	r.intents[in.Digest] = intent
	r.add(t, "worker_1", p)
	return d
}

// replay decides again under another policy.
func (r *recording) replay(t *testing.T, policy string) gate.Replayed {
	t.Helper()
	p, err := gate.ParsePolicy([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	out, err := gate.Replay(r.events, nil, gate.ReplayOptions{Policy: p, Workers: 2, Intent: func(job string, digest ledger.Hash) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		text, kept := r.intents[digest]
		if !kept || job != "job_1" {
			return nil, errors.New("it was erased")
		}
		return []byte(text), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *recording) events(yield func(ledger.Event, error) bool) {
	for _, e := range r.Events {
		if !yield(e, nil) {
			return
		}
	}
}

// Replay finds what another policy changes, and decides each call on the job as it was.
func TestReplay(t *testing.T) {
	const policy = `@id("small") permit (principal, action, resource) when { context.arguments.amount <= 100 };
		@id("large") @gait_verdict("require_approval") permit (principal, action == Action::"pay", resource) when { context.arguments.amount > 100 };`
	pay := func(amount int) string { return fmt.Sprintf(`{"tool":"pay","arguments":{"amount":%d}}`, amount) }
	r := record(t, policy)
	r.decide(t, policy, pay(10), "call_1", projection.Call{})                                               // seq 2: allow
	r.decide(t, policy, pay(20), "", projection.Call{})                                                     // seq 3: allow
	r.decide(t, policy, `{"tool":"other","arguments":{"amount":500}}`, "", projection.Call{})               // seq 4: block
	r.decide(t, policy, `{"tool":"other","arguments":{}}`, "", projection.Call{})                           // seq 5: block, diagnostic
	r.decide(t, policy, pay(10), "call_1", projection.CallIn(r.Events[2]))                                  // seq 6: block, its effects are not settled
	if d := r.decide(t, policy, pay(500), "", projection.Call{}); d.Verdict != ledger.GateRequireApproval { // seq 7
		t.Fatal(d)
	}
	r.decide(t, policy, pay(1), "", projection.Call{}) // seq 8: block, the job does not run

	if same := r.replay(t, policy); len(same.Changed) > 0 || len(same.Missing) > 0 || same.Decisions != 7 || same.Same != 7 {
		t.Errorf("under the same policy: %+v", same)
	}
	got := r.replay(t, `permit (principal, action, resource) when { context.arguments has amount };
		@id("no") forbid (principal, action == Action::"pay", resource) when { context.job.open_grants == 1 };`)
	var changes []string
	for _, c := range got.Changed {
		changes = append(changes, fmt.Sprintf("%d %s %s>%s %s", c.Seq, c.Tool, c.Was.Verdict, c.Now.Verdict, c.Now.ReasonCode))
	}
	want := "3 pay allow>block policy_forbids; 4 other block>allow policy_permits; 7 pay require_approval>allow policy_permits"
	if text := strings.Join(changes, "; "); text != want || got.Same != 4 {
		t.Errorf("changed: %s, want %s; same: %d", text, want, got.Same)
	}

	for digest := range r.intents {
		delete(r.intents, digest)
	}
	if gone := r.replay(t, policy); gone.Same != 0 || len(gone.Changed) != 0 || len(gone.Missing) != 7 || gone.Missing[0].Why != "it was erased" {
		t.Errorf("without intents: %+v", gone)
	}
}

// Replay stops at an event that cannot follow, and at a log that cannot be read.
func TestReplayFails(t *testing.T) {
	p, err := gate.ParsePolicy([]byte(allowAll))
	if err != nil {
		t.Fatal(err)
	}
	o := gate.ReplayOptions{Policy: p, Intent: func(string, ledger.Hash) ([]byte, error) { return nil, nil }}
	r := record(t, allowAll)
	if _, err := gate.Replay(func(yield func(ledger.Event, error) bool) { yield(ledger.Event{}, context.Canceled) }, nil, o); !errors.Is(err, context.Canceled) {
		t.Errorf("a log that fails: %v", err)
	}
	twice := func(yield func(ledger.Event, error) bool) {
		for range 2 {
			if !yield(r.Events[1], nil) {
				return
			}
		}
	}
	if _, err := gate.Replay(twice, nil, o); err == nil {
		t.Error("an event twice: no error")
	}
}
