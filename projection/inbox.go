package projection

import (
	"context"
	"slices"

	"gait/ledger"
)

// WaitsForPeople lists what a job can wait for that only another actor's word gives it: a
// verdict, or what became of a grant. Of a job that waits for several of them, Job.WaitingFor
// gives the one that is listed first.
var WaitsForPeople = []string{WaitsForDecision, WaitsForHold, WaitsForReversal, WaitsForEffects}

// An InboxItem is something of a job that waits for a verdict, or a grant to be settled.
type InboxItem struct {
	Progress

	JobID          string            `json:"job_id"`
	WaitingFor     string            `json:"waiting_for"` // one of WaitsForPeople
	Kind           AskKind           `json:"kind"`
	CheckpointID   string            `json:"checkpoint_id,omitempty"`  // of a decision
	Grant          string            `json:"grant,omitempty"`          // to be settled
	AskedBy        string            `json:"asked_by"`                 // or who got the grant
	AskedByClaim   bool              `json:"asked_by_claim,omitempty"` // the asking is not signed, in a ledger with authority
	Since          string            `json:"since"`
	Summary        string            `json:"summary,omitempty"`
	RequiredAction string            `json:"required_action,omitempty"`
	Target         string            `json:"target"`              // leaf hash of the event that asked
	DeniedBy       string            `json:"denied_by,omitempty"` // who gave the verdict that must be reversed
	Replace        string            `json:"replace,omitempty"`   // only a decision that replaces this lifts it: a checkpoint id, or pause
	NotBy          []string          `json:"not_by"`              // who may not approve it, or settle it by hand
	MayApprove     []string          `json:"may_approve"`         // the actors who could now, as far as the ledger or the decision names them
	Anyone         bool              `json:"anyone,omitempty"`    // others could too, whose names are claims
	Labels         map[string]string `json:"labels,omitempty"`

	Steps *ledger.StepCount `json:"progress,omitempty"` // how far the job has come
}

// InboxOf returns what of a job waits for a verdict on a basis, the oldest first, and then
// the grants that have to be settled.
func InboxOf(j Job, b Basis) []InboxItem { return inboxOf(j, b, "") }

// inboxOf is InboxOf, or if mine is not "", that of it which this actor could approve or
// settle now.
func inboxOf(j Job, b Basis, mine string) []InboxItem {
	items := []InboxItem{}
	if j.stopped() {
		items = append(items, verdictItems(j, b, mine)...)
	}
	return append(items, effectItems(&j, b, mine)...)
}

// verdictItems returns what keeps a stopped job from resuming.
func verdictItems(j Job, b Basis, mine string) (items []InboxItem) {
	labels := labelsOf(j)
	for _, d := range j.UnsettledAt(b) {
		if mine != "" && !couldApprove(&j, d, b, mine) {
			continue
		}
		item := InboxItem{
			Progress: d.progress(b), JobID: j.ID, WaitingFor: WaitsForDecision, Kind: d.Kind, CheckpointID: d.DecisionID(),
			AskedBy: d.Actor, AskedByClaim: d.askedBy(b) != "", Since: d.Created,
			Summary: d.Summary, RequiredAction: d.RequiredAction, Target: d.Target.String(), Labels: labels, NotBy: notBy(&j, d.Ask, b),
			Steps: workOf(j, b).Steps,
		}
		item.MayApprove, item.Anyone = approvers(&j, d, b)
		switch {
		case d.waitsForReversal():
			item.WaitingFor = WaitsForReversal
		case d.Hold:
			item.WaitingFor = WaitsForHold
		}
		if d.Outcome == OutcomeDenied {
			item.DeniedBy = d.VerdictBy
		}
		if d.Closed(b) {
			item.Replace = d.ReplacedBy()
		}
		items = append(items, item)
	}
	return items
}

// notBy returns the actors who may not approve an ask, whatever roles they have.
func notBy(j *Job, a Ask, b Basis) []string {
	names := []string{}
	own := []string{a.Actor, j.Identity, j.importerOf(a)}
	for _, before := range a.Askers {
		own = append(own, before.By)
	}
	if b.strict() {
		own = append(own, j.SubmittedBy)
	}
	for _, actor := range own {
		if actor != "" && !slices.Contains(names, actor) {
			names = append(names, actor)
		}
	}
	return names
}

// Inbox returns what waits for one of some things, of WaitsForPeople, in the first jobs of
// a list that have any, up to q.Limit of them. next is the place after which more jobs
// would follow, or nil. list is List for the log that has the jobs; q.Waiting is not used.
// With q.Mine only what that actor could approve now is returned.
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
			found := slices.DeleteFunc(inboxOf(j, q.Basis, q.Mine), func(i InboxItem) bool { return !slices.Contains(verdicts, i.WaitingFor) })
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
