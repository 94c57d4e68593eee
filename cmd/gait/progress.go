package main

import (
	"time"

	"gait/commands/connect"
	"gait/ledger/store"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// patience is how long work takes before its progress is shown.
const patience = 500 * time.Millisecond

// A bar shows the progress of long work on stderr, if that is a terminal.
type bar struct {
	app     *app
	what    string
	begun   time.Time
	writer  progress.Writer // nil until the work has taken long
	tracker *progress.Tracker
}

func newBar(a *app, what string) *bar { return &bar{app: a, what: what, begun: a.now()} }

// update shows the progress. It fails if the user has interrupted the work.
func (b *bar) update(done, total int64) error {
	if b.writer != nil || b.show() {
		b.tracker.UpdateTotal(total)
		b.tracker.SetValue(done)
	}
	return b.app.interrupted()
}

// show begins the display if stderr is a terminal and the work is long.
func (b *bar) show() bool {
	a := b.app
	if a.json || !isTerminal(a.stderr) || a.now().Sub(b.begun) < patience {
		return false
	}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(a.stderr)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetAutoStop(true)
	b.tracker = &progress.Tracker{Message: b.what}
	b.writer.AppendTracker(b.tracker)
	go b.writer.Render()
	return true
}

// stop ends the display before anything else is printed.
func (b *bar) stop() {
	if b.writer == nil {
		return
	}
	b.tracker.MarkAsDone()
	b.writer.Stop()
}

// showBuilding returns a function that shows how far the index of an old ledger is
// built, or the views are written that a rotation needs: in phases, each of which ends
// when all of it is done. The first of an index says what that means for older binaries.
func showBuilding(a *app) func(phase string, done, total int64) error {
	var b *bar
	told := false
	return func(phase string, done, total int64) error {
		what := phase
		if phase != store.PhaseViews {
			what = "building the index, once: " + phase
		}
		if what != phase && !told {
			told = true
			a.notice("this ledger gets an index, once; an older gait cannot open it from now on")
		}
		if b == nil {
			b = newBar(a, what)
		}
		err := b.update(done, total)
		if done >= total || err != nil {
			b.stop()
			b = nil
		}
		return err
	}
}

// verifyEvents verifies a whole ledger from its bytes, and shows the progress. It returns
// what wasVerified takes.
func verifyEvents(a *app, r *connect.Ledger) (*wholeIndex, error) {
	bar := newBar(a, "verifying events")
	defer bar.stop()
	computed := asKeyless(r)
	if computed == nil {
		return nil, r.Log.Verify(a.running.Context(), nil, bar.update)
	}
	return computed, r.Log.Verify(a.running.Context(), computed.add, bar.update)
}
