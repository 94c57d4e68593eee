package packspec

import (
	"cmp"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/packspec/finding"
)

// readEvents reads the events once, and keeps the first error of each level. It fails
// if an event is not in its one form.
func (v *jobVerifier) readEvents() error {
	err := v.requests.Add(v.created)
	if err != nil {
		return err
	}
	if v.shown, err = v.newShownViews(); err != nil {
		return err
	}
	defer func() {
		last := v.last
		if v.shape.committed {
			last = v.commitment.event
			v.actorCheck.check(last)
		}
		v.actorCheck.finish(last)
	}()
	v.fold.States = v.actorCheck.states
	if err := v.readAuthority(v.evidence.Origin, v.noteRequest); err != nil {
		return err
	}
	content := v.pack.section(entryEvents)
	read, total := int64(0), content.Size()
	for r := range decoded(content) {
		for i, e := range r.events {
			v.count++
			read += int64(len(e.Bytes())) + 1
			if err := v.reportProgress(read, total); err != nil {
				return err
			}
			if err := v.check(e); err != nil {
				return err
			}
			v.shown.compare(r, i)
		}
		if r.err != nil {
			return finding.NotCanonical(entryEvents, r.err)
		}
	}
	if v.chainErr == nil && v.count == 0 {
		v.chainErr = finding.Failf(finding.LevelChain, finding.CodeChain, entryEvents, "no events")
	}
	return nil
}

// noteRequest notes the request id of an authority event.
func (v *jobVerifier) noteRequest(e ledger.Event) error {
	if err := v.requests.Add(e); err != nil && v.chainErr == nil {
		v.chainErr = asFailure(finding.LevelChain, finding.CodeChain, err)
	}
	return nil
}

// check checks an event against the chain and the state machine, and compares it with
// what the caller remembers. It fails only if that cannot be told.
func (v *jobVerifier) check(e ledger.Event) error {
	if v.count == 1 {
		v.first = e
	}
	v.gated, v.worked = v.gated || ofGate(e), v.worked || ofWork(e)
	if v.chainErr == nil {
		v.chainErr = v.follow(e)
	}
	if v.chainErr == nil {
		v.actorCheck.check(e)
		v.contents.add(e)
	}
	if v.chainErr == nil && v.stateErr == nil {
		v.stateErr = asFailure(finding.LevelStateMachine, finding.CodeTransition, v.fold.Add(e))
	}
	if v.continues() {
		asked, ok, err := askedAgain(e)
		if err != nil {
			return err
		}
		if ok {
			v.asked = append(v.asked, asked)
		}
	}
	if v.chainErr == nil {
		return v.see(e)
	}
	return nil
}

// reportProgress calls Progress now and then.
func (v *ledgerVerifier) reportProgress(done, total int64) error {
	if v.Progress == nil || v.count%1024 != 0 && done != total {
		return nil
	}
	return v.Progress(done, total)
}

// atEvent adds the event to a failure.
func atEvent(e ledger.Event, err error) error {
	if f, ok := errors.AsType[*finding.Failure](err); ok {
		return f.At(e.Seq())
	}
	return err
}

// asFailure makes a *ledger.CorruptError a failure and returns other errors unchanged.
// A *ledger.IndexError is a failure of the level with a code of its own.
func asFailure(level, code string, err error) error {
	if x, ok := errors.AsType[*ledger.IndexError](err); ok {
		return finding.Failf(level, finding.CodeIndex, "", "%s", x.Reason).At(max(x.Seq, 0))
	}
	c, ok := errors.AsType[*ledger.CorruptError](err)
	if !ok {
		return err
	}
	f := finding.Failf(level, code, "", "%s", c.Reason)
	if c.Err != nil {
		f.Reason = fmt.Sprintf("%s: %s", c.Reason, c.Err)
	}
	return f.At(max(c.Seq, 0))
}

// follow checks an event against the chain of its job and of its ledger.
func (v *jobVerifier) follow(e ledger.Event) error {
	if f := v.misplaced(e); f != nil {
		f.Level, f.Code, f.Entry = finding.LevelChain, finding.CodeChain, entryEvents
		return f.At(e.Seq())
	}
	head, err := v.head.Follow(e)
	if err != nil {
		return asFailure(finding.LevelChain, finding.CodeChain, err)
	}
	if err := v.requests.Add(e); err != nil {
		return asFailure(finding.LevelChain, finding.CodeChain, err)
	}
	v.head, v.last = head, e
	v.report.EventCount, v.report.HeadSeq = head.JobSeq, head.Seq
	return nil
}

// misplaced checks what a job's own chain does not, and gives precise reasons for the
// most frequent failures of that chain.
func (v *jobVerifier) misplaced(e ledger.Event) *finding.Failure {
	before := v.created
	if v.head.JobSeq > 0 {
		before = v.last
	}
	switch {
	case e.Origin() != v.evidence.Origin:
		return finding.Differs("", "", "", "origin", v.evidence.Origin, e.Origin())
	case e.JobID() != v.pack.manifest.SourceRef:
		return finding.Differs("", "", "", "job_id", v.pack.manifest.SourceRef, cmp.Or(e.JobID(), "nothing"))
	case e.JobSeq() != v.head.JobSeq+1:
		return finding.Differs("", "", "", "job_seq", fmt.Sprint(v.head.JobSeq+1), fmt.Sprint(e.JobSeq()))
	case e.JobPrev() != v.head.Leaf:
		return finding.Differs("", "", "", "job_prev", hashOrNothing(v.head.Leaf), hashOrNothing(e.JobPrev()))
	case e.Seq() <= before.Seq():
		return finding.Differs("", "", "", "seq", fmt.Sprintf("one after %d", before.Seq()), fmt.Sprint(e.Seq()))
	case e.Time().Before(before.Time()):
		return finding.Differs("", "", "", "created_at", "not before "+ledger.FormatTime(before.Time()), ledger.FormatTime(e.Time()))
	case e.Seq() == before.Seq()+1 && e.Prev() != before.LeafHash():
		return finding.Differs("", "", "", "prev", before.LeafHash().String(), e.Prev().String())
	}
	return nil
}

func hashOrNothing(h ledger.Hash) string {
	if h.IsZero() {
		return "nothing"
	}
	return h.String()
}

// chain reports how the events follow each other, and how event 0 and the rotations,
// which name the keys, do.
func (v *jobVerifier) chain() (string, error) {
	if err := cmp.Or(v.keysErr, v.chainErr, v.commitmentFollows()); err != nil {
		return "", err
	}
	return fmt.Sprintf("job_seq 1 to %d, each event named by the next, seq rises to %d", v.head.JobSeq, v.head.Seq), nil
}
