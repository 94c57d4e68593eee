package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

func watchCommand(a *app) *cobra.Command {
	var id string
	cmd := exits(&cobra.Command{
		Use:   "watch [JOB]",
		Short: "Watch a job until it is final",
		Long: `Watch a job until it is completed, failed or cancelled. On a terminal the job is drawn
again whenever it changes; elsewhere, and with --json, one line shows its state, and
another one each new event. If what reads its output ends before the job does, so does
it, with exit 1.`,
		Example: "gait job watch job_1\ngait job watch --id job_1 --json",
	}, 0, 1, 2, 6, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := existingJob(a, id, args)
		if err != nil {
			return err
		}
		a.lines = true
		o, err := a.options()
		if err != nil {
			return err
		}
		return a.follow(cmd.Context(), o, &watcher{app: a, id: id, live: !a.json && isTerminal(a.stdout)})
	}
	return cmd
}

// shownEvents is how many of a job's events a terminal shows.
const shownEvents = 8

// A watcher shows a job whenever it has changed.
type watcher struct {
	app   *app
	id    string
	live  bool // on a terminal: drawn again at each change
	fold  projection.Folder
	begun bool

	changes []jobChange
	last    []ledger.Event // the newest few
	stop    ledger.Event
	at      judging
	height  int // of the last drawing, in lines
}

// A jobChange is a job after an event. The first one has no event.
type jobChange struct {
	job   projection.Job
	event ledger.Event
}

// Look reads the events that are new since the last look. If it fails, it keeps
// the changes that are not shown yet.
func (w *watcher) Look(ctx context.Context, l *connect.Ledger) (seen int64, err error) {
	next := *w
	next.changes = nil
	seen = l.Log.Head().Size
	if !w.begun {
		err = next.begin(ctx, l)
	}
	if err == nil {
		seen, err = next.advance(ctx, l, seen)
	}
	if err == nil {
		next.at, err = judgingOf(ctx, l, next.fold.Job)
	}
	if err == nil {
		*w = next
	}
	return seen, err
}

// advance folds the new events.
func (w *watcher) advance(ctx context.Context, l *connect.Ledger, size int64) (seen int64, err error) {
	head, ok, err := ledger.FindJob(ctx, l.Log, w.id)
	if err != nil || !ok {
		return size, err
	}
	w.fold.States = projection.StatesOf(ctx, l.Log)
	for e, err := range l.Log.JobEvents(ctx, w.id, w.fold.Head.JobSeq+1) {
		if err != nil {
			return size, err
		}
		if err := w.fold.Add(e); err != nil {
			return size, err
		}
		w.add(e)
		if w.changes = append(w.changes, jobChange{job: w.fold.Job, event: e}); len(w.changes) == maxPage {
			return size - 1, nil // there may be more
		}
	}
	return size, w.fold.EndsAt(head)
}

// begin loads the job's current state.
func (w *watcher) begin(ctx context.Context, l *connect.Ledger) error {
	job, err := l.Job(ctx, w.id)
	if err != nil {
		return err
	}
	head, _, err := ledger.FindJob(ctx, l.Log, w.id)
	if err != nil {
		return err
	}
	for e, err := range l.Log.JobEvents(ctx, w.id, max(1, head.JobSeq-shownEvents+1)) {
		if err != nil {
			return err
		}
		w.add(e)
	}
	if w.stop, err = projection.LastStop(ctx, l.Log, job); err != nil {
		return err
	}
	w.begun = true
	w.fold = projection.Folder{Job: job, Head: head}
	w.changes = []jobChange{{job: job}}
	return nil
}

// add keeps an event as one of the newest.
func (w *watcher) add(e ledger.Event) {
	w.last = append(slices.Clone(w.last), e)
	if len(w.last) > shownEvents {
		w.last = w.last[1:]
	}
	if projection.MeaningOf(e).Stops {
		w.stop = e
	}
}

// Show prints or draws the changes.
func (w *watcher) Show() (bool, error) {
	done := w.fold.Job.Status.Final()
	if len(w.changes) == 0 {
		return done, nil
	}
	if w.live {
		return done, w.draw()
	}
	for _, c := range w.changes {
		if err := w.line(c); err != nil {
			return false, err
		}
	}
	return done, nil
}

// line prints a change as one line.
func (w *watcher) line(c jobChange) error {
	fields := object{"job_id": w.id, "job": c.job.StatusView()}
	if c.event.Payload() != nil {
		fields["event"] = recordOf(c.event)
	}
	return w.app.print(fields, func(s *screen) {
		if c.event.Payload() == nil {
			fmt.Fprintf(s, "%s  %s  rev %-3d  %s\n", c.job.Updated, s.bold(w.id), c.job.Revision, s.status(c.job.Status))
			return
		}
		_, what := eventInWords(s, c.event)
		fmt.Fprintf(s, "%s  %s  rev %-3d  %s  %s: %s\n", ledger.FormatTime(c.event.Time()), s.bold(w.id), c.job.Revision, s.status(c.job.Status), c.event.Actor(), what)
	})
}

// draw draws the job over the last drawing.
func (w *watcher) draw() error {
	s, job := w.app.screen(), w.fold.Job
	stop := w.stop
	if job.Status == projection.Running {
		stop = ledger.Event{}
	}
	showStatusAt(s, w.app.rootDir(), job, stop, w.at)
	s.add("\n")
	for _, e := range w.last {
		showEvent(s, e)
	}
	if job.Status.Final() {
		s.next(nextCommandAt(w.app, job, w.at))
	}
	drawn := s.String()
	if !job.Status.Final() {
		width, height := terminalSize(w.app.stdout)
		drawn = fitTerminal(drawn, width, height)
	}
	_, err := io.WriteString(w.app.stdout, overDrawing(w.height)+drawn)
	w.height = strings.Count(drawn, "\n")
	return err
}

// overDrawing returns the codes that move the cursor up so many lines and clear
// everything below it.
func overDrawing(lines int) string {
	if lines == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", lines)
}

// fitTerminal cuts text to the size of a terminal, so that it can be drawn over:
// lines to the width, and their number to one less than the height.
func fitTerminal(drawn string, width, height int) string {
	var b strings.Builder
	lines := 0
	for line := range strings.Lines(drawn) {
		if lines++; lines >= height {
			break
		}
		b.WriteString(text.Trim(strings.TrimSuffix(line, "\n"), width) + "\n")
	}
	return b.String()
}
