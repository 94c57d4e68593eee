package projection

import (
	"slices"

	"gait/ledger"
)

// An Outcome is what an ask has come to.
type Outcome string

// The outcomes.
const (
	OutcomeOpen     Outcome = "open"     // no approval counts
	OutcomePending  Outcome = "pending"  // some count, and more are needed
	OutcomeApproved Outcome = "approved" // as many count as are needed
	OutcomeDenied   Outcome = "denied"
	OutcomeExpired  Outcome = "expired" // it can neither be approved nor used up
)

// A Judgement is what an ask has come to on a basis. It can differ from the verdict that
// the ask had when it was recorded: a key was revoked since, or the mode was raised.
type Judgement struct {
	Ask

	Outcome Outcome
	Counts  []Given // the approvals that count, oldest first
	Needed  int64   // how many must
}

// Judge returns what an ask of the job has come to.
func (j *Job) Judge(a Ask, b Basis) Judgement {
	d := Judgement{Ask: a, Needed: a.needs(b)}
	switch {
	case b.IsZero() && a.Verdict != Undecided:
		d.Outcome, d.Counts = Outcome(a.Verdict), a.given()
		return d
	case b.IsZero():
		d.Outcome, d.Counts = OutcomeOpen, a.given()
		if len(d.Counts) > 0 {
			d.Outcome = OutcomePending
		}
		return d
	case a.Verdict == Denied:
		d.Outcome = OutcomeDenied
		return d
	case b.expired(a.Expires):
		d.Outcome = OutcomeExpired
	}
	d.Counts = j.counting(&a, b)
	switch {
	case d.Outcome != "":
	case int64(len(d.Counts)) >= d.Needed:
		d.Outcome = OutcomeApproved
	case len(d.Counts) > 0:
		d.Outcome = OutcomePending
	default:
		d.Outcome = OutcomeOpen
	}
	return d
}

// Unsettled reports whether the ask keeps its job from resuming.
func (d Judgement) Unsettled() bool {
	switch d.Outcome {
	case OutcomeApproved:
		return false
	case OutcomeDenied, OutcomeExpired:
		return true
	case OutcomeOpen, OutcomePending:
	}
	return d.Kind == KindDecision || d.Claimed || d.Hold
}

// plain reports whether an ask has come to what was recorded, whatever the basis: it has at
// most one verdict, and there is no authority to judge that by.
func (a *Ask) plain(b Basis) bool {
	return b.Authority == nil && len(a.Verdicts) == 0 && a.Expires == ""
}

// waits reports whether an ask keeps the job from resuming.
func (j *Job) waits(a *Ask, b Basis) bool {
	if a.plain(b) {
		return a.unsettled()
	}
	d := j.Judge(*a, b)
	return d.Unsettled()
}

// approvedBy returns the newest approval of an ask that counts, and whether it is approved.
func (j *Job) approvedBy(a *Ask, b Basis) (Given, bool) {
	if a.plain(b) {
		return Given{By: a.VerdictBy, Leaf: a.VerdictLeaf, Seq: a.VerdictSeq}, a.Verdict == Approved
	}
	d := j.Judge(*a, b)
	if d.Outcome != OutcomeApproved {
		return Given{}, false
	}
	return d.Counts[len(d.Counts)-1], true
}

// asks yields what waits or waited since the job last ran: its decisions, then its pause or
// block.
func (j *Job) asks(yield func(*Ask) bool) {
	for i := range j.Decisions {
		if !yield(&j.Decisions[i]) {
			return
		}
	}
	if j.Stop != nil {
		yield(j.Stop)
	}
}

// UnsettledAt returns the asks that keep the job from resuming.
func (j Job) UnsettledAt(b Basis) (open []Judgement) {
	for a := range j.asks {
		if j.waits(a, b) {
			open = append(open, j.Judge(*a, b))
		}
	}
	return open
}

// UsableApprovals returns the leaf hashes of the verdicts that a resume would use up,
// oldest first: of each ask that is approved, the newest one that counts.
func (j Job) UsableApprovals(b Basis) []ledger.Hash {
	var room [8]Given
	newest := room[:0]
	for a := range j.asks {
		if g, approved := j.approvedBy(a, b); approved {
			newest = append(newest, g)
		}
	}
	slices.SortFunc(newest, func(x, y Given) int { return int(x.Seq - y.Seq) })
	var leaves []ledger.Hash
	for _, g := range newest {
		leaves = append(leaves, g.Leaf)
	}
	return leaves
}
