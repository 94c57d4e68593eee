package projection

import (
	"context"
	"time"

	"gait/ledger"
)

// A Claim says whether a job can be claimed: leased, or resumed and then leased.
type Claim struct {
	Now     bool
	At      time.Time // when it may be, if no event comes before; zero: an event has to come
	Pending string    // id of a job that has to be completed before; ""
}

// ClaimOf says whether a job can be claimed, judged on a basis: whether Claims would return it,
// and if not, what has to come before.
func ClaimOf(ctx context.Context, log ledger.EventReader, j Job, b Basis) (c Claim, err error) {
	switch {
	case j.Status != Running:
		return Claim{Now: ApprovedAt(j, b)}, nil
	case len(j.Grants) > 0 && (j.Lease != nil || len(j.UnknownGrants()) > 0): // they are settled before
		return Claim{}, nil
	case j.Lease.Lives(b.Reading):
		c.At, err = ledger.ParseTime(j.Lease.Until)
		return c, err
	case j.NotBefore != "" && !b.expired(j.NotBefore):
		c.At, err = ledger.ParseTime(j.NotBefore)
		return c, err
	}
	after, err := Dependencies(ctx, log, j)
	if err != nil {
		return Claim{}, err
	}
	no := CheckAfter(j, after)
	switch {
	case no == nil:
		return Claim{Now: true}, nil
	case no.Code == DependencyPending:
		return Claim{Pending: no.Details.Dependencies[0]}, nil
	}
	return Claim{}, nil
}

// claimOrder is the order in which jobs are claimed: the oldest first.
var claimOrder = ClaimQuery{}.Query()

// ClaimPlace returns the place of a job among those that can be claimed.
func ClaimPlace(j Job) Place { return claimOrder.PlaceOf(j) }

// Before reports whether the job at a place is claimed before that at another one.
func (p Place) Before(other Place) bool { return claimOrder.compare(p, other) < 0 }

// ClaimPlaces returns the places of the first jobs behind a place that may be claimable, by
// their tags, and whether more would follow. Filter.Holds and ClaimOf say which of them are.
func ClaimPlaces(ctx context.Context, log Lister, f Filter, after Place, limit int) (places []Place, more bool, err error) {
	q := claimOrder
	q.Filter, q.After, q.Limit = f, after, limit
	known := true
	found, err := log.Tagged(ctx, func(_ ledger.EventReader, jobs iterTagged) error {
		var chosen []ledger.TaggedJob
		chosen, known = choose(jobs, &q, limit+1)
		if more = len(chosen) > limit; more {
			chosen = chosen[:limit]
		}
		for i := range chosen {
			places = append(places, q.placeOf(&chosen[i]))
		}
		return nil
	})
	if err != nil || found && known {
		return places, more, err
	}
	jobs, more, err := ListAll(ctx, log, q)
	for _, j := range jobs {
		places = append(places, q.PlaceOf(j))
	}
	return places, more, err
}

// Holds reports whether a job matches.
func (f *Filter) Holds(j Job) bool { return f.holds(j) }
