package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

func (a *app) waitCommand() *cobra.Command {
	var id, text string
	var timeout time.Duration
	cmd := exits(&cobra.Command{
		Use:   "wait [JOB]",
		Short: "Wait until a job has a status, or its decisions are made",
		Long: `Wait until a job has one of the statuses in --for, or its decisions are made:

  --for status=completed,failed   one of these statuses
  --for decided                   no decision waits for a verdict
  --for approved                  nothing is undecided or denied: it may be resumed

It ends at once where that holds already, with the job's state. After --timeout it
exits 1 with wait_timeout, and may be run again. Where it can hold no more, since
the job is final or stopped in an emergency, it exits 6 with never_holds, and
--for approved exits 4 with decision_denied on a denial.`,
		Example: "gait job wait job_1 --for status=completed,failed,cancelled\ngait job wait --id job_1 --for approved --timeout 5m --json\ngait job wait job_1 --for decided && gait job resume job_1",
	}, 0, 1, 2, 4, 6, 8)
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	f.StringVar(&text, "for", "", "what to wait for: status=STATUS[,STATUS…], decided or approved (required)")
	f.DurationVar(&timeout, "timeout", 0, "how long to wait, such as 5m; 0s looks once (default: as long as it takes)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := a.existingJob(id, args)
		if err != nil {
			return err
		}
		want, err := parseCondition(text)
		if err != nil {
			return err
		}
		if timeout < 0 {
			return &usageError{code: "invalid_timeout", text: fmt.Sprintf("--timeout %s is less than nothing", timeout), hint: "--timeout 0s looks once"}
		}
		w := &waiter{app: a, id: id, want: want, once: cmd.Flags().Changed("timeout") && timeout == 0}
		if err := w.within(cmd.Context(), timeout); err != nil {
			return err
		}
		return a.print(object{"job_id": id, "job": w.job.StatusView()}, func(s *screen) {
			showStatus(s, w.job, w.stop)
			s.next(nextCommand(w.job))
		})
	}
	return cmd
}

// A condition is what a job is waited for to be.
type condition struct {
	text     string
	statuses []projection.Status // one of which it has; nil: it is about decisions
	approved bool                // nothing is denied either
}

func parseCondition(text string) (condition, error) {
	switch text {
	case "":
		return condition{}, &usageError{code: "invalid_usage", text: "what for? --for is missing", hint: "--for status=completed, --for decided or --for approved"}
	case "decided", "approved":
		return condition{text: text, approved: text == "approved"}, nil
	}
	list, ok := strings.CutPrefix(text, "status=")
	if !ok {
		return condition{}, &usageError{code: "invalid_condition", text: fmt.Sprintf("--for %.80q is nothing a job can be waited for", text), hint: "--for status=completed, --for decided or --for approved"}
	}
	c := condition{text: text}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(projection.Statuses, projection.Status(name)) {
			return condition{}, &usageError{code: "invalid_status", text: fmt.Sprintf("%.40q is not a status", name), hint: "one of " + ledger.OneOf(projection.Statuses)}
		}
		c.statuses = append(c.statuses, projection.Status(name))
	}
	return c, nil
}

// holds reports whether the condition holds for a job. It fails where there is
// no use in waiting for it.
func (c condition) holds(j projection.Job) (bool, error) {
	switch {
	case c.statuses != nil:
		if slices.Contains(c.statuses, j.Status) {
			return true, nil
		}
		if !slices.ContainsFunc(c.statuses, j.Status.Leads) {
			return false, &neverError{want: c.text, job: j}
		}
		return false, nil
	case j.Status.Final() || j.Status == projection.EmergencyStopped:
		return false, &neverError{want: c.text, job: j}
	}
	for _, ask := range j.Unsettled() {
		if ask.Verdict == projection.Undecided {
			return false, nil
		}
		if c.approved {
			return false, &deniedError{by: ask.VerdictBy, job: j}
		}
	}
	return true, nil
}

// A waiter looks at a job until a condition holds.
type waiter struct {
	app  *app
	id   string
	want condition
	once bool
	job  projection.Job
	stop ledger.Event // that brought the job to where it stands
}

// errTimeout ends a wait.
var errTimeout = errors.New("the time to wait is over")

// within waits for at most timeout; 0 is without end.
func (w *waiter) within(ctx context.Context, timeout time.Duration) error {
	if timeout > 0 {
		timed, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
		ctx = timed
	}
	err := w.app.follow(ctx, w)
	if errors.Is(err, errTimeout) {
		return &timeoutError{want: w.want.text, job: w.job}
	}
	return err
}

func (w *waiter) look(r *openLedger) (seen int64, err error) {
	if w.job, err = w.app.job(r, w.id); err == nil && !w.app.json {
		w.stop, err = stopOf(r, w.job)
	}
	return r.Log.Head().Size, err
}

func (w *waiter) show() (bool, error) {
	held, err := w.want.holds(w.job)
	if err == nil && !held && w.once {
		err = errTimeout
	}
	return held, err
}

// A timeoutError says that a job did not come to be as it was waited for.
type timeoutError struct {
	want string
	job  projection.Job // as last seen; zero: never
}

func (e *timeoutError) Error() string {
	if e.job.ID == "" {
		return fmt.Sprintf("waited for %s, but could not look at the ledger in that time", e.want)
	}
	return fmt.Sprintf("waited for %s, but job %s is %s at revision %d", e.want, e.job.ID, e.job.Status, e.job.Revision)
}

func (e *timeoutError) fields() object { return jobField(e.job) }

// A neverError says that a job can be no more as it was waited for.
type neverError struct {
	want string
	job  projection.Job
}

func (e *neverError) Error() string {
	return fmt.Sprintf("job %s is %s: %s can hold no more", e.job.ID, e.job.Status, e.want)
}

func (e *neverError) fields() object { return jobField(e.job) }

// A deniedError says that what was to be approved was denied.
type deniedError struct {
	by  string
	job projection.Job
}

func (e *deniedError) Error() string {
	return fmt.Sprintf("job %s is not approved: %s denied it", e.job.ID, e.by)
}

func (e *deniedError) fields() object { return jobField(e.job) }

// jobField is a job in an error's JSON, where it is known.
func jobField(j projection.Job) object {
	if j.ID == "" {
		return nil
	}
	return object{"job": j.StatusView()}
}
