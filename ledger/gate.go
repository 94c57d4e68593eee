package ledger

import (
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// The event types of the gate, which decides what tools may do.
const (
	TypeGateDecided     Type = "gate_decided"
	TypeDispatchBlocked Type = "dispatch_blocked"
	TypeEffectSettled   Type = "effect_settled"
)

// Limits of what the gate's events hold.
const (
	MaxIntent       = 32 << 10 // bytes of an intent
	MaxTool         = 128      // bytes of a tool's name
	MaxCallID       = 128      // bytes of a call's id
	MaxDeterminedBy = 16       // policies that a decision names
	MaxPolicyID     = 128      // bytes of a policy's id
	MaxEngineName   = 64       // bytes of a policy engine's name and version
	MaxShown        = 16       // fields of an intent that an event shows
	MaxShownPath    = 128      // bytes of such a field's path
	MaxShownValue   = 256      // bytes of its value
	MaxOpenGrants   = 64       // grants of a job that are open or unknown at once
	MaxCleared      = 64       // intents of a job that are approved and not granted, and that wait for a verdict
)

// A GateVerdict is what the gate answers: whether a tool may run now.
type GateVerdict string

// The verdicts of the gate.
const (
	GateAllow           GateVerdict = "allow"
	GateBlock           GateVerdict = "block"
	GateRequireApproval GateVerdict = "require_approval"
)

// GateVerdicts lists every verdict of the gate.
var GateVerdicts = []GateVerdict{GateAllow, GateBlock, GateRequireApproval}

// An EffectOutcome says what became of what a tool was allowed to do.
type EffectOutcome string

// The outcomes of effects.
const (
	EffectDone    EffectOutcome = "done"
	EffectNotDone EffectOutcome = "not_done" // it did nothing: the same intent may be decided again
	EffectUnknown EffectOutcome = "unknown"  // whether it was done has to be found out
)

// EffectOutcomes lists every outcome of an effect.
var EffectOutcomes = []EffectOutcome{EffectDone, EffectNotDone, EffectUnknown}

// GateDecided is the gate's answer to a worker that wants a tool to do something: the
// intent. An allow is a grant: it permits the intent once, and is open until an
// EffectSettled names it. A require_approval asks for a decision about the intent.
type GateDecided struct {
	Verdict    GateVerdict
	Tool       string
	Intent     Content // its canonical JSON; only a block may lack it, if what was given is none
	ReasonCode string
	CallID     string // optional: the worker's name for this call, unique in the job
	CallPrev   Hash   // leaf hash of the newest event about the same call that was no block, if any
	ContentKey Hash   // optional: as that of a checkpoint

	PolicyDigest Hash     // that the job is bound to; only a block may lack it
	DeterminedBy []string // ids of the policies that led to the verdict, ascending, each once
	Engine       string   // optional: name and version of the policy engine that was asked
	Facts        GateFacts

	Grant     string // of an allow: a ULID
	Clearance Hash   // optional, of an allow: leaf hash of the resume after which the intent was cleared

	CheckpointID   string // of a require_approval: that of the decision
	RequiredAction string // optional, of a require_approval, as the next four: what must be decided
	Approvers      []string
	ExpiresAt      time.Time
	Quorum         int64 // 2 to MaxQuorum; 0 stands for one
	Continues      Hash  // leaf hash of the event that asked for it in the ledger before
}

// GateFacts are what the gate decided on that does not follow from the ledger.
type GateFacts struct {
	EnvironmentFingerprint string  // optional: of the worker's environment
	NotDoneExit            int64   // 1 to 255: with this exit code the tool says that it did nothing; 0: with none
	Shown                  []Label // fields of the intent that the policy says may be shown: path and value as JSON, by path
}

// IsZero reports whether there are no facts.
func (f GateFacts) IsZero() bool {
	return f.EnvironmentFingerprint == "" && f.NotDoneExit == 0 && len(f.Shown) == 0
}

// DispatchBlocked says that the gate answered block because the job had an emergency stop. No
// policy was asked, and the intent is not kept.
type DispatchBlocked struct {
	Tool       string
	Intent     Hash // its digest as that of the job's content; zero if what was given is none
	ReasonCode string
	CallID     string // optional
	ContentKey Hash   // optional: as that of a checkpoint
}

// EffectSettled says what became of a grant.
type EffectSettled struct {
	Grant      string
	Outcome    EffectOutcome
	CallID     string  // of the grant, if it has one
	CallPrev   Hash    // leaf hash of the newest event about that call
	Intent     Hash    // digest of the grant's intent, which the call stands for; with CallID, and only then
	Result     Content // optional: what the tool answered
	ContentKey Hash    // optional: as that of a checkpoint
	Reason     string  // optional
}

// Type returns TypeGateDecided.
func (GateDecided) Type() Type { return TypeGateDecided }

// Type returns TypeDispatchBlocked.
func (DispatchBlocked) Type() Type { return TypeDispatchBlocked }

// Type returns TypeEffectSettled.
func (EffectSettled) Type() Type { return TypeEffectSettled }

func (GateDecided) sealed()     {}
func (DispatchBlocked) sealed() {}
func (EffectSettled) sealed()   {}

func (p *GateDecided) walk(c *coder) {
	ascending(c, "approvers", &p.Approvers, MaxApprovers, approverRule)
	c.text("call_id", &p.CallID, optional, callIDRule)
	c.hash("call_prev", &p.CallPrev, optional)
	c.text("checkpoint_id", &p.CheckpointID, optional, checkpointID)
	c.hash("clearance", &p.Clearance, optional)
	c.hash("content_key", &p.ContentKey, optional)
	c.hash("continues", &p.Continues, optional)
	ascending(c, "determined_by", &p.DeterminedBy, MaxDeterminedBy, policyIDRule)
	c.text("engine", &p.Engine, optional, engineRule)
	c.time("expires_at", &p.ExpiresAt, optional)
	p.Facts.walk(c)
	c.text("grant", &p.Grant, optional, grantRule)
	c.optionalContent("intent", &p.Intent)
	c.hash("policy_digest", &p.PolicyDigest, optional)
	c.quorum(&p.Quorum)
	c.text("reason_code", &p.ReasonCode, required, codeRule)
	c.text("required_action", &p.RequiredAction, optional, actionRule)
	c.text("tool", &p.Tool, required, toolRule)
	verdict := string(p.Verdict)
	c.text("verdict", &verdict, required, gateVerdictRule)
	p.Verdict = GateVerdict(verdict)
	p.check(c)
}

// check checks the rules that join several fields.
func (p *GateDecided) check(c *coder) {
	asks, allows, blocks := p.Verdict == GateRequireApproval, p.Verdict == GateAllow, p.Verdict == GateBlock
	switch {
	case allows != (p.Grant != ""):
		c.fail("grant", "an allow has one, and no other verdict")
	case asks != (p.CheckpointID != ""):
		c.fail("checkpoint_id", "a decision that is asked for has one, and no other verdict")
	case !allows && !p.Clearance.IsZero():
		c.fail("clearance", "only an allow uses one up")
	case !asks && (len(p.Approvers) > 0 || !p.ExpiresAt.IsZero() || p.Quorum != 0 || p.RequiredAction != "" || !p.Continues.IsZero()):
		c.fail("verdict", "only a decision has approvers, a quorum, a required action or a time to expire, or is asked for again")
	case !blocks && p.Intent == (Content{}):
		c.missing("intent", required)
	case !blocks && p.PolicyDigest.IsZero():
		c.missing("policy_digest", required)
	case !p.CallPrev.IsZero() && (p.CallID == "" || blocks):
		c.fail("call_prev", "goes with call_id, and a block has none")
	case !p.ContentKey.IsZero() && p.Intent == (Content{}):
		c.fail("content_key", "goes with content")
	}
}

// walk walks the object facts, which is absent if there are none.
func (f *GateFacts) walk(c *coder) {
	if !c.key("facts", !f.IsZero()) {
		return
	}
	c.object("facts", func() {
		c.text("environment_fingerprint", &f.EnvironmentFingerprint, optional, envRule)
		if c.writing && f.NotDoneExit != 0 || !c.writing && c.peek("not_done_exit") {
			c.int("not_done_exit", &f.NotDoneExit, 1)
		}
		c.pairs("shown", &f.Shown, shownRules)
	})
	switch {
	case c.err != nil:
	case f.IsZero():
		c.fail("facts", "empty")
	case f.NotDoneExit > 255:
		c.fail("not_done_exit", "%d is not an exit code", f.NotDoneExit)
	}
}

func (p *DispatchBlocked) walk(c *coder) {
	c.text("call_id", &p.CallID, optional, callIDRule)
	c.hash("content_key", &p.ContentKey, optional)
	c.hash("intent", &p.Intent, optional)
	c.text("reason_code", &p.ReasonCode, required, codeRule)
	c.text("tool", &p.Tool, required, toolRule)
	if !p.ContentKey.IsZero() && p.Intent.IsZero() {
		c.fail("content_key", "goes with content")
	}
}

func (p *EffectSettled) walk(c *coder) {
	c.text("call_id", &p.CallID, optional, callIDRule)
	c.hash("call_prev", &p.CallPrev, optional)
	c.hash("content_key", &p.ContentKey, optional)
	c.text("grant", &p.Grant, required, grantRule)
	c.hash("intent", &p.Intent, optional)
	outcome := string(p.Outcome)
	c.text("outcome", &outcome, required, outcomeRule)
	p.Outcome = EffectOutcome(outcome)
	c.text("reason", &p.Reason, optional, reasonRule)
	c.optionalContent("result", &p.Result)
	switch {
	case (p.CallID == "") != p.CallPrev.IsZero():
		c.fail("call_prev", "goes with call_id")
	case (p.CallID == "") != p.Intent.IsZero():
		c.fail("intent", "goes with call_id")
	case !p.ContentKey.IsZero() && p.Result == (Content{}):
		c.fail("content_key", "goes with content")
	}
}

// A CallEvent is what an event says of the newest state of a call.
type CallEvent struct {
	ID   string // the call's
	Prev Hash   // leaf hash of the newest event about the call before; zero if there is none
}

// CallOf returns the call that an event is about, and whether it is about one: a decision
// of the gate that is no block, or what became of a grant. A block changes nothing about its
// call.
func CallOf(p Payload) (CallEvent, bool) {
	switch p := p.(type) {
	case GateDecided:
		return CallEvent{p.CallID, p.CallPrev}, p.CallID != "" && p.Verdict != GateBlock
	case EffectSettled:
		return CallEvent{p.CallID, p.CallPrev}, p.CallID != ""
	default: // no other event is about a call
		return CallEvent{}, false
	}
}

var (
	toolRule        = textRule{max: MaxTool, form: chars(alnum+"_", ".:@/-"), like: "a tool's name of letters, digits and ._:@/- that begins with a letter, a digit or _"}
	callIDRule      = textRule{max: MaxCallID, form: printable, like: "printable ASCII without spaces"}
	policyIDRule    = textRule{max: MaxPolicyID}
	engineRule      = textRule{max: MaxEngineName, form: printable, like: "printable ASCII without spaces"}
	grantRule       = textRule{max: ulid.EncodedSize, form: func(s string) bool { return len(s) == ulid.EncodedSize && isULID(s) }, like: "a ULID"}
	gateVerdictRule = textRule{max: 32, form: oneOf(GateVerdicts), like: OneOf(GateVerdicts)}
	outcomeRule     = textRule{max: 32, form: oneOf(EffectOutcomes), like: OneOf(EffectOutcomes)}
	shownPathRule   = textRule{max: MaxShownPath, form: isShownPath, like: `printable ASCII without spaces, " and \`}
	shownRule       = textRule{max: MaxShownValue}
	shownRules      = pairRules{what: "fields", max: MaxShown, key: shownPathRule, value: shownRule}
)

// Fields of the gate's commands that come from outside.
var (
	FieldTool   = Field{"tool", toolRule}
	FieldCallID = Field{"call_id", callIDRule}
	FieldGrant  = Field{"grant", grantRule}

	// FieldPolicyID is the id of a policy, which a decision names.
	FieldPolicyID = Field{"policy", policyIDRule}

	// FieldShownPath and FieldShown are the path and the value of a field of an intent that
	// an event shows.
	FieldShownPath = Field{"shown", shownPathRule}
	FieldShown     = Field{"shown", shownRule}
)

// isShownPath reports whether s can be a key of an event as it is: keys are not escaped, and
// in ASCII they have one order.
func isShownPath(s string) bool { return printable(s) && !strings.ContainsAny(s, `"\`) }

// contentsOf returns the contents that are not zero.
func contentsOf(all ...Content) []Content {
	return slices.DeleteFunc(all, func(c Content) bool { return c == Content{} })
}
