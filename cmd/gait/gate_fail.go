package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"gait/commands"
	"gait/ledger"
)

// failGate reports the end of a command that answers whether a tool may run, if the answer is
// not allow, and returns the exit code: exitApproval if an approval is required, and
// otherwise exitPolicy. It is the one way out for every error.
func failGate(c *console, err error) int {
	if _, silent := errors.AsType[*silentBlock](err); silent {
		return exitPolicy
	}
	e, ok := isGateError(err)
	if !ok {
		e = &gateError{answer: commands.AnswerOf(commands.Result{}, err), err: err}
	}
	e.answer.Grant = "" // whatever went wrong, this answer grants nothing
	code := exitPolicy
	if e.answer.Verdict == ledger.GateRequireApproval {
		code = exitApproval
	} else {
		e.answer.Verdict = ledger.GateBlock
	}
	f := failure{Fault: e.Fault(), exit: code, hint: c.pasteable(err, gateHint(e))}
	if !c.json || c.writeObject(gateObject(c, e, f)) != nil {
		gateForPeople(c, e, f)
	}
	return code
}

// gateObject returns the object that reports an answer that is not allow.
func gateObject(c *console, e *gateError, f failure) object {
	out := c.failureObject(e, f)
	addAnswer(out, e.answer)
	if e.result.Receipt.TreeSize > 0 {
		out["receipt"] = receiptOf(e.result)
	}
	if e.result.Job.ID != "" {
		out["job_id"] = e.result.Job.ID
	}
	maps.Copy(out, e.more)
	return out
}

func gateForPeople(c *console, e *gateError, f failure) {
	c.tellIndex()
	s := c.screenOn(c.stderr)
	what := "blocked"
	if e.answer.Verdict == ledger.GateRequireApproval {
		what = "not yet: it needs an approval"
	}
	recorded := ""
	if e.result.Receipt.TreeSize > 0 {
		recorded = fmt.Sprintf(" (recorded as event %d)", e.result.Receipt.Seq)
	}
	fmt.Fprintf(s, "%s %s: %s%s %s\n", s.red("gait:"), what, plain(strings.ReplaceAll(e.Error(), "\n", "; ")), recorded, s.dim("["+e.answer.ReasonCode+"]"))
	if f.hint != "" {
		fmt.Fprintf(s, "%s %s\n", s.bold("hint:"), plain(f.hint))
	}
	s.add(e.text)
	fmt.Fprint(c.stderr, s.String())
}

// addAnswer adds the fields of an answer to an object.
func addAnswer(out object, answer commands.GateAnswer) {
	b, err := json.Marshal(answer)
	fields := object{}
	if err == nil {
		err = json.Unmarshal(b, &fields)
	}
	if err != nil {
		panic("gait: an answer of the gate: " + err.Error())
	}
	for name, value := range fields {
		if _, taken := out[name]; !taken {
			out[name] = value
		}
	}
}

// gateHint returns what to do next about an answer of the gate that is not allow.
func gateHint(e *gateError) string {
	job := e.result.Job.ID
	switch {
	case e.answer.Verdict == ledger.GateRequireApproval:
		return "have it decided: " + toApprove(job, e.answer.CheckpointID) + missingApprovers(e) + "; then gait job resume --id " + job + " --policy FILE, and ask again"
	case e.answer.ReasonCode == "effects_unsettled" && len(e.answer.Unsettled) > 0:
		return toSettle(e.answer.Unsettled)
	case e.answer.CheckpointID != "": // it is a block, because of the decision about this intent
		return "gait job wait --id " + job + " --for approved waits for " + e.answer.CheckpointID + ", the decision about this; then gait job resume --id " + job + " --policy FILE, and ask again"
	case gateHints[e.answer.ReasonCode] != "":
		if job == "" {
			job = "JOB"
		}
		return strings.ReplaceAll(gateHints[e.answer.ReasonCode], "JOB", job)
	case e.err != nil:
		f, _ := ledger.FaultOf(e.err)
		return hintOf(e.err, f)
	}
	return ""
}

// missingApprovers says how a role is given to an actor, if only actors of roles may decide
// and the ledger has no actors.
func missingApprovers(e *gateError) string {
	p, ok := e.result.Event.Payload().(ledger.GateDecided)
	if !ok || !e.result.Event.Authority().IsZero() || len(p.Approvers) == 0 {
		return ""
	}
	for _, who := range p.Approvers {
		if !strings.HasPrefix(who, ledger.RolePrefix) {
			return ""
		}
	}
	return ", by " + strings.Join(p.Approvers, ", ") + ": the ledger has no actors yet, and gait actor add --help says how one gets a role"
}
