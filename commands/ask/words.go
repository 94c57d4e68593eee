package ask

import (
	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// What an agent is told: what the answer means, and what it does next.
const (
	wordsApproval = "A person has to approve this first, and it has not run. Stop here and wait; do not try to do the same in another way."
	wordsNever    = "This is not allowed, and it has not run. Do it another way, or stop."
	wordsNoPolicy = "No tool may run for this job, since it has no policy that can be used. Nothing has run. Stop, and say so."
	wordsWait     = "The job is stopped for now: no tool may run, and this one has not run. Stop, and wait until the job goes on."
	wordsMaybe    = "It may have run already. Do not try again: a person has to find out first."
	wordsMistake  = "It has not run: it was asked for in a wrong way. Do not try again; say so."
	wordsBusy     = "It has not run: too much is open. Wait for what is running, and for decisions that are open."
	wordsFailed   = "It has not run, since the gate could not answer. Try once more, and then stop."
)

// words has what an agent is told about an answer that is not allow, by its reason code.
var words = map[string]string{
	gate.CodeRequiresApproval: wordsApproval,

	gate.CodeForbids: wordsNever, gate.CodePermitsNone: wordsNever, gate.CodeDiagnostic: wordsNever, gate.CodePolicyConflict: wordsNever,

	gate.CodePolicyMissing: wordsNoPolicy, gate.CodePolicyUnreadable: wordsNoPolicy, gate.CodePolicyEmpty: wordsNoPolicy, gate.CodePolicyInvalid: wordsNoPolicy,
	gate.CodePolicyAnnotation: wordsNoPolicy, gate.CodePolicyMismatch: wordsNoPolicy, gate.CodePolicyUnbound: wordsNoPolicy,

	gate.CodeIntentInvalid:     "It has not run: the arguments cannot be read. Write them again.",
	gate.CodeIntentTooLarge:    "It has not run: the arguments are too long. Put them into a file, and name that.",
	gate.CodeIntentUnsupported: "It has not run: the arguments have a value that policies cannot see, such as null in a list. Leave it out, or write it as text.",
	gate.CodeIntentAmended:     "It was approved with other arguments, and has not run. Ask for it with those.",
	gate.CodeIntentUnreadable:  wordsFailed,

	gate.CodeIntentTool: wordsMistake, gate.CodeJobNotFound: wordsMistake, gate.CodeCallReused: wordsMistake,
	commands.CodeGrantSettled: wordsMistake, commands.CodeDryRun: wordsMistake,

	gate.CodeNotRunning:       wordsWait,
	gate.CodeEmergencyStopped: "The job had an emergency stop. Nothing more of it may run, and this has not run. Stop.",
	gate.CodeEffectsUnsettled: wordsMaybe, gate.CodeCallBefore: wordsMaybe, "outcome_unknown": wordsMaybe,
	gate.CodeAlreadyDone: "It was done before, and has not run again. What it answered then is recorded.",

	gate.CodeTooManyGrants: wordsBusy, gate.CodeTooManyCleared: wordsBusy, gate.CodeTooManyDecisions: wordsBusy,

	string(projection.Fenced): "Another worker has this job now. It has not run. Stop.",
	gate.CodeInternal:         wordsFailed,
}

// Words returns what an agent is told about an answer of the gate, in a sentence or two: what it
// means, and what to do. Of an allow it is "". Hints for people, and command lines, are not in it.
func Words(a commands.GateAnswer) string {
	if a.Verdict == ledger.GateAllow {
		return ""
	}
	text, known := words[a.ReasonCode]
	switch {
	case known:
	case a.Verdict == ledger.GateRequireApproval:
		text = wordsApproval
	default:
		text = wordsFailed
	}
	return text + " (" + a.ReasonCode + ")"
}

// Allows reports whether an answer is a permission for the call that was asked for, which a tool
// may run on, once: all that an adapter has to look at.
func Allows(a commands.GateAnswer, tool, callID string) bool {
	return a.Verdict == ledger.GateAllow && a.Grant != "" && a.Tool == tool && (callID == "" || a.CallID == callID)
}
