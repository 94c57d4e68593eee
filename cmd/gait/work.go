package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/process"
	"gait/commands/worker"
	"gait/ledger"
	"gait/projection"
)

// workFlags are the flags of gait work beside those of a worker.
type workFlags struct {
	run         workerFlags
	labels      []string
	statuses    []string
	concurrency int
	maxJobs     int
	drain       time.Duration
}

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
and it is taken again when it goes on. On SIGTERM and Ctrl-C no more jobs are taken; what runs
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
	f.IntVar(&flags.maxJobs, "max-jobs", 0, "end after that many jobs (default: without a limit)")
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

// A crew runs the jobs of a queue.
type crew struct {
	*supervisor

	flags   *workFlags
	query   connect.CandidateQuery
	guard   *process.Guard
	command []string

	mu     sync.Mutex
	counts map[worker.Outcome]int
	taken  int
	failed error // the error after which the crew ends
	errors int   // one after the other
}

// maxWorkErrors is after how many errors, one after the other, gait work ends.
const maxWorkErrors = 10

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
	c := &crew{supervisor: s, flags: flags, query: query, guard: guard, command: args, counts: map[worker.Outcome]int{}}
	running, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	stop := context.AfterFunc(ctx, func() {
		a.notice(fmt.Sprintf("no more jobs are taken; what runs has %s to end", flags.drain))
		time.AfterFunc(flags.drain, func() { end(context.Canceled) })
	})
	defer stop()
	taking, done := context.WithCancel(ctx)
	defer done()
	var slots sync.WaitGroup
	for range flags.concurrency {
		slots.Go(func() {
			c.slot(taking, running)
			if c.over() {
				done()
			}
		})
	}
	slots.Wait()
	if c.failed != nil {
		return c.failed
	}
	return c.print()
}

// over reports whether no more jobs are to be taken.
func (c *crew) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed != nil || c.flags.maxJobs > 0 && c.taken >= c.flags.maxJobs
}

// slot takes one job after the other, until taking ends.
func (c *crew) slot(taking, running context.Context) {
	for taking.Err() == nil && !c.over() {
		ids, err := connect.WaitCandidates(taking, c.o, c.query)
		if taking.Err() != nil {
			return
		}
		if err != nil {
			c.trouble(taking, "", err)
			continue
		}
		for _, id := range ids {
			if taking.Err() != nil || c.over() {
				return
			}
			c.one(taking, running, id)
		}
	}
}

// one runs one job, if no other worker has it.
func (c *crew) one(taking, running context.Context, id string) {
	job := &leasedJob{supervisor: c.supervisor, id: id, taken: c.took}
	r := worker.Runner{
		Job: job, Options: c.flags.run.options(c.app),
		Launcher: &launcher{leasedJob: job, guard: c.guard, command: c.command, stdout: c.stdoutOfChild(), stderr: c.stderr},
	}
	outcome, err := r.Run(running)
	if passed(err) {
		return
	}
	if err != nil {
		c.trouble(taking, id, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[outcome]++
	c.errors = 0
}

// took counts a job whose lease was taken.
func (c *crew) took() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken++
}

// passed reports whether an error says that the job is not to be had now.
func passed(err error) bool {
	if err == nil {
		return false
	}
	f, _ := ledger.FaultOf(err)
	return slices.Contains([]string{
		string(projection.LeaseHeld), string(projection.NotDue), string(projection.DependencyPending), string(projection.DependencyFailed), string(projection.InvalidTransition),
	}, f.Code)
}

// trouble reports an error, and waits before the next try.
func (c *crew) trouble(ctx context.Context, id string, err error) {
	c.mu.Lock()
	c.errors++
	wait := min(time.Duration(c.errors)*time.Second, 10*time.Second)
	if c.errors >= maxWorkErrors && c.failed == nil {
		c.failed = err
	}
	c.mu.Unlock()
	if id != "" {
		err = fmt.Errorf("job %s: %w", id, err)
	}
	c.notice(err.Error())
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// print prints how many jobs came to what.
func (c *crew) print() error {
	outcomes := object{}
	for o, n := range c.counts {
		outcomes[string(o)] = n
	}
	return c.app.print(object{"taken": c.taken, "outcomes": outcomes}, func(s *screen) {
		s.done("took %s", count(int64(c.taken), "job"))
		for _, o := range slices.Sorted(maps.Keys(c.counts)) {
			s.fields([2]string{string(o), strconv.Itoa(c.counts[o])})
		}
	})
}
