package packspec

import (
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/projection"
)

// entryProofs has the proofs that continued events of a range name, one after the other in
// the order of the events, each of the size that its event says.
const entryProofs = "continued.proofs"

// noteProof checks the proof that a continued event of the range names, and counts its size.
// If one is not at hand, the pack has none.
func (s *rangeSnapshot) noteProof(e ledger.Event, o RangeOptions) error {
	if e.Type() != ledger.TypeContinued || o.Proof == nil || s.lacking {
		return nil
	}
	b, _, err := readProofBefore(e, o.Proof)
	if errors.Is(err, ledger.ErrContentMissing) {
		s.lacking, s.proofs = true, 0
		return nil
	}
	s.read = o.Proof
	s.proofs += int64(len(b))
	return err
}

// addProofs adds the proofs that continued events name.
func (s *rangeSnapshot) addProofs(p *packWriter) error {
	section, err := p.reserve(entryProofs, s.proofs)
	if err != nil {
		return err
	}
	for e, err := range s.log.Events() {
		if err != nil {
			return err
		}
		if e.Type() != ledger.TypeContinued {
			continue
		}
		b, _, err := readProofBefore(e, s.read)
		if err != nil {
			return err
		}
		if _, err := section.Write(b); err != nil {
			return err
		}
	}
	return section.done()
}

// maxBeforeShown is how many ledgers before the detail of the level names.
const maxBeforeShown = 8

// A continuedRange checks the jobs of a range that another ledger held before, in the order
// of their events.
type continuedRange struct {
	jobs   ContinuedJobs
	count  int64     // of these jobs
	proofs io.Reader // nil: the pack has none
	left   int64     // bytes of them that no event has named yet
	err    error     // the first *finding.Failure
}

// openContinued begins with event 0.
func (v *rangeVerifier) openContinued() error {
	v.before.jobs = ContinuedJobs{Options: v.Options}
	if !v.shape.proofs || v.stranger {
		return nil
	}
	section := v.pack.section(entryProofs)
	v.before.left, v.before.proofs = section.Size(), buffered(section)
	return v.before.jobs.Add(v.created)
}

// add checks the next event of the range. It fails with ledger.ErrUnsupportedVersion, and
// with the errors of Options and of the reader.
func (c *continuedRange) add(e ledger.Event) error {
	was, ok := e.Payload().(ledger.Continued)
	if !ok {
		return c.check(e)
	}
	if c.count++; c.proofs == nil {
		return nil
	}
	if was.Proof.Size > c.left {
		c.fail(e.Seq(), fmt.Errorf("it ends within the proof of job %s", e.JobID()))
		c.left = 0
		return nil
	}
	c.left -= was.Proof.Size
	c.jobs.Content = func(ledger.Hash, int64) ([]byte, error) {
		b, err := io.ReadAll(io.LimitReader(c.proofs, min(was.Proof.Size, projection.MaxContinuedProofSize+1)))
		if err == nil {
			_, err = io.CopyN(io.Discard, c.proofs, was.Proof.Size-int64(len(b)))
		}
		return b, err
	}
	return c.check(e)
}

// check lets jobs check an event, and keeps the first one that does not hold.
func (c *continuedRange) check(e ledger.Event) error {
	err := c.jobs.Add(e)
	if lie, ok := errors.AsType[*ContinuedError](err); ok {
		c.fail(e.Seq(), lie)
		return nil
	}
	return err
}

func (c *continuedRange) fail(seq ledger.Seq, err error) {
	if c.err == nil {
		c.err = finding.Failf(finding.LevelContinued, finding.CodeContinued, entryProofs, "%s", err).At(seq)
	}
}

// holdsContinued reports whether another ledger held jobs of the range before.
func (v *rangeVerifier) holdsContinued() bool { return v.before.count > 0 }

// continued checks that other ledgers held the jobs before, in the states in which they
// begin here.
func (v *rangeVerifier) continued() (string, error) {
	c := &v.before
	switch {
	case c.err != nil:
		return "", c.err
	case v.stopped != "":
		v.status = finding.Absent
		return fmt.Sprintf("%d jobs of the events that hold; the next one fails at %s", c.count, v.stopped), nil
	case c.left > 0:
		return "", finding.Failf(finding.LevelContinued, finding.CodeContinued, entryProofs, "%d bytes that no event names", c.left)
	}
	detail := fmt.Sprintf("%d jobs were in another ledger before", c.count)
	switch {
	case v.stranger:
		return v.unprovedBefore(detail + "; unchecked, since no key that you trust has signed the pack")
	case c.proofs == nil:
		return v.unprovedBefore(detail + "; their last events there are not in the pack")
	}
	proved := int64(0)
	for i, from := range c.jobs.Ledgers {
		if proved += from.Proved; i >= maxBeforeShown {
			continue
		}
		detail += fmt.Sprintf("; in %s %d, of which %d are proved", from.Origin, from.Jobs, from.Proved)
		if n := len(from.Newer); n > 0 {
			detail += fmt.Sprintf(", and of %d you have seen a newer event", n)
		}
		if n := len(from.Incomplete); n > 0 {
			detail += fmt.Sprintf(", and of %d events may be lost, as event 0 says", n)
		}
		if n := len(from.Partly); n > 0 {
			detail += fmt.Sprintf(", and of %d the last event is shown, not the whole state", n)
		}
		if n := from.Jobs - from.Proved - int64(len(from.Newer)+len(from.Incomplete)+len(from.Partly)); n > 0 {
			detail += fmt.Sprintf(", and for %d %s", n, noSignerBefore)
		}
	}
	if proved < c.count {
		return v.unprovedBefore(detail)
	}
	return detail, nil
}

// unprovedBefore returns the result if what jobs were before is only claimed.
func (v *rangeVerifier) unprovedBefore(detail string) (string, error) {
	if v.report.Profile == ProfileStrict {
		return "", finding.Failf(finding.LevelContinued, finding.CodeContinued, "", "%s", detail)
	}
	v.status = finding.Claimed
	return detail, nil
}
