package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// diffFlags say what job diff compares.
type diffFlags struct {
	id       string
	from, to int64
	ignore   []string
}

func jobDiffCommand(a *app) *cobra.Command {
	var flags diffFlags
	cmd := exits(&cobra.Command{
		Use:   "diff JOB --from-revision X [--to-revision Y] | diff A B",
		Short: "Show what changed in a job between two revisions, or what differs between two jobs",
		Long: `Show what changed in a job from one revision to another, by default the newest, or what
differs between two jobs: facts that were added, removed or changed, each by its JSON
pointer into what gait job inspect --json shows. What may differ is named with
--ignore: a field, a JSON pointer in which * stands for any one step, or volatile,
which names the fields that say when and where something was recorded, not what.`,
		Example: `gait job diff --id job_1 --from-revision 2
gait job diff job_1 --from-revision 2 --to-revision 5 --json
gait job diff job_1 job_2 --ignore volatile --ignore job_id`,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.id, "id", "", "the job's id; may also be given as the argument")
	f.Int64Var(&flags.from, "from-revision", 0, "compare the job at this revision")
	f.Int64Var(&flags.to, "to-revision", 0, "compare with this revision (default the newest)")
	f.StringArrayVar(&flags.ignore, "ignore", nil, "what may differ: a field's name, a JSON pointer, or volatile; repeatable")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		d, err := newDiffer(flags.ignore)
		if err != nil {
			return err
		}
		sides, err := diffSides(a, cmd, flags, args)
		if err != nil {
			return err
		}
		err = a.read(cmd.Context(), func(r *connect.Ledger) error { return diffJobs(cmd.Context(), a, r, sides, d) })
		if err != nil {
			return err
		}
		err = reportDiff(a, "jobs_differ", sides[0].name, sides[1].name, d.Found())
		if differ, ok := errors.AsType[*diffError](err); ok && sides[0].job == sides[1].job {
			differ.ofOneJob = true
		}
		return err
	}
	return cmd
}

// A diffSide is a job at one of its revisions; 0 is the newest.
type diffSide struct {
	job      string
	revision int64
	name     string // as people read it
}

func (s diffSide) point() projection.AsOf {
	if s.revision == 0 {
		return projection.AsOf{}
	}
	return projection.AtRevision(s.revision)
}

// diffSides returns the two sides to compare.
func diffSides(a *app, cmd *cobra.Command, flags diffFlags, args []string) (sides [2]diffSide, err error) {
	from, to := cmd.Flags().Changed("from-revision"), cmd.Flags().Changed("to-revision")
	if len(args) == 2 && flags.id == "" && !from && !to {
		for i, id := range args {
			sides[i] = diffSide{job: id, name: id}
		}
		return sides, nil
	}
	if len(args) == 2 {
		return sides, &usageError{code: "invalid_usage", text: "two jobs are compared as they are: --id, --from-revision and --to-revision go with one", hint: "gait job diff A B"}
	}
	id, err := existingJob(a, flags.id, args)
	if err != nil {
		return sides, err
	}
	if !from || flags.from < 1 || to && flags.to < 1 {
		return sides, &usageError{code: "invalid_revision", text: "from which revision on? --from-revision counts from 1, and so does --to-revision", hint: "gait job diff --id " + id + " --from-revision 1"}
	}
	sides[0] = diffSide{id, flags.from, fmt.Sprintf("%s at revision %d", id, flags.from)}
	sides[1] = diffSide{id, flags.to, fmt.Sprintf("%s at revision %d", id, flags.to)}
	if !to {
		sides[1].name = id + " as it is"
	}
	return sides, nil
}

// diffJobs compares two jobs in parts, so that memory does not grow with them.
func diffJobs(ctx context.Context, a *app, r *connect.Ledger, sides [2]diffSide, d *projection.Differ) error {
	var views [2][]byte
	var events [2]func() ledger.Events
	for i, side := range sides {
		found, err := r.At(ctx, side.job, side.point())
		if err != nil {
			return err
		}
		if side.revision > 0 && found.Job.Revision != side.revision {
			return &usageError{code: "invalid_revision", text: fmt.Sprintf("job %s has revisions 1 to %d, not %d", side.job, found.Now.Revision, side.revision), hint: fmt.Sprintf("the newest is %d", found.Now.Revision)}
		}
		if views[i], err = jcs.Marshal(found.Job.View(nil, nil)); err != nil {
			return err
		}
		events[i] = func() ledger.Events { return side.point().Until(r.Log.JobEvents(ctx, side.job, 1)) }
	}
	if err := d.Compare("/job", views[0], views[1]); err != nil {
		return err
	}
	for _, part := range []struct {
		at string
		of func(ledger.Event) ([]any, error)
	}{
		{"/job/approvals", func(e ledger.Event) ([]any, error) { return anyValues(projection.ApprovalsOf(e)), nil }},
		{"/job/checkpoints", func(e ledger.Event) ([]any, error) { return anyValues(projection.CheckpointsOf(e)), nil }},
		{"/events", recordsIf(false)},
		{"/refusals", recordsIf(true)},
	} {
		if err := d.CompareLists(part.at, eventsAsJSON(events[0](), part.of), eventsAsJSON(events[1](), part.of)); err != nil {
			return err
		}
	}
	return nil
}
