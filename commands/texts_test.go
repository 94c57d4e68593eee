package commands_test

import (
	"context"
	"errors"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// restart replaces the bench's engine by one that has seen nothing.
func (b *bench) restart(log commands.Log) {
	b.engine = &commands.Engine{Log: log, Entropy: b.engine.Entropy, Now: b.engine.Now}
}

// An engine that finds a job in the cache answers with the texts of its open
// decisions, which the view there has not.
func TestAnswersHaveTheTextsOfDecisions(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision(), decision(), decision())
	want := b.job("job_1").Decisions
	b.restart(b.log)
	result := b.must(approveNamed("reviewer", "cp_0002"))
	open := result.Job.StatusView().OpenDecisions
	if len(open) != 2 || open[0].Summary != want[0].Summary || open[1].RequiredAction != want[2].RequiredAction || want[0].Summary == "" || want[2].RequiredAction == "" {
		t.Errorf("the answer shows the open decisions %+v, want those of %+v", open, want)
	}
}

// A brokenLog fails to read events one by one.
type brokenLog struct{ *hookedLog }

var errBroken = errors.New("a bad sector")

func (l brokenLog) JobEvents(context.Context, string, int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) { yield(ledger.Event{}, errBroken) }
}

// The texts of decisions are for the answer alone: a job can be stopped although they
// cannot be read. All else fails, before anything is written: it would answer with
// decisions that say nothing.
func TestDecidingWithoutTheTextsOfDecisions(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision())
	log := brokenLog{b.log}
	b.restart(log)
	if _, _, _, err := projection.Load(t.Context(), log, "job_1"); !errors.Is(err, errBroken) {
		t.Errorf("Load = %v, want %v", err, errBroken)
	}
	size := log.Head().Size
	if _, err := b.do(approve("reviewer")); !errors.Is(err, errBroken) || log.Head().Size != size {
		t.Errorf("approving = %v, want %v, and %d events were written", err, errBroken, log.Head().Size-size)
	}
	result := b.must(by("boss", commands.Stop{}))
	if result.Job.Status != projection.EmergencyStopped {
		t.Errorf("the job is %s", result.Job.Status)
	}
	if _, err := b.do(progress(1)); !errors.Is(err, errBroken) {
		t.Errorf("a checkpoint after it = %v, want %v", err, errBroken)
	}
	b.must(by("boss", commands.Cancel{}))
}
