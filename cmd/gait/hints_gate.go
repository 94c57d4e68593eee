package main

import (
	"strings"

	"gait/projection"
)

// contentSecretHint says what to do if the secret of a job's content is not there.
const contentSecretHint = "restore the directory content of the root from a backup: without the secret it cannot be told whether this was allowed before"

// gateHints say what to do next about a block of the gate, by its reason code.
var gateHints = map[string]string{
	"policy_permits_none":    "no policy permits it; gait gate eval with --explain --dry-run says why",
	"policy_forbids":         "a policy forbids it; gait gate eval with --explain --dry-run says what it asks for",
	"policy_diagnostic":      "a policy could not be evaluated on this intent; gait gate eval with --explain --dry-run says why",
	"policy_missing":         "bind the job to a policy: gait job pause --id JOB, then gait job resume --id JOB --policy FILE",
	"policy_unreadable":      "give the policy that the job is bound to: --policy FILE",
	"policy_empty":           "the policy file permits nothing: gait policy check FILE",
	"policy_invalid":         "gait policy check FILE says what is wrong with it",
	"policy_annotation":      "gait policy check FILE says what is wrong with it",
	"policy_conflict":        "two policies ask for an approval by different approvers: gait policy check FILE",
	"policy_mismatch":        "the job is bound to another policy: gait job status --id JOB shows its digest",
	"policy_unbound":         "an operator binds it: gait job pause --id JOB, then gait job resume --id JOB --policy FILE",
	"intent_invalid":         `an intent is JSON like {"tool": "payments.refund", "arguments": {"amount": 12.5}}`,
	"intent_too_large":       "keep large arguments in files, and name them by their digest",
	"intent_unsupported":     "policies cannot see this value: give it as text",
	"intent_tool":            "--tool and the tool of the intent are one",
	"intent_amended":         "an approver has changed it: gait gate list --id JOB shows what was approved",
	"not_running":            "gait job status --id JOB shows what the job waits for",
	"emergency_stopped":      "after an emergency stop nothing of the job may run",
	"already_done":           "it was done: use the result that was recorded",
	"call_reused":            "the call id stands for another intent: give a new --call-id",
	"call_before":            "the ledger before this one knew the call: look there, and give a new --call-id if it was not done",
	"too_many_grants":        "settle those that are open: gait gate list",
	"too_many_cleared":       "use what is approved first: gait gate list --id JOB",
	"too_many_decisions":     "have them decided and resume the job, which uses the approvals up",
	"outcome_unknown":        "a grant may be open: gait gate list",
	"content_secret_missing": contentSecretHint,
}

// effectHints are the hints about grants that are not settled.
var effectHints = map[string]hintMaker{
	"effects_unsettled": ofDetails(func(d projection.Details) string { return toSettle(d.Grants) }),
	"grant_not_found":   say("gait gate list shows the grants that are not settled"),
	"not_asked":         say("sign it, and give it to gait gate eval with --command and --signature"),
}

// settleCommand is the command that settles a grant of which it must be found out what was
// done: who pastes it has to say that.
func settleCommand(grant string) string {
	return "gait gate settle --grant " + grant + ` --outcome OUTCOME --actor NAME --reason "WHY"`
}

// toSettle returns the commands that settle grants.
func toSettle(grants []string) string {
	var settle []string
	for _, grant := range grants {
		settle = append(settle, settleCommand(grant))
	}
	return "find out whether it was done; OUTCOME is done or not_done: " + strings.Join(settle, "; ")
}
