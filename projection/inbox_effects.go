package projection

import (
	"slices"

	"gait/ledger"
)

// effectItems returns the grants of a job that an actor has to settle by hand, or if mine is
// not "", those that this actor could: those of which it is unknown what became of them, or
// whose worker has no lease any more, and all if the job waits for nothing else.
func effectItems(j *Job, b Basis, mine string) (items []InboxItem) {
	if j.Status.Final() || j.Status == EmergencyStopped {
		return nil
	}
	all := j.WaitingForAt(b) == WaitsForEffects
	for _, g := range j.Grants {
		if !all && !g.Unknown || mine != "" && !couldSettle(g, b, mine) {
			continue
		}
		item := InboxItem{
			Progress: Progress{Subject: contentView(g.Intent)}, JobID: j.ID, WaitingFor: WaitsForEffects, Kind: KindEffect, Grant: g.ID,
			AskedBy: g.By, AskedByClaim: b.Authority != nil && g.Key.IsZero(), Since: g.At, Summary: g.Tool + " may have been done",
			RequiredAction: "settle", Target: g.Leaf.String(), NotBy: []string{g.By}, Labels: labelsOf(*j), Steps: workOf(*j, b).Steps,
		}
		if !g.Unknown && !orphans(j, b) {
			item.Summary = g.Tool + " is under way"
		}
		item.MayApprove, item.Anyone = settlers(g, b), !b.strict()
		items = append(items, item)
	}
	return items
}

// settlers returns the actors whom the ledger has enrolled that could settle a grant by hand.
func settlers(g Grant, b Basis) []string {
	names := []string{}
	for _, a := range b.Authority.Actors() {
		if couldSettle(g, b, a.Name) {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	return names
}

// couldSettle reports whether an actor could settle a grant by hand now, if an enrolled actor
// signs with one of the keys that are in force.
func couldSettle(g Grant, b Basis, actor string) bool {
	if !b.Authority.Enrolled(actor) {
		return !b.strict() && !owns(g, b, actor, ledger.Hash{})
	}
	a, _ := b.Authority.Actor(actor)
	for _, k := range a.Keys {
		if !owns(g, b, actor, k.ID()) && byHand(b, actor, k.ID()) {
			return true
		}
	}
	return false
}
