package compliance

import (
	"slices"

	"gait/ledger"
)

// A Sign is something that an event can show. Signs are in reports and never renamed.
type Sign string

// The signs that events about the ledger show.
const (
	LedgerCreated  Sign = "ledger_created"
	ActorEnrolled  Sign = "actor_enrolled"
	ActorActive    Sign = "actor_in_force"
	ApproverActive Sign = "approver_in_force"
	ActorRevoked   Sign = "actor_revoked"
	VerdictsProved Sign = "verdict_signatures_in_force"
	CommandsProved Sign = "command_signatures_in_force"
	IndexCommitted Sign = "index_committed"
	KeyReplaced    Sign = "key_replaced"
)

// The signs that events of a job show.
const (
	JobBegun          Sign = "job_begun"
	JobEnded          Sign = "job_ended"
	InputNamed        Sign = "input_named"
	PolicyBound       Sign = "policy_in_force"
	CommandSigned     Sign = "command_signed"
	CommandUnsigned   Sign = "command_unsigned"
	AfterCommitment   Sign = "after_commitment"
	ProgressRecorded  Sign = "progress_recorded"
	AttemptRecorded   Sign = "attempt_recorded"
	DecisionAsked     Sign = "decision_asked"
	DecisionDecided   Sign = "decision_decided"
	DecisionOpen      Sign = "decision_open"
	VerdictGiven      Sign = "verdict_given"
	VerdictSigned     Sign = "verdict_signed"
	Denied            Sign = "denied"
	Paused            Sign = "paused"
	Blocked           Sign = "blocked"
	Failed            Sign = "failed"
	Cancelled         Sign = "cancelled"
	Stopped           Sign = "emergency_stopped"
	Intervened        Sign = "intervened"
	TroubleAnswered   Sign = "trouble_answered"
	TroubleOpen       Sign = "trouble_open"
	Resumed           Sign = "resumed"
	ConditionsChanged Sign = "conditions_changed"
	ChangeReasoned    Sign = "change_reasoned"
	ChangeUnreasoned  Sign = "change_unreasoned"
	Refused           Sign = "refused"
	ContentErased     Sign = "content_erased"
	GateAsked         Sign = "gate_asked"
	IntentNamed       Sign = "intent_named"
	GateAllowed       Sign = "gate_allowed"
	GateBlocked       Sign = "gate_blocked"
	StopHeld          Sign = "stop_held"
	EffectSettled     Sign = "effect_settled"
	EffectUnknown     Sign = "effect_unknown"
	ResultNamed       Sign = "result_named"
	ResultMissing     Sign = "result_missing"
	GrantOpen         Sign = "grant_open"
)

// A signRow says what a sign is and which events show it.
type signRow struct {
	sign  Sign
	text  string
	shown func(ledger.Event) bool // nil if no single event shows it, but what stands at the end of all
}

// signs has all signs: those of the ledger first, each kind in the order of reports.
var signs = []signRow{
	{LedgerCreated, "the ledger was created", types(ledger.TypeLedgerCreated)},
	{ActorEnrolled, "an actor was enrolled, with keys and roles", types(ledger.TypeActorEnrolled)},
	{ActorActive, "in force at the end: the newest enrolment of an actor who is not revoked", nil},
	{ApproverActive, "in force at the end: such an enrolment, with the role to approve and deny", nil},
	{ActorRevoked, "an actor or a key was revoked", types(ledger.TypeActorRevoked)},
	{VerdictsProved, "in force at the end: verdicts, or all commands, need signatures of enrolled actors", nil},
	{CommandsProved, "in force at the end: all commands need signatures of enrolled actors", nil},
	{IndexCommitted, "the ledger committed to its index, so that no event of a job before it can be left out unseen", types(ledger.TypeIndexCommitted)},
	{KeyReplaced, "the ledger's signing key was replaced", types(ledger.TypeKeyRotated, ledger.TypeLedgerMoved)},

	{JobBegun, "the job's record begins", types(ledger.TypeSubmitted, ledger.TypeImported, ledger.TypeContinued)},
	{JobEnded, "the job ended: completed, failed, cancelled or stopped", either(types(ledger.TypeCancelled, ledger.TypeStopped), checkpoints(ledger.CheckpointCompleted, ledger.CheckpointFailed))},
	{InputNamed, "the job's input was named by its digest", shows(func(p ledger.Submitted) bool { return !p.Input.Digest.IsZero() })},
	{PolicyBound, "at the end the job is bound to a policy: the newest event that bound it", nil},
	{CommandSigned, "a command that was carried out was signed by its actor", func(e ledger.Event) bool { return commanded(e) && len(e.CommandSigs()) > 0 }},
	{CommandUnsigned, "a command that was carried out was not signed", func(e ledger.Event) bool { return commanded(e) && len(e.CommandSigs()) == 0 }},
	{AfterCommitment, "the job's newest event comes after the newest commitment, which does not cover it", nil},
	{ProgressRecorded, "a plan or progress was recorded", checkpoints(ledger.CheckpointPlan, ledger.CheckpointProgress)},
	{AttemptRecorded, "the end of an attempt was recorded", types(ledger.TypeAttemptEnded)},
	{DecisionAsked, "a decision was asked for", either(
		checkpoints(ledger.CheckpointDecisionNeeded),
		shows(func(p ledger.GateDecided) bool { return p.Verdict == ledger.GateRequireApproval }),
		shows(func(p ledger.Paused) bool { return p.Hold }))},
	{DecisionDecided, "what was asked for was denied, or approved by as many as it needs, or another actor than who asked cancelled or stopped the job", nil},
	{DecisionOpen, "what was asked for is not decided at the end", nil},
	{VerdictGiven, "a decision, pause or block was approved or denied", types(ledger.TypeApproved, ledger.TypeDenied)},
	{VerdictSigned, "the verdict was signed by an enrolled actor", func(e ledger.Event) bool {
		return types(ledger.TypeApproved, ledger.TypeDenied)(e) && len(e.CommandSigs()) > 0
	}},
	{Denied, "a decision, pause or block was denied", types(ledger.TypeDenied)},
	{Paused, "the job was paused", types(ledger.TypePaused)},
	{Blocked, "the job was blocked", checkpoints(ledger.CheckpointBlocked)},
	{Failed, "the job failed, or an attempt of it did", either(checkpoints(ledger.CheckpointFailed), shows(attemptFailed))},
	{Cancelled, "the job was cancelled", types(ledger.TypeCancelled)},
	{Stopped, "the job was stopped in an emergency", types(ledger.TypeStopped)},
	{Intervened, "the job was paused, cancelled or stopped by an actor who does not work on it: who got no lease of it, added no checkpoint, did not ask the gate", nil},
	{TroubleAnswered, "something that someone should look at, after which an actor who does not work on the job resumed, paused, cancelled or stopped it, or decided about that or what was asked for since; or, if what a tool did was not known, another actor than who said so said what it did", nil},
	{TroubleOpen, "something that someone should look at, after which that did not happen", nil},
	{Resumed, "the job was resumed", types(ledger.TypeResumed)},
	{ConditionsChanged, "the job was resumed under another policy or in another environment", shows(changed)},
	{ChangeReasoned, "such a change had a reason", shows(func(p ledger.Resumed) bool { return changed(p) && p.Reason != "" })},
	{ChangeUnreasoned, "such a change had no reason", shows(func(p ledger.Resumed) bool { return changed(p) && p.Reason == "" })},
	{Refused, "a command was refused by the rules", types(ledger.TypeRefused)},
	{ContentErased, "content of the job was erased", types(ledger.TypeContentErased)},
	{GateAsked, "the gate decided on a call of a tool", types(ledger.TypeGateDecided)},
	{IntentNamed, "what a tool was to be called with was named by its digest", shows(func(p ledger.GateDecided) bool { return !p.Intent.Digest.IsZero() })},
	{GateAllowed, "the gate allowed a call of a tool", verdict(ledger.GateAllow)},
	{GateBlocked, "the gate blocked a call of a tool, other than one that was done before", shows(func(p ledger.GateDecided) bool { return p.Verdict == ledger.GateBlock && p.ReasonCode != alreadyDone })},
	{StopHeld, "a call of a tool was blocked because of an emergency stop", types(ledger.TypeDispatchBlocked)},
	{EffectSettled, "what a tool did was settled: done, or not done", shows(func(p ledger.EffectSettled) bool { return p.Outcome != ledger.EffectUnknown })},
	{EffectUnknown, "it was recorded that what a tool did is not known", shows(func(p ledger.EffectSettled) bool { return p.Outcome == ledger.EffectUnknown })},
	{ResultNamed, "the result of a tool was named by its digest", shows(func(p ledger.EffectSettled) bool { return !p.Result.Digest.IsZero() })},
	{ResultMissing, "what a tool did was settled as done, and no result was named", shows(func(p ledger.EffectSettled) bool { return p.Outcome == ledger.EffectDone && p.Result.Digest.IsZero() })},
	{GrantOpen, "what a tool was allowed to do is not settled at the end", nil},
}

// alreadyDone is the reason code of a call that was done before and is tried again, as retries are.
const alreadyDone = "already_done"

// loud is what someone should look at.
var loud = []Sign{Blocked, Failed, Stopped, GateBlocked, StopHeld, EffectUnknown}

// Signs returns all signs, in the order of reports.
func Signs() []Sign {
	all := make([]Sign, len(signs))
	for i, r := range signs {
		all[i] = r.sign
	}
	return all
}

// row returns the place of a sign in signs.
func row(s Sign) int {
	return slices.IndexFunc(signs, func(r signRow) bool { return r.sign == s })
}

// types is for signs that each event of a type shows.
func types(any ...ledger.Type) func(ledger.Event) bool {
	return func(e ledger.Event) bool { return slices.Contains(any, e.Type()) }
}

// shows is for signs that some events with this payload show.
func shows[P ledger.Payload](shown func(P) bool) func(ledger.Event) bool {
	return func(e ledger.Event) bool {
		p, ok := e.Payload().(P)
		return ok && shown(p)
	}
}

// checkpoints is for signs that a job's checkpoints of a type show.
func checkpoints(any ...ledger.CheckpointType) func(ledger.Event) bool {
	return shows(func(p ledger.CheckpointAdded) bool { return slices.Contains(any, p.CheckpointType) })
}

// verdict is for signs that a decision of the gate shows.
func verdict(v ledger.GateVerdict) func(ledger.Event) bool {
	return shows(func(p ledger.GateDecided) bool { return p.Verdict == v })
}

// either is for signs that are shown in several ways.
func either(any ...func(ledger.Event) bool) func(ledger.Event) bool {
	return func(e ledger.Event) bool {
		return slices.ContainsFunc(any, func(shown func(ledger.Event) bool) bool { return shown(e) })
	}
}

// commanded reports whether an event was written by a command that was carried out, and not by the
// ledger itself.
func commanded(e ledger.Event) bool {
	switch p := e.Payload().(type) {
	case ledger.Refused, ledger.Continued:
		return false
	case ledger.CheckpointAdded:
		return p.Continues.IsZero()
	case ledger.GateDecided:
		return p.Continues.IsZero()
	default:
		return true
	}
}

// changed reports whether a job was resumed under other conditions than those it had.
func changed(p ledger.Resumed) bool {
	return p.PolicyChanged || p.ActualFingerprint != p.ExpectedFingerprint
}

// attemptFailed reports whether an attempt ended as none should. One that asks for a decision, or
// that ends because the job does not run, is none of these.
func attemptFailed(p ledger.AttemptEnded) bool {
	switch p.Cause {
	case ledger.AttemptAsked, ledger.AttemptPaused, ledger.AttemptStopped, ledger.AttemptInterrupted:
		return false
	case ledger.AttemptExited:
		return p.Exit == nil || *p.Exit != 0
	default:
		return true
	}
}
