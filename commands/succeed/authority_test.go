package succeed_test

import (
	"errors"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// withActors makes a ledger in which actors are enrolled and sign: a job that waits for two
// approvals and has one, and one whose decision was denied, for good.
func withActors(t *testing.T) *place {
	t.Helper()
	p, err := begin(t, "gait.test/first", nil, map[ledger.Hash][]byte{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.must("before", "worker_9", submit())
	signed := func(job, actor string, payload ledger.Payload) ledger.Event {
		r := ledgertest.Append(t, p.log, ledgertest.EventSpec{Job: job, Actor: actor, Signers: []string{actor}, Payload: payload})
		e, err := p.log.Event(t.Context(), r.Seq)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	ledgertest.Append(
		t, p.log, ledgertest.FirstAdmin(t, "admin_1"), ledgertest.Enroll(t, "admin_1", "worker_1", ledger.RoleWorker),
		ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover), ledgertest.Enroll(t, "admin_1", "approver_2", ledger.RoleApprover),
	)
	for _, job := range []string{"pending", "denied"} {
		signed(job, "worker_1", ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "test"})
		asked := signed(job, "worker_1", ledger.CheckpointAdded{
			CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "about it", RequiredAction: "decide",
			Decision: ledger.Decision{Quorum: 2, Approvers: []string{"role:approver"}},
		})
		if job == "pending" {
			signed(job, "approver_1", ledger.Approved{CheckpointID: "cp_0001", Reason: "approved", Target: asked.LeafHash()})
		} else {
			signed(job, "approver_2", ledger.Denied{CheckpointID: "cp_0001", Reason: "denied", Target: asked.LeafHash()})
		}
	}
	if err := p.log.Verify(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

// A successor begins without authority. What was signed before is proved and asked again;
// verdicts are given again, by actors who may do so there.
func TestAuthorityEndsWithTheLedger(t *testing.T) {
	first := withActors(t)
	second, s, err := first.successor(first.log, "gait.test/second")
	if err != nil {
		t.Fatal(err)
	}
	if !s.Plan.Authority || s.Jobs != 3 {
		t.Errorf("the plan says authority: %t, %d jobs, want true and 3", s.Plan.Authority, s.Jobs)
	}
	second.check()
	if newest := second.log.Head().Authority; !newest.IsZero() {
		t.Errorf("the successor begins with the authority %s, want none", newest)
	}
	for e, err := range second.log.Events(t.Context(), 0) {
		if c, is := e.Payload().(ledger.Continued); err == nil && is {
			p, err := projection.ParseContinuedProof(second.content[c.Proof.Digest])
			if err == nil {
				err = errors.Join(p.Check(e.JobID(), c), p.Open(first.log.Keys().Current().PublicKey()))
			}
			if err != nil {
				t.Errorf("the proof of %s: %v", e.JobID(), err)
			}
		}
	}
	_, err = second.do("again", "boss", submit(), "enroll_approver_1")
	if _, used := errors.AsType[*ledger.RequestUsedError](err); !used {
		t.Errorf("the request id of an enrolment again: %v", err)
	}
	for _, id := range []string{"pending", "denied"} {
		j := second.job(id)
		if len(j.Decisions) != 1 || j.Decisions[0].Quorum != 2 || len(j.Decisions[0].Approvers) != 1 || j.Decisions[0].Verdict != "" {
			t.Errorf("%s asks again %+v, want the decision with its quorum and approvers, and no verdict", id, j.Decisions)
		}
	}
	// No actor has a role there before an admin is enrolled.
	target := second.job("pending").Decisions[0].CheckpointID
	_, err = second.do("pending", "approver_1", commands.Approve{CheckpointID: target}, "")
	if refused, is := errors.AsType[*commands.RefusedError](err); !is || string(refused.Refusal.Code) != string(authority.RoleRequired) {
		t.Errorf("a claim to be an approver = %v, want refused: role_required", err)
	}
	ledgertest.Append(t, second.log, ledgertest.FirstAdmin(t, "admin_2"))
	second.check()
}

// If an authority event of the ledger before was forged with its key, it is damage.
func TestForgedAuthorityIsDamage(t *testing.T) {
	first := withActors(t)
	forged := ledgertest.Enroll(t, "admin_1", "mallory", ledger.RoleApprover)
	forged.Signers = nil
	ledgertest.Append(t, first.log, forged)
	_, _, err := first.successor(first.log, "gait.test/second")
	if damage, is := errors.AsType[*ledger.CorruptError](err); !is || damage.Seq < 6 {
		t.Errorf("continuing a ledger with a forged enrolment = %v, want a *ledger.CorruptError that names it", err)
	}
}
