package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Deny gives a denying verdict on what Target names, or on the decision named, or on the
// ask that projection.VerdictTarget returns.
type Deny struct {
	CheckpointID string      `json:"checkpoint_id,omitempty"`
	Target       ledger.Hash `json:"target,omitzero"`  // leaf hash of the event that asked
	Subject      ledger.Hash `json:"subject,omitzero"` // digest of what it asked about
}

var denyRow = add(verb[Deny]{
	Row:      Row{Verb: "deny", Verdict: true, Roles: []ledger.Role{ledger.RoleApprover}},
	check:    Deny.check,
	summary:  Deny.summary,
	digested: Deny.digested,
	about:    Deny.about,
	decide:   Deny.decide,
})

// Verb returns "deny".
func (Deny) Verb() string { return denyRow.Verb }

func (Deny) row() *Row { return denyRow }

func (c Deny) check(by Request) error {
	return checkAll(checkOptional(ledger.FieldCheckpointID, c.CheckpointID), checkTarget(by, c.Target))
}

func (c Deny) summary(projection.Job) string { return c.CheckpointID }

// digested leaves out what that of an Approve does.
func (c Deny) digested() any {
	c.Target, c.Subject = ledger.Hash{}, ledger.Hash{}
	return c
}

func (c Deny) about(j projection.Job) (Deny, *projection.Refusal) {
	no := fillTarget(j, projection.Denied, c.CheckpointID, &c.Target, &c.Subject)
	return c, no
}

func (c Deny) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	ask, no := projection.VerdictOn(j, by.moment.basis(), projection.Denied, c.CheckpointID, c.Target)
	if no != nil {
		return nil, no
	}
	return propose(j, by, ledger.Denied{CheckpointID: ask.DecisionID(), Reason: reasonOr(by, "denied"), Target: ask.Target, Subject: subjectOf(c.Subject, by, ask)})
}
