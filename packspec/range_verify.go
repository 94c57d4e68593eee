package packspec

import (
	"bytes"
	"errors"
	"fmt"

	"gait/ledger"
)

// rangeLevels are the levels of a range pack, in the order and with the names
// of a job pack's.
var rangeLevels = []level{
	{LevelContainer, (*verifier).container, true, Proved},
	{LevelCanonical, (*verifier).rangeCanonical, true, Proved},
	{LevelChain, (*verifier).rangeChain, true, Proved},
	{LevelInclusion, (*verifier).rangeInclusion, true, Proved},
	{LevelSignature, (*verifier).signature, false, Proved},
	{LevelCosignatures, (*verifier).cosignatures, false, Proved},
	{LevelStateMachine, (*verifier).rangeStateMachine, true, Proved},
	{LevelViews, (*verifier).rangeViews, false, Absent},
	{LevelFreshness, (*verifier).freshness, false, Claimed},
	{LevelActors, (*verifier).actors, false, Claimed},
	{LevelCompleteness, (*verifier).rangeCompleteness, false, Proved},
}

// A rangePass is what reading the events of a range pack once finds out.
type rangePass struct {
	log     ledger.TileLog
	jobs    *rangeJobs
	err     error  // a *Failure that ended the pass
	stopped string // the level that ended the pass
}

func (v *verifier) rangeCanonical() (string, error) {
	if err := v.readRange(); err != nil {
		return "", err
	}
	if v.keysErr != nil {
		v.rng.err, v.rng.stopped = v.keysErr, LevelChain
		return v.unlessStopped(LevelCanonical, "")
	}
	for e, err := range v.rng.log.Events() {
		if err == nil {
			err = v.followInRange(e)
		}
		if err != nil {
			if v.rng.err = v.blame(err); v.rng.err == nil {
				return "", err
			}
			break
		}
		v.count++
		if err := v.tell(v.count, int64(v.rng.log.To()-v.rng.log.From())+1); err != nil {
			return "", err
		}
	}
	if err := v.followOthers(); err != nil {
		return "", err
	}
	v.report.EventCount = v.count
	return v.unlessStopped(LevelCanonical, fmt.Sprintf("%d events, each in its one form", v.count))
}

// readRange reads everything but the events.
func (v *verifier) readRange() error {
	b, err := v.pack.read(entryEvidence)
	if err != nil {
		return err
	}
	e, cover, err := parseRangeEvidence(b)
	if err != nil {
		return err
	}
	v.evidence = Evidence{Format: e.Format, Origin: e.Origin, Root: e.Root, Size: e.Size}
	v.report.Origin, v.report.Size, v.report.Root, v.report.JobID = e.Origin, e.Size, e.Root, ""
	v.report.From, v.report.To = &e.From, &e.To
	v.rng = &rangePass{jobs: newRangeJobs(e.From, maxRangeJobs)}
	if err := v.checkText(verifyRangeText); err != nil {
		return err
	}
	if err := v.readCreated(); err != nil {
		return err
	}
	if v.createdProof, err = v.readProof(entryCreatedProof); err != nil {
		return err
	}
	v.headProof = v.createdProof // the levels that look at the checkpoint look there
	signed, err := v.pack.read(entryCheckpoint)
	if err != nil {
		return err
	}
	if !bytes.Equal(signed, v.createdProof.Checkpoint) {
		return failure(LevelCanonical, CodeCheckpoint, entryCheckpoint, "it is not that of %s", entryCreatedProof)
	}
	c, err := ledger.PeekCheckpoint(signed)
	if err != nil {
		return notCanonical(entryCheckpoint, err)
	}
	v.rng.log = ledger.TileLog{Coverage: cover, Checkpoint: c, Read: v.pack.tile}
	return v.readKeys()
}

// followInRange holds an event to the rotations and to its job, and folds it.
func (v *verifier) followInRange(e ledger.Event) error {
	v.report.HeadSeq, v.last = e.Seq, e
	if !v.rotates(e) {
		return failure(LevelChain, CodeChain, "", "the rotations that keys/ proves are not those of the tree").at(e.Seq)
	}
	if e.Time.Before(v.created.Time) {
		return differs(LevelChain, CodeChain, "", "created_at", "not before event 0, "+ledger.FormatTime(v.created.Time), ledger.FormatTime(e.Time)).at(e.Seq)
	}
	return v.rng.jobs.follow(e)
}

// followOthers reads the events again for the jobs that the first pass had no
// room for, as far as that came.
func (v *verifier) followOthers() error {
	for v.rng.jobs.next() {
		end := v.rng.log.From() + ledger.Seq(v.count)
		for e, err := range v.rng.log.Events() {
			if err == nil && e.Seq >= end {
				break
			}
			if err == nil {
				err = v.rng.jobs.follow(e)
			}
			if err == nil {
				continue
			}
			if v.rng.err = v.blame(err); v.rng.err == nil {
				return err
			}
			v.count = int64(e.Seq - v.rng.log.From())
			break
		}
	}
	return nil
}

// rotates reports whether an event is the rotation that was proved for its
// place, or none where none was.
func (v *verifier) rotates(e ledger.Event) bool {
	for _, r := range v.rotations {
		if r.Event.Seq == e.Seq {
			return r.Event.LeafHash() == e.LeafHash()
		}
	}
	return e.Type() != ledger.TypeKeyRotated
}

// blame says at which level an event fails, or nil where it is the reader that does.
func (v *verifier) blame(err error) error {
	level, code := LevelChain, CodeChain
	switch {
	case errors.Is(err, ledger.ErrUnsupportedVersion):
		return nil
	case errors.Is(err, ledger.ErrMalformed):
		level, code = LevelCanonical, CodeNotCanonical
	case errors.Is(err, ledger.ErrUnverified):
		level, code = LevelInclusion, CodeNotIncluded
	}
	f, ok := errors.AsType[*Failure](asFailure(level, code, err))
	if !ok {
		return nil
	}
	v.rng.stopped = f.Level
	return f
}

// unlessStopped is the end of the levels that rest on the pass: the one it ended
// at fails, those before were not checked to the end.
func (v *verifier) unlessStopped(name, detail string) (string, error) {
	if v.rng.stopped == name {
		return "", v.rng.err
	}
	if v.rng.stopped != "" {
		v.status = Absent
		return fmt.Sprintf("%d events hold; the next one fails at %s", v.count, v.rng.stopped), nil
	}
	return detail, nil
}

func (v *verifier) rangeChain() (string, error) {
	return v.unlessStopped(LevelChain, fmt.Sprintf("seq %d to %d, each event named by the next, in the ledger and in its job", v.rng.log.From(), v.rng.log.To()))
}

func (v *verifier) rangeInclusion() (string, error) {
	if _, err := v.unlessStopped(LevelInclusion, ""); err != nil {
		return "", err
	}
	if err := v.included(entryCreatedProof, v.createdProof, 0, v.created.LeafHash()); err != nil {
		return "", err
	}
	return fmt.Sprintf("event 0 and all %d events are in the tree of size %d, root %s", v.count, v.evidence.Size, v.evidence.Root), nil
}

func (v *verifier) rangeStateMachine() (string, error) {
	jobs := v.rng.jobs
	if jobs.stateErr != nil {
		return "", jobs.stateErr
	}
	if jobs.begun > 0 {
		v.status = Claimed
		return fmt.Sprintf("the rules allow each event of %d jobs; %d jobs begin before the range and cannot be judged", jobs.count-jobs.begun, jobs.begun), nil
	}
	return fmt.Sprintf("the rules allow each event of %d jobs", jobs.count), nil
}

func (v *verifier) rangeViews() (string, error) {
	if err := v.checkManifest(v.pack.manifest.SourceRef, v.last); err != nil {
		return "", err
	}
	return "a range pack holds no views; replay makes them", nil
}

func (v *verifier) rangeCompleteness() (string, error) {
	if v.rng.log.Whole() {
		return fmt.Sprintf("every event of the tree, 0 to %d, is here", v.rng.log.To()), nil
	}
	return fmt.Sprintf("every event from %d to %d is here; the tree has %d", v.rng.log.From(), v.rng.log.To(), v.evidence.Size), nil
}
