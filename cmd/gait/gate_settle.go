package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/content"
	"gait/projection"
)

func gateSettleCommand(a *app) *cobra.Command {
	var flags writeFlags
	var grant, outcome string
	files := uploadFlags{limit: content.DefaultLimit}
	cmd := exits(&cobra.Command{
		Use:   "settle",
		Short: "Say what became of what a tool was allowed to do",
		Long: `Say what became of what a tool was allowed to do: done, not_done or unknown. Until then the
grant is open: the job cannot be resumed or completed, and the same call is blocked. While
one is unknown, the gate of the job blocks everything.

The worker that got the grant says done or unknown. All else, and above all that nothing was
done, another actor says who has found out, with a --reason. What was not done may be asked
for again.`,
		Example: `gait gate settle --grant 01M8QJKVWF155M6PENWCWCXEME --outcome done --result answer.json
gait gate settle --grant 01M8QJKVWF155M6PENWCWCXEME --outcome unknown --reason "the connection broke"
gait gate settle --grant 01M8QJKVWF155M6PENWCWCXEME --outcome not_done --actor operator_1 --reason "the bank has no such transfer"`,
		Args: noArgs,
	}, 0, 1, 2, 3, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&grant, "grant", "", "the grant, as gait gate eval and gait gate list show it (required)")
	f.StringVar(&outcome, "outcome", "", "done, not_done or unknown (required)")
	f.StringVar(&files.result, "result", "", "file with what the tool answered, kept beside the ledger as content of the job")
	files.addLimit(f)
	flags.add(cmd)
	f.Lookup("id").Usage = "the job's id (default: the job that the grant is of)"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		if flags.signing.given() {
			if err := flags.signing.alone(cmd, args); err != nil {
				return err
			}
			return carryOut(ctx, a, flags.order(commands.Request{Command: commands.GateSettle{}, DryRun: flags.dryRun}))
		}
		if err := checkSettled(grant, outcome); err != nil {
			return err
		}
		c := commands.GateSettle{Grant: grant, Outcome: ledger.EffectOutcome(outcome)}
		if flags.id == "" {
			if err := jobOfGrant(ctx, a, &flags, grant); err != nil {
				return err
			}
		}
		r, err := flags.request(a, cmd, nil, c)
		if err == nil {
			err = a.bring(files)
		}
		if err != nil {
			return err
		}
		return settleHelped(carryOut(ctx, a, flags.order(r)))
	}
	return cmd
}

// checkSettled checks the flags that say what became of which grant.
func checkSettled(grant, outcome string) error {
	for _, f := range []struct{ flag, value string }{{"--grant", grant}, {"--outcome", outcome}} {
		if f.value == "" {
			return &usageError{code: "invalid_usage", text: f.flag + " is missing", hint: "gait gate list shows the grants that are not settled; --outcome is done, not_done or unknown"}
		}
	}
	return ledger.FieldGrant.Check(grant)
}

// A settleError is the refusal of a settlement that another actor has to give, or give a
// reason for.
type settleError struct{ err error }

func (e *settleError) Error() string { return e.err.Error() }

// Unwrap returns the refusal.
func (e *settleError) Unwrap() error { return e.err }

// Fault returns that of the refusal.
func (e *settleError) Fault() ledger.Fault {
	f, _ := ledger.FaultOf(e.err)
	return f
}

func (e *settleError) nextStep() string {
	return `who got the grant says done or unknown, under the same name; all else another actor says, with the reason: --actor NAME --reason "WHY"`
}

// settleHelped adds to a refusal who may settle what.
func settleHelped(err error) error {
	no, ok := errors.AsType[*commands.RefusedError](err)
	if ok && (no.Refusal.Code == projection.RoleRequired || no.Refusal.Code == projection.InvalidTransition) {
		return &settleError{err}
	}
	return err
}

// jobOfGrant finds the job of a grant: of one that is not settled or, if the request was
// issued before, of the event that it led to.
func jobOfGrant(ctx context.Context, a *app, flags *writeFlags, grant string) error {
	return a.read(ctx, func(l *connect.Ledger) error {
		if flags.requestID != "" {
			found, err := l.Log.Load(ctx, nil, []string{flags.requestID})
			if event, used := found.Requests[flags.requestID]; err != nil || used {
				flags.id = event.JobID()
				return err
			}
		}
		for j, err := range unsettledJobs(ctx, l) {
			if err != nil {
				return err
			}
			if _, ok := j.Grant(grant); ok {
				flags.id = j.ID
				return nil
			}
		}
		return &usageError{code: "grant_not_found", text: fmt.Sprintf("no grant %s is open or unknown: it may be settled already", grant), hint: "gait gate list shows the grants that are not settled; gait job events JOB shows how one was settled"}
	})
}

// unsettledJobs returns the jobs that have a grant which is open or unknown.
func unsettledJobs(ctx context.Context, l *connect.Ledger) func(yield func(projection.Job, error) bool) {
	return func(yield func(projection.Job, error) bool) {
		q := projection.Query{Filter: projection.Filter{Unsettled: true}, Limit: maxPage}
		for {
			page, more, err := l.List(ctx, q)
			if err != nil {
				yield(projection.Job{}, err)
				return
			}
			for _, j := range page {
				if !yield(j, nil) {
					return
				}
			}
			if !more || len(page) == 0 {
				return
			}
			q.After = q.PlaceOf(page[len(page)-1])
		}
	}
}
