package main

import (
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// patience is how long work may take before it shows how far it is.
const patience = 500 * time.Millisecond

// A bar shows on stderr how far long work is. Without a terminal it shows nothing.
type bar struct {
	app     *app
	what    string
	begun   time.Time
	writer  progress.Writer // nil until the work has proved long
	tracker *progress.Tracker
}

func (a *app) progress(what string) *bar { return &bar{app: a, what: what, begun: a.now()} }

// update shows how far the work is. It fails where the user has interrupted it.
func (b *bar) update(done, total int64) error {
	if b.writer != nil || b.show() {
		b.tracker.UpdateTotal(total)
		b.tracker.SetValue(done)
	}
	return b.app.interrupted()
}

// show begins the display, where there is a terminal and the work is long.
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
