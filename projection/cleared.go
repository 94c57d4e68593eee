package projection

import (
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
)

// A Cleared is an intent that was approved, and whose job was resumed: it is granted once.
type Cleared struct {
	Ask Ask `json:"ask"` // as it was approved, without its texts

	Resume    ledger.Hash `json:"resume"`     // leaf hash of the resume that used the approval up
	ResumeSeq int64       `json:"resume_seq"` // its job_seq
}

// What an intent that was cleared can be lost for. While it is lost, it is not granted.
const (
	LostExpired  = "decision_expired"  // its decision has expired
	LostApproval = "approval_required" // too few of its approvals still count
	LostPolicy   = "policy_unbound"    // no operator in force binds the job to its policy
)

// ClearedFor returns what clears an intent of the job on a basis: an approval that still
// counts and has not expired, and that was not used up.
func (j *Job) ClearedFor(intent ledger.Hash, b Basis) (Cleared, bool) {
	for _, c := range j.Cleared {
		if c.Ask.about() == intent && c.counts(j, b) {
			return c, true
		}
	}
	return Cleared{}, false
}

// AmendedOf returns what an approver put in the place of an intent of the job, if that is
// cleared on a basis: then the intent itself was not approved.
func (j *Job) AmendedOf(intent ledger.Hash, b Basis) (ledger.Content, bool) {
	for _, c := range j.Cleared {
		if c.Ask.Subject.Digest == intent && c.Ask.about() != intent && c.counts(j, b) {
			return c.Ask.Amended, true
		}
	}
	return ledger.Content{}, false
}

// StandsFor reports whether a call of the job stands for an intent on a basis: for the one that
// the newest event about the call names, or for the one that an approver put in its place, for
// this call.
func (j *Job) StandsFor(id string, c Call, intent ledger.Hash, b Basis) bool {
	return c.Intent.Digest == intent || slices.ContainsFunc(j.Cleared, func(cl Cleared) bool {
		return cl.amends(id, c.Intent.Digest, intent) && cl.counts(j, b)
	})
}

// amends reports whether one intent was approved in the place of another, for a call.
func (c *Cleared) amends(call string, asked, approved ledger.Hash) bool {
	return c.Ask.CallID == call && c.Ask.Subject.Digest == asked && c.Ask.about() == approved
}

// counts reports whether the approval of a cleared intent still counts.
func (c *Cleared) counts(j *Job, b Basis) bool { return j.Judge(c.Ask, b).Outcome == OutcomeApproved }

// lost says for what an intent is lost on a basis: "" if it can be granted.
func (c *Cleared) lost(j *Job, b Basis) string {
	switch {
	case j.Judge(c.Ask, b).Outcome == OutcomeExpired:
		return LostExpired
	case !c.counts(j, b):
		return LostApproval
	case !j.BindingCounts(b):
		return LostPolicy
	}
	return ""
}

// BindingCounts reports whether someone binds the job to its policy who counts now: the
// ledger, which lets anyone bind it, or an operator in force.
func (j *Job) BindingCounts(b Basis) bool {
	s := b.Authority
	return !b.strict() || j.PolicyDigest.IsZero() || s.Binds(j.PolicyDigest) || operator(s, j.PolicyBy, j.PolicyKey)
}

// cleared returns what is cleared after a resume: the intents that the gate asked about, too.
func cleared(j Job, p ledger.Resumed) []Cleared {
	list := slices.Clip(j.Cleared)
	for _, a := range j.Decisions {
		if a.Tool != "" {
			a.Verdicts = slices.Clone(a.Verdicts)
			list = append(list, Cleared{Ask: a.usedUp(p.Consumes), ResumeSeq: j.JobSeq + 1})
		}
	}
	return list
}

// usedUp returns an approved ask without its texts. Its verdict is the approval that a resume
// names.
func (a Ask) usedUp(consumes []ledger.Hash) Ask {
	a.Summary, a.RequiredAction, a.Subject = "", "", bare(a.Subject)
	for _, g := range a.given() {
		if slices.Contains(consumes, g.Leaf) {
			a.Verdict, a.VerdictBy, a.VerdictLeaf, a.VerdictSeq = Approved, g.By, g.Leaf, g.Seq
		}
	}
	return a
}

// useUp removes the clearance that a grant names. If it names none, no clearance of its
// intent is left: what was approved once is granted once.
func useUp(j *Job, f Fact, p ledger.GateDecided) *Refusal {
	if p.Clearance.IsZero() {
		j.Cleared = notAbout(j.Cleared, p.Intent.Digest)
		return nil
	}
	for i, c := range j.Cleared {
		if c.Resume == p.Clearance && c.Ask.about() == p.Intent.Digest && (f.trusted || c.counts(j, f.basis())) {
			j.Cleared = without(j.Cleared, i)
			return nil
		}
	}
	return refuse(InvalidTransition, j.details(), "event %s clears no intent %s of job %s that could be granted", p.Clearance, p.Intent.Digest, j.ID)
}

// notAbout returns what is cleared but for one intent; nil if nothing is left.
func notAbout(list []Cleared, intent ledger.Hash) []Cleared {
	return dropCleared(list, func(c Cleared) bool { return c.Ask.about() == intent })
}

func dropCleared(list []Cleared, drop func(Cleared) bool) []Cleared {
	if !slices.ContainsFunc(list, drop) {
		return list
	}
	if left := slices.DeleteFunc(slices.Clone(list), drop); len(left) > 0 {
		return left
	}
	return nil
}

func (c *Cleared) walk(w *jcs.Walker, texts bool) {
	w.Begin()
	w.Member("ask", true, jcs.Always)
	c.Ask.walk(w, texts)
	w.Hash("resume", (*[32]byte)(&c.Resume), jcs.Always)
	w.Int("resume_seq", &c.ResumeSeq, jcs.Always)
	w.End()
}
