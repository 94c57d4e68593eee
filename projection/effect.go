package projection

import (
	"slices"

	"gait/ledger"
)

// effectSettled applies what became of a grant, whatever the status of the job is.
func effectSettled(j Job, f Fact, p ledger.EffectSettled) (Job, *Refusal) {
	at := grantAt(j.Grants, p.Grant)
	if at < 0 {
		d := j.details()
		d.Grants = []string{p.Grant}
		return j, refuse(GrantNotFound, d, "job %s has no grant %s that is open or unknown", j.ID, p.Grant)
	}
	g := j.Grants[at]
	if no := g.named(j, p); no != nil {
		return j, no
	}
	if no := maySettle(j, g, f, p); no != nil {
		return j, no
	}
	if no := j.namesContent(p.ContentKey); no != nil {
		return j, no
	}
	if p.Outcome != ledger.EffectUnknown {
		j.Grants = without(j.Grants, at)
		return j, nil
	}
	j.Grants = slices.Clone(j.Grants)
	j.Grants[at].Unknown, j.Grants[at].UnknownBy, j.Grants[at].LastSeq = true, f.Actor, j.JobSeq+1
	return j, nil
}

// named refuses to settle a grant as one of another call.
func (g Grant) named(j Job, p ledger.EffectSettled) *Refusal {
	last, intent := g.Last, g.Intent.Digest
	if g.CallID == "" {
		last, intent = ledger.Hash{}, ledger.Hash{}
	}
	if p.CallID == g.CallID && p.CallPrev == last && p.Intent == intent {
		return nil
	}
	return refuse(InvalidTransition, j.details(), "grant %s of job %s is of call %q, which stands for intent %s, and the newest event about which is %s",
		g.ID, j.ID, g.CallID, orNone(intent), orNone(last))
}

// maySettle refuses an outcome that the actor cannot know, or that was said before. The worker
// that got a grant says what it did. All else is said by another actor, with a reason: an
// operator, unless their name is a claim in a ledger that lets claims do that.
func maySettle(j Job, g Grant, f Fact, p ledger.EffectSettled) *Refusal {
	d := j.details()
	d.Actor, d.Grants = f.Actor, []string{g.ID}
	if p.Outcome == ledger.EffectUnknown && g.Unknown && f.basis().same(f.Actor, g.UnknownBy) {
		return refuse(InvalidTransition, d, "grant %s of job %s was settled as unknown already, by %s", g.ID, j.ID, g.UnknownBy)
	}
	switch {
	case f.trusted:
	case g.ownedBy(f):
		if p.Outcome == ledger.EffectNotDone && (g.NotDoneExit == 0 || g.Unknown) {
			return refuse(RoleRequired, d, "grant %s of job %s was given to %s, so that another actor has to say that nothing was done", g.ID, j.ID, g.By)
		}
	case p.Reason == "":
		return refuse(InvalidTransition, d, "grant %s of job %s was given to %s: another actor gives a reason", g.ID, j.ID, g.By)
	case !byHand(f.basis(), f.Actor, f.key()):
		d.Role = string(ledger.RoleOperator)
		return refuse(RoleRequired, d, "grant %s of job %s was given to %s: it takes an operator to settle it by hand, and %s is none", g.ID, j.ID, g.By, f.Actor)
	}
	return nil
}

// ownedBy reports whether the actor of a fact is the one that got the grant: by name, by any
// name that their key was ever enrolled under, or by the key.
func (g Grant) ownedBy(f Fact) bool {
	return owns(g, f.basis(), f.Actor, f.key())
}

func owns(g Grant, b Basis, actor string, key ledger.Hash) bool {
	return b.is(g.By, g.Key, actor, key)
}

// byHand reports whether an actor, who signs with a key, may settle the grant of another one.
func byHand(b Basis, actor string, key ledger.Hash) bool {
	if !b.strict() && !b.Authority.Enrolled(actor) {
		return true
	}
	return operator(b.Authority, actor, key)
}
