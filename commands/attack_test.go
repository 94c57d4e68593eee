package commands_test

import (
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authoritytest"
)

// ask returns a decision with what is given of it.
func ask(d ledger.Decision) commands.Command {
	return commands.AddCheckpoint{
		Type: ledger.CheckpointDecisionNeeded, Summary: "s", RequiredAction: "decide",
		Approvers: d.Approvers, ExpiresAt: d.ExpiresAt, Quorum: d.Quorum, Replaces: d.Replaces, Subject: d.Subject,
	}
}

// asking returns an office in which the agent has asked for a decision.
func asking(t *testing.T, d ledger.Decision) (o *office, target ledger.Hash) {
	t.Helper()
	o = newOffice(t)
	o.take(o.signed(on("agent_1", submit().Command)))
	return o, o.take(o.signed(on("agent_1", ask(d)))).Event.LeafHash()
}

func resumed() commands.Command { return commands.Resume{EnvironmentFingerprint: env} }

// join enrols another actor, with the key of the name.
func (o *office) join(name string, has ...ledger.Role) {
	o.t.Helper()
	keys := []string{authoritytest.Key(o.t, name).String()}
	o.take(o.signed(commands.Request{Actor: "root_1", Command: commands.AddActor{Actor: name, Keys: keys, Roles: has}}))
}

// An approval is about the subject that the approver saw.
func TestApprovalOfAChangedSubject(t *testing.T) {
	paid := ledger.Content{Digest: one, Size: 3}
	o, target := asking(t, ledger.Decision{Subject: paid})
	o.recorded("an approval of another subject", o.signed(on("cfo", commands.Approve{Target: target, Subject: two})), "subject_changed")
	o.recorded("an approval of no subject", o.signed(on("cfo", commands.Approve{Target: target})), "subject_changed")
	o.recorded("a denial of another subject", o.signed(on("cfo", commands.Deny{Target: target, Subject: two})), "subject_changed")
	amended := ledger.Content{Digest: two, Size: 2}
	o.take(o.signed(on("cto", commands.Approve{Target: target, Subject: one, Amended: amended})))
	o.take(o.signed(on("ops_1", resumed())))

	o, target = asking(t, ledger.Decision{Subject: paid, Quorum: 2})
	o.take(o.signed(on("cto", commands.Approve{Target: target, Subject: one, Amended: amended})))
	o.recorded("an approval of what was amended", o.signed(on("cfo", commands.Approve{Target: target, Subject: one})), "subject_changed")
	o.take(o.signed(on("cfo", commands.Approve{Target: target, Subject: two})), o.signed(on("ops_1", resumed())))
}

// An approval cannot be given before it is asked for, kept for later, or used twice.
func TestEarlyBankedAndDoubledApprovals(t *testing.T) {
	o := newOffice(t)
	o.take(o.signed(on("agent_1", submit().Command)))
	early := o.signed(on("cfo", commands.Approve{CheckpointID: "cp_0001", Target: one}))
	o.recorded("an approval before the decision", early, "invalid_transition")
	target := o.take(o.signed(on("agent_1", ask(ledger.Decision{Quorum: 2})))).Event.LeafHash()
	if _, err := o.give(early); err == nil { // it was used up
		t.Error("the early approval counts when the decision is asked for")
	}
	approval := o.signed(on("cfo", commands.Approve{Target: target}))
	o.take(approval)
	o.recorded("a second approval by one actor", o.signed(on("cfo", commands.Approve{Target: target})), "already_decided")
	o.recorded("a resume with one approval of two", o.signed(on("ops_1", resumed())), "quorum_pending")
	o.take(o.signed(on("cto", commands.Approve{Target: target})), o.signed(on("ops_1", resumed())))
	o.take(o.signed(on("agent_1", ask(ledger.Decision{}))))
	o.recorded("an approval of the decision before", o.signed(on("cto", commands.Approve{Target: target})), "decision_not_open")
	if again := o.take(approval); !again.Replayed {
		t.Error("an approval was carried out twice")
	}
	o.recorded("a resume with the approval of before", o.signed(on("ops_1", resumed())), "approval_required")
}

// Who asked does not approve, in the stricter modes neither does the submitter, under any name.
func TestSelfApprovals(t *testing.T) {
	o := newOffice(t)
	o.join("both", ledger.RoleApprover, ledger.RoleOperator, ledger.RoleWorker)
	o.take(o.signed(on("both", submit().Command)))
	target := o.take(o.signed(on("both", ask(ledger.Decision{})))).Event.LeafHash()
	o.recorded("an approval by who asked", o.signed(on("both", commands.Approve{Target: target})), "self_approval")
	o.take(o.signed(on("cfo", commands.Approve{Target: target})), o.signed(on("both", resumed())))
	target = o.take(o.signed(on("agent_1", ask(ledger.Decision{})))).Event.LeafHash()
	o.set(ledger.ModeVerdicts, 1, "root_1")
	o.recorded("an approval by the submitter", o.signed(on("both", commands.Approve{Target: target})), "self_approval")
	o.take(o.signed(on("cfo", commands.Approve{Target: target})))
}

// Only those decide who are listed.
func TestIneligibleApprovers(t *testing.T) {
	o, target := asking(t, ledger.Decision{Approvers: []string{"cfo", "role:operator"}})
	o.recorded("an approval by an approver who is not listed", o.signed(on("cto", commands.Approve{Target: target})), "role_required")
	o.recorded("a denial by an approver who is not listed", o.signed(on("cto", commands.Deny{Target: target})), "role_required")
	o.recorded("an approval by an operator, whose role is listed", o.signed(on("ops_1", commands.Approve{Target: target})), "role_required")
	o.join("boss", ledger.RoleApprover, ledger.RoleOperator)
	o.take(o.signed(on("boss", commands.Approve{Target: target})))
}

// An approval counts when it is used up, or not at all.
func TestApprovalsThatNoLongerCount(t *testing.T) {
	o, target := asking(t, ledger.Decision{})
	o.take(o.signed(on("cfo", commands.Approve{Target: target})))
	o.take(o.signed(revoke("cfo", "root_1")))
	o.recorded("a resume with the approval of a revoked actor", o.signed(on("ops_1", resumed())), "approval_required")
	o.take(o.signed(on("cto", commands.Approve{Target: target})), o.signed(on("ops_1", resumed())))

	target = o.take(o.signed(on("agent_1", ask(ledger.Decision{})))).Event.LeafHash()
	o.take(on("visitor", commands.Approve{}))
	o.set(ledger.ModeVerdicts, 1, "root_1")
	o.recorded("a resume with the approval of a claim", o.signed(on("ops_1", resumed())), "approval_required")
	o.take(o.signed(on("cto", commands.Approve{Target: target})), o.signed(on("ops_1", resumed())))
}

// A decision that expired or was denied is lifted by one that takes its place, and by nothing
// else.
func TestExpiredAndDeniedDecisions(t *testing.T) {
	o, target := asking(t, ledger.Decision{ExpiresAt: epoch.Add(time.Hour)})
	approval := o.signed(on("cfo", commands.Approve{Target: target}))
	o.take(approval)
	o.now = epoch.Add(time.Hour)
	o.recorded("a resume with an expired approval", o.signed(on("ops_1", resumed())), "decision_expired")
	o.recorded("an approval after the decision expired", o.signed(on("cto", commands.Approve{Target: target})), "decision_expired")
	target = o.take(o.signed(on("agent_1", ask(ledger.Decision{Replaces: "cp_0001"})))).Event.LeafHash()
	o.recorded("a resume with an open decision in its place", o.signed(on("ops_1", resumed())), "approval_required")
	o.take(o.signed(on("cfo", commands.Deny{Target: target})))
	o.recorded("an approval of a denied decision", o.signed(on("cto", commands.Approve{Target: target})), "already_decided")
	o.recorded("a resume with a denied decision", o.signed(on("ops_1", resumed())), "approval_required")
	o.recorded("one in the place of another that there is not", o.signed(on("agent_1", ask(ledger.Decision{Replaces: "cp_0009"}))), "decision_not_open")
	target = o.take(o.signed(on("agent_1", ask(ledger.Decision{Replaces: "cp_0002"})))).Event.LeafHash()
	o.take(o.signed(on("cto", commands.Approve{Target: target})), o.signed(on("ops_1", resumed())))
}

// An unsigned verdict of a ledger without actors names the subject that is decided about.
func TestClaimsNameTheSubject(t *testing.T) {
	b := newBench(t)
	b.must(submit(), on("agent_1", ask(ledger.Decision{Subject: ledger.Content{Digest: one, Size: 3}})))
	b.refused(on("reviewer", commands.Approve{Subject: two}), "subject_changed", 3)
	p := b.must(on("reviewer", commands.Approve{Amended: ledger.Content{Digest: two, Size: 1}})).Event.Payload().(ledger.Approved)
	if p.Subject != one {
		t.Errorf("approval of %s, want %s", p.Subject, one)
	}
}
