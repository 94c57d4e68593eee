package mcp

import (
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/ledger"
)

// Hints of tools. None of them destroys anything: the ledger only grows.
var (
	reads = sdk.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, DestructiveHint: new(bool)}
	adds  = sdk.ToolAnnotations{DestructiveHint: new(bool)}
	again = sdk.ToolAnnotations{DestructiveHint: new(bool), IdempotentHint: true}
)

// toolSubmit is the tool that begins a job, and so a task.
const toolSubmit = "job_submit"

// tools returns what the server offers.
func (s *server) tools() []tool {
	all := []tool{
		newTool("job_status", "What a job does, and what it waits for.", reads, s.about(object{}), jobSchema(), s.status),
		newTool("checkpoint_add", "Record what was done: a plan, progress, state to go on from, or that the job is blocked or has failed.", adds,
			s.about(object{
				"summary":  text("what happened, at most 512 bytes"),
				"type":     object{"type": "string", "enum": []string{"plan", "progress", "blocked", "failed"}, "description": "default: progress"},
				"progress": schema(object{"done": object{"type": "integer", "minimum": 0}, "total": object{"type": "integer", "minimum": 1}}, "done", "total"),
				"state":    anyValue("what the job needs to go on, any JSON: it is kept, and read as a resource"),
			}, "summary"), jobSchema(), s.checkpoint),
		newTool("ask_decision", "Ask a person for a decision. The job waits until it is made: stop then. You cannot make it yourself.", adds,
			s.about(object{
				"summary":   text("what the decision is about, at most 512 bytes"),
				"action":    text("what must be decided"),
				"subject":   anyValue("what is decided about, any JSON: it is kept, and shown to who decides"),
				"approvers": list(object{"type": "string"}, "who may decide: names, or role:NAME; default: anyone who may"),
				"quorum":    object{"type": "integer", "minimum": 1, "maximum": 16, "description": "how many must approve; default: 1"},
			}, "summary", "action"), jobSchema(), s.decision),
		newTool("gate_check", "Ask whether a tool may run, before it runs. Only the verdict allow permits it, once, with exactly these arguments; then say so with effect_settle.", adds,
			s.about(object{
				"tool":      text("the name of the tool, as the policy has it"),
				"arguments": anyObject("the arguments that the tool gets"),
				"target":    text("what the tool acts on"),
				"call_id":   text("a name for this call, which stays the same when it is tried again and is used for no other"),
				"once":      object{"type": "boolean", "description": "instead of call_id: the call is made once in the life of the job"},
			}, "tool", "arguments"), gateSchema(), s.gate),
		newTool("effect_settle", "Say that what a grant permitted was done. If you do not know whether it was done, do not settle it: a person finds out.", again,
			s.about(object{
				"grant":   text("the grant of gate_check"),
				"outcome": object{"type": "string", "enum": []string{string(ledger.EffectDone)}, "description": "default: done"},
				"result":  anyValue("what the tool answered, any JSON: it is kept"),
			}, "grant"), jobSchema(), s.settle),
		newTool("job_complete", "Say that the job is done.", adds,
			s.about(object{"summary": text("what came of it, at most 512 bytes")}, "summary"), jobSchema(), s.complete),
	}
	if s.JobID == "" {
		all = append(all, newTool(toolSubmit, "Start a job.", adds, schema(object{
			"job_id": text("its id; default: a new one"),
			"labels": object{"type": "object", "additionalProperties": object{"type": "string"}, "description": "labels, by which workers find it"},
			"after":  list(object{"type": "string"}, "ids of jobs that must be completed before"),
			"input":  anyValue("what it is to work on, any JSON: it is kept"),
		}), jobSchema(), s.submit))
	}
	return all
}

// about returns the schema of what a tool about a job takes.
func (s *server) about(members object, required ...string) object {
	members["job_id"] = text("the job")
	if s.JobID == "" {
		return schema(members, append([]string{"job_id"}, required...)...)
	}
	return schema(members, required...)
}

// jobSchema is the schema of a jobAnswer.
func jobSchema() object {
	decision := answers(object{
		"checkpoint_id": text("its id"), "summary": text("what it is about"), "required_action": text("what must be decided"),
	}, "checkpoint_id")
	return answers(object{
		"job_id": text("the job"), "status": text("running, paused, decision_needed, blocked, completed, failed, cancelled or emergency_stopped"),
		"reason_code": text("why, as a code"), "waiting_for": text("what it waits for"), "checkpoint_id": text("of what was recorded now"),
		"last_checkpoint": text("the summary of its newest checkpoint"), "progress": anyObject("steps that are done, and all"),
		"decisions": list(decision, "decisions that are open"), "unsettled": list(object{"type": "string"}, "grants that are open or unknown"),
	}, "job_id", "status")
}

// gateSchema is the schema of a gateAnswer.
func gateSchema() object {
	return answers(object{
		"job_id": text("the job"), "tool": text("the tool that was asked for"), "call_id": text("the name of the call"),
		"verdict":     object{"type": "string", "enum": []string{string(ledger.GateAllow), string(ledger.GateRequireApproval), string(ledger.GateBlock)}},
		"reason_code": text("why, as a code"), "grant": text("of an allow: settle it"), "checkpoint_id": text("the decision that is asked for"),
		"outcome": text("what became of the call before"), "unsettled": list(object{"type": "string"}, "grants that must be settled first"),
	}, "job_id", "tool", "verdict", "reason_code")
}
