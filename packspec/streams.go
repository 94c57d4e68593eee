package packspec

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/packspec/container"
	"gait/projection"
)

// jobSizes are the sizes of the entries and parts that hold something of each event.
type jobSizes struct {
	events, eventViews, checkpoints int64

	// state is the measure of job_state.json up to the first checkpoint.
	state *container.Meter
}

// measure folds the events and measures what they add to the pack.
func (s *snapshot) measure() error {
	s.sizes.state = container.NewMeter()
	approvals := listWriter{Writer: s.sizes.state}
	if _, err := io.WriteString(s.sizes.state, stateApprovals); err != nil {
		return err
	}
	s.fold.States = s.authority.states
	var signatures authority.Signatures
	defer func() { _ = signatures.Wait() }() // after an error
	for r := range rendered(s.events) {
		for i, e := range r.events {
			signatures.Add(e)
			if err := s.fold.Add(e); err != nil {
				return err
			}
			if e.JobSeq() == 1 {
				s.first = e
			}
			s.content.add(e)
			s.gated, s.worked = s.gated || ofGate(e), s.worked || ofWork(e)
			s.sizes.events += int64(len(e.Bytes())) + 1
			if _, err := approvals.Write(r.approvals.of(i)); err != nil {
				return err
			}
		}
		if r.err != nil {
			return r.err
		}
		s.sizes.eventViews += int64(len(r.eventViews.all))
		s.sizes.checkpoints += int64(len(r.checkpoints.all))
	}
	s.sizes.checkpoints = max(0, s.sizes.checkpoints-1) // the first has no comma
	_, err := io.WriteString(s.sizes.state, stateCheckpoints)
	return errors.Join(err, s.fold.EndsAt(s.head), signatures.Wait())
}

// jobStreams are the entries of a job pack that hold something of each event. They are
// written at the same time.
type jobStreams struct {
	head       ledger.JobHead // with which the events end
	events     *section
	eventViews *section
	state      *section
	stateStart *stateStart
	stateEnd   []byte
}

// A stateStart writes job_state.json up to the first checkpoint. That part was measured
// before, since the checkpoints behind it are written at the same time.
type stateStart struct {
	*container.Meter
	out  *bufio.Writer
	want ledger.Hash // SHA-256 of the same bytes when they were measured
}

func (w *stateStart) Write(p []byte) (int, error) {
	_, _ = w.Meter.Write(p) // hashing does not fail
	return w.out.Write(p)
}

// reserveState reserves the section of job_state.json.
func (s *jobStreams) reserveState(a *archiveWriter, sizes jobSizes, j projection.Job) (err error) {
	if s.stateEnd, err = stateEnd(j); err != nil {
		return err
	}
	s.stateStart = &stateStart{Meter: container.NewMeter(), want: sizes.state.Sum()}
	if s.state, err = a.resume(entryState, sizes.state.Size+sizes.checkpoints+int64(len(s.stateEnd)), sizes.state); err != nil {
		return err
	}
	s.stateStart.out = bufio.NewWriterSize(a.from(s.state.Start()), int(min(sizes.state.Size, sectionBuffer)))
	return nil
}

// write writes the events, which must be those that were measured.
func (s *jobStreams) write(events ledger.Events) error {
	if _, err := io.WriteString(s.stateStart, stateApprovals); err != nil {
		return err
	}
	approvals, checkpoints := listWriter{Writer: s.stateStart}, listWriter{Writer: s.state}
	var last ledger.Event
	for r := range rendered(events) {
		for _, e := range r.events {
			if err := s.writeEvent(e); err != nil {
				return err
			}
			last = e
		}
		_, err := s.eventViews.Write(r.eventViews.all)
		if err == nil {
			_, err = approvals.Write(r.approvals.all)
		}
		if err == nil {
			_, err = checkpoints.Write(r.checkpoints.all)
		}
		if err := errors.Join(err, r.err); err != nil {
			return err
		}
	}
	if last.LeafHash() != s.head.Leaf {
		return s.events.changed()
	}
	return s.done()
}

// writeEvent writes an event's line of ledger_events.jsonl: its exact bytes.
func (s *jobStreams) writeEvent(e ledger.Event) error {
	if _, err := s.events.Write(e.Bytes()); err != nil {
		return err
	}
	_, err := s.events.Write([]byte{'\n'})
	return err
}

// done ends all entries.
func (s *jobStreams) done() error {
	if _, err := io.WriteString(s.stateStart, stateCheckpoints); err != nil {
		return err
	}
	if s.stateStart.Sum() != s.stateStart.want {
		return s.state.changed()
	}
	if err := s.stateStart.out.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", entryState, err)
	}
	if _, err := s.state.Write(s.stateEnd); err != nil {
		return err
	}
	return errors.Join(s.events.done(), s.eventViews.done(), s.state.done())
}
