package main

import (
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

// diffFlags say what job diff compares.
type diffFlags struct {
	id       string
	from, to int64
	ignore   []string
}

func (a *app) jobDiffCommand() *cobra.Command {
	var flags diffFlags
	cmd := exits(&cobra.Command{
		Use:   "diff JOB --from-revision X [--to-revision Y] | diff A B",
		Short: "Say what changed in a job from one revision to another, or what differs between two jobs",
		Long: `Say what changed in a job from one revision to another, by default the newest, or what
differs between two jobs: facts that were added, removed or changed, each by its JSON
pointer into what gait job inspect --json shows. What may differ is named with
--ignore: a field, a JSON pointer in which * stands for any one step, or volatile,
which is all that says when and where something was written down and not what.`,
		Example: `gait job diff --id job_1 --from-revision 2
gait job diff job_1 --from-revision 2 --to-revision 5 --json
gait job diff job_1 job_2 --ignore volatile --ignore job_id`,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.id, "id", "", "the job's id; may also be given as the argument")
	f.Int64Var(&flags.from, "from-revision", 0, "what the job was at this revision")
	f.Int64Var(&flags.to, "to-revision", 0, "and what it was at this one (default the newest)")
	f.StringArrayVar(&flags.ignore, "ignore", nil, "what may differ: a field's name, a JSON pointer, or volatile; repeatable")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		d, err := differ(flags.ignore)
		if err != nil {
			return err
		}
		sides, err := a.diffSides(cmd, flags, args)
		if err != nil {
			return err
		}
		err = a.read(cmd.Context(), func(r *openLedger) error { return a.diffJobs(r, sides, d) })
		if err != nil {
			return err
		}
		return a.reportDiff("jobs_differ", sides[0].name, sides[1].name, d.Found())
	}
	return cmd
}

// A diffSide is a job at one of its revisions; at 0 the newest.
type diffSide struct {
	job      string
	revision int64
	name     string // for people
}

func (s diffSide) point() projection.AsOf {
	if s.revision == 0 {
		return projection.AsOf{}
	}
	return projection.AtRevision(s.revision)
}

// diffSides reads which two things are to be compared.
func (a *app) diffSides(cmd *cobra.Command, flags diffFlags, args []string) (sides [2]diffSide, err error) {
	from, to := cmd.Flags().Changed("from-revision"), cmd.Flags().Changed("to-revision")
	if len(args) == 2 && flags.id == "" && !from && !to {
		for i, id := range args {
			sides[i] = diffSide{job: id, name: id}
		}
		return sides, nil
	}
	if len(args) == 2 {
		return sides, &usageError{code: "invalid_usage", text: "two jobs are compared as they are: --id, --from-revision and --to-revision go with one", hint: "gait job diff <A> <B>"}
	}
	id, err := a.existingJob(flags.id, args)
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
func (a *app) diffJobs(r *openLedger, sides [2]diffSide, d *projection.Differ) error {
	var views [2][]byte
	var events [2]func() ledger.Events
	for i, side := range sides {
		found, _, now, err := a.asOf(r, side.job, side.point())
		if err != nil {
			return err
		}
		if side.revision > 0 && found.job.Revision != side.revision {
			return &usageError{code: "invalid_revision", text: fmt.Sprintf("job %s has revisions 1 to %d, not %d", side.job, now.Revision, side.revision), hint: fmt.Sprintf("the newest is %d", now.Revision)}
		}
		if views[i], err = projection.Canonical(found.job.View(nil, nil)); err != nil {
			return err
		}
		events[i] = func() ledger.Events { return side.point().Until(r.Log.JobEvents(side.job, 1)) }
	}
	if err := d.Compare("/job", views[0], views[1]); err != nil {
		return err
	}
	for _, part := range []struct {
		at string
		of func(ledger.Event) ([]any, error)
	}{
		{"/job/approvals", func(e ledger.Event) ([]any, error) { return anys(projection.ApprovalsOf(e)), nil }},
		{"/job/checkpoints", func(e ledger.Event) ([]any, error) { return anys(projection.CheckpointsOf(e)), nil }},
		{"/events", inspectedIf(false)},
		{"/refusals", inspectedIf(true)},
	} {
		if err := d.CompareLists(part.at, each(events[0](), part.of), each(events[1](), part.of)); err != nil {
			return err
		}
	}
	return nil
}

// inspectedIf returns what inspect shows of events that are refusals, or of the
// others.
func inspectedIf(refusals bool) func(ledger.Event) ([]any, error) {
	return func(e ledger.Event) ([]any, error) {
		if refusals != (e.Type() == ledger.TypeRefused) {
			return nil, nil
		}
		v, err := inspectedOf(e)
		return []any{v}, err
	}
}

// each yields what of makes of each event, as canonical JSON.
func each(events ledger.Events, of func(ledger.Event) ([]any, error)) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for e, err := range events {
			var values []any
			if err == nil {
				values, err = of(e)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, v := range values {
				if b, err := projection.Canonical(v); !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}
