package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// writeFlags are the flags that every lifecycle command takes.
type writeFlags struct {
	id, actor, reason, requestID string
	ifRevision                   int64
	dryRun                       bool
	signing                      signing
	lease                        leaseFlag
}

func (w *writeFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.id, "id", "", "the job's id; may also be given as the argument")
	f.Int64Var(&w.ifRevision, "if-revision", 0, "act only if the job is at this revision")
	w.lease.add(f)
	w.addCommon(cmd)
}

// addCommon adds the flags that name no job.
func (w *writeFlags) addCommon(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.actor, "actor", "", "who acts (env GAIT_ACTOR; default os:LOGIN)")
	f.StringVar(&w.reason, "reason", "", "why; kept on the ledger for ever")
	f.StringVar(&w.requestID, "request-id", "", "makes the command idempotent: the same id again returns the first receipt")
	f.BoolVar(&w.dryRun, "dry-run", false, "decide, show what would be written, write nothing")
	w.signing.add(cmd)
}

// order returns a request with how it is signed.
func (w *writeFlags) order(r commands.Request) order { return order{Request: r, signing: w.signing} }

// ledgerRequest makes the request of a command about the ledger.
func (w *writeFlags) ledgerRequest(a *app, c commands.Command) commands.Request {
	return commands.Request{Actor: a.actor(w.actor), Reason: w.reason, Command: c, RequestID: w.requestID, DryRun: w.dryRun}
}

// request makes the request of a command from its parsed flags.
func (w *writeFlags) request(a *app, cmd *cobra.Command, args []string, c commands.Command) (commands.Request, error) {
	named := existingJob
	if commands.RowOf(c).OptionalJobID {
		named = jobNamed
	}
	id, err := named(a, w.id, args)
	if err != nil {
		return commands.Request{}, err
	}
	r := commands.Request{JobID: id, Actor: a.actor(w.actor), Reason: w.reason, Command: c, RequestID: w.requestID, DryRun: w.dryRun}
	if cmd.Flags().Changed("if-revision") {
		r.IfRevision = &w.ifRevision
	}
	w.lease.flagOnly = commands.RowOf(c).EndsJob
	if r.Lease, err = w.lease.of(&a.surroundings, cmd.Flags(), id); err != nil {
		return r, err
	}
	return r, r.Check()
}

// carryOut carries a request out and prints the outcome.
func carryOut(ctx context.Context, a *app, r order) error {
	if r.DryRun {
		return decideOnly(ctx, a, r)
	}
	result, err := issue(ctx, a, r)
	if printed, ok := isPrinted(err); ok {
		return a.printCommand(printed)
	}
	if err != nil {
		return err
	}
	return printResult(a, result)
}

// issue opens the ledger and carries a request out.
func issue(ctx context.Context, a *app, r order) (result commands.Result, err error) {
	o, err := a.options()
	if err != nil {
		return result, err
	}
	row := commands.RowOf(r.Command)
	o.Create, o.DeferIndex = row.CreatesLedger, row.EndsJob
	o.Mode = root.Once
	o.Actor = r.Actor
	err = connect.Retry(ctx, o, func(l *connect.Ledger) (err error) {
		if result, err = a.issueIn(ctx, l, r); err == nil {
			a.written.Store(&result)
			err = a.noteUsed(ctx, l, result)
			noteJudging(ctx, a, l, result)
			a.noteErased(ctx, l, result)
		}
		return err
	})
	return result, err
}

// noteJudging notes what the job is shown by. The command was carried out: if that cannot
// be read, the outcome shows it as it was recorded.
func noteJudging(ctx context.Context, a *app, l *connect.Ledger, result commands.Result) {
	if at, err := judgingOf(ctx, l, result.Job); err == nil {
		a.judged = at
	}
}

// decideOnly decides and shows what would be written. If there is no ledger yet,
// it decides on an empty one, and creates nothing.
func decideOnly(ctx context.Context, a *app, r order) error {
	var result commands.Result
	err := a.read(ctx, func(l *connect.Ledger) (err error) {
		if err := l.MayWrite(); err != nil {
			return err
		}
		result, err = a.issueIn(ctx, l, r)
		return err
	})
	if printed, ok := isPrinted(err); ok {
		return a.printCommand(printed)
	}
	if commands.RowOf(r.Command).CreatesLedger && errors.Is(err, root.ErrNoLedger) {
		if r.Request, err = wouldBring(a, r.Request); err != nil {
			return err
		}
		r.AcceptClock = a.acceptClock
		result, err = (&commands.Engine{Log: commands.EmptyLog{}, Now: a.now, Entropy: a.entropy}).Do(ctx, r.Request)
	}
	code := 0
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		result, code = refused.Result, exitOf[refused.Fault().Category]
	} else if err != nil {
		return err
	}
	payload, err := payloadOf(result.Event)
	if err != nil {
		return err
	}
	fields := object{"dry_run": true, "exit_code": code, "payload": payload, "type": result.Event.Type(), "job_id": result.Job.ID, "job": result.Job.StatusView()}
	before := result.Replayed || result.Repeated
	if before {
		fields["receipt"] = receiptOf(result)
	}
	return a.print(fields, func(s *screen) {
		what := fmt.Sprintf("write %s to job %s", result.Event.Type(), result.Job.ID)
		if before {
			what = fmt.Sprintf("answer with event %d of job %s, %s, which this command wrote before,", result.Event.Seq(), result.Job.ID, result.Event.Type())
		}
		fmt.Fprintf(s, "%s would %s and exit %d; nothing was written\n", s.bold("dry run:"), what, code)
		s.fields([2]string{"payload", string(payload)})
	})
}

func printResult(a *app, result commands.Result) error {
	fields := object{"job_id": result.Job.ID, "job": result.Job.StatusView(), "receipt": receiptOf(result)}
	if cp, ok := projection.CheckpointOf(result.Event); ok {
		fields["checkpoint"] = cp
	}
	if len(a.used) > 0 {
		fields["used"] = a.used
	}
	if result.Event.Type() == ledger.TypeImported {
		fields["notice"] = importNotice(result.Job)
	}
	return a.print(fields, func(s *screen) {
		again := ""
		if result.Replayed {
			again = ", already done before"
		}
		s.done("%s %s %s", s.bold(result.Job.ID), eventInShort(result.Event), s.dim(fmt.Sprintf("(event %d, revision %d%s)", result.Receipt.Seq, result.Receipt.Revision, again)))
		s.fields([2]string{"status", s.status(result.Job.Status)}, [2]string{"waiting for", waitingForAt(result.Job, a.judged)}, [2]string{"leaf hash", result.Receipt.Leaf.String()})
		showUsed(s, a.used)
		if result.Event.Type() == ledger.TypeImported {
			fmt.Fprintf(s, "%s %s\n", s.yellow("note:"), importNotice(result.Job))
		}
		s.next(nextAfter(a, result))
	})
}

// nextAfter returns a command that takes the job further after an event: for who holds its
// lease, the next one under that.
func nextAfter(a *app, result commands.Result) string {
	j, e := result.Job, result.Event
	mine := e.Type() == ledger.TypeLeased || e.Lease() != 0 && e.Lease() == j.Epoch()
	if mine && j.Lease.Lives(a.judged.Reading) {
		return fmt.Sprintf(`gait job checkpoint add --id %s --lease %d --summary "what was done"`, j.ID, j.Epoch())
	}
	return nextCommandAt(a, j, a.judged)
}

// lifecycle makes a lifecycle command: its own flags were added to cmd, and
// build returns the command they describe. If its event has no place for a
// reason, --reason is hidden but accepted, and the error says what to use instead.
func lifecycle[C commands.Command](a *app, cmd *cobra.Command, build func(*cobra.Command) (C, error)) *cobra.Command {
	return lifecycleWith(a, cmd, new(writeFlags), build)
}

// lifecycleWith is lifecycle with flags that the caller sees too.
func lifecycleWith[C commands.Command](a *app, cmd *cobra.Command, flags *writeFlags, build func(*cobra.Command) (C, error)) *cobra.Command {
	flags.add(cmd)
	var command C
	row := commands.RowOf(command)
	cmd.Flags().Lookup("reason").Hidden = row.ReasonElsewhere != ""
	if row.BeginsJob {
		flags.lease.hide(cmd.Flags())
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if flags.signing.given() {
			if err := flags.signing.alone(cmd, args); err != nil {
				return err
			}
			return carryOut(cmd.Context(), a, flags.order(commands.Request{Command: command, DryRun: flags.dryRun}))
		}
		c, err := build(cmd)
		if err != nil {
			return err
		}
		r, err := flags.request(a, cmd, args, c)
		if err != nil {
			return err
		}
		o := flags.order(r)
		o.relative = datedAfter(cmd)
		return carryOut(cmd.Context(), a, o)
	}
	return cmd
}
