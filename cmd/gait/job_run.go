package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/process"
	"gait/commands/worker"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

func runCommand(a *app) *cobra.Command {
	var flags workerFlags
	var submit submitFlags
	var id string
	cmd := exits(&cobra.Command{
		Use:   "run [--id JOB] -- COMMAND...",
		Short: "Run a command as the worker of a job, under a lease",
		Long: `Run a command as the worker of a job. A job that is new is submitted first. The command is
started under a lease, so that no other worker acts for the job; it is started again after it
failed, and when the job was paused or had to wait for a person and goes on. It finds in its
environment

  GAIT_JOB, GAIT_ROOT or GAIT_URL, GAIT_ACTOR   the job, its ledger, who acts
  GAIT_LEASE     the epoch of the lease: gait's commands in the worker name it
  GAIT_RESUME    a file of JSON with all that it needs to go on: attempt, state, input, decisions, grants
  TRACEPARENT    if gait has it

Exit 0 completes the job. A command that asked for a decision exits with 75: nothing runs and no
lease is held until the job goes on. Any other exit is a failure. When the job is paused, stopped
or cancelled, when the lease is lost, and when gait is interrupted, the command and all
processes of its group are ended: SIGTERM, and SIGKILL after --grace. If gait itself is killed,
they are killed, too.`,
		Example: `gait job run --id refund-7 --policy policy.cedar -- python3 worker.py
gait job run --label team=payments --retries 5 --timeout 10m -- ./nightly.sh
gait job run --id refund-7 --auto-resume -- python3 worker.py`,
	}, 0, 1, 2, 3, 4, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id (default: a new job)")
	submit.add(cmd)
	flags.add(cmd)
	cmd.Flags().BoolVar(&flags.noComplete, "no-complete", false, "exit 0 of the command does not complete the job")
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkCommand(cmd, &flags, args, "gait job run --id JOB -- COMMAND"); err != nil {
			return err
		}
		job, err := submit.ensure(cmd, a, &flags, id)
		if err != nil {
			return err
		}
		return runJob(cmd.Context(), a, &flags, job, args)
	}
	return cmd
}

// ensure returns the id of the job, which it submits if it is new.
func (s *submitFlags) ensure(cmd *cobra.Command, a *app, flags *workerFlags, id string) (string, error) {
	if id != "" {
		if err := ledger.FieldJobID.Check(id); err != nil {
			return "", &commands.InvalidError{Err: err}
		}
		a.about(id)
		known, err := s.matches(cmd, a, id)
		if known || err != nil {
			return id, err
		}
	}
	c, err := s.command(a)
	if err != nil {
		return "", err
	}
	r := commands.Request{JobID: id, Actor: a.actor(flags.actor), Command: c, Trace: traceFor(&a.surroundings, c)}
	if err := r.Check(); err != nil {
		return "", err
	}
	result, err := issue(cmd.Context(), a, order{Request: r, signing: signing{key: flags.signKey, validFor: commands.SignedFor}})
	if errors.Is(err, commands.ErrJobExists) { // another process was faster
		return id, nil
	}
	if err != nil {
		return "", err
	}
	a.about(result.Job.ID)
	a.uploads, a.policy = uploads{}, nil // the commands that follow bring neither
	a.written.Store(nil)
	a.writing.Store(false)
	a.notice("submitted job " + result.Job.ID)
	return result.Job.ID, nil
}

// matches reports whether the job is there. It must be bound to the policy that is given.
func (s *submitFlags) matches(cmd *cobra.Command, a *app, id string) (known bool, err error) {
	var is projection.Job
	err = a.read(cmd.Context(), func(l *connect.Ledger) (err error) {
		is, err = l.Job(cmd.Context(), id)
		return err
	})
	if errors.Is(err, commands.ErrJobNotFound) || errors.Is(err, root.ErrNoLedger) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	a.notice("job " + id + " is there, and " + string(is.Status) + ": it is not submitted again")
	if err := s.agrees(cmd, is); err != nil {
		return true, err
	}
	digest, err := s.bound.policy(a)
	if err == nil && !digest.IsZero() && digest != is.PolicyDigest {
		err = &usageError{
			code: "policy_digest_mismatch", text: fmt.Sprintf("job %s is there, and bound to another policy than --policy", id),
			hint: "leave --policy out, or pause the job and resume it with gait job resume --policy",
		}
	}
	return true, err
}

// agrees refuses flags of a new job that say otherwise of one that is there.
func (s *submitFlags) agrees(cmd *cobra.Command, is projection.Job) error {
	differs := func(flag string) error {
		return &usageError{code: "job_exists", text: fmt.Sprintf("job %s is there, and --%s is for a new job", is.ID, flag), hint: "leave --" + flag + " out, or give another --id"}
	}
	for _, flag := range []string{"after", "not-before", "input"} {
		if cmd.Flags().Changed(flag) {
			return differs(flag)
		}
	}
	if s.bound.identity != "" && s.bound.identity != is.Identity {
		return differs("identity")
	}
	for _, text := range s.labels {
		l, err := parseLabel(text)
		if err != nil {
			return err
		}
		if !slices.Contains(is.Labels, l) {
			return differs("label")
		}
	}
	return nil
}

// runJob supervises one job until it has ended, or gait is told to end.
func runJob(ctx context.Context, a *app, flags *workerFlags, id string, args []string) error {
	s, err := newSupervisor(a, flags)
	if err != nil {
		return err
	}
	guard, err := process.NewGuard(guardArgs())
	if err != nil {
		return err
	}
	defer closeGuard(a, guard)
	job := &leasedJob{supervisor: s, id: id}
	o := flags.options(a, "")
	o.WaitForPeople = true
	o.Waits = func() { job.noticeWay(ctx) }
	r := worker.Runner{
		Job: job, Options: o,
		Launcher: s.started.count(&launcher{leasedJob: job, guard: guard, command: args, stdout: a.stdoutOfChild(), stderr: a.stderr}),
	}
	outcome, err := r.Run(ctx)
	if err != nil {
		return err
	}
	return a.printRun(context.WithoutCancel(ctx), id, outcome)
}

// printRun prints what became of a job that was supervised.
func (a *app) printRun(ctx context.Context, id string, outcome worker.Outcome) error {
	var is projection.Job
	var at judging
	err := a.read(ctx, func(l *connect.Ledger) (err error) {
		if is, err = l.Job(ctx, id); err == nil {
			at, err = judgingOf(ctx, l, is)
		}
		return err
	})
	if err != nil {
		return err
	}
	if outcome != worker.Completed && outcome != worker.Left {
		return &runError{job: is, outcome: outcome}
	}
	fields := object{"job_id": id, "job": at.view(is), "outcome": outcome}
	return a.print(fields, func(s *screen) {
		s.done("%s %s after %s", s.bold(id), outcome, count(is.Attempts, "attempt"))
	})
}

// A runError says that a supervised job did not come to its end.
type runError struct {
	job     projection.Job
	outcome worker.Outcome
}

func (e *runError) Error() string {
	switch cp := e.job.LastCheckpoint; {
	case e.outcome == worker.Failed && cp != nil:
		return fmt.Sprintf("job %s has failed: %s", e.job.ID, cp.Summary)
	case e.outcome == worker.LeaseLost:
		return fmt.Sprintf("the lease of job %s was lost: another worker may have it now", e.job.ID)
	case e.outcome == worker.Interrupted:
		return fmt.Sprintf("interrupted: job %s is %s, and its lease was given back", e.job.ID, e.job.Status)
	}
	return fmt.Sprintf("job %s is %s, so it has no worker", e.job.ID, e.job.Status)
}

// Fault returns the code of the outcome.
func (e *runError) Fault() ledger.Fault {
	f := ledger.Fault{Code: "job_" + string(e.outcome), Category: ledger.CategoryInvalid}
	switch e.outcome {
	case worker.Failed:
		f.Category = ledger.CategoryIO
	case worker.Interrupted:
		f = ledger.Fault{Code: "interrupted", Category: ledger.CategoryIO, Retryable: true}
	case worker.Stopped:
		f.Category = ledger.CategoryPolicy
	case worker.LeaseLost:
		f = ledger.Fault{Code: "fenced", Category: ledger.CategoryPolicy}
	case worker.Waiting:
		f.Category = ledger.CategoryApproval
	case worker.Cancelled, worker.Completed, worker.Left, worker.NotStarted, worker.Paused:
	}
	return f
}

func (e *runError) fields() object {
	return object{"job": e.job.StatusView(), "outcome": e.outcome}
}

// nextStep says what to do about a job that did not come to its end.
func (e *runError) nextStep() string {
	id := e.job.ID
	switch e.outcome {
	case worker.Failed:
		return "gait job events --id " + id + " shows how each attempt ended, and gait content list --id " + id + " has what they wrote last"
	case worker.Interrupted:
		return "go on with it: gait job run --id " + id + " -- COMMAND"
	case worker.LeaseLost:
		return "gait job lease show --id " + id + " shows who has it now"
	case worker.Waiting, worker.Paused:
		return "gait job status --id " + id + " shows what it waits for"
	case worker.Stopped:
		return "gait job cancel --id " + id
	case worker.Cancelled, worker.Completed, worker.Left, worker.NotStarted:
	}
	return "gait job events --id " + id + " shows why"
}
