package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

func (a *app) ledgerCommand() *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "ledger",
		Short:   "Create, verify, repair, cosign and retire the ledger itself",
		Example: "gait ledger init --origin example.com/payments\ngait ledger verify",
	})
	cmd.AddCommand(a.initCommand(), a.ledgerInfoCommand(), a.ledgerVerifyCommand(), a.ledgerCheckpointCommand(), a.ledgerProofCommand(),
		a.ledgerExportCommand(), a.ledgerImportCommand(),
		a.rebuildCommand(), a.retireCommand(), a.witnessCommand(), a.cosignCommand())
	return cmd
}

func (a *app) initCommand() *cobra.Command {
	var origin string
	cmd := exits(&cobra.Command{
		Use:     "init",
		Short:   "Create a ledger, its signing key and its trust entry",
		Long:    "Create a ledger, its signing key and its trust entry. job submit does it too,\nwhere there is none; use init to choose the ledger's name.",
		Example: "gait ledger init\ngait ledger init --origin example.com/payments --root /var/lib/gait/jobs",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&origin, "origin", "", "the ledger's name in every checkpoint, like example.com/payments (default gait.local/ULID)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if origin != "" {
			if err := ledger.FieldOrigin.Check(origin); err != nil {
				return err
			}
		}
		o, err := a.options()
		if err != nil {
			return err
		}
		if err := ledger.FieldActor.Check(o.Actor); err != nil {
			return err
		}
		o.Create, o.Origin = true, origin
		return a.open(cmd.Context(), o, func(r *openLedger) error {
			if !r.Created {
				return &unsafeError{code: "ledger_exists", text: fmt.Sprintf("%s holds the ledger %s already", a.rootDir(), r.Log.Origin()), hint: "use it, or another directory with --root"}
			}
			c, _ := r.Log.Checkpoint()
			return a.print(object{"origin": c.Origin, "public_key": r.Log.Key().String(), "tree_size": c.Size, "root": c.Root, "path": a.rootDir()}, func(s *screen) {
				s.done("ledger %s", s.bold(c.Origin))
				s.fields([2]string{"directory", a.rootDir()}, [2]string{"public key", r.Log.Key().String()})
				s.next("gait job submit --id job_1")
			})
		})
	}
	return cmd
}

func (a *app) ledgerVerifyCommand() *cobra.Command {
	var keyFile, sinceFile string
	cmd := exits(&cobra.Command{
		Use:   "verify",
		Short: "Check the whole ledger from its bytes",
		Long: `Check the whole ledger from its bytes: every event, both chains, the tree, the
signatures under a key you trust or one that it handed the ledger on to, the rules of every job, every stored view, and that
it continues the newest checkpoint seen, or the one given. Where it does not, both
signed checkpoints are printed: they are the evidence.`,
		Example: "gait ledger verify\ngait ledger verify --public-key auditor.vkey --json\ngait ledger verify --since seen.checkpoint",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&keyFile, "public-key", "", "the ledger's key, or a file with it: "+keyForms+"; only it counts then")
	cmd.Flags().StringVar(&sinceFile, "since", "", "file with a checkpoint or proof seen earlier, which the ledger must continue")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		trusted, err := a.trusted(keyFile)
		if err != nil {
			return err
		}
		return a.read(cmd.Context(), func(r *openLedger) error {
			by, err := trustedIn(r.Log.Keys(), trusted, keyFile)
			if err != nil {
				return err
			}
			return a.verifyLedger(r, by, sinceFile)
		})
	}
	return cmd
}

// verifyEvents checks all of a ledger from its bytes.
func (a *app) verifyEvents(r *openLedger) error {
	bar := a.progress("verifying events")
	defer bar.stop()
	return r.Log.Verify(bar.update)
}

func (a *app) verifyLedger(r *openLedger, by, sinceFile string) error {
	if err := a.verifyEvents(r); err != nil {
		return err
	}
	jobs := 0
	for job, err := range projection.Rebuild(r.Log) {
		if err != nil {
			return err
		}
		if !job.Same() {
			return &viewsError{text: fmt.Sprintf("the stored view of job %s is not what its events give", job.JobID)}
		}
		jobs++
	}
	c, signed := r.Log.Checkpoint()
	fields := object{"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "jobs": jobs, "public_key": r.Log.Key().String(), "trusted_by": by, "verified": true}
	continues := ""
	if sinceFile != "" {
		was, err := since(r, sinceFile)
		if err != nil {
			return err
		}
		fields["since"] = sizeAndRoot(was)
		continues = fmt.Sprintf("%s, of %d events", sinceFile, was.Size)
	}
	if err := a.holdsToPacks(r); err != nil {
		return err
	}
	a.remember(signed, true, r.Log.Keys().Keys()...)
	return a.print(fields, func(s *screen) {
		s.done("%s holds: %d events, %d jobs", s.bold(c.Origin), c.Size, jobs)
		s.fields([2]string{"root", c.Root.String()}, [2]string{"signed by", r.Log.Key().String()}, [2]string{"trusted by", by}, [2]string{"continues", continues})
		fmt.Fprintln(s, s.green("VERIFIED"))
	})
}

func (a *app) rebuildCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "rebuild",
		Short:   "Make the stored views anew from events and say which differed",
		Example: "gait ledger rebuild --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.write(cmd.Context(), false, a.rebuild)
		},
	}, 0, 1, 2, 6, 7, 8)
}

func (a *app) rebuild(r *openLedger) error {
	jobs, differed := 0, []string{}
	err := r.Log.ReplaceViews(func(yield func(ledger.JobView, error) bool) {
		for job, err := range projection.Rebuild(r.Log) {
			if err == nil {
				jobs++
			}
			if err == nil && !job.Same() {
				differed = append(differed, job.JobID)
			}
			if !yield(ledger.JobView{ID: job.JobID, View: job.Made}, err) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return a.print(object{"jobs": jobs, "differed": differed}, func(s *screen) {
		s.done("made the views of %d jobs anew; %d differed", jobs, len(differed))
		for _, id := range differed {
			fmt.Fprintf(s, "  %s %s\n", s.yellow("≠"), id)
		}
	})
}

func (a *app) retireCommand() *cobra.Command {
	var reason string
	cmd := exits(&cobra.Command{
		Use:   "retire",
		Short: "Give up a ledger that was lost or rolled back",
		Long: `Give up a ledger that was lost, damaged or rolled back: its directory is renamed and
kept, and nothing is ever signed under its origin again. The next ledger here names
it as its predecessor.`,
		Example: `gait ledger retire --reason "disk replaced, restored from last night's backup"`,
		Args:    noArgs,
	}, 0, 1, 2, 6, 8)
	cmd.Flags().StringVar(&reason, "reason", "", "why (required)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if reason == "" {
			return &usageError{code: "invalid_reason", text: "why? --reason is missing", hint: `add --reason "restored from last night's backup"`}
		}
		if err := ledger.FieldReason.Check(reason); err != nil {
			return err
		}
		o, err := a.options()
		if err != nil {
			return err
		}
		was, err := root.Retire(cmd.Context(), o, reason)
		if err != nil {
			return err
		}
		fields := object{"origin": was.Origin, "path": was.Path, "seen": sizeAndRoot(was.Seen), "found": sizeAndRoot(was.Found)}
		return a.print(fields, func(s *screen) {
			s.done("retired %s", s.bold(was.Origin))
			s.fields([2]string{"kept as", was.Path}, [2]string{"seen", fmt.Sprintf("%d events", was.Seen.Size)}, [2]string{"found", fmt.Sprintf("%d events", was.Found.Size)})
			s.next("gait job submit --id job_1, which begins a new ledger that names this one")
		})
	}
	return cmd
}

func sizeAndRoot(c ledger.Checkpoint) object { return object{"size": c.Size, "root": c.Root} }
