package daemon

import (
	"strings"

	"gait/projection"
)

// describedHint is the hint to read the description of an address.
const describedHint = "GET /openapi.json describes what is asked for"

// hints say what to do next, for callers of the HTTP interface, by error code.
// The command line has hints of its own.
var hints = map[string]func(projection.Details) string{
	// Refusals.
	"invalid_transition":   transitionHint,
	"nothing_to_approve":   jobHint("shows what the job waits for"),
	"already_decided":      jobHint("shows what else the job waits for"),
	"decision_not_open":    jobHint("lists the open decisions"),
	"checkpoint_required":  say("name the decision in the argument checkpoint_id"),
	"too_many_decisions":   say("have decisions approved and resume the job, which uses the approvals up"),
	"self_approval":        say("have another actor approve it"),
	"approval_required":    say("send the verb approve by another actor; name the decision in checkpoint_id if there are several"),
	"policy_required":      say("name the current policy in the argument policy_digest"),
	"identity_mismatch":    say("resume it as that identity, or leave the argument identity out"),
	"environment_mismatch": say("if that is right, resume with allow_env_mismatch and a reason"),

	"effects_unsettled": say("find out what became of each open grant, and say so: POST /v1/gate/{grant}/settle"),
	"grant_not_found":   jobHint("lists the grants that are open"),
	"grant_settled":     say("ask again under another request_id"),
	"already_done":      say("it was done: the answer has what it led to"),
	"not_running":       jobHint("shows what the job waits for"),
	"emergency_stopped": jobHint("shows who stopped it and why"),

	"fenced":             say("stop, and write nothing more for the job: its lease has ended, or another worker has it; to go on, take a new lease and name its epoch in the field lease"),
	"lease_held":         jobHint("shows who holds its lease and until when"),
	"not_due":            jobHint("shows when it may be leased"),
	"dependency_pending": jobHint("shows the jobs that it comes after: try again when they are completed"),
	"dependency_failed":  jobHint("shows the jobs that it comes after: cancel it, and submit another one"),

	"decision_expired": jobHint("shows it: ask again with another decision that replaces it"),
	"quorum_pending":   jobHint("shows who has approved, and how many must"),
	"subject_changed":  jobHint("shows what is asked about now"),

	// Signatures and authority.
	"signature_required": say("send command and command_sigs, signed by an enrolled actor"),
	"signature_invalid":  say("sign the exact bytes of command, in the namespace gait-command"),
	"role_required":      say("have an actor with the role sign it; several admins may have to"),
	"token_path":         say("send the token of agents to their path alone, and another one to all else"),
	"token_role":         say("ask the ledger's owner for a token of that role"),
	"revoked":            say("have it signed by an actor whose key is in force"),
	"command_expired":    say("sign it again; the clocks must agree"),
	"command_used":       say("give another request_id for another command"),

	// Errors before a decision.
	"job_not_found":        say("GET /v1/jobs lists the jobs"),
	"job_exists":           say("choose another job_id, or leave it out to have one made"),
	"state_conflict":       jobHint("shows the job as it is now: look at it, then decide"),
	"request_id_conflict":  say("a request_id stands for one command; use a new one for another"),
	"import_too_large":     say("keep its pack, and continue in a new job"),
	"invalid_usage":        say("give it a value, or leave it out if it may be missing; GET /openapi.json describes what is asked for"),
	"request_too_long":     say("send less in one request"),
	"invalid_content_type": say("send the header Content-Type: application/json"),
	"unknown_address":      say("GET /openapi.json lists the addresses"),
	"token_invalid":        say("send Authorization: Bearer with the token of the daemon's own token file; a token made by serve token add is proved and never sent: give that to a client of this ledger"),
	"challenge_expired":    say("ask for another one: GET /v1/challenge"),
	"token_actor":          say("send it as the actor that the token is for"),
	"foreign_request":      say("send it to 127.0.0.1 or localhost, and not from a web page"),

	// Ledgers that continue another one, and content.
	"request_id_used_before": say("look at what it led to in the ledger before; if it is to be done again, use a new one"),
	"content_missing":        say("its owner can copy the file back from a backup or an export of the ledger"),
	"content_secret_missing": say("its owner can restore the directory content from a backup; until then nothing of the job goes on that names content"),
	"content_erased":         say("its bytes are gone; GET /v1/job/events says by whom and why"),
	"content_too_large":      say("send less; the daemon's owner can allow more"),
	"content_not_found":      say("GET /v1/job/events names the content of a job"),
	"content_damaged":        say("its owner can replace the file by that of a backup or an export of the ledger"),

	// Errors while the command is carried out.
	"state_contention":    say("try again"),
	"busy":                say("too many commands are waiting; try again in a moment"),
	"deadline_exceeded":   say("nothing was done; try again, or with a longer timeout_ms"),
	"interrupted":         say("try again"),
	"outcome_unknown":     say("send it again with the same request_id, which settles it without doing it twice; if it had none, look at the job first"),
	"clock_suspect":       say("set the clock of the daemon's machine; if it is right, send accept_clock: true"),
	"io_failure":          say("check the daemon's disk and the permissions there, then try again"),
	"home_unwritable":     say("nothing was written; the daemon's user must be able to write its home, and its disk must have room"),
	"ledger_corrupt":      say("keep a copy of the ledger's directory as it is, and restore a backup"),
	"ledger_moved":        say("send it to the daemon of the place where the ledger goes on"),
	"index_mismatch":      indexHint,
	"not_verified":        say("do not rely on it; ask for it again where it came from"),
	"unsupported_version": say("it was written by a newer version, which is needed to read it"),
	"malformed":           say(describedHint),
	"internal_failure":    say("please report it with what the daemon printed"),
}

func say(text string) func(projection.Details) string {
	return func(projection.Details) string { return text }
}

// jobHint returns a hint to look at the job, which shows what shows says.
func jobHint(shows string) func(projection.Details) string {
	return func(d projection.Details) string { return "GET /v1/job?id=" + d.JobID + " " + shows }
}

func indexHint(d projection.Details) string {
	if d.IndexSigned {
		return "keep the ledger and its checkpoint: they show that its key has signed an index that its events do not give"
	}
	if d.IndexDamaged {
		return "POST /v1/ledger/rebuild-index mends all but events; if one is damaged, continue from a backup"
	}
	return "POST /v1/ledger/rebuild-index verifies everything and makes the index again"
}

func transitionHint(d projection.Details) string {
	switch {
	case d.JobID == "":
		return ""
	case d.Status == "":
		return "submit the job first"
	case d.Status.Final():
		return "a job that is " + string(d.Status) + " stays so; submit a new one to continue"
	case d.Status == projection.EmergencyStopped:
		return "after an emergency stop a job can only be cancelled"
	}
	return jobHint("shows what the job waits for")(d)
}

// hintOf returns the hint for an error.
func hintOf(code string, d projection.Details) string {
	if hint, ok := hints[code]; ok {
		return hint(d)
	}
	if strings.HasPrefix(code, "invalid_") {
		return describedHint
	}
	return ""
}
