package projection

import "slices"

// WaitsForPeople lists what a job can wait for that only a verdict gives it.
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
