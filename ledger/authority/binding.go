package authority

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
)

// A Kind says how a field of an event's payload follows from the command that was signed.
type Kind string

// The kinds.
const (
	Copied          Kind = "copied"            // equal to its source; absent if that is
	CopiedIfPresent Kind = "copied_if_present" // equal to its source; if that is absent, derived
	Derived         Kind = "derived"           // the rules make it from the job, and each fold checks it
	Digested        Kind = "digested"          // part of what the argument Binding.Whole is the digest of
	Free            Kind = "free"              // neither
)

// A Source names the part of a command that a field is copied from.
type Source string

// The sources that are no arguments. An argument is SourceArgument and its name.
const (
	SourceArgument = "arguments."
	SourceReason   = "reason"
	SourceVerb     = "verb"
)

// A Field is how one field of a payload follows from a command.
type Field struct {
	Kind    Kind
	From    Source // of the copied kinds
	Default string // the field's value if the source is absent; "": it is absent too
}

// Argument returns the name of the argument that the field is copied from, and whether it is
// copied from one. It is the path to a member if that alone is copied, such as intent.digest.
func (f Field) Argument() (string, bool) { return strings.CutPrefix(string(f.From), SourceArgument) }

// A Binding is how the event of one verb follows from its command. A verb has one Binding for
// each type of event to which it leads.
type Binding struct {
	Verb  string
	Event ledger.Type // the type of the event, if the command is not refused

	// Fields are those of the payload, by name. If the members of an object follow in different
	// ways, each has a path of its own, such as facts.shown, and the object has none.
	Fields map[string]Field

	// Arguments are those that the verb has and no field is copied from.
	Arguments []string

	// Whole is the argument that has the SHA-256 of the payload without its reason, as
	// canonical JSON, in hexadecimal; "": no argument has. It is one of Arguments.
	Whole string

	begins     bool     // the command begins its job
	unnamed    bool     // the command need not name its job
	speechless bool     // the event has no place for a reason
	undigested []string // arguments that the request digest does not cover
}

func argument(name string) Source { return SourceArgument + Source(name) }

func copied(from Source) Field          { return Field{Kind: Copied, From: from} }
func copiedIfPresent(from Source) Field { return Field{Kind: CopiedIfPresent, From: from} }
func copiedOr(from Source, otherwise string) Field {
	return Field{Kind: Copied, From: from, Default: otherwise}
}

var (
	derived  = Field{Kind: Derived}
	digested = Field{Kind: Digested}
	free     = Field{Kind: Free}
	reason   = copied(SourceReason)
)

// same returns fields that are copied from the arguments of their names, and adds more.
func same(names []string, more map[string]Field) map[string]Field {
	fields := map[string]Field{}
	for _, name := range names {
		fields[name] = copied(argument(name))
	}
	maps.Copy(fields, more)
	return fields
}

// refusedFields are how an event that refuses a command follows from it, whatever its verb.
var refusedFields = map[string]Field{
	"command": copied(SourceVerb), "exit": derived, "reason": reason, "refusal": derived, "summary": derived,
}

// bindings are the verbs that can be signed. What the table does not name cannot.
var bindings = []Binding{
	{
		Verb: "submit", Event: ledger.TypeSubmitted, begins: true, unnamed: true, speechless: true,
		Fields: same([]string{"after", "identity", "input", "labels", "not_before", "policy_digest", "policy_ref"}, map[string]Field{
			"environment_fingerprint": copiedIfPresent(argument("environment_fingerprint")), "producer_version": derived, "content_key": free,
		}),
	},
	{
		Verb: "checkpoint add", Event: ledger.TypeCheckpointAdded, speechless: true,
		Fields: same([]string{"approvers", "attachments", "expires_at", "progress", "quorum", "replaces", "required_action", "subject", "summary"}, map[string]Field{
			"checkpoint_type": copied(argument("type")), "checkpoint_id": derived, "late": derived, "continues": derived, "content_key": free,
		}),
	},
	{
		Verb: "pause", Event: ledger.TypePaused,
		Fields: same([]string{"hold"}, map[string]Field{"reason": reason}),
	},
	{Verb: "cancel", Event: ledger.TypeCancelled, Fields: map[string]Field{"reason": reason}},
	{Verb: "stop", Event: ledger.TypeStopped, Fields: map[string]Field{"reason": reason}},
	{
		Verb: "approve", Event: ledger.TypeApproved, undigested: []string{"subject", "target"},
		Fields: same([]string{"amended", "subject", "target"}, map[string]Field{
			"checkpoint_id": copiedIfPresent(argument("checkpoint_id")), "content_key": free, "reason": copiedOr(SourceReason, "approved"),
		}),
	},
	{
		Verb: "deny", Event: ledger.TypeDenied, undigested: []string{"subject", "target"},
		Fields: same([]string{"subject", "target"}, map[string]Field{
			"checkpoint_id": copiedIfPresent(argument("checkpoint_id")), "reason": copiedOr(SourceReason, "denied"),
		}),
	},
	{
		Verb: "resume", Event: ledger.TypeResumed, Arguments: []string{"allow_env_mismatch"},
		Fields: map[string]Field{
			"actual_fingerprint":    copiedIfPresent(argument("environment_fingerprint")),
			"current_policy_digest": copied(argument("policy_digest")),
			"current_policy_ref":    copiedIfPresent(argument("policy_ref")),
			"identity":              copiedIfPresent(argument("identity")),
			"reason":                reason,
			"consumes":              derived, "expected_fingerprint": derived,
			"identity_validation_source": copied(argument("identity_validation_source")),
			"policy_changed":             derived, "previous_policy_digest": derived, "previous_policy_ref": derived,
		},
	},
	{
		Verb: "content erase", Event: ledger.TypeContentErased,
		Fields: same([]string{"digest"}, map[string]Field{"reason": reason}),
	},
	{
		Verb: "import", Event: ledger.TypeImported, begins: true, Arguments: []string{"claim_sha256"}, Whole: "claim_sha256", undigested: []string{"claim_sha256"},
		Fields: map[string]Field{
			"pack_sha256": copied(argument("pack_sha256")), "reason": reason,
			"approvals": digested, "checkpoints": digested, "created_at": digested, "environment_fingerprint": digested, "identity": digested,
			"pack_id": digested, "pack_key_id": digested, "pack_trusted": digested, "policy_digest": digested, "policy_ref": digested,
			"producer_version": digested, "revision": digested, "status": digested, "status_reason_code": digested, "stop_reason": digested,
			"stopped_at": digested, "stopped_by": digested, "updated_at": digested,
		},
	},
	{
		Verb: "gate eval", Event: ledger.TypeGateDecided, Arguments: []string{"policy", "problem"}, speechless: true, undigested: []string{"policy"},
		Fields: same([]string{"call_id", "facts.environment_fingerprint", "facts.not_done_exit", "intent", "tool"}, map[string]Field{
			"call_prev": derived, "checkpoint_id": derived, "clearance": derived, "continues": derived, "policy_digest": derived,
			// The policy decides these, and the fold has no policy.
			"approvers": free, "determined_by": free, "engine": free, "expires_at": free, "facts.shown": free, "quorum": free,
			"reason_code": free, "required_action": free, "verdict": free,
			"content_key": free, "grant": free,
		}),
	},
	{
		Verb: "gate eval", Event: ledger.TypeDispatchBlocked, // of a job that is stopped
		Fields: same([]string{"call_id", "tool"}, map[string]Field{
			"intent": copied(argument("intent.digest")), "content_key": free, "reason_code": free,
		}),
	},
	{
		Verb: "gate settle", Event: ledger.TypeEffectSettled,
		Fields: same([]string{"grant", "outcome", "result"}, map[string]Field{
			"reason": reason, "call_id": derived, "call_prev": derived, "intent": derived, "content_key": free,
		}),
	},
	{
		Verb: "lease take", Event: ledger.TypeLeased, speechless: true,
		Fields: same([]string{"ttl", "worker"}, map[string]Field{
			"epoch": derived, "until": derived,
			"after": free, // events of other jobs, which the fold of this one does not have
		}),
	},
	{
		Verb: "lease renew", Event: ledger.TypeLeaseRenewed, speechless: true,
		Fields: map[string]Field{"ttl": copiedIfPresent(argument("ttl")), "epoch": derived, "until": derived, "worker": derived},
	},
	{
		Verb: "lease release", Event: ledger.TypeLeaseReleased, speechless: true,
		Fields: same([]string{"outcome"}, map[string]Field{
			"epoch": copiedIfPresent(argument("epoch")), "ttl": derived, "until": derived, "worker": derived,
		}),
	},
	{
		Verb: "attempt end", Event: ledger.TypeAttemptEnded, speechless: true,
		Fields: same([]string{"cause", "exit", "log"}, map[string]Field{"number": copiedIfPresent(argument("number")), "content_key": free}),
	},
	{
		Verb: "actor add", Event: ledger.TypeActorEnrolled,
		Fields: same([]string{"actor", "bootstrap", "keys", "roles"}, map[string]Field{"reason": reason}),
	},
	{
		Verb: "actor revoke", Event: ledger.TypeActorRevoked,
		Fields: same([]string{"actor", "key"}, map[string]Field{"reason": reason}),
	},
	{
		Verb: "authority set", Event: ledger.TypeAuthoritySet,
		Fields: same([]string{"admins", "mode", "policies"}, map[string]Field{"reason": reason}),
	},
	{Verb: "rotate", Event: ledger.TypeKeyRotated, Fields: map[string]Field{"key": derived, "previous": derived, "reason": reason}},
	{
		Verb: "move", Event: ledger.TypeLedgerMoved,
		Fields: same([]string{"to"}, map[string]Field{"reason": reason}),
	},
}

// verbs are the bindings by verb. What is not about the fields of one type of event stands in
// the first one of a verb.
var verbs = func() map[string][]*Binding {
	byVerb := map[string][]*Binding{}
	for i := range bindings {
		byVerb[bindings[i].Verb] = append(byVerb[bindings[i].Verb], &bindings[i])
	}
	return byVerb
}()

// Bindings returns the table of the verbs that can be signed, by verb. A verb that leads to
// several types of events has a row for each. The caller must not change the table.
func Bindings() []Binding {
	all := slices.Clone(bindings)
	slices.SortStableFunc(all, func(a, b Binding) int { return strings.Compare(a.Verb, b.Verb) })
	return all
}

// RefusedFields returns how the payload of a refused event follows from a command of any verb.
func RefusedFields() map[string]Field { return maps.Clone(refusedFields) }

// check checks that a command gives what its verb takes.
func (b *Binding) check(c Command, arguments map[string]any) error {
	ofLedger := b.Event.OfLedger()
	switch {
	case ofLedger && c.JobID != "":
		return &ledger.FieldError{Field: "job_id", Problem: c.Verb + " is about the ledger itself, and names no job"}
	case !ofLedger && !b.unnamed && c.JobID == "":
		return &ledger.FieldError{Field: "job_id", Problem: "missing"}
	case (ofLedger || b.begins) && c.Lease != 0:
		return &ledger.FieldError{Field: "lease", Problem: "there is no lease before " + c.Verb}
	case (ofLedger || b.begins) && c.IfRevision != nil:
		return &ledger.FieldError{Field: "if_revision", Problem: "there is no job before " + c.Verb}
	case b.speechless && c.Reason != "":
		return &ledger.FieldError{Field: "reason", Problem: "an event of " + c.Verb + " has no place for one"}
	}
	return checkArguments(c.Verb, arguments)
}

// checkArguments checks that a verb takes each argument.
func checkArguments(verb string, arguments map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		dotted := strings.Contains(name, ".") // no argument is, and takes would read it as a path
		if !dotted && takes(verb, name) {
			continue
		}
		object, is := arguments[name].(map[string]any)
		if dotted || !is || len(object) == 0 {
			return takesNone(verb, name)
		}
		for _, member := range slices.Sorted(maps.Keys(object)) {
			if !takes(verb, name+"."+member) {
				return takesNone(verb, name+"."+member)
			}
		}
	}
	return nil
}

func takesNone(verb, argument string) error {
	return &ledger.FieldError{Field: "arguments", Problem: fmt.Sprintf("%s takes none called %.40q", verb, argument)}
}

// takes reports whether a verb has an argument of this name, or an argument with this member.
func takes(verb, name string) bool {
	for _, b := range verbs[verb] {
		if slices.Contains(b.Arguments, name) {
			return true
		}
		for _, f := range b.Fields {
			if f.From == argument(name) {
				return true
			}
		}
	}
	return false
}
