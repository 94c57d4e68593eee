package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/notify"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/packspec"
)

func ledgerCheckpointCommand(a *app) *cobra.Command {
	var out string
	cmd := exits(&cobra.Command{
		Use:   "checkpoint",
		Short: "Print the ledger's newest signed checkpoint",
		Long: `Print the ledger's newest checkpoint: origin, size and root of its tree, signed (a
C2SP tlog-checkpoint). Keep it to check later that nothing it covers was changed:
gait ledger verify --since FILE.`,
		Example: "gait ledger checkpoint\ngait ledger checkpoint --out seen.checkpoint --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&out, "out", "", "write it to this file; only a checkpoint of the same ledger is replaced; "+outForms)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var p printout
		err := a.show(cmd.Context(), func(r *connect.Ledger) error {
			c, signed := r.Log.Checkpoint()
			fields := object{"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "checkpoint": string(signed)}
			p = notePrintout(fields, c.Origin, signed)
			return nil
		})
		if err != nil {
			return err
		}
		return p.print(a, out)
	}
	return cmd
}

func ledgerProofCommand(a *app) *cobra.Command {
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
	cmd.Flags().StringVar(&out, "out", "", "write it to this file; only a proof from the same ledger is replaced; "+outForms)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var p printout
		err := a.show(cmd.Context(), func(r *connect.Ledger) error {
			c, _ := r.Log.Checkpoint()
			if !cmd.Flags().Changed("seq") {
				return &usageError{code: "invalid_seq", text: "the proof of which event? --seq is missing", hint: "the seq of an event is in its receipt, and in gait job inspect"}
			}
			if seq < 0 || seq >= c.Size {
				return &usageError{code: "invalid_seq", text: fmt.Sprintf("the ledger has no event %d, only 0 to %d", seq, c.Size-1), hint: "the seq of an event is in its receipt, and in gait job inspect"}
			}
			e, err := r.Log.Event(cmd.Context(), ledger.Seq(seq))
			if err != nil {
				return err
			}
			proof, err := ledger.NewestProof(cmd.Context(), r.Log, e.Seq())
			if err != nil {
				return err
			}
			fields := object{"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "seq": seq, "leaf_hash": e.LeafHash(), "proof": proof.String()}
			p = notePrintout(fields, c.Origin, []byte(proof.String()))
			return nil
		})
		if err != nil {
			return err
		}
		return p.print(a, out)
	}
	return cmd
}

// A printout is a text that a command prints, or writes to the file of --out, once it has
// closed the ledger: the reader of a pipe may let it wait.
type printout struct {
	fields object // of the JSON output
	text   []byte
	kind   string                // what it is, to people
	claim  string                // what it shows, to people; "" if the kind says it
	same   func(old []byte) bool // reports whether a file is of the same kind, and may be replaced
}

// notePrintout returns a checkpoint or a proof to print.
func notePrintout(fields object, origin string, text []byte) printout {
	return printout{fields: fields, text: text, kind: "from " + origin, same: func(old []byte) bool {
		c, _, err := checkpointIn(old)
		return err == nil && c.Origin == origin
	}}
}

// print prints the text, or writes it to the file out. It replaces only a file that
// is of the same kind.
func (p printout) print(a *app, out string) error {
	if out == "" {
		return a.print(p.fields, func(s *screen) { s.add(string(p.text)) })
	}
	f, err := a.outFile("--out", out)
	if err != nil {
		return err
	}
	if f.exists {
		old, err := a.readFile(out, packspec.MaxIndexProofSize)
		if _, none := errors.AsType[*usageError](err); err != nil && !none { // an empty or a large file is not ours either
			return err
		}
		if !p.same(old) {
			return &unsafeError{code: "would_overwrite", text: fmt.Sprintf("%s exists and is not %s", out, p.kind), hint: "choose another file with --out"}
		}
	}
	if err := f.write(p.text); err != nil {
		return fmt.Errorf("writing %s: %w", out, err)
	}
	p.fields["path"] = out
	return a.print(p.fields, func(s *screen) {
		if p.claim != "" {
			s.done("wrote %s: %s", out, p.claim)
			return
		}
		s.done("wrote %s", out)
	})
}

func ledgerInfoCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "info",
		Short:   "Show the ledger's name, size, key and directory",
		Example: "gait ledger info --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(cmd.Context(), func(r *connect.Ledger) error { return ledgerInfo(cmd, a, r) })
		},
	}, 0, 1, 2, 6, 7, 8)
}

// predecessorOf says which ledger was retired before the one in a root, and where it is read.
func predecessorOf(dir string, p ledger.Predecessor) string {
	text := fmt.Sprintf("%s, of which %s were seen and %d found", p.Origin, count(p.SeenSize, "event"), p.FoundSize)
	if kept := root.RetiredIn(dir, p.Origin); kept != "" {
		text += "; it is read with --root " + quoted(kept)
	}
	return text
}

func ledgerInfo(cmd *cobra.Command, a *app, r *connect.Ledger) error {
	ctx := cmd.Context()
	first, err := r.Log.Event(ctx, 0)
	if err != nil {
		return err
	}
	created, ok := first.Payload().(ledger.LedgerCreated)
	if !ok {
		return &ledger.CorruptError{Seq: 0, Reason: "not " + string(ledger.TypeLedgerCreated)}
	}
	c, _ := r.Log.Checkpoint()
	seen, dir, err := home.Seen(r.Home, r.Log.Keys().Keys()...)
	if err != nil && !errors.Is(err, home.ErrOtherKey) {
		return err
	}
	jobs := 0
	for _, err := range r.Log.Jobs(ctx, "") {
		if err != nil {
			return err
		}
		jobs++
	}
	fields := object{
		"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "jobs": jobs, "public_key": r.Log.Keys().Current().String(), "path": r.Dir,
		"created_at": ledger.FormatTime(first.Time()), "updated_at": ledger.FormatTime(r.Log.Head().Time), "format": created.Format, "outside": dir, "imported": r.Log.Imported(),
		"webhook_key": notify.PublicKey(r.Log.Keys().Current()),
	}
	before := ""
	if p := created.Predecessor; p != nil {
		before = predecessorOf(r.Dir, *p)
		fields["predecessor"] = p.Origin
	}
	moved, err := ledger.MovedAway(ctx, r.Log)
	if err != nil {
		return err
	}
	goesOn := ""
	if moved != nil {
		goesOn = moved.To.String()
		fields["moved_to"] = goesOn
	}
	actors, err := addAuthority(cmd, r, fields)
	if err != nil {
		return err
	}
	outside := "none yet"
	if len(seen) > 0 {
		fields["seen"] = sizeAndRoot(seen[0].Checkpoint)
		outside = fmt.Sprintf("%s, in %s", count(seen[0].Size, "event"), dir)
	}
	return a.print(fields, func(s *screen) {
		fmt.Fprintf(s, "%s  %s, %s\n", s.bold(c.Origin), count(c.Size, "event"), count(int64(jobs), "job"))
		s.fields([2]string{"directory", r.Dir}, [2]string{"created", ledger.FormatTime(first.Time())}, [2]string{"last event", ledger.FormatTime(r.Log.Head().Time)},
			[2]string{"root", c.Root.String()}, [2]string{"public key", r.Log.Keys().Current().String()}, [2]string{"seen", outside}, [2]string{"before it", before}, [2]string{"goes on under", goesOn})
		s.fields(actors...)
	})
}
