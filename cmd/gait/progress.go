package main

import (
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// A bar shows on stderr how far long work is. Without a terminal it shows nothing.
type bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
}

func (a *app) progress(what string, total int64) *bar {
	if a.json || !isTerminal(a.stderr) {
		return &bar{}
	}
	w := progress.NewWriter()
	w.SetOutputWriter(a.stderr)
	w.SetUpdateFrequency(100 * time.Millisecond)
	w.SetAutoStop(true)
	t := &progress.Tracker{Message: what, Total: total}
	w.AppendTracker(t)
	go w.Render()
	return &bar{writer: w, tracker: t}
}

func (b *bar) update(done, total int64) {
	if b.tracker != nil {
		b.tracker.UpdateTotal(total)
		b.tracker.SetValue(done)
	}
}

// stop ends the display before anything else is printed.
func (b *bar) stop() {
	if b.tracker == nil {
		return
	}
	b.tracker.MarkAsDone()
	b.writer.Stop()
}
