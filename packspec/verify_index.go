package packspec

import (
	"bytes"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/packspec/finding"
)

// readCommitment reads the commitment, if the pack has one.
func (v *jobVerifier) readCommitment() error {
	if !v.shape.committed {
		return nil
	}
	b, err := v.pack.read(entryCommitment)
	if err != nil {
		return err
	}
	if v.commitment.event, err = ledger.Interpret(b); err != nil {
		return finding.NotCanonical(entryCommitment, err)
	}
	if v.commitment.proof, err = v.readProof(entryCommitmentProof); err != nil {
		return err
	}
	if v.commitment.path, err = v.readPath(entryIndexProof); err != nil {
		return err
	}
	if v.shape.authority {
		if v.commitment.authority, err = v.readPath(entryAuthorityProof); err != nil {
			return err
		}
	}
	seq := v.commitment.event.Seq()
	v.report.Commitment = &seq
	return nil
}

// readPath reads a path in the index.
func (v *jobVerifier) readPath(name string) (mpt.Proof, error) {
	b, err := v.pack.read(name)
	if err != nil {
		return mpt.Proof{}, err
	}
	path, err := mpt.ParseProof(b)
	if err != nil {
		return mpt.Proof{}, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, name, "%s", err)
	}
	return path, nil
}

// commitmentFollows requires the commitment to be an event of the ledger behind the job's
// last event.
func (v *jobVerifier) commitmentFollows() error {
	if !v.shape.committed {
		return nil
	}
	e, last := v.commitment.event, v.last
	differ := func(what, expected, found string) error {
		return finding.Differs(finding.LevelChain, finding.CodeChain, entryCommitment, what, expected, found).At(e.Seq())
	}
	switch {
	case e.Type() != ledger.TypeIndexCommitted:
		return differ("type", string(ledger.TypeIndexCommitted), string(e.Type()))
	case e.Origin() != v.evidence.Origin:
		return differ("origin", v.evidence.Origin, e.Origin())
	case e.Seq() <= last.Seq():
		return differ("seq", fmt.Sprintf("one after %d", last.Seq()), fmt.Sprint(e.Seq()))
	case e.Time().Before(last.Time()):
		return differ("created_at", "not before "+ledger.FormatTime(last.Time()), ledger.FormatTime(e.Time()))
	case e.Seq() == last.Seq()+1 && e.Prev() != last.LeafHash():
		return differ("prev", last.LeafHash().String(), e.Prev().String())
	}
	return asFailure(finding.LevelChain, finding.CodeChain, v.requests.Add(e))
}

// commitmentIncluded checks that the commitment is in the same tree as the job's last
// event.
func (v *jobVerifier) commitmentIncluded() error {
	c := v.commitment
	if err := v.included(entryCommitmentProof, c.proof, c.event.Seq(), c.event.LeafHash()); err != nil {
		return err
	}
	if !bytes.Equal(c.proof.Checkpoint, v.headProof.Checkpoint) {
		return finding.Failf(finding.LevelInclusion, finding.CodeCheckpoint, entryCommitmentProof, "its checkpoint is not that of %s", entryHeadProof)
	}
	return nil
}

// completeness checks whether the tree can have an event of the job that is not in the
// pack. Only an index shows that: a commitment in the tree says which event is the newest
// of each job. That the job is final, or that the pack ends with the tree's last event,
// does not: the tree could have another history of the job.
func (v *jobVerifier) completeness() (string, error) {
	if v.report.Level(finding.LevelInclusion).Status != finding.Proved {
		v.status = finding.Absent
		return "not checked: " + finding.LevelInclusion + " failed", nil
	}
	shown := fmt.Sprintf("all %d events of the job up to event %d are here", v.count, v.head.Seq)
	if v.count == 1 {
		shown = fmt.Sprintf("the only event of the job up to event %d is here", v.head.Seq)
	}
	if v.shape.committed {
		return v.committedTo(shown)
	}
	why := "no event of the pack commits to the ledger's index, so it does not show whether others were left out"
	if v.shape.format == FirstFormat {
		why = "evidence of format 1 does not show whether others were left out"
	}
	if v.report.Profile == ProfileStrict {
		return "", finding.Differs(finding.LevelCompleteness, finding.CodeIncomplete, entryEvidence, why, "a commitment to the index and the job's path in it", "none")
	}
	return shown + "; " + why, nil
}

// seeCommitment compares the commitment, and that the pack has all events of the job
// before it, with what the caller remembers. If that is not shown, completeness says so.
func (v *jobVerifier) seeCommitment() error {
	if v.report.Level(finding.LevelInclusion).Status != finding.Proved || !v.isWhole() {
		return nil
	}
	seq := v.commitment.event.Seq()
	if err := v.see(v.commitment.event); err != nil {
		return err
	}
	return v.seeEnd(v.pack.manifest.SourceRef, v.head.JobSeq, seq-1, seq)
}

// committedTo checks that the job's path in the index ends with the pack's last event.
func (v *jobVerifier) committedTo(shown string) (string, error) {
	if err := v.leadsToHead(); err != nil {
		return "", err
	}
	v.status = finding.Proved
	seq := v.commitment.event.Seq()
	detail := fmt.Sprintf("%s, and the index of event %d names that as its newest", shown, seq)
	if later := v.evidence.Size - 1 - int64(seq); later > 0 {
		detail += fmt.Sprintf("; of the %d events behind that, the pack shows nothing", later)
	}
	return detail, nil
}

// isWhole reports whether an index shows that the pack has all events of the job up to
// the commitment.
func (v *jobVerifier) isWhole() bool { return v.shape.committed && v.leadsToHead() == nil }

// leadsToHead checks that the job's path leads from the index of the commitment to the
// pack's last event.
func (v *jobVerifier) leadsToHead() error {
	e := v.commitment.event
	p, _ := e.Payload().(ledger.IndexCommitted)
	newest, found, err := v.commitment.path.Check(mpt.Hash(p.Index), ledger.JobKey(v.pack.manifest.SourceRef))
	switch {
	case err != nil:
		return finding.Failf(finding.LevelCompleteness, finding.CodeIndex, entryIndexProof, "it does not lead from the job to the index of event %d: %s", e.Seq(), err).At(e.Seq())
	case !found:
		return finding.Failf(finding.LevelCompleteness, finding.CodeIncomplete, entryIndexProof, "the index of event %d has no such job", e.Seq()).At(e.Seq())
	case ledger.Hash(newest) != v.head.Leaf:
		return finding.Differs(finding.LevelCompleteness, finding.CodeIncomplete, entryIndexProof, fmt.Sprintf("the job's newest event in the index of event %d", e.Seq()),
			newest.String(), v.head.Leaf.String()).At(e.Seq())
	}
	return nil
}

// authorityLeads checks that the path of the authority leads from the index of the
// commitment to the newest authority event of the pack.
func (v *jobVerifier) authorityLeads() error {
	return leadsTo(v.commitment.authority, v.commitment.event, v.actorCheck.chain.Newest().Leaf())
}
