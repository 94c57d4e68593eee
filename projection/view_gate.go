package projection

import "gait/ledger"

// A GrantView is a grant of the gate that no one has settled for good.
type GrantView struct {
	Grant       string          `json:"grant"` // its id
	Tool        string          `json:"tool"`
	Intent      *ledger.Content `json:"intent,omitempty"`
	CallID      string          `json:"call_id,omitempty"`
	Actor       string          `json:"actor"`         // who got it
	Key         string          `json:"key,omitempty"` // that signed for it, as ssh-keygen -l shows it; "": a claim
	CreatedAt   string          `json:"created_at"`    // what the clock read
	Target      string          `json:"target"`        // leaf hash of the event that gave it
	NotDoneExit int64           `json:"not_done_exit,omitempty"`
	Unknown     bool            `json:"unknown,omitempty"` // what became of it is unknown
	UnknownBy   string          `json:"unknown_by,omitempty"`
	Epoch       int64           `json:"epoch,omitempty"` // of the lease under which it was given
}

// A ClearedView is an intent that was approved and not granted yet.
type ClearedView struct {
	CheckpointID string          `json:"checkpoint_id"` // of the decision about it
	Tool         string          `json:"tool"`
	Intent       *ledger.Content `json:"intent,omitempty"`  // what is granted
	Amended      bool            `json:"amended,omitempty"` // an approver put that in the place of what was asked for
	CallID       string          `json:"call_id,omitempty"` // for which it was asked
	AskedBy      string          `json:"asked_by"`
	ApprovedBy   string          `json:"approved_by"`          // the last of those whom the resume named
	ExpiresAt    string          `json:"expires_at,omitempty"` // from then on it is not granted
	Clearance    string          `json:"clearance"`            // leaf hash of the resume that cleared it
	Lost         string          `json:"lost,omitempty"`       // why it would not be granted now; not in what was recorded
}

// grantViews returns what views show of grants.
func grantViews(grants []Grant) (views []GrantView) {
	for _, g := range grants {
		views = append(views, g.view())
	}
	return views
}

func (g Grant) view() GrantView {
	return GrantView{
		Grant: g.ID, Tool: g.Tool, Intent: contentView(g.Intent), CallID: g.CallID, Actor: g.By, Key: fingerprint(g.Key),
		CreatedAt: g.At, Target: g.Leaf.String(), NotDoneExit: g.NotDoneExit, Unknown: g.Unknown, UnknownBy: g.UnknownBy,
		Epoch: g.Epoch,
	}
}

// clearedViews returns what views show of the job's cleared intents on a basis.
func clearedViews(j *Job, b Basis) (views []ClearedView) {
	for _, c := range j.Cleared {
		v := ClearedView{
			CheckpointID: c.Ask.CheckpointID, Tool: c.Ask.Tool, Intent: contentView(bare(c.Ask.Subject)), CallID: c.Ask.CallID, AskedBy: c.Ask.Actor,
			ApprovedBy: c.Ask.VerdictBy, ExpiresAt: c.Ask.Expires, Clearance: c.Resume.String(),
		}
		if c.Ask.Amended != (ledger.Content{}) {
			v.Intent, v.Amended = contentView(bare(c.Ask.Amended)), true
		}
		if !b.IsZero() {
			v.Lost = c.lost(j, b)
		}
		views = append(views, v)
	}
	return views
}
