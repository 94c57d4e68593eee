package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

func (a *app) watchCommand() *cobra.Command {
	var id string
	cmd := exits(&cobra.Command{
		Use:   "watch [JOB]",
		Short: "Watch a job as it goes on, until it is final",
		Long: `Watch a job as it goes on, until it is completed, failed or cancelled. On a terminal
the job is drawn again whenever it changes; elsewhere, and with --json, there is a
line with its state and one more for each event that comes.`,
		Example: "gait job watch job_1\ngait job watch --id job_1 --json",
	}, 0, 1, 2, 6, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := a.existingJob(id, args)
		if err != nil {
			return err
		}
		a.lines = true
		return a.follow(cmd.Context(), &watcher{app: a, id: id, live: !a.json && isTerminal(a.stdout)})
	}
	return cmd
}

// shownEvents is how many of a job's events a terminal shows.
const shownEvents = 8

// A watcher shows a job whenever it has changed.
type watcher struct {
	app   *app
	id    string
	live  bool // on a terminal, drawn over and over
	fold  projection.Folder
	begun bool

	changes []change
	last    []ledger.Event // the newest few
	stop    ledger.Event
	height  int // of what is on the terminal
}

// A change is a job after an event. At first there is none.
type change struct {
	job   projection.Job
	event ledger.Event
}

func (w *watcher) look(r *openLedger) (seen int64, err error) {
	w.changes = nil
	seen = r.Log.Head().Size
	if !w.begun {
		if err := w.begin(r); err != nil {
			return seen, err
		}
	}
	head, ok, err := r.Log.JobHead(w.id)
	if err != nil || !ok {
		return seen, err
	}
	for e, err := range r.Log.JobEvents(w.id, w.fold.Head.JobSeq+1) {
		if err != nil {
			return seen, err
		}
		if err := w.fold.Add(e); err != nil {
			return seen, err
		}
		w.add(e)
		if w.changes = append(w.changes, change{job: w.fold.Job, event: e}); len(w.changes) == maxPage {
			return seen - 1, nil // there may be more
		}
	}
	return seen, w.fold.EndsAt(head)
}

// begin loads the job as it stands.
func (w *watcher) begin(r *openLedger) error {
	job, err := w.app.job(r, w.id)
	if err != nil {
		return err
	}
	head, _, err := r.Log.JobHead(w.id)
	if err != nil {
		return err
	}
	for e, err := range r.Log.JobEvents(w.id, max(1, head.JobSeq-shownEvents+1)) {
		if err != nil {
			return err
		}
		w.add(e)
	}
	if w.stop, err = stopOf(r, job); err != nil {
		return err
	}
	w.begun = true
	w.fold = projection.Folder{Job: job, Head: head}
	w.changes = []change{{job: job}}
	return nil
}

// add notes an event among the newest.
func (w *watcher) add(e ledger.Event) {
	if w.last = append(w.last, e); len(w.last) > shownEvents {
		w.last = w.last[1:]
	}
	if stops(e) {
		w.stop = e
	}
}

func (w *watcher) show() (bool, error) {
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

// line prints a change as a line.
func (w *watcher) line(c change) error {
	fields := object{"job_id": w.id, "job": c.job.StatusView()}
	if c.event.Payload != nil {
		v, err := inspectedOf(c.event)
		if err != nil {
			return err
		}
		fields["event"] = v
	}
	return w.app.print(fields, func(s *screen) {
		if c.event.Payload == nil {
			fmt.Fprintf(s, "%s  %s  rev %-3d  %s\n", c.job.Updated, s.bold(w.id), c.job.Revision, s.status(c.job.Status))
			return
		}
		_, what := tell(s, c.event)
		fmt.Fprintf(s, "%s  %s  rev %-3d  %s  %s: %s\n", ledger.FormatTime(c.event.Time), s.bold(w.id), c.job.Revision, s.status(c.job.Status), c.event.Actor, what)
	})
}

// draw draws the job over what was drawn before.
func (w *watcher) draw() error {
	s, job := w.app.screen(), w.fold.Job
	stop := w.stop
	if job.Status == projection.Running {
		stop = ledger.Event{}
	}
	showStatus(s, job, stop)
	s.add("\n")
	for _, e := range w.last {
		showEvent(s, e)
	}
	if job.Status.Final() {
		s.next(nextCommand(job))
	}
	drawn := s.String()
	if !job.Status.Final() {
		width, height := terminalSize(w.app.stdout)
		drawn = fit(drawn, width, height)
	}
	_, err := io.WriteString(w.app.stdout, over(w.height)+drawn)
	w.height = strings.Count(drawn, "\n")
	return err
}

// over moves the cursor up so many lines, and clears from there on.
func over(lines int) string {
	if lines == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", lines)
}

// fit cuts text to a terminal, so that it can be drawn over: its lines to the
// width, and their number to one less than the height.
func fit(drawn string, width, height int) string {
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
