package commands

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// GateEval asks the gate whether a tool may do what an intent says, now. The answer is an
// event: see AnswerOf.
type GateEval struct {
	Tool   string         `json:"tool"`
	Intent ledger.Content `json:"intent,omitzero"`   // content of the job: the canonical form of a gate.Intent
	CallID string         `json:"call_id,omitempty"` // the worker's name for this call, unique in the job

	// Policy is the digest of the policy that the caller believes the job to be bound to. It
	// is not part of the request digest.
	Policy ledger.Hash `json:"policy,omitzero"`

	Facts GateFacts `json:"facts,omitzero"`

	// Problem says why there is no Intent: gate.CodeIntentTooLarge or gate.CodeIntentUnreadable. The
	// answer is block.
	Problem string `json:"problem,omitempty"`
}

// GateFacts are what a worker says of itself.
type GateFacts struct {
	EnvironmentFingerprint string `json:"environment_fingerprint,omitempty"`
	NotDoneExit            int64  `json:"not_done_exit,omitempty"` // 1 to 255: with this exit code the tool says that it did nothing; 0: with none
}

var gateEvalRow = add(verb[GateEval]{
	Row:      Row{Verb: "gate eval", ReasonElsewhere: "say it in the intent", Roles: []ledger.Role{ledger.RoleWorker}},
	check:    GateEval.check,
	summary:  GateEval.summary,
	digested: GateEval.digested,
	decide:   GateEval.decide,
})

// Verb returns "gate eval".
func (GateEval) Verb() string { return gateEvalRow.Verb }

func (GateEval) row() *Row { return gateEvalRow }

func (c GateEval) check(Request) error {
	if (c.Intent == ledger.Content{}) == (c.Problem == "") {
		return &ledger.FieldError{Field: "intent", Problem: "there is either an intent, or a problem that says why not"}
	}
	problems := []string{"", gate.CodeIntentTooLarge, gate.CodeIntentUnreadable}
	if !slices.Contains(problems, c.Problem) {
		return &ledger.FieldError{Field: "problem", Problem: fmt.Sprintf("%.40q is not one of %s", c.Problem, ledger.OneOf(problems[1:]))}
	}
	if n := c.Facts.NotDoneExit; n < 0 || n > 255 {
		return &ledger.FieldError{Field: "not_done_exit", Problem: fmt.Sprintf("%d is not an exit code from 1 to 255", n)}
	}
	err := checkAll(ledger.FieldTool.Check(c.Tool), checkOptional(ledger.FieldCallID, c.CallID),
		checkOptional(ledger.FieldFingerprint, c.Facts.EnvironmentFingerprint))
	if err != nil || c.Problem != "" {
		return err
	}
	return checkContent("intent", c.Intent)
}

// summary tells apart attempts that were refused.
func (c GateEval) summary(projection.Job) string {
	text := c.Tool + " " + cmp.Or(c.Problem, c.Intent.Digest.String())
	if c.CallID != "" {
		text += " call " + c.CallID
	}
	return text
}

// digested leaves out the policy, which is not the caller's choice.
func (c GateEval) digested() any {
	c.Policy = ledger.Hash{}
	return c
}

func (c GateEval) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	if j.Status == projection.EmergencyStopped {
		return propose(j, by, ledger.DispatchBlocked{Tool: c.Tool, Intent: c.Intent.Digest, ReasonCode: gate.CodeEmergencyStopped, CallID: c.CallID})
	}
	return propose(j, by, c.payload(j, by, c.evaluate(j, by)))
}

// evaluate asks the gate, which always answers.
func (c GateEval) evaluate(j projection.Job, by Request) gate.Decision {
	m := by.moment
	in := gate.Input{
		Given: c.Policy, Digest: c.Intent.Digest, Tool: c.Tool, CallID: c.CallID,
		Job: &j, Basis: m.basis(), Actor: by.Actor, Keys: m.Keys,
		Facts: ledger.GateFacts{EnvironmentFingerprint: c.Facts.EnvironmentFingerprint, NotDoneExit: c.Facts.NotDoneExit},
	}
	if no := m.may(by, ledger.GateDecided{}); no != nil {
		in.Denied = string(no.Code)
	}
	in.IntentErr = &gate.Error{Code: gate.CodeIntentUnreadable, Reason: "the intent was not read"}
	if read := m.Gate; read != nil {
		in.Policy, in.PolicyErr, in.Intent, in.IntentErr, in.Call = read.Policy, read.PolicyErr, read.Intent, read.IntentErr, read.Call
	}
	return gate.Evaluate(in)
}

// payload returns the event that says what the gate has decided.
func (c GateEval) payload(j projection.Job, by Request, d gate.Decision) ledger.GateDecided {
	m := by.moment
	p := ledger.GateDecided{
		Verdict: d.Verdict, Tool: c.Tool, Intent: c.Intent, ReasonCode: d.ReasonCode, CallID: c.CallID,
		PolicyDigest: j.PolicyDigest, DeterminedBy: d.DeterminedBy, Engine: d.Engine,
		Facts: ledger.GateFacts{EnvironmentFingerprint: c.Facts.EnvironmentFingerprint, NotDoneExit: c.Facts.NotDoneExit, Shown: d.Facts.Shown},
	}
	switch d.Verdict {
	case ledger.GateAllow:
		p.Grant, p.Clearance, p.CallPrev = m.Gate.Grant, d.Clearance, c.follows(m)
	case ledger.GateRequireApproval:
		p.CheckpointID, p.CallPrev = ledger.CheckpointID(j.Checkpoints+1), c.follows(m)
		p.RequiredAction, p.Approvers, p.ExpiresAt, p.Quorum = d.RequiredAction, d.Approvers, d.ExpiresAt, d.Quorum
	case ledger.GateBlock:
		if m.Gate == nil || !kept(m.Gate.IntentErr) {
			p.Intent = ledger.Content{}
		}
	}
	return p
}

// follows returns the leaf hash of the event about the call that comes before.
func (c GateEval) follows(m Moment) ledger.Hash {
	if c.CallID == "" {
		return ledger.Hash{}
	}
	return m.Gate.Call.Leaf
}

// kept reports whether the bytes of an intent are kept: they are, also if they are no intent,
// unless they are too many or could not be read.
func kept(err error) bool {
	why, ok := errors.AsType[*gate.Error](err)
	return err == nil || ok && why.Code != gate.CodeIntentTooLarge && why.Code != gate.CodeIntentUnreadable
}
