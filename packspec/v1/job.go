package v1

import (
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// A Job is what a pack says about its job, with the result of folding its events.
type Job struct {
	State   State   // job_state.json
	Payload Payload // job_payload.json
	Events  int64   // the number of events read
	fold    fold
}

// Job reads the job's state, payload and events, which must be in canonical form, and
// folds the events; CheckRules and CheckViews return the result. It fails with a
// *finding.Failure, or with the reader's own error. The Job then has the number of events
// that were read before.
func (p *Pack) Job() (j Job, err error) {
	if err := p.readJSON(StateEntry, &j.State); err != nil {
		return j, err
	}
	if problem := j.State.check(); problem != "" {
		return j, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, StateEntry, "%s", problem)
	}
	if err := p.readJSON(PayloadEntry, &j.Payload); err != nil {
		return j, err
	}
	j.fold = fold{job: p.Manifest.SourceRef, claim: j.State, bound: map[string]bool{}}
	err = p.Events(func(e Event) error {
		j.fold.add(e)
		j.Events++
		return nil
	})
	if err == nil {
		j.fold.finish()
	}
	return j, err
}

// CheckRules returns the revision and the status that the events lead to. It fails
// with a *finding.Failure if PackSpec v1 does not allow one of them.
func (j Job) CheckRules() (revision int64, status string, err error) {
	return j.fold.state.Revision, j.fold.state.Status, j.fold.stateErr
}

// CheckViews compares state and payload with the events. It fails with a
// *finding.Failure.
func (j Job) CheckViews() error {
	if j.fold.viewErr != nil {
		return j.fold.viewErr
	}
	if want := j.State.Payload(); j.Payload != want {
		return finding.Differs(finding.LevelViews, finding.CodeView, PayloadEntry, "it is not what job_state.json gives",
			finding.Quote(fmt.Sprintf("%+v", want)), finding.Quote(fmt.Sprintf("%+v", j.Payload)))
	}
	return nil
}

// readJSON reads an entry of canonical JSON.
func (p *Pack) readJSON(name string, into any) error {
	b, err := p.read(name)
	if err != nil {
		return err
	}
	if err := container.ParseCanonical(b, into); err != nil {
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, name, "%s", err)
	}
	return nil
}

// Events calls take with each event in job_events.jsonl. A line may be as long as an
// event of a ledger. Errors are those of take, a *finding.Failure, and the reader's own.
func (p *Pack) Events(take func(Event) error) error {
	in := container.NewLines(p.open(EventsEntry), ledger.MaxEventSize)
	for n := 1; ; n++ {
		line, err := container.NextLine(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return finding.NotCanonical(EventsEntry, fmt.Errorf("line %d: %w", n, err))
		}
		e, err := parseEvent(line)
		if err != nil {
			return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, EventsEntry, "line %d: %s", n, err)
		}
		if err := take(e); err != nil {
			return err
		}
	}
}
