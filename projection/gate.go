package projection

import (
	"cmp"
	"slices"
	"strings"

	"gait/ledger"
)

// ReasonAskedAgain is the reason code of a decision of the gate that a ledger asks for again
// that continues the job.
const ReasonAskedAgain = "asked_again"

// approve is what a decision of the gate asks for if its policy does not say.
const approve = "approve"

func gateMeaning(p ledger.GateDecided) Meaning {
	switch {
	case p.Verdict == ledger.GateAllow:
		return Meaning{Code: ReasonGateAllowed}
	case p.Verdict == ledger.GateRequireApproval:
		return Meaning{Code: CheckpointReason(ledger.CheckpointDecisionNeeded), Stops: p.Continues.IsZero()}
	}
	return Meaning{Code: ReasonGateBlocked}
}

// gateDecided applies a decision of the gate. A block may come as long as the job has neither
// ended nor an emergency stop; all else needs a job that runs.
func gateDecided(j Job, f Fact, p ledger.GateDecided) (Job, *Refusal) {
	if no := j.namesContent(p.ContentKey); no != nil {
		return j, no
	}
	switch {
	case p.Verdict == ledger.GateAllow:
		return gateAllowed(j, f, p)
	case p.Verdict == ledger.GateRequireApproval && !p.Continues.IsZero():
		return gateAsksAgain(j, f, p)
	case p.Verdict == ledger.GateRequireApproval:
		return gateAsks(j, f, p)
	case j.Status != Running && !j.stopped():
		return j, cannot(j, "have a tool call blocked by a decision")
	}
	return gateBlocked(j, f, p), nil
}

// dispatchBlocked applies a block by an emergency stop.
func dispatchBlocked(j Job, f Fact, p ledger.DispatchBlocked) (Job, *Refusal) {
	if j.Status != EmergencyStopped {
		return j, cannot(j, "have a tool call blocked by an emergency stop")
	}
	if no := j.namesContent(p.ContentKey); no != nil {
		return j, no
	}
	return gateBlocked(j, f, p), nil
}

func gateBlocked(j Job, f Fact, p ledger.Payload) Job {
	b, _ := blockOf(f.Actor, p)
	j.LastBlock = &b
	j.Blocks++
	return j
}

// gateAllowed applies a grant.
func gateAllowed(j Job, f Fact, p ledger.GateDecided) (Job, *Refusal) {
	no := atGate(j, f, p)
	switch {
	case no != nil:
	case len(j.Grants) >= ledger.MaxOpenGrants:
		no = effectsUnsettled(j, "have another open grant", idsOf(j.Grants)...)
	case grantAt(j.Grants, p.Grant) >= 0:
		no = refuse(InvalidTransition, j.details(), "grant %s of job %s is open already", p.Grant, j.ID)
	case !f.trusted && !j.BindingCounts(f.basis()):
		no = refuse(RoleRequired, j.details(), "no operator in force has bound job %s to policy %s", j.ID, j.PolicyDigest)
	default:
		no = useUp(&j, f, p)
	}
	if no != nil {
		return j, no
	}
	return granted(j, f, p), nil
}

// atGate refuses a decision, other than a block, that the state of the job or of the call does
// not permit.
func atGate(j Job, f Fact, p ledger.GateDecided) *Refusal {
	switch {
	case j.Status != Running:
		return cannot(j, "let a tool run")
	case p.PolicyDigest != j.PolicyDigest:
		return refuse(InvalidTransition, j.details(), "job %s is bound to policy %s, not to %s", j.ID, orNone(j.PolicyDigest), orNone(p.PolicyDigest))
	}
	var unsettled []Grant
	for _, g := range j.Grants {
		same := g.CallID == p.CallID
		if p.CallID == "" {
			same = g.Intent.Digest == p.Intent.Digest
		}
		if g.Unknown || same {
			unsettled = append(unsettled, g)
		}
	}
	if len(unsettled) > 0 {
		return effectsUnsettled(j, "let the tool run", idsOf(unsettled)...)
	}
	return f.ofCall(j, p)
}

// ofCall refuses a decision that the newest event about its call does not permit, and one about
// another intent than the call stands for.
func (f Fact) ofCall(j Job, p ledger.GateDecided) *Refusal {
	c := f.Call
	if no := c.follows(j, p); no != nil {
		return no
	}
	known := p.CallID != "" && c.Known && !c.Leaf.IsZero() && !c.Before
	if !known || j.StandsFor(p.CallID, c, p.Intent.Digest, f.basis()) {
		return nil
	}
	if f.trusted && slices.ContainsFunc(j.Cleared, func(cl Cleared) bool { return cl.amends(p.CallID, c.Intent.Digest, p.Intent.Digest) }) {
		return nil
	}
	return refuse(InvalidTransition, j.details(), "call %s of job %s stands for intent %s, not for %s", p.CallID, j.ID, orNone(c.Intent.Digest), p.Intent.Digest)
}

// gateAsks opens the decision that a policy requires, about an intent.
func gateAsks(j Job, f Fact, p ledger.GateDecided) (Job, *Refusal) {
	if no := atGate(j, f, p); no != nil {
		return j, no
	}
	ask := askOfGate(j, f, p)
	if f.basis().expired(ask.Expires) {
		return j, refuse(InvalidTransition, j.details(), "the decision would expire at %s, and it is %s", ask.Expires, ledger.FormatTime(f.reading().UTC()))
	}
	j.Cleared = dropCleared(notAbout(j.Cleared, p.Intent.Digest), func(c Cleared) bool { return f.basis().expired(c.Ask.Expires) })
	if len(j.Cleared) >= ledger.MaxCleared {
		return j, refuse(TooManyDecisions, j.details(), "job %s has %d approved intents that were not granted yet, the most", j.ID, len(j.Cleared))
	}
	j, no := gateCheckpoint(j, f, p)
	if no != nil {
		return j, no
	}
	j.Decisions = append(j.Decisions, ask)
	return j.to(ReasonDecisionNeeded), nil
}

// gateAsksAgain adds a decision of the gate that the ledger before had asked for.
func gateAsksAgain(j Job, f Fact, p ledger.GateDecided) (Job, *Refusal) {
	if p.PolicyDigest != j.PolicyDigest {
		return j, refuse(InvalidTransition, j.details(), "job %s is bound to policy %s, not to %s", j.ID, orNone(j.PolicyDigest), orNone(p.PolicyDigest))
	}
	if no := f.ofCall(j, p); no != nil {
		return j, no
	}
	next, no := askAgain(j, askOfGate(j, f, p))
	if no != nil {
		return j, no
	}
	return gateCheckpoint(next, f, p)
}

// gateCheckpoint counts the checkpoint that a decision of the gate is.
func gateCheckpoint(j Job, f Fact, p ledger.GateDecided) (Job, *Refusal) {
	if no := nextCheckpoint(j, p.CheckpointID); no != nil {
		return j, no
	}
	cp := gateCheckpointOf(p, f.Actor, f.when(), len(f.Keys) > 0)
	j.Checkpoints++
	j.LastCheckpoint = &cp
	return j, nil
}

// askOfGate returns what a decision of the gate asks for.
func askOfGate(j Job, f Fact, p ledger.GateDecided) Ask {
	cp := gateCheckpointOf(p, f.Actor, f.when(), false)
	a := Ask{
		CheckpointID: p.CheckpointID, Kind: KindDecision, JobSeq: j.JobSeq + 1, Actor: f.Actor, Created: f.when(), AskedKey: f.key(),
		Summary: cp.Summary, RequiredAction: cp.RequiredAction, Approvers: slices.Clone(p.Approvers), Quorum: p.Quorum,
		Subject: p.Intent, Tool: p.Tool, CallID: p.CallID,
	}
	if !p.ExpiresAt.IsZero() {
		a.Expires = ledger.FormatTime(p.ExpiresAt)
	}
	return a
}

// gateCheckpointOf returns the checkpoint that a decision of the gate is: one that needs a
// decision.
func gateCheckpointOf(p ledger.GateDecided, actor, at string, signed bool) Checkpoint {
	return checkpoint(ledger.CheckpointAdded{
		CheckpointID: p.CheckpointID, CheckpointType: ledger.CheckpointDecisionNeeded,
		Summary: p.Tool + " asks for approval", RequiredAction: cmp.Or(p.RequiredAction, approve),
	}, actor, at, signed)
}

// effectsUnsettled refuses what has to wait until it is known what became of grants.
func effectsUnsettled(j Job, what string, grants ...string) *Refusal {
	grants = slices.DeleteFunc(slices.Clone(grants), func(id string) bool { return id == "" })
	d := j.details()
	d.Grants = grants
	return refuse(EffectsUnsettled, d, "job %s cannot %s before it is settled what became of %s", j.ID, what, grantsInWords(j, grants))
}

func grantsInWords(j Job, ids []string) string {
	var words []string
	for _, id := range ids {
		g, found := j.Grant(id)
		switch {
		case !found:
			words = append(words, "grant "+id)
		case g.Unknown:
			words = append(words, "grant "+id+" of "+g.Tool+" (unknown)")
		default:
			words = append(words, "grant "+id+" of "+g.Tool+" (open)")
		}
	}
	if len(words) == 0 {
		return "its grants"
	}
	return strings.Join(words, ", ")
}

func idsOf(grants []Grant) []string {
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	return ids
}
