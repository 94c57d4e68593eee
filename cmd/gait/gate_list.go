package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/projection"
)

// A listedGrant is a grant as gait gate list shows it.
type listedGrant struct {
	projection.GrantView

	JobID string `json:"job_id"`
	State string `json:"state"` // open or unknown
}

func gateListCommand(a *app) *cobra.Command {
	var id string
	cmd := exits(&cobra.Command{
		Use:   "list [JOB]",
		Short: "List the grants that are not settled, and what is approved and was not done yet",
		Long: `List the grants that are open or unknown, of one job or of all. Each keeps its job from being
resumed or completed until it is settled. Of one job, what was approved and not granted yet is
shown too.`,
		Example: "gait gate list\ngait gate list --id job_1 --json",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "only those of this job; may also be given as the argument")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		grants, cleared := []listedGrant{}, []projection.ClearedView{}
		add := func(j projection.Job) {
			for _, g := range j.StatusView().Grants {
				grants = append(grants, listedGrant{g, j.ID, stateOf(g)})
			}
		}
		ctx := cmd.Context()
		if id == "" && len(args) == 0 {
			if err := a.read(ctx, func(l *connect.Ledger) error { return eachUnsettled(ctx, l, add) }); err != nil {
				return err
			}
			return printGrants(a, "", object{"grants": grants}, grants, nil)
		}
		id, err := existingJob(a, id, args)
		if err != nil {
			return err
		}
		err = a.read(ctx, func(l *connect.Ledger) error {
			job, err := l.Job(ctx, id)
			if err != nil {
				return err
			}
			now, err := l.Basis(ctx)
			add(job)
			cleared = append(cleared, job.StatusViewAt(now).Cleared...)
			return err
		})
		if err != nil {
			return err
		}
		return printGrants(a, id, object{"grants": grants, "cleared": cleared, "job_id": id}, grants, cleared)
	}
	return cmd
}

func eachUnsettled(ctx context.Context, l *connect.Ledger, use func(projection.Job)) error {
	for j, err := range unsettledJobs(ctx, l) {
		if err != nil {
			return err
		}
		use(j)
	}
	return nil
}

func printGrants(a *app, job string, fields object, grants []listedGrant, cleared []projection.ClearedView) error {
	return a.print(fields, func(s *screen) {
		if len(grants) == 0 {
			s.add("no grant is open or unknown\n")
		}
		for _, g := range grants {
			s.add(fmt.Sprintf("%s  %s  %s  %s since %s, given to %s%s\n", s.bold(g.JobID), g.Grant, g.Tool, g.State, ageOf(g.CreatedAt, a.now()), g.Actor, callText(g.CallID)))
		}
		for _, c := range cleared {
			state := "approved, and not granted yet"
			if c.Lost != "" {
				state = "approved, and lost: " + c.Lost
			}
			if c.Amended {
				state += "; an approver amended it"
			}
			if c.Intent != nil {
				state += "; its intent: gait content get " + c.Intent.Digest.String() + " --id " + quoted(job)
			}
			s.add(fmt.Sprintf("%s  %s  %s\n", c.CheckpointID, c.Tool, state))
		}
		if len(grants) > 0 {
			s.next(settleCommand(grants[0].Grant))
		}
	})
}

// callText names the call that a grant is for, if it has a name.
func callText(id string) string {
	if id == "" {
		return ""
	}
	return " for the call " + plain(id)
}

// stateOf says in a word what is known of a grant.
func stateOf(g projection.GrantView) string {
	if g.Unknown {
		return "unknown"
	}
	return "open"
}
