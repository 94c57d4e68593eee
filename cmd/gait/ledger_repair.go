package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

func rebuildCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:   "rebuild",
		Short: "Verify the events, make what follows from them again, and list what differed",
		Long: `Verify all events, and make again what follows from them: the index, the heads of
jobs and the stored views. What was changed, dropped or put back to an older state is
listed. If an event is damaged, nothing is written.`,
		Example: "gait ledger rebuild --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.readsAll = true
			return a.write(cmd.Context(), func(r *connect.Ledger) error { return rebuild(cmd.Context(), a, r) })
		},
	}, 0, 1, 2, 6, 7, 8)
}

func rebuild(ctx context.Context, a *app, r *connect.Ledger) error {
	bar := newBar(a, "verifying events")
	done, err := r.Log.Rebuild(ctx, bar.update)
	bar.stop()
	if err != nil {
		return err
	}
	a.index = "" // whatever it was: it is proved now
	differed, err := rebuildViews(ctx, r)
	if err != nil {
		return err
	}
	heads := append([]string{}, done.Heads...)
	fields := object{"jobs": done.Jobs, "differed": differed, "heads": heads, "pages": done.Pages, "rows": done.Rows, "record": done.Record, "tags": done.Tags}
	return a.print(fields, func(s *screen) {
		s.done("rebuilt the index and the views of %s; %d differed", count(done.Jobs, "job"), len(differed))
		for _, id := range differed {
			fmt.Fprintf(s, "  %s %s\n", s.yellow("≠"), id)
		}
		if done.Same() {
			return
		}
		fmt.Fprintf(s, "not those of the events: %s, %s and %s of the index", count(int64(len(heads)), "head"), count(done.Pages, "page"), count(done.Rows, "row"))
		if done.Record {
			s.add(", and its record")
		}
		if done.Tags > 0 {
			fmt.Fprintf(s, ", and the tags of %s", count(done.Tags, "job"))
		}
		s.add("\n")
		for _, id := range heads {
			fmt.Fprintf(s, "  %s %s\n", s.yellow("≠"), id)
		}
	})
}

// rebuildViews makes all views again, and returns the jobs whose view differed.
func rebuildViews(ctx context.Context, r *connect.Ledger) (differed []string, err error) {
	differed = []string{}
	err = r.Log.ReplaceViews(ctx, func(yield func(ledger.JobView, error) bool) {
		for job, err := range projection.Rebuild(ctx, r.Log) {
			if err == nil && !job.Same() {
				differed = append(differed, job.JobID)
			}
			if !yield(ledger.JobView{ID: job.JobID, View: job.Made}, err) {
				return
			}
		}
	})
	return differed, err
}
