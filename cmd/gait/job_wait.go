package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

func waitCommand(a *app) *cobra.Command {
	var id, text string
	var timeout time.Duration
	cmd := exits(&cobra.Command{
		Use:   "wait [JOB]",
		Short: "Wait until a job has a status, or its decisions are made",
		Long: `Wait until a job has one of the statuses in --for, or its decisions are made:

  --for status=completed,failed   one of these statuses
  --for decided                   no decision waits for a verdict
  --for approved                  nothing is undecided or denied: if the job is stopped, it may be resumed

If the condition holds already, it prints the job's state and ends at once. After
--timeout it exits 1 with wait_timeout, and may be run again. If the condition can no
longer hold, because the job is final or stopped in an emergency, it exits 6 with
never_holds. On a denial, --for approved exits 4 with decision_denied, and if a decision
has expired, with decision_expired.`,
		Example: "gait job wait job_1 --for status=completed,failed,cancelled\ngait job wait --id job_1 --for approved --timeout 5m --json\ngait job wait job_1 --for approved && gait job resume job_1",
	}, 0, 1, 2, 4, 6, 8)
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	f.StringVar(&text, "for", "", "what to wait for: status=STATUS[,STATUS…], decided or approved (required)")
	f.DurationVar(&timeout, "timeout", 0, "how long to wait, such as 5m; 0s looks once (default: without a limit)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := existingJob(a, id, args)
		if err != nil {
			return err
		}
		want, err := parseCondition(text)
		if err != nil {
			return err
		}
		if timeout < 0 {
			return &usageError{code: "invalid_timeout", text: fmt.Sprintf("--timeout %s is negative", timeout), hint: "--timeout 0s looks once"}
		}
		once := cmd.Flags().Changed("timeout") && timeout == 0
		seen, err := waitForJob(cmd.Context(), a, id, want, timeout, once)
		if err != nil {
			return err
		}
		return a.print(object{"job_id": id, "job": judgingSeen(seen).view(seen.Job)}, func(s *screen) {
			showStatusAt(s, a.rootDir(), seen.Job, seen.Stop, judgingSeen(seen))
			s.next(nextCommandAt(a, seen.Job, judgingSeen(seen)))
		})
	}
	return cmd
}

// judgingSeen returns what a job is shown by that a wait has seen.
func judgingSeen(seen connect.Waited) judging { return judging{Basis: seen.Basis, after: seen.After} }

// parseCondition reads --for.
func parseCondition(text string) (projection.Condition, error) {
	const hint = "--for status=completed, --for decided or --for approved"
	if text == "" {
		return projection.Condition{}, &usageError{code: "invalid_usage", text: "--for is missing: say what to wait for", hint: hint}
	}
	c, err := projection.ParseCondition(text)
	if bad, ok := errors.AsType[*projection.ConditionError](err); ok && bad.Status != nil {
		return c, &usageError{code: "invalid_status", text: bad.Error(), hint: "one of " + ledger.OneOf(projection.Statuses)}
	} else if ok {
		return c, &usageError{code: "invalid_condition", text: fmt.Sprintf("--for %.80q is not a condition", text), hint: hint}
	}
	return c, err
}

// errTimeout is the cause of a wait that took too long.
var errTimeout = errors.New("the time to wait is over")

// waitForJob waits until a condition holds: at most for timeout if it is not 0.
// With once it looks once.
func waitForJob(ctx context.Context, a *app, id string, want projection.Condition, timeout time.Duration, once bool) (seen connect.Waited, err error) {
	o, err := a.options()
	if err != nil {
		return seen, err
	}
	if timeout > 0 {
		bounded, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
		ctx = bounded
	}
	if once {
		seen, err = lookOnce(ctx, o, id, want)
	} else {
		seen, err = connect.Wait(ctx, o, id, want)
	}
	if errors.Is(err, errTimeout) {
		err = &timeoutError{want: want.String(), job: seen.Job}
	}
	if err != nil {
		err = &waitError{err: err, seen: seen}
	}
	return seen, err
}

// A waitError adds the job, as it was seen last, to the error's JSON.
type waitError struct {
	err  error
	seen connect.Waited
}

func (e *waitError) Error() string { return e.err.Error() }

// Unwrap returns why the wait ended.
func (e *waitError) Unwrap() error { return e.err }

func (e *waitError) fields() object {
	if e.seen.Job.ID == "" {
		return nil
	}
	return object{"job": judgingSeen(e.seen).view(e.seen.Job)}
}

// lookOnce looks at a job once. It fails with errTimeout if the condition does
// not hold.
func lookOnce(ctx context.Context, o connect.Options, id string, want projection.Condition) (seen connect.Waited, err error) {
	err = connect.Retry(ctx, o, func(l *connect.Ledger) (err error) {
		seen, err = connect.LookAt(ctx, l, id)
		return err
	})
	if err != nil {
		return seen, err
	}
	held, err := want.Holds(seen.Job, seen.Basis)
	if err == nil && !held {
		err = errTimeout
	}
	return seen, err
}

// A timeoutError says that a condition did not hold in time.
type timeoutError struct {
	want string
	job  projection.Job // as it was seen last; zero if it could not be read
}

func (e *timeoutError) Error() string {
	if e.job.ID == "" {
		return fmt.Sprintf("waited for %s, but could not look at the ledger in that time", e.want)
	}
	return fmt.Sprintf("waited for %s, but job %s is %s at revision %d", e.want, e.job.ID, e.job.Status, e.job.Revision)
}

// Fault returns the error's code, wait_timeout.
func (*timeoutError) Fault() ledger.Fault {
	return ledger.Fault{Code: "wait_timeout", Category: ledger.CategoryConflict, Retryable: true}
}
