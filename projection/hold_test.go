package projection_test

import (
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
	"gait/projection"
)

// TestHoldOutlivesItsApproval checks that a pause does not take the place of a hold whose
// approval no longer counts: it was banked as a claim before the mode was raised.
func TestHoldOutlivesItsApproval(t *testing.T) {
	l, root := authoritytest.New(t), authoritytest.Key(t, "root")
	chain, job := &authority.Chain{}, projection.Job{}
	follow := func(e ledger.Event) ledger.Event {
		t.Helper()
		var err error
		if e.Type().OfAuthority() {
			err = chain.Add(e)
		} else {
			job, err = projection.Apply(job, e, chain.Newest(), projection.Call{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	decision := func(id, replaces string) ledger.CheckpointAdded {
		return ledger.CheckpointAdded{
			CheckpointID: id, CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "s",
			Decision: ledger.Decision{Replaces: replaces},
		}
	}
	follow(l.Begin("root", root))
	follow(l.Claim("agent", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/1"}))
	follow(l.Claim("agent", "job_1", decision("cp_0001", "")))
	hold := follow(l.Claim("boss", "job_1", ledger.Paused{Hold: true, Reason: "look"}))
	follow(l.Claim("friend", "job_1", ledger.Approved{Reason: "fine", Target: hold.LeafHash()}))
	follow(l.Set("root", root, ledger.ModeVerdicts))
	follow(l.Claim("agent", "job_1", decision("cp_0002", "cp_0001")))
	follow(l.Claim("agent", "job_1", ledger.Paused{Reason: "mine"}))
	if job.Stop == nil || !job.Stop.Hold || job.Stop.Target != hold.LeafHash() {
		t.Errorf("after a pause the job waits for %+v, want the hold whose approval no longer counts", job.Stop)
	}
}

// TestExpiredDecisionIsNotApproved checks that a denial does not make an expired decision one
// that can be approved, in a ledger without authority too.
func TestExpiredDecisionIsNotApproved(t *testing.T) {
	l := authoritytest.New(t)
	job := projection.Job{}
	var asked ledger.Event
	for _, e := range []func() ledger.Event{
		func() ledger.Event {
			return l.Claim("agent", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/1"})
		},
		func() ledger.Event {
			asked = l.Claim("agent", "job_1", ledger.CheckpointAdded{
				CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "s",
				Decision: ledger.Decision{ExpiresAt: authoritytest.Start.Add(3e9)}, // at the denial
			})
			return asked
		},
		func() ledger.Event {
			return l.Claim("boss", "job_1", ledger.Denied{CheckpointID: "cp_0001", Reason: "no", Target: asked.LeafHash()})
		},
	} {
		var err error
		if job, err = projection.Apply(job, e(), nil, projection.Call{}); err != nil {
			t.Fatal(err)
		}
	}
	_, no := projection.Next(job, projection.Fact{
		At: authoritytest.Start.Add(4e9), Actor: "cfo", Payload: ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: asked.LeafHash()},
	})
	if no == nil || no.Code != projection.DecisionExpired {
		t.Errorf("an approval of a decision that was denied and has expired: %v, want %s", no, projection.DecisionExpired)
	}
}

// An emergency stop keeps what was approved, and the approvals that a resume would use up. No
// resume may follow, whether it names them or not.
func TestApprovalsOutliveAnEmergencyStop(t *testing.T) {
	for _, enrol := range []bool{false, true} {
		c := newCourt(t)
		if enrol {
			c.enroll()
		}
		c.by("olga", ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test"})
		c.by("wim", c.ask(ledger.Decision{}))
		c.by("vera", c.approval())
		approval := c.Events[len(c.Events)-1].LeafHash()
		c.by("olga", ledger.Stopped{Reason: "now"})

		for _, consumes := range [][]ledger.Hash{{approval}, nil} {
			p := c.resume()
			if !slices.Equal(p.Consumes, []ledger.Hash{approval}) {
				t.Errorf("a resume would use up %v, want %s", p.Consumes, approval)
			}
			p.Consumes = consumes
			resume := act{"olga", c.signs("olga"), p}
			uses, want := reference(c.Events).resume(c.sealed(resume), p)
			if !slices.Equal(uses, []ledger.Hash{approval}) || want != "invalid_transition" {
				t.Errorf("the reference says %q of a resume that would use up %v, want %q and %s", want, uses, "invalid_transition", approval)
			}
			if got := c.verdict(resume); got != want {
				t.Errorf("a resume that names %v after an emergency stop is %q, want %q", consumes, got, want)
			}
		}
	}
}
