package packspec

import (
	"bytes"
	"errors"
	"fmt"
	"iter"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/packspec/finding"
)

// A rangeVerifier verifies a range pack.
type rangeVerifier struct {
	ledgerVerifier
	shape   rangeShape
	log     ledger.TileLog
	jobs    *rangeJobs
	index   ledger.IndexFold  // if the range begins with event 0
	used    ledger.RequestIDs // if it does not
	err     error             // the *finding.Failure that ended the reading of events
	stopped string            // the level of that failure

	before continuedRange

	stranger bool // the pack is not signed by a key that the caller trusts, and has request ids or proofs
}

func (v *rangeVerifier) levels() []level {
	return []level{
		{name: finding.LevelContainer, check: v.container, base: true, status: finding.Proved},
		{name: finding.LevelCanonical, check: v.canonical, base: true, status: finding.Proved},
		{name: finding.LevelChain, check: v.chain, base: true, status: finding.Proved},
		{name: finding.LevelInclusion, check: v.inclusion, base: true, status: finding.Proved},
		{name: finding.LevelSignature, check: v.signature, status: finding.Proved},
		{name: finding.LevelCosignatures, check: v.cosignatures, status: finding.Proved},
		{name: finding.LevelStateMachine, check: v.stateMachine, base: true, status: finding.Proved},
		{name: finding.LevelViews, check: v.views, status: finding.Absent},
		{name: finding.LevelFreshness, check: v.freshness, status: finding.Claimed},
		{name: finding.LevelActors, check: v.actors, status: finding.Claimed},
		{name: finding.LevelCompleteness, check: v.completeness, status: finding.Proved},
		{name: finding.LevelContinued, check: v.continued, status: finding.Proved, applies: v.holdsContinued},
	}
}

func (v *rangeVerifier) canonical() (string, error) {
	if err := v.readRange(); err != nil {
		return "", err
	}
	if v.keysErr != nil {
		v.err, v.stopped = v.keysErr, finding.LevelChain
		return v.unlessStopped(finding.LevelCanonical, "")
	}
	defer func() { v.actorCheck.finish(v.last) }()
	if err := v.readAuthority(v.evidence.Origin, v.beforeRange); err != nil {
		return "", err
	}
	for e, err := range v.log.Events() {
		if v.err != nil {
			break
		}
		if err == nil {
			err = v.followInRange(e)
		}
		if err != nil {
			if v.err = v.failureOf(err); v.err == nil {
				return "", err
			}
			break
		}
		v.count++
		if err := v.reportProgress(v.count, int64(v.log.To()-v.log.From())+1); err != nil {
			return "", err
		}
	}
	if err := v.followOthers(); err != nil {
		return "", err
	}
	if err := v.checkFormat(); err != nil && v.err == nil {
		return "", err
	}
	v.report.EventCount = v.count
	return v.unlessStopped(finding.LevelCanonical, fmt.Sprintf("%d events, each in its one form", v.count))
}

// readRange reads everything except the events.
func (v *rangeVerifier) readRange() error {
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
	v.jobs = newRangeJobs(e.From, maxRangeJobs)
	v.jobs.states = v.actorCheck.states
	v.shape = rangeShape{format: e.Format, rotations: v.pack.rotations(), requests: v.pack.has(entryRequests), proofs: v.pack.has(entryProofs), authority: v.pack.has(entryAuthority)}
	if err := v.checkText(v.shape.text()); err != nil {
		return err
	}
	if err := v.readCreated(); err != nil {
		return err
	}
	if v.shape.requests && ledger.InheritedRequests(v.created) == nil {
		return finding.Failf(finding.LevelCanonical, finding.CodeEntries, entryRequests, "event 0 names no request ids that were used before")
	}
	if v.createdProof, err = v.readProof(entryCreatedProof); err != nil {
		return err
	}
	if v.checkpoint, err = v.pack.read(entryCheckpoint); err != nil {
		return err
	}
	if !bytes.Equal(v.checkpoint, v.createdProof.Checkpoint) {
		return finding.Failf(finding.LevelCanonical, finding.CodeCheckpoint, entryCheckpoint, "it is not that of %s", entryCreatedProof)
	}
	c, err := ledger.PeekCheckpoint(v.checkpoint)
	if err != nil {
		return finding.NotCanonical(entryCheckpoint, err)
	}
	v.log = ledger.TileLog{Coverage: cover, Checkpoint: c, Read: v.pack.tile}
	if err := v.readKeys(); err != nil {
		return err
	}
	if err := v.readStranger(); err != nil {
		return err
	}
	v.readRequests()
	return v.openContinued()
}

// readStranger finds out whether a stranger may have made the pack: whether it is not
// signed by a key that the caller trusts, and so does not verify. What of such a pack costs
// more than its size is not checked.
func (v *rangeVerifier) readStranger() error {
	if !v.shape.requests && !v.shape.proofs || v.keysErr != nil {
		return nil //nolint:nilerr // the level of the chain reports it
	}
	report, signed := v.report, v.signed
	_, err := v.signature()
	v.report, v.signed = report, signed // the level of the signature is not checked yet
	if _, v.stranger = errors.AsType[*finding.Failure](err); v.stranger {
		return nil
	}
	return err
}

// readRequests lets the index begin with the request ids that event 0 names. The index of
// all of them is in memory.
func (v *rangeVerifier) readRequests() {
	if !v.shape.requests || v.keysErr != nil || v.stranger {
		return
	}
	v.index.Inherited = func(r ledger.Requests) iter.Seq2[mpt.Key, error] {
		return ledger.ReadRequests(v.pack.buffered(entryRequests), r)
	}
}

// checkFormat requires evidence of format 2 if the pack needs that, and only then.
func (v *rangeVerifier) checkFormat() error {
	if v.shape.proofs && v.before.count == 0 && v.err == nil {
		return finding.Failf(finding.LevelCanonical, finding.CodeEntries, entryProofs, "no event of the range continues a job")
	}
	needs := v.shape.requests || v.shape.proofs || moved(v.rotations) || movesOn(v.last, v.log.Size)
	if v.keysErr == nil && v.shape.format != AuthorityRangeFormat && needs != (v.shape.format == SecondRangeFormat) {
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence,
			"format %d: a range of a ledger that was moved, or with used request ids or proofs of continued jobs, has evidence of format %d, and no other has", v.shape.format, SecondRangeFormat)
	}
	return nil
}

// followInRange checks an event against the rotations and its job, and folds it.
func (v *rangeVerifier) followInRange(e ledger.Event) error {
	v.report.HeadSeq, v.last = e.Seq(), e
	if !v.rotates(e) {
		return finding.Failf(finding.LevelChain, finding.CodeChain, "", "the rotations that keys/ proves are not those of the tree").At(e.Seq())
	}
	if e.Time().Before(v.created.Time()) {
		return finding.Differs(finding.LevelChain, finding.CodeChain, "", "created_at", "not before event 0, "+ledger.FormatTime(v.created.Time()), ledger.FormatTime(e.Time())).At(e.Seq())
	}
	if err := v.followIndex(e); err != nil {
		return asFailure(finding.LevelChain, finding.CodeChain, err)
	}
	v.actorCheck.check(e)
	if err := v.jobs.follow(e); err != nil {
		return err
	}
	if err := v.before.add(e); err != nil {
		return err
	}
	return v.see(e)
}

// followIndex checks that no request id occurs twice. If the range begins with event
// 0, it also compares the index with each event that commits to it.
func (v *rangeVerifier) followIndex(e ledger.Event) error {
	if v.log.From() == 0 {
		err := v.index.Add(e)
		if errors.Is(err, ledger.ErrUnverified) && e.Seq() == 0 {
			return finding.Failf(finding.LevelChain, finding.CodeChain, entryRequests, "%s", err).At(0)
		}
		return err
	}
	return v.used.Add(e)
}

// followOthers reads the events again, as far as the first pass read them, for the
// jobs that the first pass had no room for.
func (v *rangeVerifier) followOthers() error {
	for v.jobs.next() {
		end := v.log.From() + ledger.Seq(v.count)
		for e, err := range v.log.Events() {
			if err == nil && e.Seq() >= end {
				break
			}
			if err == nil {
				err = v.jobs.follow(e)
			}
			if err == nil {
				continue
			}
			if v.err = v.failureOf(err); v.err == nil {
				return err
			}
			v.count = int64(e.Seq() - v.log.From())
			break
		}
	}
	return nil
}

// rotates reports whether an event agrees with the proved rotations: if one of them
// has its seq, the event must be that rotation, and otherwise no rotation at all, except
// a ledger_moved with which the tree ends: the place that it names has not signed yet.
func (v *rangeVerifier) rotates(e ledger.Event) bool {
	for _, r := range v.rotations {
		if r.Event.Seq() == e.Seq() {
			return r.Event.LeafHash() == e.LeafHash()
		}
	}
	return !e.Type().HandsOver() || movesOn(e, v.log.Size)
}

// failureOf returns the failure of an event, with its level. It returns nil if the error
// is the reader's own or about an unsupported version.
func (v *rangeVerifier) failureOf(err error) error {
	level, code := finding.LevelChain, finding.CodeChain
	switch {
	case errors.Is(err, ledger.ErrUnsupportedVersion):
		return nil
	case errors.Is(err, ledger.ErrMalformed):
		level, code = finding.LevelCanonical, finding.CodeNotCanonical
	case errors.Is(err, ledger.ErrUnverified):
		level, code = finding.LevelInclusion, finding.CodeNotIncluded
	}
	f, ok := errors.AsType[*finding.Failure](asFailure(level, code, err))
	if !ok {
		return nil
	}
	v.stopped = f.Level
	return f
}

// unlessStopped returns the result of a level that was checked while the events were
// read. If reading ended at this level, it fails; if it ended at a later one, this level
// was not checked for all events.
func (v *rangeVerifier) unlessStopped(name, detail string) (string, error) {
	if v.stopped == name {
		return "", v.err
	}
	if v.stopped != "" {
		v.status = finding.Absent
		return fmt.Sprintf("%d events hold; the next one fails at %s", v.count, v.stopped), nil
	}
	return detail, nil
}

func (v *rangeVerifier) chain() (string, error) {
	detail := fmt.Sprintf("seq %d to %d, each event named by the next, in the ledger and in its job", v.log.From(), v.log.To())
	switch {
	case v.stranger && v.shape.requests:
		detail += "; the index is unchecked: no key that you trust has signed the request ids that ledgers before used"
	case v.index.Unchecked():
		detail += "; the index is unchecked, since the request ids that ledgers before used are not here"
	}
	return v.unlessStopped(finding.LevelChain, detail)
}

func (v *rangeVerifier) inclusion() (string, error) {
	if _, err := v.unlessStopped(finding.LevelInclusion, ""); err != nil {
		return "", err
	}
	if err := v.included(entryCreatedProof, v.createdProof, 0, v.created.LeafHash()); err != nil {
		return "", err
	}
	return fmt.Sprintf("event 0 and all %d events are in the tree of size %d, root %s", v.count, v.evidence.Size, v.evidence.Root), nil
}

// beforeRange notes the request id of an authority event, unless the range has the event.
func (v *rangeVerifier) beforeRange(e ledger.Event) error {
	if e.Seq() < v.log.From() && v.err == nil {
		v.err = v.used.Add(e)
	}
	if v.err != nil {
		v.err = v.failureOf(v.err)
	}
	return nil
}

// actors checks that each event was done by who may do it, and that the signed ones are
// what their actors signed.
func (v *rangeVerifier) actors() (string, error) { return v.actorsLevel(v.log.From() == 0) }

func (v *rangeVerifier) stateMachine() (string, error) {
	if v.actorCheck.failed() {
		v.status, v.halted = finding.Absent, actorsFailed
		return "not checked: " + actorsFailed, nil
	}
	jobs := v.jobs
	if jobs.stateErr != nil {
		return "", jobs.stateErr
	}
	if jobs.begun > 0 {
		v.status = finding.Claimed
		return fmt.Sprintf("the rules allow each event of %d jobs; %d jobs begin before the range and cannot be judged", jobs.count-jobs.begun, jobs.begun), nil
	}
	return fmt.Sprintf("the rules allow each event of %d jobs", jobs.count), nil
}

func (v *rangeVerifier) views() (string, error) {
	if err := v.checkManifest(v.pack.manifest.SourceRef, v.last); err != nil {
		return "", err
	}
	return "a range pack holds no views; replay makes them", nil
}

func (v *rangeVerifier) completeness() (string, error) {
	if v.log.Whole() {
		return fmt.Sprintf("every event of the tree, 0 to %d, is here", v.log.To()), nil
	}
	return fmt.Sprintf("every event from %d to %d is here; the tree has %d", v.log.From(), v.log.To(), v.evidence.Size), nil
}

// freshness compares the pack's checkpoint with those the caller has seen, using the
// tiles of the range. Some ranges do not have the tiles that this needs.
func (v *rangeVerifier) freshness() (string, error) {
	if v.memory != nil && v.err == nil {
		fork, err := v.memory.EndAll(v.log.To())
		if err != nil {
			return "", err
		}
		v.noteFork(fork, v.log.To())
	}
	return v.unlessForked(v.compareSeen(v.continues))
}

// continues checks in the tiles whether the pack's tree continues a smaller one.
func (v *rangeVerifier) continues(note []byte, seen ledger.Checkpoint) (string, error) {
	ok, err := v.log.Continues(seen)
	switch {
	case errors.Is(err, errNoEntry):
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those, this range does not show", seen.Size), nil
	case err != nil:
		return "", err
	case !ok:
		v.report.Evidence = []string{string(note), string(v.checkpoint)}
		return "", finding.Failf(finding.LevelFreshness, finding.CodeConflict, v.checkpointEntry, "its first %d events are not those of the checkpoint seen before", seen.Size)
	}
	v.status = finding.Proved
	return fmt.Sprintf("it continues the newest checkpoint seen, of %d events", seen.Size), nil
}
