package packspec

import (
	"bytes"
	"fmt"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/projection"
)

// A jobVerifier verifies a job pack.
type jobVerifier struct {
	ledgerVerifier
	shape      shape
	headProof  ledger.Proof
	commitment commitment
	head       ledger.JobHead // after the events read so far
	requests   ledger.RequestIDs
	first      ledger.Event // of the job
	gated      bool         // whether the gate was asked about the job
	worked     bool         // whether an event of it is of the version of leases
	contents   contents
	asked      []decisionAsked // by a job that another ledger held before
	fold       projection.Folder

	// The first error of each level, found while reading the events.
	chainErr error
	stateErr error
	shown    *shownViews
}

func (v *jobVerifier) levels() []level {
	return []level{
		{name: finding.LevelContainer, check: v.container, base: true, status: finding.Proved},
		{name: finding.LevelCanonical, check: v.canonical, base: true, status: finding.Proved},
		{name: finding.LevelChain, check: v.chain, base: true, status: finding.Proved},
		{name: finding.LevelInclusion, check: v.inclusion, status: finding.Proved},
		{name: finding.LevelSignature, check: v.signature, status: finding.Proved},
		{name: finding.LevelCosignatures, check: v.cosignatures, status: finding.Proved},
		{name: finding.LevelStateMachine, check: v.stateMachine, base: true, status: finding.Proved},
		{name: finding.LevelViews, check: v.views, base: true, status: finding.Proved},
		{name: finding.LevelFreshness, check: v.freshness, status: finding.Claimed},
		{name: finding.LevelActors, check: v.actors, status: finding.Claimed},
		{name: finding.LevelCompleteness, check: v.completeness, status: finding.Claimed},
		{name: finding.LevelContent, check: v.checkContent, status: finding.Proved, applies: v.namesContent},
		{name: finding.LevelContinued, check: v.continued, status: finding.Proved, applies: v.continues},
	}
}

func (v *jobVerifier) canonical() (string, error) {
	if !v.pack.hasEvidence() {
		return "", finding.Failf(finding.LevelCanonical, finding.CodeNoEvidence, entryEvidence, "the pack holds no evidence, only views")
	}
	for _, read := range []func() error{v.readEvidence, v.readCreated, v.readKeys, v.readProofs, v.readCommitment, v.readEvents, v.checkFormat} {
		if err := read(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d events, each in its one form", v.count), nil
}

func (v *jobVerifier) readEvidence() error {
	b, err := v.pack.read(entryEvidence)
	if err != nil {
		return err
	}
	v.shape = v.pack.shape()
	if v.evidence, err = parseEvidence(b, &v.shape); err != nil {
		return err
	}
	v.report.Origin, v.report.Size, v.report.Root = v.evidence.Origin, v.evidence.Size, v.evidence.Root
	return v.checkText(v.shape.text())
}

func (v *jobVerifier) readProofs() error {
	var err error
	if v.createdProof, err = v.readProof(entryCreatedProof); err == nil {
		v.headProof, err = v.readProof(entryHeadProof)
		v.checkpoint = v.headProof.Checkpoint
	}
	return err
}

// inclusion checks that event 0, the job's last event and the commitment are in the tree
// that evidence.json names. The signature level shows whose tree it is.
func (v *jobVerifier) inclusion() (string, error) {
	if err := v.included(entryCreatedProof, v.createdProof, 0, v.created.LeafHash()); err != nil {
		return "", err
	}
	if err := v.included(entryHeadProof, v.headProof, v.head.Seq, v.head.Leaf); err != nil {
		return "", err
	}
	if !bytes.Equal(v.createdProof.Checkpoint, v.headProof.Checkpoint) {
		return "", finding.Failf(finding.LevelInclusion, finding.CodeCheckpoint, entryCreatedProof, "its checkpoint is not that of %s", entryHeadProof)
	}
	events := fmt.Sprintf("events 0 and %d", v.head.Seq)
	if v.shape.committed {
		if err := v.commitmentIncluded(); err != nil {
			return "", err
		}
		events = fmt.Sprintf("events 0, %d and %d", v.head.Seq, v.commitment.event.Seq())
	}
	return fmt.Sprintf("%s are in the tree of size %d, root %s", events, v.evidence.Size, v.evidence.Root), nil
}

// actors checks that each event was done by who may do it, and that the signed ones are
// what their actors signed.
func (v *jobVerifier) actors() (string, error) {
	if v.shape.committed && v.shape.authority && v.actorCheck.err == nil {
		v.actorCheck.err = v.authorityLeads()
	}
	return v.actorsLevel(v.shape.committed && v.report.Level(finding.LevelInclusion).Status == finding.Proved)
}

// inspectActors is actors for a caller that only shows the pack.
func (v *jobVerifier) inspectActors() (string, error) { return "", v.actorCheck.err }

func (v *jobVerifier) stateMachine() (string, error) {
	if v.actorCheck.failed() {
		v.status, v.halted = finding.Absent, actorsFailed
		return "not checked: " + actorsFailed, nil
	}
	if v.stateErr != nil {
		return "", v.stateErr
	}
	return fmt.Sprintf("the rules allow each event; status %s, revision %d", v.fold.Job.Status, v.fold.Job.Revision), nil
}

// freshness compares the pack's checkpoint with those the caller has seen. A job's
// events do not show whether a larger tree continues a smaller one.
func (v *jobVerifier) freshness() (string, error) {
	if v.signed {
		v.report.Shown = v.shows()
	}
	if err := v.seeCommitment(); err != nil {
		return "", err
	}
	return v.unlessForked(v.compareSeen(func(_ []byte, seen ledger.Checkpoint) (string, error) {
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those is not shown", seen.Size), nil
	}))
}

// shows returns what the pack shows of the job.
func (v *jobVerifier) shows() Shown {
	s := Shown{Head: bytes.Clone(v.last.Bytes()), HeadProof: []byte(v.headProof.String())}
	if c := v.commitment; v.shape.committed {
		s.Commitment, s.CommitmentProof, s.Path = c.event.Bytes(), []byte(c.proof.String()), c.path.Encode()
	}
	return s
}
