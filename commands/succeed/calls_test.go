package succeed_test

import (
	"errors"
	"fmt"
	"testing"

	"gait/commands"
	"gait/commands/succeed"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// withCalls is story with two more jobs, and then calls of one: one that was done, one whose
// outcome is not known, one that is open, and one that was blocked.
func withCalls(t *testing.T) *place {
	p := story(t)
	policy := ledgertest.Allow("calling", "", 1).Payload.(ledger.GateDecided).PolicyDigest
	for _, job := range []string{"calling", "other"} {
		c := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", PolicyDigest: policy, PolicyRef: "policy"}
		if _, err := p.do(job, "boss", c, "submit-"+job); err != nil {
			t.Fatal(err)
		}
	}
	at := p.log.Head().Size
	for i, spec := range []ledgertest.EventSpec{
		ledgertest.Block("calling", "blocked"), ledgertest.Allow("calling", "done", 1), ledgertest.Settle("calling", "done", 1, ledger.EffectDone),
		ledgertest.Allow("calling", "unknown", 1), ledgertest.Allow("calling", "open", 1), ledgertest.Settle("calling", "unknown", 1, ledger.EffectUnknown),
	} {
		ledgertest.Append(t, p.log, spec)
		if p.log.Head().Size != at+int64(i)+1 {
			t.Fatal("an event was not appended")
		}
	}
	return p
}

func callsOf(job string, calls ...string) (ids []ledger.CallID) {
	for _, call := range calls {
		ids = append(ids, ledger.CallID{Job: job, Call: call})
	}
	return ids
}

// knows requires that a ledger finds event 0 for the calls that a ledger before knew, and
// nothing for others.
func knows(p *place, known, unknown []ledger.CallID) {
	p.t.Helper()
	found, err := p.log.Load(p.t.Context(), nil, nil, append(known[:len(known):len(known)], unknown...)...)
	if err != nil || len(found.Calls) != len(known) {
		p.t.Fatalf("%s finds %d calls, %v, want %d", p.log.Origin(), len(found.Calls), err, len(known))
	}
	first, err := p.log.Event(p.t.Context(), 0)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, id := range known {
		if e, ok := found.Calls[id]; !ok || e.LeafHash() != first.LeafHash() {
			p.t.Errorf("%s finds for call %v event %d (%t), want event 0", p.log.Origin(), id, e.Seq(), ok)
		}
	}
}

// A call that the gate has allowed is known to every ledger that continues the jobs, so that it
// is never allowed again there.
func TestCallsAreInherited(t *testing.T) {
	first := withCalls(t)
	known, unknown := callsOf("calling", "done", "unknown", "open"), append(callsOf("calling", "blocked", "later"), callsOf("other", "done")...)
	second, _, err := first.successor(first.log, "gait.test/second")
	if err != nil {
		t.Fatal(err)
	}
	second.check()
	knows(second, known, unknown)
	ledgertest.Append(t, second.log, ledgertest.Allow("other", "done", 1), ledgertest.Settle("other", "done", 1, ledger.EffectDone))
	third, s, err := second.successor(second.log, "gait.test/third")
	if err != nil {
		t.Fatal(err)
	}
	third.check()
	knows(third, append(known, callsOf("other", "done")...), unknown[:2])
	if s.Requests.Count != 7+4 {
		t.Errorf("the third ledger inherits %d keys, want 7 of request ids and 4 of calls", s.Requests.Count)
	}
}

// If events are lost, the rows of the calls that they were about still name these. Without rows
// the job is put on hold, and nothing else can be done.
func TestLostCallsAreNamed(t *testing.T) {
	first := withCalls(t)
	known := callsOf("calling", "done", "unknown", "open")
	size := first.log.Head().Size
	for from := size - 6; from < size; from++ {
		source := damagedSource{first.log, ledger.Seq(from), &ledger.CorruptError{Seq: ledger.Seq(from), Reason: "damaged"}}
		o := first.options()
		o.Rows = first.log
		s, err := succeed.Look(t.Context(), source, o)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := succeed.Join(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		next, err := first.continued(plan, s.Found, fmt.Sprintf("gait.test/from-%d", from))
		if err != nil {
			t.Fatal(err)
		}
		next.check()
		knows(next, known, callsOf("calling", "blocked"))
		if status := next.job("calling").Status; status == projection.Running {
			t.Errorf("without the events from %d on the job is %s", from, status)
		}
	}
	unread, err := succeed.Unread(t.Context(), ledger.Checkpoint{Origin: first.log.Origin()}, errors.New("it cannot be opened"), first.log)
	if err != nil {
		t.Fatal(err)
	}
	if plan, err := succeed.Join(t.Context(), unread); err != nil || plan.Requests.Count != 7+3 {
		t.Errorf("what the rows name: %+v, %v, want 7 request ids and 3 calls", plan, err)
	}
}
