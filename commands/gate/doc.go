// Package gate decides whether a tool may do what an agent wants: an intent, a policy in
// Cedar, and the facts lead to allow, require_approval or block. It is pure, and the only
// package that imports cedar-go.
//
// An Intent is strict JSON,
//
//	{"arguments":{"amount":5000,"to":"acct_7"},"target":"payments","tool":"payments.transfer"}
//
// of at most ledger.MaxIntent bytes, and is kept in its canonical form (RFC 8785). A Policy is
// a file of Cedar policies:
//
//	permit (principal, action == Action::"payments.transfer", resource)
//	when { context.arguments.amount <= 10000 };
//
//	@gait_verdict("require_approval")
//	@gait_approvers("role:approver")
//	permit (principal, action == Action::"payments.transfer", resource);
//
// Evaluate has one way out. What is not permitted for certain is a block: an error of any
// kind, a policy that cannot be evaluated, a job that does not run, a call whose outcome is not
// known.
//
// # What a policy sees
//
// The principal is Actor::"NAME", with the attributes proven (a Bool: a key in force signed)
// and roles (a Set of String), and with the parents Role::"worker" and so on. The action is
// Action::"TOOL" and the resource Target::"TARGET", with "" if the intent has no target. The
// context is a record:
//
//	arguments    of the intent
//	job          id, status, labels (a Record), identity?, policy_ref?, environment_fingerprint,
//	             submitted_by, checkpoints, approvals, refusals, allows, blocks, open_grants,
//	             unknown_grants (Longs), cleared (Bool: this intent was approved)
//	environment  fingerprint?, not_done_exit?: as the worker says
//	time         a datetime: what the clock read
//
// JSON has these values in Cedar: a string is a String; an integer is a Long; a fraction is a
// decimal if it has at most four decimals and Cedar's decimals reach so far, and else a String,
// its canonical JSON text; true and false are Bools; an object is a Record without the members
// that are null; a list is a Set. null in a list has none: such an intent is blocked.
//
// # Annotations
//
//	@id("…")                 the policy's id; without it policyN, counted from 0 in the file
//	@gait_verdict("…")       of a permit: allow, or require_approval
//	@gait_approvers("…")     who may approve: names, or role:approver, with commas between
//	@gait_quorum("2")        how many must: 2 to 16
//	@gait_expires("24h")     how long the decision can be used: 1m to 720h
//	@gait_action("…")        what must be decided, in words
//	@gait_record("…")        fields of the intent that events may show: target, arguments.a.b
//
// approvers, quorum, expires and action go with require_approval. Any other annotation that
// begins with gait_, and any other value, makes the whole file invalid. If several policies
// determine the answer, the strictest counts: forbid, then require_approval, then allow. Of
// several require_approval the highest quorum, the earliest expiry and the first action, by id,
// count; if they name different approvers, the gate blocks.
//
// An intent that was approved is judged by the policy in force when it is asked about again.
// If that asks for more approvals than the decision did, or names approvers and the decision
// named others or none, the approval does not allow: another is asked for, and takes its place.
package gate
