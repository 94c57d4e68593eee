package main

import (
	"errors"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
)

// answering marks a command that answers whether a tool may run: it ends with 0 only if the
// tool may, and with exitPolicy or exitApproval otherwise, whatever went wrong.
func answering(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations["gate"] = "answer"
	return cmd
}

// answers reports whether a command answers whether a tool may run.
func answers(cmd *cobra.Command) bool { return cmd != nil && cmd.Annotations["gate"] == "answer" }

// A gateError ends a command that answers whether a tool may run with another answer than
// allow.
type gateError struct {
	answer commands.GateAnswer
	result commands.Result // with the event of the answer; zero if there is none
	err    error           // why there is no answer by the rules; nil if there is one
	more   map[string]any  // further fields of the JSON answer
	text   string          // further lines for people
}

func (e *gateError) Error() string {
	switch {
	case e.err != nil:
		return e.err.Error()
	case e.answer.Detail != "":
		return e.answer.Detail
	}
	return "it is " + e.answer.ReasonCode
}

// Unwrap returns why there is no answer by the rules.
func (e *gateError) Unwrap() error { return e.err }

// Fault returns what kind of error the answer is.
func (e *gateError) Fault() ledger.Fault {
	if e.answer.Verdict == ledger.GateRequireApproval {
		return ledger.Fault{Code: string(ledger.GateRequireApproval), Category: ledger.CategoryApproval}
	}
	return ledger.Fault{Code: string(ledger.GateBlock), Category: ledger.CategoryPolicy}
}

// answered returns nil if the answer to a request is allow, and a *gateError otherwise.
func answered(result commands.Result, err error) (commands.GateAnswer, error) {
	answer := commands.AnswerOf(result, err)
	if err == nil && answer.Verdict == ledger.GateAllow {
		return answer, nil
	}
	return answer, &gateError{answer: answer, result: result, err: err}
}

// isGateError returns the answer with which a command ends, if it is another than allow.
func isGateError(err error) (*gateError, bool) { return errors.AsType[*gateError](err) }

// A silentBlock ends a command that wrote what is to be signed: nothing was asked, and so
// nothing is allowed.
type silentBlock struct{}

func (*silentBlock) Error() string { return "the question was written to be signed, and not asked" }

// Fault returns that of a block.
func (*silentBlock) Fault() ledger.Fault {
	return ledger.Fault{Code: "not_asked", Category: ledger.CategoryPolicy}
}

// A gateQuestion is what an evaluation brings to its ledger.
type gateQuestion struct {
	intent    []byte // canonical, or as it was given if it is no intent; nil if it is too large
	canonical bool   // that it is an intent
	policy    []byte // of --policy; nil if none was given
}

// A toolError says that a command which the gate allowed did not end as it should, or that
// its grant is still open.
type toolError struct {
	code, text, grant, tool string
	end                     ending
}

func (e *toolError) Error() string { return e.text }

// Fault returns what kind of error it is.
func (e *toolError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.code, Category: ledger.CategoryIO}
}

func (e *toolError) nextStep() string {
	switch {
	case e.code == "output_failed":
		return "what the command did stands; check where standard output goes"
	case e.code == "effect_not_settled" && e.end.Outcome == ledger.EffectDone:
		return "settle it: gait gate settle --grant " + e.grant + " --outcome done"
	case e.end.Outcome == ledger.EffectNotDone && e.code == "tool_failed":
		return "nothing was done: the gate can be asked again"
	}
	return "find out whether it was done; OUTCOME is done, or, if another actor says so, not_done: gait gate settle --grant " + e.grant + ` --outcome OUTCOME --actor NAME --reason "WHY"`
}

// An ending is how a command ended.
type ending struct {
	Outcome ledger.EffectOutcome `json:"outcome"`
	Exit    int                  `json:"exit"`             // -1: a signal ended it
	Signal  string               `json:"signal,omitempty"` // that ended it

	NotStarted string `json:"not_started,omitempty"` // why it could not be started
}

// isTool reports whether an error is about a command that the gate allowed, and that ran.
func isTool(err error) bool {
	_, ok := errors.AsType[*toolError](err)
	return ok
}
