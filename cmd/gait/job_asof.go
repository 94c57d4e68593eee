package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

// asOfFlags say at which point of its past to show a job.
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
	t, err := parseTime("--at-time", w.time, "2026-11-22T20:32:58Z")
	return projection.AtTime(t), err
}

// parseTime reads the time that a flag was given. example is one that it takes.
func parseTime(flag, text, example string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		err = &usageError{code: "invalid_time", text: fmt.Sprintf("%s %.60q is not a time with its zone (RFC 3339)", flag, text), hint: flag + " " + example}
	}
	return t, err
}

// check requires that the job existed at the point that was found and, if a
// revision was asked for, that the job has had it.
func (w *asOfFlags) check(cmd *cobra.Command, id string, found projection.Moment) error {
	first := found.First
	switch {
	case found.Last.JobSeq() == 0:
		return &usageError{
			code: "before_job", text: fmt.Sprintf("job %s was not there yet: it begins with event %d, revision %d, at %s", id, first.Seq(), first.Revision(), ledger.FormatTime(first.Time())),
			hint: fmt.Sprintf("gait job inspect --id %s shows its events", id),
		}
	case cmd.Flags().Changed("at-revision") && found.Job.Revision != w.revision:
		return &usageError{code: "invalid_revision", text: fmt.Sprintf("job %s has revisions 1 to %d, not %d", id, found.Now.Revision, w.revision), hint: fmt.Sprintf("--at-revision %d", found.Now.Revision)}
	}
	return nil
}

// asOfView is as_of in JSON: the last event before the point.
func asOfView(e ledger.Event) object {
	return object{"seq": e.Seq(), "job_seq": e.JobSeq(), "revision": e.Revision(), "created_at": ledger.FormatTime(e.Time())}
}

// showAsOf says that a past state is shown, and which.
func showAsOf(s *screen, e ledger.Event) {
	fmt.Fprintf(s, "%s as of event %d, revision %d, %s\n", s.yellow("past:"), e.Seq(), e.Revision(), ledger.FormatTime(e.Time()))
}
