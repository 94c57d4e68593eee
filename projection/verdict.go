package projection

import (
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/authority"
)

// VerdictTarget returns the ask that a verdict is about, as judged on a basis: the decision
// named by checkpointID or, if that is empty, the one undecided decision, else the one that
// is denied or expired, else the pause or block.
func VerdictTarget(j Job, b Basis, v Verdict, checkpointID string) (Ask, *Refusal) {
	if !j.stopped() {
		return Ask{}, cannot(j, fmt.Sprintf("be %s: nothing waits for a verdict", v))
	}
	if checkpointID != "" {
		return named(j, checkpointID)
	}
	var undecided, closed []Ask
	for _, a := range j.Decisions {
		switch j.Judge(a, b).Outcome {
		case OutcomeOpen, OutcomePending:
			undecided = append(undecided, a)
		case OutcomeDenied, OutcomeExpired:
			closed = append(closed, a)
		case OutcomeApproved:
		}
	}
	for _, open := range [][]Ask{undecided, closed} {
		switch {
		case len(open) == 1:
			return open[0], nil
		case len(open) > 1:
			return Ask{}, several(j, open)
		}
	}
	if j.Stop != nil {
		return *j.Stop, nil
	}
	if len(j.Decisions) == 1 {
		return j.Decisions[0], nil
	}
	return Ask{}, refuse(CheckpointRequired, j.details(), "every decision of job %s is approved", j.ID)
}

func named(j Job, checkpointID string) (Ask, *Refusal) {
	for _, a := range j.Decisions {
		if a.CheckpointID == checkpointID {
			return a, nil
		}
	}
	return Ask{}, refuse(DecisionNotOpen, j.details().naming(checkpointID), "checkpoint %s is not an open decision of job %s", checkpointID, j.ID)
}

func several(j Job, open []Ask) *Refusal {
	ids := make([]string, len(open))
	for i, a := range open {
		ids[i] = a.CheckpointID
	}
	return refuse(CheckpointRequired, j.details().naming(ids[0]), "job %s has %d open decisions: %s", j.ID, len(open), strings.Join(ids, ", "))
}

// asked returns the ask of the job that a verdict is about.
func asked(j *Job, v Verdict, checkpointID string, target ledger.Hash) (*Ask, *Refusal) {
	if !j.stopped() {
		return nil, cannot(*j, fmt.Sprintf("be %s: nothing waits for a verdict", v))
	}
	ask := findAsk(j, target, checkpointID)
	if ask == nil {
		return nil, refuse(NothingToApprove, j.details(), "job %s has nothing that waits with leaf hash %s", j.ID, target)
	}
	return ask, nil
}

// approved applies an approval. The ask is approved once as many count as are needed.
func approved(j Job, f Fact, p ledger.Approved) (Job, *Refusal) {
	ask, no := asked(&j, Approved, p.CheckpointID, p.Target)
	if no == nil {
		no = j.namesContent(p.ContentKey)
	}
	if no != nil {
		return j, no
	}
	now := j.Judge(*ask, f.basis())
	if !f.trusted {
		if no := mayApprove(j, now, f, p); no != nil {
			return j, no
		}
	}
	if p.Amended != (ledger.Content{}) {
		ask.Amended, now.Counts = p.Amended, nil
	}
	counts := append(slices.Clone(now.Counts), Given{By: f.Actor, Key: f.key(), Seq: j.JobSeq + 1})
	ask.Verdict, ask.VerdictBy, ask.VerdictSeq, ask.VerdictLeaf, ask.Verdicts = Undecided, "", 0, ledger.Hash{}, nil
	if f.Authority != nil || f.trusted || ask.Quorum > 1 {
		ask.Verdicts = counts
	}
	if int64(len(counts)) >= now.Needed {
		ask.Verdict, ask.VerdictBy, ask.VerdictSeq = Approved, f.Actor, j.JobSeq+1
	}
	j.Approvals++
	j.ReasonCode = ReasonApproved
	return j, nil
}

// denied applies a denial. One is enough, and it clears the approvals.
func denied(j Job, f Fact, p ledger.Denied) (Job, *Refusal) {
	ask, no := asked(&j, Denied, p.CheckpointID, p.Target)
	if no != nil {
		return j, no
	}
	if !f.trusted {
		if ask.Verdict == Denied {
			no := already(j, *ask)
			if f.Authority != nil {
				no.Details.Replaces = ask.ReplacedBy()
			}
			return j, no
		}
		if no := mayDecide(j, *ask, f, p.Subject); no != nil {
			return j, no
		}
	}
	ask.Verdict, ask.VerdictBy, ask.VerdictSeq, ask.VerdictLeaf, ask.Verdicts = Denied, f.Actor, j.JobSeq+1, ledger.Hash{}, nil
	return j.to(ReasonDenied), nil
}

// mayApprove refuses an approval that does not count. What authority says of the actor was
// asked before: see Fact.
func mayApprove(j Job, now Judgement, f Fact, p ledger.Approved) *Refusal {
	b := f.basis()
	switch {
	case now.Outcome == OutcomeDenied && f.Authority != nil:
		d := j.details()
		d.Replaces = now.ReplacedBy()
		return refuse(AlreadyDecided, d, "%s of job %s was denied by %s, and that stands: only a new decision lifts it that takes its place", now.what(), j.ID, now.VerdictBy)
	case now.Outcome == OutcomeApproved:
		return already(j, now.Ask)
	}
	if !now.listed(b, f.Actor) {
		return notListed(j, now.Ask, f.Actor)
	}
	if why := j.own(&now.Ask, b, f.Actor, f.key()); why != "" {
		return selfApproval(j, now.Ask, f.Actor, why)
	}
	if b.expired(now.Expires) {
		return expired(j, now)
	}
	if no := sameSubject(j, now.Ask, f, p.Subject); no != nil {
		return no
	}
	if p.Amended != (ledger.Content{}) && now.about().IsZero() {
		return refuse(InvalidTransition, j.details(), "%s of job %s is about no content that could be amended", now.what(), j.ID)
	}
	for _, g := range now.Counts {
		if authority.Alike(g.By, f.Actor) || !g.Key.IsZero() && g.Key == f.key() {
			return already(j, now.Ask)
		}
	}
	return nil
}

// mayDecide refuses a verdict by someone who may not decide, or about something else.
func mayDecide(j Job, a Ask, f Fact, subject ledger.Hash) *Refusal {
	if !a.listed(f.basis(), f.Actor) {
		return notListed(j, a, f.Actor)
	}
	return sameSubject(j, a, f, subject)
}

// sameSubject refuses a verdict about another subject than the ask has now. Without
// authority a verdict need not name one.
func sameSubject(j Job, a Ask, f Fact, subject ledger.Hash) *Refusal {
	if subject == a.about() || subject.IsZero() && f.Authority == nil {
		return nil
	}
	d := j.details().naming(a.DecisionID())
	d.Subject = a.about().OrEmpty()
	return refuse(SubjectChanged, d, "%s of job %s is about %s, and the verdict about %s", a.what(), j.ID, subjectOf(a.about()), subjectOf(subject))
}

func subjectOf(digest ledger.Hash) string {
	if digest.IsZero() {
		return "no content"
	}
	return "content " + digest.String()
}

func already(j Job, a Ask) *Refusal {
	verdict, by := a.Verdict, a.VerdictBy
	if n := len(a.Verdicts); n > 0 {
		verdict, by = Approved, a.Verdicts[n-1].By
	}
	return refuse(AlreadyDecided, j.details(), "%s of job %s was %s already, by %s", a.what(), j.ID, verdict, by)
}

func notListed(j Job, a Ask, actor string) *Refusal {
	d := j.details().naming(a.DecisionID())
	d.Actor = actor
	return refuse(RoleRequired, d, "%s of job %s is decided by %s, and not by %s", a.what(), j.ID, strings.Join(a.Approvers, ", "), actor)
}

func expired(j Job, d Judgement) *Refusal {
	details := j.details().naming(d.DecisionID())
	details.ExpiredAt, details.Replaces = d.Expires, d.ReplacedBy()
	return refuse(DecisionExpired, details, "%s of job %s has expired, at %s: a new decision has to take its place", d.what(), j.ID, d.Expires)
}

// importerOf returns who imported an ask, here or in the ledger before, or "".
func (j Job) importerOf(a Ask) string {
	switch {
	case a.Claimed:
		return j.Imported.Actor
	case a.Continued:
		return j.Continued.ImportedBy
	}
	return ""
}

func selfApproval(j Job, a Ask, actor, why string) *Refusal {
	d := j.details()
	d.Actor = actor
	return refuse(SelfApproval, d, "%s of job %s cannot be approved by %s, %s", a.what(), j.ID, actor, why)
}

// findAsk returns a pointer to the ask whose event has this leaf hash. For a decision
// the checkpoint id must match too, since one import can ask for several.
func findAsk(j *Job, target ledger.Hash, checkpointID string) *Ask {
	for i := range j.Decisions {
		if a := &j.Decisions[i]; a.Target == target && a.CheckpointID == checkpointID {
			return a
		}
	}
	if j.Stop != nil && j.Stop.Target == target && checkpointID == "" {
		return j.Stop
	}
	return nil
}

// what returns the words for the ask in a sentence.
func (a Ask) what() string {
	switch {
	case a.Kind == KindDecision:
		return "decision " + a.CheckpointID
	case a.Hold:
		return "the hold"
	}
	return "the " + string(a.Kind)
}

// DecisionID returns the checkpoint id by which verdicts name the ask: that of a
// decision, or "" for a pause or block.
func (a Ask) DecisionID() string {
	if a.Kind != KindDecision {
		return ""
	}
	return a.CheckpointID
}
