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

func listCommand(a *app) *cobra.Command {
	var flags listFlags
	cmd := exits(&cobra.Command{
		Use:   "list",
		Short: "List jobs by what they wait for, label, status or time",
		Long: `List jobs. Each filter leaves out the jobs that do not match it. What a job waits for is one of
` + strings.Join(projection.WaitsFor, ", ") + `.
Ages are since the job was created, and since it changed.`,
		Example: `gait job list
gait job list --waiting-for decision,hold --sort updated --reverse
gait job list --status paused,blocked --since 1h --limit 20
gait job list --label team=payments --since 2026-11-22T00:00:00Z
gait job list --after job_17 --json`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	flags.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := flags.query(a.now())
		if err != nil {
			return err
		}
		page := []projection.StatusView{}
		next, err := a.listed(cmd.Context(), q, func(j projection.Job, now judging) { page = append(page, now.view(j)) })
		if err != nil {
			return err
		}
		fields := object{"jobs": page}
		if next != "" {
			fields["next"] = next
		}
		return a.print(fields, func(s *screen) {
			switch {
			case len(page) > 0:
				showList(s, page, a.now())
			case flags.any():
				s.add("no job matches" + plain(flags.again(cmd, "after")) + "\n")
			default:
				s.add("no jobs\n")
				if a.readOnly == nil {
					s.next("gait job submit --id job_1")
				}
			}
			if next != "" {
				s.next("gait job list --after " + next + flags.again(cmd, "limit"))
			}
		})
	}
	return cmd
}

// listFlags say which jobs to list.
type listFlags struct {
	statuses, waiting, labels []string
	actor, since, sort, after string
	mine                      string // of an inbox: only what this actor could approve now
	reverse                   bool
	limit                     int
}

func (l *listFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&l.statuses, "status", nil, "only jobs of this status; repeatable, or several with commas")
	f.StringArrayVar(&l.waiting, "waiting-for", nil, "only jobs that wait for this; repeatable, or several with commas")
	f.StringVar(&l.actor, "actor", "", "only jobs that this actor submitted, or imported")
	f.StringArrayVar(&l.labels, "label", nil, "only jobs with this label, KEY=VALUE; repeatable: with all of them")
	f.StringVar(&l.since, "since", "", "only jobs that changed at this time or after it, like 2026-11-22T20:32:58Z, or so long ago: 90s, 15m, 36h, 7d")
	f.StringVar(&l.sort, "sort", "id", "id, or created or updated: the newest first")
	f.BoolVar(&l.reverse, "reverse", false, "in the opposite order")
	f.IntVar(&l.limit, "limit", 100, "at most this many, up to 1000")
	f.StringVar(&l.after, "after", "", "only jobs after this one: what a page gives as the next one, or a job's id if the list is by id")
}

// any reports whether a flag leaves jobs out.
func (l *listFlags) any() bool {
	return len(l.statuses)+len(l.waiting)+len(l.labels) > 0 || l.actor+l.since+l.after != ""
}

// again returns the flags as they were given, with one more.
func (l *listFlags) again(cmd *cobra.Command, more string) (flags string) {
	for _, list := range []struct {
		name   string
		values []string
	}{{"status", l.statuses}, {"waiting-for", l.waiting}} {
		for _, value := range list.values {
			flags += " --" + list.name + " " + quoted(value)
		}
	}
	flags += flagsAgain(cmd, "actor", "since", "sort", more)
	if f := cmd.Flags().Lookup("reverse"); f != nil && l.reverse {
		flags += " --reverse"
	}
	for _, label := range l.labels {
		flags += " --label " + quoted(label)
	}
	return flags
}

// query returns the query that the flags describe.
func (l *listFlags) query(now time.Time) (q projection.Query, err error) {
	q = projection.Query{Sort: projection.Sort(l.sort), Reverse: l.reverse, Limit: l.limit}
	if !slices.Contains(projection.Sorts, q.Sort) {
		return q, &usageError{code: "invalid_sort", text: fmt.Sprintf("--sort %.40q is not an order", l.sort), hint: "one of " + ledger.OneOf(projection.Sorts)}
	}
	if l.limit < 1 || l.limit > maxPage {
		return q, &usageError{code: "invalid_limit", text: fmt.Sprintf("--limit %d is not from 1 to %d", l.limit, maxPage), hint: "--limit 100"}
	}
	if q.Filter, err = l.filter(now); err != nil {
		return q, err
	}
	q.After, err = parsePlace(l.after, q.Sort)
	return q, err
}

// filter returns the filter that the flags describe.
func (l *listFlags) filter(now time.Time) (f projection.Filter, err error) {
	f.Actor, f.Mine = l.actor, l.mine
	if f.Statuses, err = namesOf(l.statuses, projection.Statuses, "invalid_status", "is not a status"); err != nil {
		return f, err
	}
	if f.Waiting, err = namesOf(l.waiting, projection.WaitsFor, "invalid_waiting_for", "is nothing that jobs wait for"); err != nil {
		return f, err
	}
	if l.since != "" {
		if f.Since, err = parseSince(l.since, now); err != nil {
			return f, err
		}
	}
	for _, label := range l.labels {
		named, err := parseLabel(label)
		if err != nil {
			return f, err
		}
		// Of two labels with one key the last one counts.
		f.Labels = slices.DeleteFunc(f.Labels, func(before ledger.Label) bool { return before.Key == named.Key })
		f.Labels = append(f.Labels, named)
	}
	return f, nil
}

// namesOf returns the names that flags with commas give, all of which must be known.
func namesOf[S ~string](flags []string, known []S, code, not string) (names []S, err error) {
	for _, flag := range flags {
		for name := range strings.SplitSeq(flag, ",") {
			if !slices.Contains(known, S(name)) {
				return nil, &usageError{code: code, text: fmt.Sprintf("%.40q %s", name, not), hint: "one of " + ledger.OneOf(known)}
			}
			names = append(names, S(name))
		}
	}
	return names, nil
}
