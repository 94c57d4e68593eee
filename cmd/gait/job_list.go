package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

func listCommand(a *app) *cobra.Command {
	var after string
	var limit int
	var flags listFlags
	cmd := exits(&cobra.Command{
		Use:     "list",
		Short:   "List jobs by id",
		Example: "gait job list\ngait job list --status paused --limit 20\ngait job list --label team=payments --since 2026-11-22T00:00:00Z\ngait job list --after job_17 --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.status, "status", "", "only jobs of this status")
	f.StringVar(&flags.actor, "actor", "", "only jobs that this actor submitted, or imported")
	f.StringArrayVar(&flags.labels, "label", nil, "only jobs with this label, KEY=VALUE; repeatable: with all of them")
	f.StringVar(&flags.since, "since", "", "only jobs that changed at this time or after it, like 2026-11-22T20:32:58Z")
	f.IntVar(&limit, "limit", 100, "at most this many, up to 1000")
	f.StringVar(&after, "after", "", "only jobs after this id; the last of a page gives the next one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := flags.filter()
		if err != nil {
			return err
		}
		if limit < 1 || limit > maxPage {
			return &usageError{code: "invalid_limit", text: fmt.Sprintf("--limit %d is not from 1 to %d", limit, maxPage), hint: "--limit 100"}
		}
		page := []projection.StatusView{}
		var more bool
		err = a.read(cmd.Context(), func(r *connect.Ledger) (err error) {
			var jobs []projection.Job
			jobs, more, err = projection.List(cmd.Context(), r.Log, filter, after, limit)
			for _, j := range jobs {
				page = append(page, j.StatusView())
			}
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
			showList(s, page, flags.status, after)
			switch {
			case more:
				s.next("gait job list --after " + page[len(page)-1].JobID + flagsAgain(cmd, "status", "actor", "since", "limit") + flags.again())
			case len(page) == 0 && !flags.any() && after == "":
				s.next("gait job submit --id job_1")
			}
		})
	}
	return cmd
}

// listFlags say which jobs to list.
type listFlags struct {
	status, actor, since string
	labels               []string
}

func (l listFlags) any() bool {
	return l.status != "" || l.actor != "" || l.since != "" || len(l.labels) > 0
}

// again returns the --label flags as they were given, for the next page.
func (l listFlags) again() (flags string) {
	for _, label := range l.labels {
		flags += " --label " + quoted(label)
	}
	return flags
}

// filter returns the filter that the flags describe.
func (l listFlags) filter() (f projection.Filter, err error) {
	f.Status, f.Actor = projection.Status(l.status), l.actor
	if l.status != "" && !slices.Contains(projection.Statuses, f.Status) {
		return f, &usageError{code: "invalid_status", text: fmt.Sprintf("%.40q is not a status", l.status), hint: "one of " + ledger.OneOf(projection.Statuses)}
	}
	if l.since != "" {
		if f.Since, err = parseTime("--since", l.since); err != nil {
			return f, err
		}
	}
	for _, label := range l.labels {
		key, value, ok := strings.Cut(label, "=")
		if !ok || key == "" {
			return f, &usageError{code: "invalid_label", text: fmt.Sprintf("--label %.80q is not KEY=VALUE", label), hint: "--label team=payments"}
		}
		// Of two labels with one key the last one counts.
		f.Labels = slices.DeleteFunc(f.Labels, func(before ledger.Label) bool { return before.Key == key })
		f.Labels = append(f.Labels, ledger.Label{Key: key, Value: value})
	}
	return f, nil
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
