package commands

import (
	"fmt"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// GateSettle says what became of a grant of the gate.
type GateSettle struct {
	Grant   string               `json:"grant"` // a ULID
	Outcome ledger.EffectOutcome `json:"outcome"`
	Result  ledger.Content       `json:"result,omitzero"` // content of the job: what the tool answered
}

var gateSettleRow = add(verb[GateSettle]{
	Row:     Row{Verb: "gate settle", Roles: []ledger.Role{ledger.RoleOperator, ledger.RoleWorker}},
	check:   GateSettle.check,
	summary: GateSettle.summary,
	decide:  GateSettle.decide,
})

// Verb returns "gate settle".
func (GateSettle) Verb() string { return gateSettleRow.Verb }

func (GateSettle) row() *Row { return gateSettleRow }

func (c GateSettle) check(Request) error {
	if err := ledger.FieldGrant.Check(c.Grant); err != nil {
		return err
	}
	if !slices.Contains(ledger.EffectOutcomes, c.Outcome) {
		return &ledger.FieldError{Field: "outcome", Problem: fmt.Sprintf("%.40q is not one of %s", c.Outcome, ledger.OneOf(ledger.EffectOutcomes))}
	}
	if c.Result == (ledger.Content{}) {
		return nil
	}
	return checkContent("result", c.Result)
}

func (c GateSettle) summary(projection.Job) string { return c.Grant + " " + string(c.Outcome) }

func (c GateSettle) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := ledger.EffectSettled{Grant: c.Grant, Outcome: c.Outcome, Result: c.Result, Reason: by.Reason}
	if i := slices.IndexFunc(j.Grants, func(g projection.Grant) bool { return g.ID == c.Grant }); i >= 0 && j.Grants[i].CallID != "" {
		p.CallID, p.CallPrev, p.Intent = j.Grants[i].CallID, j.Grants[i].Last, j.Grants[i].Intent.Digest
	}
	return propose(j, by, p)
}
