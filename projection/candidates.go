package projection

import (
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/authority"
)

// Closed reports whether no approval is possible any more: only a decision that takes the
// place of the ask lifts it.
func (d Judgement) Closed(b Basis) bool {
	return d.Outcome == OutcomeExpired || d.Outcome == OutcomeDenied && b.Authority != nil
}

// couldApprove reports whether an approval by the actor would count now, if an enrolled actor
// signs it with one of the keys that are in force.
func couldApprove(j *Job, d Judgement, b Basis, actor string) bool {
	if d.Closed(b) || d.Outcome == OutcomeApproved || !d.listed(b, actor) || slices.ContainsFunc(d.Counts, func(g Given) bool { return g.By == actor }) {
		return false
	}
	if !b.Authority.Enrolled(actor) {
		return !b.strict() && j.own(&d.Ask, b, actor, ledger.Hash{}) == ""
	}
	a, _ := b.Authority.Actor(actor)
	return b.Authority.Has(actor, ledger.RoleApprover) && hasKeyFor(j, d, b, a)
}

// hasKeyFor reports whether an actor has a key that has not approved the ask and makes it no
// approval of the actor's own ask.
func hasKeyFor(j *Job, d Judgement, b Basis, a authority.Actor) bool {
	for _, k := range a.Keys {
		used := slices.ContainsFunc(d.Counts, func(g Given) bool { return g.Key == k.ID() })
		if !used && j.own(&d.Ask, b, a.Name, k.ID()) == "" {
			return true
		}
	}
	return false
}

// approvers returns the actors who could approve an ask now: those whom the ledger has
// enrolled, and those whom the ask names. anyone says that others could too, since their
// names are claims.
func approvers(j *Job, d Judgement, b Basis) (names []string, anyone bool) {
	names = []string{}
	for _, a := range b.Authority.Actors() {
		if couldApprove(j, d, b, a.Name) {
			names = append(names, a.Name)
		}
	}
	for _, name := range d.Approvers {
		if !strings.HasPrefix(name, ledger.RolePrefix) && !slices.Contains(names, name) && couldApprove(j, d, b, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, len(d.Approvers) == 0 && !b.strict() && !d.Closed(b)
}
