package projection

import (
	"context"
	"slices"
)

// WaitsForPeople lists what a job can wait for that only a verdict gives it. Of a job that
// waits for several of them, Job.WaitingFor gives the one that is listed first.
var WaitsForPeople = []string{WaitsForDecision, WaitsForHold, WaitsForReversal}

// An InboxItem is something of a job that waits for a verdict.
type InboxItem struct {
	JobID          string            `json:"job_id"`
	WaitingFor     string            `json:"waiting_for"` // one of WaitsForPeople
	Kind           AskKind           `json:"kind"`
	CheckpointID   string            `json:"checkpoint_id,omitempty"` // of a decision
	AskedBy        string            `json:"asked_by"`
	Since          string            `json:"since"`
	Summary        string            `json:"summary,omitempty"`
	RequiredAction string            `json:"required_action,omitempty"`
	Target         string            `json:"target"`              // leaf hash of the event that asked
	DeniedBy       string            `json:"denied_by,omitempty"` // who gave the verdict that must be reversed
	NotBy          []string          `json:"not_by"`              // who may not approve it
	Labels         map[string]string `json:"labels,omitempty"`
}

// InboxOf returns what of a job waits for a verdict, the oldest first.
func InboxOf(j Job) []InboxItem {
	items := []InboxItem{}
	if j.Status.Final() || !j.stopped() {
		return items
	}
	labels := j.common(StatusSchemaID).Labels
	for _, a := range j.Unsettled() {
		item := InboxItem{
			JobID: j.ID, WaitingFor: WaitsForDecision, Kind: a.Kind, CheckpointID: a.DecisionID(), AskedBy: a.Actor, Since: a.Created,
			Summary: a.Summary, RequiredAction: a.RequiredAction, Target: a.Target.String(), Labels: labels, NotBy: []string{},
		}
		switch {
		case a.Verdict == Denied:
			item.WaitingFor, item.DeniedBy = WaitsForReversal, a.VerdictBy
		case a.Hold:
			item.WaitingFor = WaitsForHold
		}
		for _, actor := range []string{a.Actor, j.Identity, j.importerOf(a)} {
			if actor != "" && !slices.Contains(item.NotBy, actor) {
				item.NotBy = append(item.NotBy, actor)
			}
		}
		items = append(items, item)
	}
	return items
}

// Inbox returns what waits for one of some verdicts, of WaitsForPeople, in the first jobs of
// a list that have any, up to q.Limit of them. next is the place after which more jobs
// would follow, or nil. list is List for the log that has the jobs; q.Waiting is not used.
func Inbox(ctx context.Context, list func(context.Context, Query) (page []Job, more bool, err error), q Query, verdicts []string) (items []InboxItem, next *Place, err error) {
	q.Waiting = nil
	for _, verdict := range verdicts { // a job can wait for it behind what is listed before it
		if n := slices.Index(WaitsForPeople, verdict) + 1; n > len(q.Waiting) {
			q.Waiting = WaitsForPeople[:n]
		}
	}
	limit, jobs, more := q.Limit, 0, true
	for more {
		var page []Job
		if page, more, err = list(ctx, q); err != nil {
			return nil, nil, err
		}
		for _, j := range page {
			found := slices.DeleteFunc(InboxOf(j), func(i InboxItem) bool { return !slices.Contains(verdicts, i.WaitingFor) })
			switch {
			case len(found) == 0:
			case jobs == limit:
				return items, next, nil
			default:
				if jobs++; jobs == limit {
					place := q.PlaceOf(j)
					next = &place
				}
				items = append(items, found...)
			}
			q.After = q.PlaceOf(j)
		}
		more = more && len(page) > 0
		q.Limit = max(limit, min(2*q.Limit, maxInboxPage))
	}
	return items, nil, nil
}

// maxInboxPage is how many jobs Inbox reads at a time, unless it is asked for more.
const maxInboxPage = 1000
