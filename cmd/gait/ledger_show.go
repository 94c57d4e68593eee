package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
)

func (a *app) ledgerCheckpointCommand() *cobra.Command {
	var out string
	cmd := exits(&cobra.Command{
		Use:   "checkpoint",
		Short: "Print the ledger's newest signed checkpoint",
		Long: `Print the ledger's newest checkpoint: origin, size and root of its tree, signed (a
C2SP tlog-checkpoint). Whoever keeps it can tell later whether anything that it
covers was changed: gait ledger verify --since FILE.`,
		Example: "gait ledger checkpoint\ngait ledger checkpoint --out seen.checkpoint --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&out, "out", "", "write it to this file; only a checkpoint of the same ledger is replaced")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.show(cmd.Context(), func(r *openLedger) error {
			c, signed := r.Log.Checkpoint()
			fields := object{"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "checkpoint": string(signed)}
			return a.printNote(fields, out, c.Origin, signed)
		})
	}
	return cmd
}

func (a *app) ledgerProofCommand() *cobra.Command {
	var seq int64
	var out string
	cmd := exits(&cobra.Command{
		Use:   "proof",
		Short: "Print the proof that an event is in the ledger",
		Long: `Print the proof that an event is in the ledger: its inclusion path and the signed
checkpoint that it leads to (a C2SP tlog-proof).`,
		Example: "gait ledger proof --seq 3\ngait ledger proof --seq 3 --out event-3.tlog-proof --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().Int64Var(&seq, "seq", -1, "the event's place in the ledger, from 0 (required)")
	cmd.Flags().StringVar(&out, "out", "", "write it to this file; only a proof from the same ledger is replaced")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.show(cmd.Context(), func(r *openLedger) error {
			c, _ := r.Log.Checkpoint()
			if !cmd.Flags().Changed("seq") {
				return &usageError{code: "invalid_seq", text: "the proof of which event? --seq is missing", hint: "the seq of an event is in its receipt, and in gait job inspect"}
			}
			if seq < 0 || seq >= c.Size {
				return &usageError{code: "invalid_seq", text: fmt.Sprintf("the ledger has no event %d, only 0 to %d", seq, c.Size-1), hint: "the seq of an event is in its receipt, and in gait job inspect"}
			}
			e, err := r.Log.Event(ledger.Seq(seq))
			if err != nil {
				return err
			}
			p, err := r.Log.Proof(e.Seq)
			if err != nil {
				return err
			}
			fields := object{"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "seq": seq, "leaf_hash": e.LeafHash(), "proof": p.String()}
			return a.printNote(fields, out, c.Origin, []byte(p.String()))
		})
	}
	return cmd
}

// printNote prints a checkpoint or a proof, or writes it to the file out.
func (a *app) printNote(fields object, out, origin string, text []byte) error {
	if out == "" {
		return a.print(fields, func(s *screen) { s.add(string(text)) })
	}
	if st, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		var old []byte
		if err == nil && st.Mode().IsRegular() {
			old, err = readFile(out, ledger.MaxProofSize)
		}
		if err != nil {
			return err
		}
		if c, _, err := checkpointIn(old); err != nil || c.Origin != origin {
			return &unsafeError{code: "would_overwrite", text: fmt.Sprintf("%s exists and is not from %s", out, origin), hint: "choose another file with --out"}
		}
	}
	if err := renameio.WriteFile(out, text, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", out, err)
	}
	fields["path"] = out
	return a.print(fields, func(s *screen) { s.done("wrote %s", out) })
}

// checkpointIn returns the checkpoint in a signed note or at the end of a
// proof, and its note. No signature is checked.
func checkpointIn(text []byte) (ledger.Checkpoint, []byte, error) {
	if p, err := ledger.ParseProof(text); err == nil {
		text = p.Checkpoint
	}
	c, err := ledger.PeekCheckpoint(text)
	return c, text, err
}

func (a *app) ledgerInfoCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "info",
		Short:   "Show what the ledger is, and where",
		Example: "gait ledger info --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(cmd.Context(), a.ledgerInfo)
		},
	}, 0, 1, 2, 6, 7, 8)
}

func (a *app) ledgerInfo(r *openLedger) error {
	first, err := r.Log.Event(0)
	if err != nil {
		return err
	}
	created, ok := first.Payload.(ledger.LedgerCreated)
	if !ok {
		return &ledger.CorruptError{Seq: 0, Reason: "not " + string(ledger.TypeLedgerCreated)}
	}
	c, _ := r.Log.Checkpoint()
	seen, dir, err := root.Seen(r.Home, r.Log.Keys().Keys()...)
	if err != nil && !errors.Is(err, root.ErrOtherKey) {
		return err
	}
	jobs := 0
	for _, err := range r.Log.Jobs("") {
		if err != nil {
			return err
		}
		jobs++
	}
	fields := object{"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "jobs": jobs, "public_key": r.Log.Key().String(), "path": r.Dir,
		"created_at": ledger.FormatTime(first.Time), "updated_at": ledger.FormatTime(r.Log.Head().Time), "format": created.Format, "outside": dir, "imported": r.Log.Imported()}
	before := ""
	if p := created.Predecessor; p != nil {
		before = p.Origin
		fields["predecessor"] = before
	}
	outside := "none yet"
	if len(seen) > 0 {
		fields["seen"] = sizeAndRoot(seen[0].Checkpoint)
		outside = fmt.Sprintf("%d events, in %s", seen[0].Size, dir)
	}
	return a.print(fields, func(s *screen) {
		fmt.Fprintf(s, "%s  %d events, %d jobs\n", s.bold(c.Origin), c.Size, jobs)
		s.fields([2]string{"directory", r.Dir}, [2]string{"created", ledger.FormatTime(first.Time)}, [2]string{"last event", ledger.FormatTime(r.Log.Head().Time)},
			[2]string{"root", c.Root.String()}, [2]string{"public key", r.Log.Key().String()}, [2]string{"seen", outside}, [2]string{"before it", before})
	})
}
