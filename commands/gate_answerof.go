package commands

import (
	"cmp"
	"errors"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// CodeDryRun is the reason code of the answer to a dry run that would be no block.
const CodeDryRun = "dry_run"

// AnswerOf returns the answer to a GateEval from what Do returned for it. Every error is a
// block, and so is all that is not an event of the gate with a receipt: there is no other way
// to an allow.
func AnswerOf(r Result, err error) GateAnswer {
	if err != nil {
		return blockOf(err)
	}
	switch p := r.Event.Payload().(type) {
	case ledger.GateDecided:
		return r.decided(p)
	case ledger.DispatchBlocked:
		return r.explained(GateAnswer{
			Verdict: ledger.GateBlock, ReasonCode: p.ReasonCode, Detail: "the job had an emergency stop", CallID: p.CallID, Tool: p.Tool,
			Repeated: r.Repeated || r.Replayed,
		})
	default: // no other event is an answer of the gate
		return GateAnswer{Verdict: ledger.GateBlock, ReasonCode: gate.CodeInternal, Detail: "the gate gave no answer"}
	}
}

// decided returns the answer that an event gives.
func (r Result) decided(p ledger.GateDecided) GateAnswer {
	a := GateAnswer{
		Verdict: ledger.GateBlock, ReasonCode: p.ReasonCode, CallID: p.CallID, Tool: p.Tool, Intent: contentOf(p.Intent),
		PolicyDigest: p.PolicyDigest, DeterminedBy: p.DeterminedBy, Engine: p.Engine, Repeated: r.Repeated || r.Replayed,
	}
	written := r.Receipt.TreeSize > int64(r.Event.Seq()) && r.Receipt.Leaf == r.Event.LeafHash()
	switch p.Verdict {
	case ledger.GateAllow, ledger.GateRequireApproval:
		if !written {
			a.ReasonCode, a.Detail = CodeDryRun, "a dry run permits nothing; the answer would be "+string(p.Verdict)
			return a
		}
		a.Verdict, a.Grant, a.CheckpointID = p.Verdict, p.Grant, p.CheckpointID
	case ledger.GateBlock:
	}
	return r.explained(a)
}

// explained adds to an answer what the event does not hold.
func (r Result) explained(a GateAnswer) GateAnswer {
	if g := r.Gate; g != nil {
		if g.Detail != "" {
			a.Detail = g.Detail
		}
		a.CheckpointID = cmp.Or(a.CheckpointID, g.CheckpointID)
		a.Amended, a.Outcome, a.Result, a.Unsettled = g.Amended, g.Outcome, g.Result, g.Unsettled
	}
	return a
}

// blockOf returns the block that an error stands for.
func blockOf(err error) GateAnswer {
	fault, _ := ledger.FaultOf(err)
	a := GateAnswer{Verdict: ledger.GateBlock, ReasonCode: fault.Code, Detail: err.Error()}
	if no, ok := errors.AsType[*UnrepeatedError](err); ok {
		a.ReasonCode, a.Detail, a.Repeated = no.Code, no.Reason, true
		a.Grant, a.CallID, a.Tool, a.Intent = no.Allowed.Grant, no.Allowed.CallID, no.Allowed.Tool, contentOf(no.Allowed.Intent)
		a.PolicyDigest, a.DeterminedBy, a.Engine = no.Allowed.PolicyDigest, no.Allowed.DeterminedBy, no.Allowed.Engine
		a.Outcome, a.Result, a.Unsettled = no.Call.Outcome, contentOf(no.Call.Result), no.Unsettled
		return a
	}
	if no, ok := errors.AsType[*RefusedError](err); ok {
		a.Repeated = no.Result.Repeated || no.Result.Replayed
		if no.Refusal.Code == projection.InvalidTransition && no.Refusal.Details.Status.Final() {
			a.ReasonCode = gate.CodeNotRunning
		}
	}
	return a
}

// gateDetails returns what a block of the gate says that its event does not hold.
func (m basis) gateDetails(r Request, p ledger.Payload) *GateAnswer {
	c, evaluates := r.Command.(GateEval)
	block, ok := p.(ledger.GateDecided)
	if !ok || !evaluates || block.Verdict == ledger.GateAllow {
		return nil
	}
	r.moment = m.Moment
	d := c.evaluate(m.job, r)
	a := &GateAnswer{Detail: d.Detail, CheckpointID: waitsFor(m.job, block), Amended: contentOf(d.Amended), Unsettled: d.Grants}
	if d.Settled != nil {
		a.Outcome, a.Result = d.Settled.Outcome, contentOf(d.Settled.Result)
	}
	return a
}

// waitsFor returns which decision a job waits for about the intent of a block, if that is why
// it does not run; "" if there is none.
func waitsFor(j projection.Job, block ledger.GateDecided) string {
	if block.ReasonCode == gate.CodeNotRunning && !block.Intent.Digest.IsZero() {
		for _, a := range j.Decisions {
			if a.Tool != "" && (a.Subject.Digest == block.Intent.Digest || a.Amended.Digest == block.Intent.Digest) {
				return a.CheckpointID
			}
		}
	}
	return ""
}

// replayedDetails returns what a block that was written before says that its event does not
// hold, as the job and its call are now.
func replayedDetails(j projection.Job, p ledger.GateDecided, call projection.Call) *GateAnswer {
	a := &GateAnswer{CheckpointID: waitsFor(j, p)}
	switch p.ReasonCode {
	case gate.CodeAlreadyDone:
		a.Outcome, a.Result = call.Outcome, contentOf(call.Result)
	case gate.CodeEffectsUnsettled:
		for _, g := range j.Grants {
			if g.Unknown || g.CallID == p.CallID && (p.CallID != "" || g.Intent.Digest == p.Intent.Digest) {
				a.Unsettled = append(a.Unsettled, g.ID)
			}
		}
	case gate.CodeIntentAmended:
		for _, c := range j.Cleared {
			if c.Ask.Subject.Digest == p.Intent.Digest {
				a.Amended = contentOf(c.Ask.Amended)
			}
		}
	}
	return a
}
