package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

// maxPage bounds a page of a list.
const maxPage = 1000

func (a *app) listCommand() *cobra.Command {
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
	f.IntVar(&limit, "limit", 100, "at most so many, up to 1000")
	f.StringVar(&after, "after", "", "only jobs after this id; the last of a page gives the next one")
	f.Lookup("after").Annotations = map[string][]string{mayBeEmpty: nil} // a script's first page
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := flags.filter()
		if err != nil {
			return err
		}
		if limit < 1 || limit > maxPage {
			return &usageError{code: "invalid_limit", text: fmt.Sprintf("--limit %d is not from 1 to %d", limit, maxPage), hint: "--limit 100"}
		}
		var page []projection.StatusView
		var more bool
		err = a.read(cmd.Context(), func(r *openLedger) (err error) {
			page, more, err = listJobs(r, filter, after, limit)
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
				s.next("gait job list --after " + page[len(page)-1].JobID + again(cmd, "status", "actor", "since", "limit") + flags.again())
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

// again spells the labels as they were given, to be given again.
func (l listFlags) again() (flags string) {
	for _, label := range l.labels {
		flags += " --label " + quoted(label)
	}
	return flags
}

// A jobFilter says whether to list a job, of which first is the first event.
type jobFilter func(j projection.Job, first func() (ledger.Event, error)) (bool, error)

func (l listFlags) filter() (jobFilter, error) {
	if l.status != "" && !slices.Contains(projection.Statuses, projection.Status(l.status)) {
		return nil, &usageError{code: "invalid_status", text: fmt.Sprintf("%.40q is not a status", l.status), hint: "one of " + ledger.OneOf(projection.Statuses)}
	}
	var since time.Time
	if l.since != "" {
		var err error
		if since, err = parseTime("--since", l.since); err != nil {
			return nil, err
		}
	}
	labels := map[string]string{}
	for _, label := range l.labels {
		key, value, ok := strings.Cut(label, "=")
		if !ok || key == "" {
			return nil, &usageError{code: "invalid_label", text: fmt.Sprintf("--label %.80q is not KEY=VALUE", label), hint: "--label team=payments"}
		}
		labels[key] = value
	}
	return func(j projection.Job, first func() (ledger.Event, error)) (bool, error) {
		if l.status != "" && string(j.Status) != l.status || l.since != "" && j.Updated < ledger.FormatTime(since.UTC()) {
			return false, nil
		}
		for key, value := range labels {
			if !slices.Contains(j.Labels, ledger.Label{Key: key, Value: value}) {
				return false, nil
			}
		}
		if l.actor == "" {
			return true, nil
		}
		e, err := first()
		return e.Actor == l.actor, err
	}, nil
}

// firstOf returns what reads a job's first event.
func firstOf(r *openLedger, id string) func() (ledger.Event, error) {
	return func() (ledger.Event, error) { return jobEvent(r, id, 1) }
}

// jobEvent reads one event of a job.
func jobEvent(r *openLedger, id string, jobSeq int64) (e ledger.Event, err error) {
	for e, err = range r.Log.JobEvents(id, jobSeq) {
		break
	}
	return e, err
}

func listJobs(r *openLedger, holds jobFilter, after string, limit int) (page []projection.StatusView, more bool, err error) {
	page = []projection.StatusView{}
	for entry, err := range r.Log.Jobs(after) {
		if err != nil {
			return nil, false, err
		}
		job, _, _, err := projection.Load(r.Log, entry.ID)
		if err != nil {
			return nil, false, err
		}
		listed, err := holds(job, firstOf(r, entry.ID))
		if err != nil {
			return nil, false, err
		}
		if !listed {
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
