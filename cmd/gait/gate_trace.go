package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/packspec"
)

func gateTraceCommand(a *app) *cobra.Command {
	var job, grant, seqText, out string
	cmd := exits(&cobra.Command{
		Use:   "trace",
		Short: "Write one decision of the gate as a file that anyone can check",
		Long: `Print a trace of one decision of the gate: the exact bytes of its event, with what its
actor signed, the proof that they are in the signed ledger, and the digests of the policy
and the authority that it rests on. If the decision is a grant that was settled, the trace
has the newest event that settles it, too. Nothing is written to the ledger.

gait pack verify checks a trace without the ledger, and gait pack inspect shows it.
Arguments of the tool are named by digest only, but for the fields that the policy says
may be shown.`,
		Example: `gait gate trace --id job_1 --grant 01K5V3Y0CMA1J0X0Q2T0F8R9DE --out decision.trace.json
gait gate trace --id job_1 --seq 12 --json
gait pack verify decision.trace.json`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&job, "id", "", "the job's id (default: that of the decision, for which the ledger may have to be read)")
	f.StringVar(&grant, "grant", "", "trace the decision that gave this grant")
	f.StringVar(&seqText, "seq", "", "trace the decision that is this event of the ledger, from 0")
	f.StringVar(&out, "out", "", "write the trace to this file; only a trace of the same decision is replaced; "+outForms)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		at, err := tracedDecision(job, grant, seqText)
		if err != nil {
			return err
		}
		a.about(job)
		var p printout
		err = a.show(cmd.Context(), func(r *connect.Ledger) (err error) {
			if job == "" {
				if job, err = jobOfDecision(cmd.Context(), r, at); err != nil {
					return err
				}
				a.about(job)
			}
			p, err = trace(cmd.Context(), a, r, job, at)
			return err
		})
		if err != nil {
			return err
		}
		return p.print(a, out)
	}
	return cmd
}

// tracedDecision reads the flags that name a decision.
func tracedDecision(job, grant, seqText string) (at packspec.DecisionAt, err error) {
	switch {
	case (grant == "") == (seqText == ""):
		return at, &usageError{code: "invalid_usage", text: "which decision? Give one of --grant and --seq", hint: "gait gate list shows open grants, gait job events every decision"}
	}
	if job != "" {
		if err := ledger.FieldJobID.Check(job); err != nil {
			return at, &commands.InvalidError{Err: err}
		}
	}
	if grant != "" {
		if err := ledger.FieldGrant.Check(grant); err != nil {
			return at, &commands.InvalidError{Err: err}
		}
	}
	at.Grant = grant
	at.Seq, err = seqFlag("seq", seqText, -1)
	return at, err
}

// jobOfDecision returns the job of a decision.
func jobOfDecision(ctx context.Context, r *connect.Ledger, at packspec.DecisionAt) (string, error) {
	if at.Grant == "" {
		e, err := r.Log.Event(ctx, at.Seq)
		if err == nil && e.JobID() == "" {
			err = &usageError{code: "invalid_usage", text: fmt.Sprintf("event %d is about the ledger itself, and no decision of the gate", at.Seq), hint: "gait job events JOB shows every decision"}
		}
		return e.JobID(), err
	}
	for e, err := range r.Log.Events(ctx, 0) {
		if err != nil {
			return "", err
		}
		if p, ok := e.Payload().(ledger.GateDecided); ok && p.Grant == at.Grant {
			return e.JobID(), nil
		}
	}
	return "", &usageError{code: "grant_not_found", text: "no decision gave the grant " + at.Grant, hint: "gait gate list shows open grants, gait job events JOB every decision"}
}

// trace makes a trace to print.
func trace(ctx context.Context, a *app, r *connect.Ledger, job string, at packspec.DecisionAt) (printout, error) {
	if _, err := findJob(ctx, r.Log, job); err != nil {
		return printout{}, err
	}
	done := newBar(a, "reading events")
	t, err := packspec.MakeTrace(ctx, r.Log, job, at)
	done.stop()
	switch {
	case errors.Is(err, packspec.ErrNoDecision) && at.Grant != "":
		return printout{}, &usageError{code: "grant_not_found", text: fmt.Sprintf("job %s has no grant %s", job, at.Grant), hint: "gait job events --id " + job + " shows the decisions there are"}
	case errors.Is(err, packspec.ErrNoDecision):
		return printout{}, &usageError{code: "decision_not_found", text: fmt.Sprintf("event %d is no decision of the gate about job %s", at.Seq, job), hint: "gait job events --id " + job + " shows the decisions there are"}
	case err != nil:
		return printout{}, err
	}
	text, err := t.Encode()
	if err != nil {
		return printout{}, err
	}
	e := t.Decision
	view := packspec.DecisionOf(e)
	view.Settle(t.Settled)
	fields := object{
		"origin": e.Origin(), "tree_size": t.Checkpoint.Size, "root": t.Checkpoint.Root, "cosigned": t.Cosigned, "job_id": job,
		"decision": view, "trace": string(text),
	}
	claim := fmt.Sprintf("event %d of %s: %s", e.Seq(), e.Origin(), decisionInWords(view))
	return printout{fields, text, "a trace of that decision", claim, t.SameDecision}, nil
}
