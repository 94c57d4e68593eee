package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// writeFlags are the flags that every lifecycle command takes.
type writeFlags struct {
	id, actor, reason, requestID string
	ifRevision                   int64
	dryRun                       bool
}

func (w *writeFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.id, "id", "", "the job's id; may also be given as the argument")
	f.Int64Var(&w.ifRevision, "if-revision", 0, "act only if the job is at this revision")
	w.addCommon(cmd)
}

// addCommon adds those of them that name no job.
func (w *writeFlags) addCommon(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.actor, "actor", "", "who acts (env GAIT_ACTOR; default os:LOGIN)")
	f.StringVar(&w.reason, "reason", "", "why; kept on the ledger for ever")
	f.StringVar(&w.requestID, "request-id", "", "makes the command idempotent: the same id again returns the first receipt")
	f.BoolVar(&w.dryRun, "dry-run", false, "decide, show what would be written, write nothing")
}

// request makes the request of a command, whose flags were parsed.
func (w *writeFlags) request(a *app, cmd *cobra.Command, args []string, c commands.Command) (commands.Request, error) {
	named := a.existingJob
	if _, submit := c.(commands.Submit); submit {
		named = a.jobNamed
	}
	id, err := named(w.id, args)
	if err != nil {
		return commands.Request{}, err
	}
	r := commands.Request{JobID: id, Actor: a.actor(w.actor), Reason: w.reason, Command: c, RequestID: w.requestID, DryRun: w.dryRun}
	if cmd.Flags().Changed("if-revision") {
		r.IfRevision = &w.ifRevision
	}
	return r, r.Check()
}

// do carries a request out and prints the outcome.
func (a *app) do(ctx context.Context, r commands.Request) error {
	var result commands.Result
	if r.DryRun {
		return a.dryRun(ctx, r)
	}
	o, err := a.options()
	if err != nil {
		return err
	}
	_, o.Create = r.Command.(commands.Submit)
	o.OneShot = true
	o.Actor = r.Actor
	carry := func(l *openLedger) (err error) {
		a.writing.Store(true)
		if result, err = a.engine(l).Do(ctx, r); err == nil {
			a.written.Store(&result)
		}
		return err
	}
	for range 5 { // a daemon that stops leaves its place to the next one, or to us
		if err = a.open(ctx, o, carry); !gone(err) {
			break
		}
	}
	if err != nil {
		return err
	}
	return a.printResult(r, result)
}

// dryRun decides and shows what would be written. Where there is no ledger yet,
// it decides on an empty one, and creates nothing.
func (a *app) dryRun(ctx context.Context, r commands.Request) error {
	var result commands.Result
	carry := func(by doer) (err error) {
		result, err = by.Do(ctx, r)
		return err
	}
	err := a.read(ctx, func(opened *openLedger) error {
		if err := opened.Writable(); err != nil {
			return err
		}
		return carry(a.engine(opened))
	})
	if _, submit := r.Command.(commands.Submit); submit && errors.Is(err, root.ErrNoLedger) {
		err = carry(&commands.Engine{Log: commands.EmptyLog{}, Now: a.now, Entropy: a.entropy})
	}
	code := 0
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		result, code = refused.Result, refused.Refusal.Exit()
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
			what = fmt.Sprintf("answer with event %d of job %s, %s, which this command led to before,", result.Event.Seq, result.Job.ID, result.Event.Type())
		}
		fmt.Fprintf(s, "%s would %s and exit %d; nothing was written\n", s.bold("dry run:"), what, code)
		s.fields([2]string{"payload", string(payload)})
	})
}

func (a *app) printResult(r commands.Request, result commands.Result) error {
	fields := object{"job_id": result.Job.ID, "job": result.Job.StatusView(), "receipt": receiptOf(result)}
	if cp, ok := projection.CheckpointOf(result.Event); ok {
		fields["checkpoint"] = cp
	}
	if result.Event.Type() == ledger.TypeImported {
		fields["notice"] = importNotice(result.Job)
	}
	return a.print(fields, func(s *screen) {
		again := ""
		if result.Replayed {
			again = ", already done before"
		}
		s.done("%s %s %s", s.bold(result.Job.ID), describe(result.Event), s.dim(fmt.Sprintf("(event %d, revision %d%s)", result.Receipt.Seq, result.Receipt.Revision, again)))
		s.fields([2]string{"status", s.status(result.Job.Status)}, [2]string{"waiting for", waitingFor(result.Job)}, [2]string{"leaf hash", result.Receipt.Leaf.String()})
		if result.Event.Type() == ledger.TypeImported {
			fmt.Fprintf(s, "%s %s\n", s.yellow("note:"), importNotice(result.Job))
		}
		s.next(nextCommand(result.Job))
	})
}

// describe says in a few words what an event says.
func describe(e ledger.Event) string {
	switch p := e.Payload.(type) {
	case ledger.CheckpointAdded:
		late := ""
		if p.Late {
			late = " (late: the job was stopped)"
		}
		return fmt.Sprintf("took %s %s%s: %s", p.CheckpointType, p.CheckpointID, late, p.Summary)
	case ledger.Approved:
		return verdictOn("approved", p.CheckpointID, e.Actor)
	case ledger.Denied:
		return verdictOn("denied", p.CheckpointID, e.Actor)
	case ledger.Stopped:
		return "stopped in an emergency"
	case ledger.Imported:
		return fmt.Sprintf("was imported at revision %d with %d checkpoints and %d approvals, all claims of the pack %s",
			p.Revision, len(p.Checkpoints), len(p.Approvals), p.PackSHA256.String()[:16])
	}
	return string(e.Type())
}

func verdictOn(word, checkpoint, actor string) string {
	if checkpoint != "" {
		word = checkpoint + " " + word
	}
	return word + " by " + actor
}
