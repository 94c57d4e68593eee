package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
)

func ledgerMoveCommand(a *app) *cobra.Command {
	var to string
	var by handover
	cmd := exits(&cobra.Command{
		Use:   "move",
		Short: "Hand the ledger over to another machine, and end it here",
		Long: `Hand the ledger over to the key of another machine, or of another user, and end it here.
The last event says so, and the key in use here signs it and nothing after it: from then
on every command here that writes is refused. The private key here is put away, and signs
packs of what is here at most. The ledger goes on there with the same history:

  there:  gait keys new ORIGIN > there.vkey, and gait keys trust with the key shown here
  here:   gait ledger move --to there.vkey, then gait ledger backup --out FILE
  there:  gait ledger restore FILE

If it is cut short, the same command finishes it. It cannot be taken back, but the ledger
can be moved back: gait keys new here, gait ledger move there. Stop a gait serve first.`,
		Example: "gait ledger move --to there.vkey --reason \"to the new server\"\ngait ledger move --to there.vkey --dry-run --json",
		Args:    noArgs,
	}, 0, 1, 2, 3, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "the key that the other place has made with gait keys new: a verifier key, or a file with it (required)")
	by.add(cmd)
	f.BoolVar(&by.dryRun, "dry-run", false, "show what would be written, and write nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		key, err := a.movesTo(to)
		if err != nil {
			return err
		}
		order, err := by.order(cmd.Context(), a, verbMove, object{"to": key.String()})
		if err != nil {
			return err
		}
		if by.dryRun {
			return a.write(cmd.Context(), func(l *connect.Ledger) error { return draftMove(cmd.Context(), a, l, key, order) })
		}
		return moveLedger(cmd.Context(), a, key, order)
	}
	return cmd
}

// movesTo reads the key of the place that a ledger is to move to.
func (c *console) movesTo(named string) (ledger.VerifierKey, error) {
	if named == "" {
		return ledger.VerifierKey{}, &usageError{code: "invalid_usage", text: "to which key? --to is missing", hint: "make one in the other place, there: gait keys new ORIGIN; then add --to KEY here"}
	}
	public, err := c.keyNamed(named)
	if bad, ok := errors.AsType[*usageError](err); ok && bad.code == "invalid_public_key" {
		bad.hint = otherKeyHint
	}
	if err != nil {
		return ledger.VerifierKey{}, err
	}
	key, err := ledger.ParseVerifierKey(public.String())
	if err != nil {
		return key, &usageError{code: "invalid_public_key", text: named + " does not say which ledger its key signs", hint: otherKeyHint}
	}
	return key, nil
}

// draftMove shows the event that a move would write.
func draftMove(ctx context.Context, a *app, l *connect.Ledger, to ledger.VerifierKey, by root.Order) error {
	r, err := l.Root()
	if err != nil {
		return err
	}
	e, err := r.MoveDraft(ctx, to, by)
	if err != nil {
		return err
	}
	return a.showDraft(e)
}

func moveLedger(ctx context.Context, a *app, to ledger.VerifierKey, by root.Order) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	a.writing.Store(true)
	did, err := root.Move(ctx, o.Options, to, by)
	if err != nil {
		return err
	}
	a.noteClock(did.Event)
	fields := object{
		"origin": to.Name(), "public_key": did.Previous.String(), "moved_to": to.String(), "replayed": did.Finished,
		"seq": did.Receipt.Seq, "leaf_hash": did.Receipt.Leaf, "tree_size": did.Receipt.TreeSize,
	}
	return a.print(fields, func(s *screen) {
		s.done("%s moved away %s", s.bold(to.Name()), s.dim(fmt.Sprintf("(event %d)", did.Receipt.Seq)))
		s.fields([2]string{"goes on under", to.String()}, [2]string{"ended under", did.Previous.String()}, [2]string{"private key", did.Key})
		s.next("gait ledger backup --out FILE; then there: gait ledger restore FILE")
	})
}
