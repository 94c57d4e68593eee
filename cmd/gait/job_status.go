package main

import (
	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

func statusCommand(a *app) *cobra.Command {
	var id string
	var when asOfFlags
	cmd := exits(&cobra.Command{
		Use:   "status [JOB]",
		Short: "Show a job's status and what it waits for",
		Long: `Show a job's status and what it waits for. To show a point of its past, its events
are replayed.`,
		Example: "gait job status --id job_1\ngait job status job_1 --json\ngait job status job_1 --at-revision 3",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	when.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := existingJob(a, id, args)
		if err != nil {
			return err
		}
		at, err := when.point(cmd)
		if err != nil {
			return err
		}
		if !at.IsEnd() {
			return pastStatus(a, cmd, id, at, when)
		}
		var job projection.Job
		var stop ledger.Event
		var now judging
		err = a.read(cmd.Context(), func(r *connect.Ledger) (err error) {
			if job, err = r.Job(cmd.Context(), id); err == nil && !a.json {
				stop, err = projection.LastStop(cmd.Context(), r.Log, job)
			}
			if err == nil {
				now, err = judgingOf(cmd.Context(), r, job)
			}
			return err
		})
		if err != nil {
			return err
		}
		return a.print(object{"job_id": id, "job": now.view(job)}, func(s *screen) {
			showStatusAt(s, a.rootDir(), job, stop, now)
			s.next(nextCommandAt(a, job, now))
		})
	}
	return cmd
}

// pastStatus shows a summary of a job at a point of its past.
func pastStatus(a *app, cmd *cobra.Command, id string, at projection.AsOf, when asOfFlags) error {
	var found projection.Moment
	err := a.read(cmd.Context(), func(r *connect.Ledger) (err error) {
		if found, err = r.At(cmd.Context(), id, at); err != nil {
			return err
		}
		return when.check(cmd, id, found)
	})
	if err != nil {
		return err
	}
	return a.print(object{"job_id": id, "job": found.Job.StatusViewAt(found.Basis), "as_of": asOfView(found.Last)}, func(s *screen) {
		showStatusAt(s, a.rootDir(), found.Job, found.Stop, judging{Basis: found.Basis})
		showAsOf(s, found.Last)
	})
}
