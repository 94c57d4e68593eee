package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

func (a *app) statusCommand() *cobra.Command {
	var id string
	var when asOfFlags
	cmd := exits(&cobra.Command{
		Use:   "status [JOB]",
		Short: "Show a job at a glance: how it stands and what it waits for",
		Long: `Show a job at a glance: how it stands and what it waits for. As of a point of its
past, the job is replayed.`,
		Example: "gait job status --id job_1\ngait job status job_1 --json\ngait job status job_1 --at-revision 3",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	when.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := a.existingJob(id, args)
		if err != nil {
			return err
		}
		at, err := when.point(cmd)
		if err != nil {
			return err
		}
		if !at.IsEnd() {
			return a.pastStatus(cmd, id, at, when)
		}
		var job projection.Job
		var stop ledger.Event
		err = a.read(cmd.Context(), func(r *openLedger) (err error) {
			if job, err = a.job(r, id); err == nil && !a.json {
				stop, err = stopOf(r, job)
			}
			return err
		})
		if err != nil {
			return err
		}
		return a.print(object{"job_id": id, "job": job.StatusView()}, func(s *screen) {
			showStatus(s, job, stop)
			s.next(nextCommand(job))
		})
	}
	return cmd
}

// pastStatus shows a job at a glance as of a point of its past.
func (a *app) pastStatus(cmd *cobra.Command, id string, at projection.AsOf, when asOfFlags) error {
	var found moment
	err := a.read(cmd.Context(), func(r *openLedger) error {
		m, first, now, err := a.asOf(r, id, at)
		if found = m; err != nil {
			return err
		}
		return when.check(cmd, id, m, first, now)
	})
	if err != nil {
		return err
	}
	return a.print(object{"job_id": id, "job": found.job.StatusView(), "as_of": asOfView(found.last)}, func(s *screen) {
		showStatus(s, found.job, found.stop)
		showAsOf(s, found.last)
	})
}

// stopOf returns the event that brought a job to where it stands, if it does
// not run. It looks at the last events only: the cost does not grow with
// history, and where too much came since, there is none.
func stopOf(r *openLedger, job projection.Job) (stop ledger.Event, err error) {
	const last = 64
	if job.Status == projection.Running {
		return stop, nil
	}
	for e, err := range r.Log.JobEvents(job.ID, max(1, job.JobSeq-last+1)) {
		if err != nil {
			return stop, err
		}
		if stops(e) {
			stop = e
		}
	}
	return stop, nil
}

// stops reports whether an event keeps a job from running.
func stops(e ledger.Event) bool {
	switch p := e.Payload.(type) {
	case ledger.Paused, ledger.Denied, ledger.Cancelled, ledger.Stopped:
		return true
	case ledger.CheckpointAdded:
		return p.CheckpointType != ledger.CheckpointPlan && p.CheckpointType != ledger.CheckpointProgress
	}
	return false
}

// job loads a job that must be there, and holds its last event to its head.
func (a *app) job(r *openLedger, id string) (projection.Job, error) {
	if err := ledger.FieldJobID.Check(id); err != nil {
		return projection.Job{}, &commands.InvalidError{Err: err}
	}
	job, head, ok, err := projection.Load(r.Log, id)
	if err != nil {
		return job, err
	}
	if !ok {
		return job, fmt.Errorf("%w: %s", commands.ErrJobNotFound, id)
	}
	last, err := r.Log.Event(head.Seq)
	if err != nil {
		return job, err
	}
	if last.LeafHash() != head.Leaf || last.JobID != id {
		return job, &ledger.CorruptError{Seq: head.Seq, Reason: fmt.Sprintf("expected the last event of job %s", id)}
	}
	return job, nil
}

// history folds a job's events from the first and hands each to visit with the
// job after it. What visit saw counts only when history returns no error.
func (a *app) history(r *openLedger, id string, visit func(projection.Job, ledger.Event) error) error {
	if err := ledger.FieldJobID.Check(id); err != nil {
		return &commands.InvalidError{Err: err}
	}
	head, ok, err := r.Log.JobHead(id)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: %s", commands.ErrJobNotFound, id)
	}
	var f projection.Folder
	for e, err := range r.Log.JobEvents(id, 1) {
		if err != nil {
			return err
		}
		if err := f.Add(e); err != nil {
			return err
		}
		if err := visit(f.Job, e); err != nil {
			return err
		}
	}
	return f.EndsAt(head)
}

// shorten cuts text to n characters.
func shorten(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return strings.TrimSpace(string(runes[:n-1])) + "…"
}

// noArgs refuses arguments that a command does not take.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes no argument, such as %.40q", cmd.CommandPath(), args[0]), hint: cmd.CommandPath() + " --help"}
}
