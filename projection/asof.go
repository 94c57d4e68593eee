package projection

import (
	"time"

	"gait/ledger"
)

// An AsOf is a point of a job's history. The zero AsOf is the end of the history.
type AsOf struct{ holds func(ledger.Event) bool }

// AtRevision returns the point after the last event of a job's revision n.
func AtRevision(n int64) AsOf {
	return AsOf{func(e ledger.Event) bool { return e.Revision() <= n }}
}

// AtSeq returns the point after an event of the ledger.
func AtSeq(seq ledger.Seq) AsOf {
	return AsOf{func(e ledger.Event) bool { return e.Seq() <= seq }}
}

// AtTime returns the point after the last event that was written at t or before.
func AtTime(t time.Time) AsOf {
	return AsOf{func(e ledger.Event) bool { return !e.Time().After(t) }}
}

// IsEnd reports whether a is the end of the history.
func (a AsOf) IsEnd() bool { return a.holds == nil }

// Holds reports whether an event of a job is before the point.
func (a AsOf) Holds(e ledger.Event) bool { return a.holds == nil || a.holds(e) }

// Until returns the events before the point. It may be ranged over again if events
// may.
func (a AsOf) Until(events ledger.Events) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range events {
			if err == nil && !a.Holds(e) || !yield(e, err) {
				return
			}
		}
	}
}
