package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Approve gives an approving verdict on what Target names, or on the decision named, or on
// the ask that projection.VerdictTarget returns.
type Approve struct {
	CheckpointID string         `json:"checkpoint_id,omitempty"`
	Target       ledger.Hash    `json:"target,omitzero"`  // leaf hash of the event that asked
	Subject      ledger.Hash    `json:"subject,omitzero"` // digest of what it asked about
	Amended      ledger.Content `json:"amended,omitzero"` // what is approved in the place of that
}

var approveRow = add(verb[Approve]{
	Row:      Row{Verb: "approve", Verdict: true, Roles: []ledger.Role{ledger.RoleApprover}},
	check:    Approve.check,
	summary:  Approve.summary,
	digested: Approve.digested,
	about:    Approve.about,
	decide:   Approve.decide,
})

// Verb returns "approve".
func (Approve) Verb() string { return approveRow.Verb }

func (Approve) row() *Row { return approveRow }

func (c Approve) check(by Request) error {
	err := checkAll(checkOptional(ledger.FieldCheckpointID, c.CheckpointID), checkTarget(by, c.Target))
	if err != nil || c.Amended == (ledger.Content{}) {
		return err
	}
	return checkContent("amended", c.Amended)
}

func (c Approve) summary(projection.Job) string { return c.CheckpointID }

// digested leaves out what a client fills in from the job as it is: the same verdict,
// signed again, is a retry.
func (c Approve) digested() any {
	c.Target, c.Subject = ledger.Hash{}, ledger.Hash{}
	return c
}

func (c Approve) about(j projection.Job) (Approve, *projection.Refusal) {
	no := fillTarget(j, projection.Approved, c.CheckpointID, &c.Target, &c.Subject)
	return c, no
}

func (c Approve) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	ask, no := projection.VerdictOn(j, by.moment.basis(), projection.Approved, c.CheckpointID, c.Target)
	if no != nil {
		return nil, no
	}
	return propose(j, by, ledger.Approved{
		CheckpointID: ask.DecisionID(), Reason: reasonOr(by, "approved"), Target: ask.Target, Subject: subjectOf(c.Subject, by, ask), Amended: c.Amended,
	})
}

// reasonOr is the reason of a verdict, which always has one.
func reasonOr(by Request, word string) string {
	if by.Reason == "" {
		return word
	}
	return by.Reason
}
