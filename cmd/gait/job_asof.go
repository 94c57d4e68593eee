package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

// asOfFlags say as of when a job is to be shown.
type asOfFlags struct {
	revision, seq int64
	time          string
}

func (w *asOfFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Int64Var(&w.revision, "at-revision", 0, "show the job as it was at this revision")
	f.Int64Var(&w.seq, "at-seq", 0, "show the job as it was after this event of the ledger")
	f.StringVar(&w.time, "at-time", "", "show the job as it was at this time, like 2026-11-22T20:32:58Z")
}

// point returns the point that was asked for.
func (w *asOfFlags) point(cmd *cobra.Command) (projection.AsOf, error) {
	given := 0
	for _, name := range []string{"at-revision", "at-seq", "at-time"} {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	switch {
	case given == 0:
		return projection.AsOf{}, nil
	case given > 1:
		return projection.AsOf{}, &usageError{code: "invalid_usage", text: "as of when? --at-revision, --at-seq and --at-time exclude each other", hint: "give one of them"}
	case cmd.Flags().Changed("at-revision"):
		return projection.AtRevision(w.revision), nil
	case cmd.Flags().Changed("at-seq"):
		return projection.AtSeq(ledger.Seq(w.seq)), nil
	}
	t, err := parseTime("--at-time", w.time)
	return projection.AtTime(t), err
}

// parseTime reads the time that a flag was given.
func parseTime(flag, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		err = &usageError{code: "invalid_time", text: fmt.Sprintf("%s %.60q is not a time with its zone (RFC 3339)", flag, text), hint: flag + " 2026-11-22T20:32:58Z"}
	}
	return t, err
}

// check requires that the job was there at the point that was found, and, where
// a revision was asked for, that it had come that far.
func (w *asOfFlags) check(cmd *cobra.Command, id string, found moment, first ledger.Event, job projection.Job) error {
	switch {
	case found.last.JobSeq == 0:
		return &usageError{code: "before_job", text: fmt.Sprintf("job %s was not there yet: it begins with event %d, revision %d, at %s", id, first.Seq, first.Revision, ledger.FormatTime(first.Time)),
			hint: fmt.Sprintf("gait job inspect --id %s shows its events", id)}
	case cmd.Flags().Changed("at-revision") && found.job.Revision != w.revision:
		return &usageError{code: "invalid_revision", text: fmt.Sprintf("job %s has revisions 1 to %d, not %d", id, job.Revision, w.revision), hint: fmt.Sprintf("--at-revision %d", job.Revision)}
	}
	return nil
}

// A moment is a job as of a point of its history.
type moment struct {
	job  projection.Job
	last ledger.Event // before the point
	stop ledger.Event // that brought the job to where it stood, if it did not run
}

// asOf replays a job, all of it, so that what is shown of the past is held to
// the job's head, and returns it as of a point.
func (a *app) asOf(r *openLedger, id string, at projection.AsOf) (found moment, first ledger.Event, now projection.Job, err error) {
	err = a.history(r, id, func(j projection.Job, e ledger.Event) error {
		now = j
		if e.JobSeq == 1 {
			first = e
		}
		if at.Holds(e) {
			found.job, found.last = j, e
			if stops(e) {
				found.stop = e
			}
		}
		return nil
	})
	if found.job.Status == projection.Running {
		found.stop = ledger.Event{}
	}
	return found, first, now, err
}

// asOfView is as_of in JSON: the last event before the point.
func asOfView(e ledger.Event) object {
	return object{"seq": e.Seq, "job_seq": e.JobSeq, "revision": e.Revision, "created_at": ledger.FormatTime(e.Time)}
}

// showAsOf says that what is shown is past.
func showAsOf(s *screen, e ledger.Event) {
	fmt.Fprintf(s, "%s as of event %d, revision %d, %s\n", s.yellow("past:"), e.Seq, e.Revision, ledger.FormatTime(e.Time))
}
