package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/root"
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
	}, 0, 1, 2, 6, 8)
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
		err = a.read(cmd.Context(), func(r *root.Root) (err error) {
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
	err := a.read(cmd.Context(), func(r *root.Root) error {
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
func stopOf(r *root.Root, job projection.Job) (stop ledger.Event, err error) {
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
func (a *app) job(r *root.Root, id string) (projection.Job, error) {
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
func (a *app) history(r *root.Root, id string, visit func(projection.Job, ledger.Event) error) error {
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

// maxPage bounds a page of a list.
const maxPage = 1000

func (a *app) listCommand() *cobra.Command {
	var status, after string
	var limit int
	cmd := exits(&cobra.Command{
		Use:     "list",
		Short:   "List jobs by id",
		Example: "gait job list\ngait job list --status paused --limit 20\ngait job list --after job_17 --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 8)
	f := cmd.Flags()
	f.StringVar(&status, "status", "", "only jobs of this status")
	f.IntVar(&limit, "limit", 100, "at most so many, up to 1000")
	f.StringVar(&after, "after", "", "only jobs after this id; the last of a page gives the next one")
	f.Lookup("after").Annotations = map[string][]string{mayBeEmpty: nil} // a script's first page
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if status != "" && !slices.Contains(projection.Statuses, projection.Status(status)) {
			return &usageError{code: "invalid_status", text: fmt.Sprintf("%.40q is not a status", status), hint: "one of " + ledger.OneOf(projection.Statuses)}
		}
		if limit < 1 || limit > maxPage {
			return &usageError{code: "invalid_limit", text: fmt.Sprintf("--limit %d is not from 1 to %d", limit, maxPage), hint: "--limit 100"}
		}
		var page []projection.StatusView
		var more bool
		err := a.read(cmd.Context(), func(r *root.Root) (err error) {
			page, more, err = listJobs(r, projection.Status(status), after, limit)
			return err
		})
		if err != nil {
			return err
		}
		fields := object{"jobs": page}
		if more {
			fields["next"] = page[len(page)-1].JobID
		}
		return a.print(fields, func(s *screen) {
			showList(s, page, status, after)
			switch {
			case more:
				s.next("gait job list --after " + page[len(page)-1].JobID + again(cmd, "status", "limit"))
			case len(page) == 0 && status == "" && after == "":
				s.next("gait job submit --id job_1")
			}
		})
	}
	return cmd
}

func listJobs(r *root.Root, status projection.Status, after string, limit int) (page []projection.StatusView, more bool, err error) {
	page = []projection.StatusView{}
	for entry, err := range r.Log.Jobs(after) {
		if err != nil {
			return nil, false, err
		}
		job, _, _, err := projection.Load(r.Log, entry.ID)
		if err != nil {
			return nil, false, err
		}
		if status != "" && job.Status != status {
			continue
		}
		if len(page) == limit {
			return page, true, nil
		}
		page = append(page, job.StatusView())
	}
	return page, false, nil
}

// again spells flags as they were given, to be given again.
func again(cmd *cobra.Command, names ...string) (flags string) {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f.Changed {
			flags += " --" + name + " " + quoted(f.Value.String())
		}
	}
	return flags
}

func showList(s *screen, page []projection.StatusView, status, after string) {
	if len(page) == 0 {
		s.add("no jobs")
		if status != "" {
			s.add(" that are " + status)
		}
		if after != "" {
			s.add(" after " + after)
		}
		s.add("\n")
		return
	}
	rows := make([][]any, len(page))
	for i, v := range page {
		last := ""
		if v.LastCheckpoint != nil {
			last = v.LastCheckpoint.ID + " " + v.LastCheckpoint.Summary
		}
		rows[i] = []any{v.JobID, s.status(v.Status), v.Revision, v.UpdatedAt, v.WaitingFor, shorten(last, 48)}
	}
	s.table([]any{"job", "status", "rev", "updated", "waits for", "last checkpoint"}, rows)
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
