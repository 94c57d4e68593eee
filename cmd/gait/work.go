package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/process"
	"gait/ledger"
	"gait/projection"
)

// maxConcurrency is how many jobs one gait work runs at a time at most.
const maxConcurrency = 256

func workCommand(a *app) *cobra.Command {
	var flags workFlags
	cmd := exits(&cobra.Command{
		Use:   "work --label KEY=VALUE -- COMMAND...",
		Short: "Run a command as the worker of each job of a queue",
		Long: `Take jobs that have all of the labels, run and have no worker, the oldest first, and run the
command for each as gait job run does. Many gait work, on one ledger, take no job twice. A
queue is nothing but a label: gait job submit --label queue=refunds.

A job that has to wait for a person or a dependency takes no process: its lease is given back,
and it is taken again when it goes on. One that cannot be started is kept back, for 1 s and then
twice as long each time, up to 5 min, and the next ones are taken; if 10 in a row cannot be
started, gait work ends with exit 1. On SIGTERM and Ctrl-C no more jobs are taken; what runs
has --drain to end by itself, and is ended then as under gait job run. A second signal ends all
at once.`,
		Example: `gait work --label queue=refunds -- python3 worker.py
gait work --label queue=refunds --concurrency 4 --lease-ttl 5m -- ./worker.sh
gait work --label queue=nightly --max-jobs 1 --auto-resume -- python3 worker.py`,
	}, 0, 1, 2, 3, 6, 7, 8)
	f := cmd.Flags()
	f.StringArrayVar(&flags.labels, "label", nil, "take jobs with this label KEY=VALUE; may be given several times (required)")
	f.StringSliceVar(&flags.statuses, "status", nil, "take jobs of these statuses: running, and with --auto-resume paused, decision_needed and blocked (default: all that can be taken)")
	f.IntVar(&flags.concurrency, "concurrency", 1, "how many jobs to run at a time")
	f.IntVar(&flags.maxJobs, "max-jobs", 0, "end after that many jobs that could be started (default: without a limit)")
	f.DurationVar(&flags.drain, "drain", 10*time.Second, "how long running commands have to end by themselves once gait is told to end")
	flags.run.add(cmd)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkCommand(cmd, &flags.run, args, "gait work --label KEY=VALUE -- COMMAND"); err != nil {
			return err
		}
		query, err := flags.query()
		if err != nil {
			return err
		}
		return work(cmd.Context(), a, &flags, query, args)
	}
	return cmd
}

// query returns which jobs to take.
func (w *workFlags) query() (q connect.CandidateQuery, err error) {
	bad := func(text string) error { return &usageError{code: "invalid_usage", text: text, hint: helpHint} }
	switch {
	case len(w.labels) == 0:
		return q, bad("which jobs? --label is missing")
	case w.concurrency < 1 || w.concurrency > maxConcurrency:
		return q, bad(fmt.Sprintf("--concurrency %d is not from 1 to %d", w.concurrency, maxConcurrency))
	case w.maxJobs < 0 || w.drain < 0:
		return q, bad("--max-jobs and --drain are not negative")
	}
	for _, text := range w.labels {
		l, err := parseLabel(text)
		if err != nil {
			return q, err
		}
		q.Labels = append(q.Labels, l)
	}
	can := []projection.Status{projection.Running}
	if w.run.autoResume {
		can = append(can, projection.PausedStatus, projection.DecisionNeeded, projection.Blocked)
	}
	for _, name := range w.statuses {
		if !slices.Contains(can, projection.Status(name)) {
			return q, &usageError{code: "invalid_status", text: fmt.Sprintf("--status %.40s: no job of that status can be taken", name), hint: "one of " + ledger.OneOf(can) + "; with --auto-resume also paused, decision_needed and blocked"}
		}
		q.Statuses = append(q.Statuses, projection.Status(name))
	}
	if len(q.Statuses) == 0 {
		q.Statuses = can
	}
	q.Limit = 1
	return q, nil
}

// work takes jobs until it is told to end.
func work(ctx context.Context, a *app, flags *workFlags, query connect.CandidateQuery, args []string) error {
	s, err := newSupervisor(a, &flags.run)
	if err != nil {
		return err
	}
	guard, err := process.NewGuard(guardArgs())
	if err != nil {
		return err
	}
	defer closeGuard(a, guard)
	c := newCrew(s, flags, query, guard, args)
	running, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	stop := context.AfterFunc(ctx, func() {
		a.notice(fmt.Sprintf("no more jobs are taken; what runs has %s to end", flags.drain))
		time.AfterFunc(flags.drain, func() { end(context.Canceled) })
	})
	defer stop()
	if err := c.work(ctx, running); err != nil {
		return err
	}
	return c.print()
}
