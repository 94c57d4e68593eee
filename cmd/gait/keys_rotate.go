package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
)

func keysRotateCommand(a *app) *cobra.Command {
	var by handover
	cmd := exits(&cobra.Command{
		Use:   "rotate",
		Short: "Replace the ledger's signing key",
		Long: fmt.Sprintf(`Replace the key that signs the ledger. The event that names the new key is covered by
a checkpoint that both keys sign, and packs carry that checkpoint: those who trust the
old key follow it to the new one. The old private key is removed. A ledger's key can
be rotated at most %d times.

If the old key may have leaked, also distrust it, and tell those who trust it to
trust the new one instead: with it a thief could still name another successor.`, ledger.MaxRotations),
		Example: "gait keys rotate --reason \"yearly\"\ngait keys rotate --reason \"laptop lost\" && gait keys distrust 6b2f0a94c1d3e587\ngait keys rotate --dry-run --json",
		Args:    noArgs,
	}, 0, 1, 2, 3, 6, 7, 8)
	by.add(cmd)
	cmd.Flags().BoolVar(&by.dryRun, "dry-run", false, "show what would be written, with a key made for it, and write nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		order, err := by.order(cmd.Context(), a, verbRotate, object{})
		if err != nil {
			return err
		}
		if by.dryRun {
			return a.write(cmd.Context(), func(r *connect.Ledger) error { return draftRotation(cmd.Context(), a, r, order) })
		}
		return rotateKey(cmd.Context(), a, order)
	}
	return cmd
}

// draftRotation shows the event that a rotation would write.
func draftRotation(ctx context.Context, a *app, l *connect.Ledger, by root.Order) error {
	r, err := l.Root()
	if err != nil {
		return err
	}
	key, err := r.NewKey()
	if err != nil {
		return err
	}
	e, err := r.RotationDraft(ctx, key.VerifierKey(), by)
	if err != nil {
		return err
	}
	return a.showDraft(e)
}

// showDraft shows an event that would be written.
func (c *console) showDraft(e ledger.Event) error {
	c.noteClock(e)
	payload, err := payloadOf(e)
	if err != nil {
		return err
	}
	return c.print(object{"dry_run": true, "exit_code": 0, "type": e.Type(), "payload": payload}, func(s *screen) {
		fmt.Fprintf(s, "%s would write %s and exit 0; nothing was written\n", s.bold("dry run:"), e.Type())
		s.fields([2]string{"payload", string(payload)})
	})
}

func rotateKey(ctx context.Context, a *app, by root.Order) error {
	var did root.RotateResult
	err := a.write(ctx, func(l *connect.Ledger) error {
		r, err := l.Root()
		if err != nil {
			return err
		}
		a.writing.Store(true)
		did, err = r.Rotate(ctx, by)
		return err
	})
	if err != nil {
		return err
	}
	a.noteClock(did.Event)
	receipt := object{"seq": did.Receipt.Seq, "leaf_hash": did.Receipt.Leaf, "tree_size": did.Receipt.TreeSize}
	fields := object{
		"origin": did.Key.Name(), "public_key": did.Key.String(), "key_id": did.Key.ID(), "previous": did.Previous.String(),
		"trusted": did.Trusted, "receipt": receipt,
	}
	return a.print(fields, func(s *screen) {
		s.done("%s is signed by a new key %s", s.bold(did.Key.Name()), s.dim(fmt.Sprintf("(event %d)", did.Receipt.Seq)))
		trusted := "no: you distrusted the one before"
		if did.Trusted {
			trusted = "yes, like the one before"
		}
		s.fields([2]string{"public key", did.Key.String()}, [2]string{"before", did.Previous.String()}, [2]string{"trusted", trusted})
		s.next("gait keys show, for those who check your packs; gait keys distrust " + did.Previous.ID().String()[:16] + ", if that key may have leaked")
	})
}
