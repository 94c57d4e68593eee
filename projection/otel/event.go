package otel

import (
	"gait/ledger"
)

// eventOf says in an event of a span what an event of the job says.
func eventOf(e ledger.Event) spanEvent {
	var a attributes
	a.text("gait.actor", e.Actor())
	a.text("gait.event_id", e.ID())
	a.text("gait.leaf_hash", e.LeafHash().String())
	a.number("gait.seq", int64(e.Seq()))
	a.number("gait.job_seq", e.JobSeq())
	a.number("gait.revision", e.Revision())
	a.flag("gait.signed", len(e.CommandSigs()) > 0)
	if e.Lease() > 0 {
		a.number("gait.lease", e.Lease())
	}
	says(&a, e.Payload())
	return spanEvent{Name: "gait." + string(e.Type()), Time: nanoseconds(e.Time()), Attributes: a}
}

// says adds what a payload says. Of types that are not here, the type says enough.
func says(a *attributes, p ledger.Payload) {
	switch p := p.(type) {
	case ledger.CheckpointAdded:
		checkpoint(a, p)
	case ledger.Paused:
		a.flag("gait.hold", p.Hold)
		a.text("gait.reason", p.Reason)
	case ledger.Approved:
		verdict(a, p.CheckpointID, p.Reason, p.Target, p.Subject)
		a.text("gait.amended", digest(p.Amended.Digest))
	case ledger.Denied:
		verdict(a, p.CheckpointID, p.Reason, p.Target, p.Subject)
	case ledger.Resumed:
		a.flag("gait.policy_changed", p.PolicyChanged)
		a.text("gait.policy.digest", digest(p.CurrentPolicyDigest))
		a.text("gait.reason", p.Reason)
	case ledger.Cancelled:
		a.text("gait.reason", p.Reason)
	case ledger.Stopped:
		a.text("gait.reason", p.Reason)
	case ledger.Refused:
		a.text("gait.command", p.Command)
		a.text("gait.refusal", p.Refusal)
		a.text("gait.reason", p.Reason)
	case ledger.ContentErased:
		a.text("gait.content", digest(p.Digest))
		a.text("gait.reason", p.Reason)
	default:
		ofGate(a, p)
		ofWorker(a, p)
	}
}

func checkpoint(a *attributes, p ledger.CheckpointAdded) {
	a.text("gait.checkpoint.id", p.CheckpointID)
	a.text("gait.checkpoint.type", string(p.CheckpointType))
	a.flag("gait.late", p.Late)
	a.text("gait.summary", p.Summary)
	a.text("gait.required_action", p.RequiredAction)
	a.text("gait.subject", digest(p.Subject.Digest))
	if p.Progress.Total > 0 {
		a.number("gait.progress.done", p.Progress.Done)
		a.number("gait.progress.total", p.Progress.Total)
	}
}

func verdict(a *attributes, checkpoint, reason string, target, subject ledger.Hash) {
	a.text("gait.checkpoint.id", checkpoint)
	a.text("gait.target", digest(target))
	a.text("gait.subject", digest(subject))
	a.text("gait.reason", reason)
}

// ofGate adds what an event of the gate says.
func ofGate(a *attributes, p ledger.Payload) {
	switch p := p.(type) {
	case ledger.GateDecided:
		a.text("gen_ai.tool.name", p.Tool)
		decision(a, p)
	case ledger.DispatchBlocked:
		a.text("gen_ai.tool.name", p.Tool)
		a.text("gen_ai.tool.call.id", p.CallID)
		a.text("gait.gate.reason_code", p.ReasonCode)
		a.text("gait.intent", digest(p.Intent))
	case ledger.EffectSettled:
		a.text("gait.grant", p.Grant)
		a.text("gait.outcome", string(p.Outcome))
		a.text("gait.result", digest(p.Result.Digest))
		a.text("gait.reason", p.Reason)
	default: // it is none
	}
}

// ofTool adds whose tool a decision is about.
func ofTool(a *attributes, e ledger.Event, p ledger.GateDecided) {
	a.text("gen_ai.tool.name", p.Tool)
	a.text("gen_ai.tool.call.id", p.CallID)
	a.text("gait.job.id", e.JobID())
	a.text("gait.actor", e.Actor())
	a.text("gait.intent", digest(p.Intent.Digest))
}

// decision adds what the gate decided.
func decision(a *attributes, p ledger.GateDecided) {
	a.text("gait.gate.verdict", string(p.Verdict))
	a.text("gait.gate.reason_code", p.ReasonCode)
	a.texts("gait.gate.determined_by", p.DeterminedBy)
	a.text("gait.gate.engine", p.Engine)
	a.text("gait.policy.digest", digest(p.PolicyDigest))
	a.text("gait.grant", p.Grant)
	a.text("gait.clearance", digest(p.Clearance))
	a.text("gait.checkpoint.id", p.CheckpointID)
	a.text("gait.required_action", p.RequiredAction)
}

// ofWorker adds what an event of a lease or of an attempt says.
func ofWorker(a *attributes, p ledger.Payload) {
	switch p := p.(type) {
	case ledger.Leased:
		a.number("gait.lease.epoch", p.Epoch)
		a.text("gait.lease.until", ledger.FormatTime(p.Until))
		a.text("gait.worker", p.Worker)
	case ledger.LeaseRenewed:
		a.number("gait.lease.epoch", p.Epoch)
		a.text("gait.lease.until", ledger.FormatTime(p.Until))
		a.text("gait.worker", p.Worker)
	case ledger.LeaseReleased:
		a.number("gait.lease.epoch", p.Epoch)
		a.text("gait.lease.outcome", string(p.Outcome))
		a.text("gait.worker", p.Worker)
	case ledger.AttemptEnded:
		a.number("gait.attempt.number", p.Number)
		a.text("gait.attempt.cause", string(p.Cause))
		if p.Exit != nil {
			a.number("gait.attempt.exit", *p.Exit)
		}
		a.text("gait.attempt.log", digest(p.Log.Digest))
	default: // it is none
	}
}
