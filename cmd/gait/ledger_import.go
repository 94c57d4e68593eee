package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/root"
	"gait/ledger/store"
	"gait/packspec"
	"gait/projection"
)

func ledgerImportCommand(a *app) *cobra.Command {
	var flags writeFlags
	var pack, keyFile string
	cmd := exits(&cobra.Command{
		Use:   "import DIR | --packspec FILE",
		Short: "Copy an exported ledger to read, or take a job over from a PackSpec v1 pack",
		Long: `Make a copy of a ledger that gait ledger export wrote: a new root with the same
events, hashes and signed checkpoint. It is refused unless all of it verifies under a
key you trust, and it is only read: nothing is appended here, even if you hold the
key. With the key, packs of it can be built.

With --packspec, take over a job from a PackSpec v1 pack without evidence, as one
event of the ledger here; from then on its history is under proof. What the pack says
of the time before is kept as a claim: its checkpoints and approvals, its digest, and
whether a key you trust signed it. An unsigned pack can be imported, and the
event says so; one that contradicts itself cannot.

Checkpoint ids are counted on; the revision begins at 1 again. A running job goes on
running. One that is paused, blocked or waits for a decision needs an approval
here before it can be resumed, whatever was approved before, and not by the actor
who imports it. A job that ended stays so. The whole job has to fit into one event
of 60 KiB. There must be a ledger: gait ledger init creates one.`,
		Example: "gait ledger import audit-2026-11 --root audit/jobs\n" +
			"gait ledger import audit-2026-11 --root audit/jobs --public-key auditor.vkey\n" +
			"gait ledger import --packspec pack_job_7.zip\n" +
			`gait ledger import --packspec pack_job_7.zip --public-key old.pem --reason "moved from the old runner" --dry-run --json`,
		Args: cobra.ArbitraryArgs,
	}, 0, 1, 2, 3, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&pack, "packspec", "", "take a job over from this pack")
	f.StringVar(&keyFile, "public-key", "", "the key that signed it, or a file with it: "+keyForms+"; only it counts then")
	flags.addCommon(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case pack != "" && len(args) == 0:
			return importJob(cmd.Context(), a, pack, keyFile, flags)
		case pack == "" && len(args) == 1:
			for _, name := range []string{"actor", "reason", "request-id", "dry-run"} {
				if cmd.Flags().Changed(name) {
					return &usageError{code: "invalid_usage", text: "--" + name + " goes with --packspec: a copy of a ledger has no event of its own", hint: "leave --" + name + " out"}
				}
			}
			return importLedger(cmd.Context(), a, args[0], keyFile)
		}
		return &usageError{code: "invalid_usage", text: "import one directory that gait ledger export wrote, or one pack with --packspec", hint: cmd.CommandPath() + " --help"}
	}
	return cmd
}

// importLedger makes the root a copy of an exported ledger.
func importLedger(ctx context.Context, a *app, name, keyFile string) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	trusted, err := trustedKeys(a, keyFile)
	if err != nil {
		return err
	}
	if st, err := os.Stat(name); err != nil || !st.IsDir() {
		return &usageError{code: "file_not_found", text: name + " is not a directory", hint: "name a directory that was exported"}
	}
	files, err := openFolder(name)
	if err != nil {
		return err
	}
	defer files.close()
	log, err := packspec.OpenExport(files)
	if err != nil {
		return err
	}
	from, err := trustedIn(log.Keys, trusted, keyFile)
	if err != nil {
		return err
	}
	if err := log.CheckFiles(); err != nil {
		return err
	}
	memory := recall.Memory{Home: o.Home, Notice: a.notice}
	if err := memory.CheckExport(log); err != nil {
		return err
	}
	seen, err := memory.Ledger(log.Keys)
	if err != nil {
		return err
	}
	before := checkBefore(memory, log.Content, trusted)
	if err := copyInto(ctx, a, o.Options, log, before.checked(seen.Checked(log.Events()))); err != nil {
		return err
	}
	c := log.Checkpoint
	fields := object{
		"path": a.rootDir(), "origin": c.Origin, "tree_size": c.Size, "root": c.Root, "public_key": log.Keys.Current().String(), "trusted_by": from,
		"contents": len(log.Content.Digests),
	}
	lines := before.tell(a, fields)
	return a.print(fields, func(s *screen) {
		s.done("imported %s, %s, to read", s.bold(c.Origin), count(c.Size, "event"))
		s.fields(append([][2]string{
			{"directory", a.rootDir()}, {"root", c.Root.String()}, {"signed by", log.Keys.Current().String()}, {"trusted by", from},
		}, lines...)...)
		s.next("gait job list")
	})
}

// copyInto makes a root with a copy of an exported ledger, whose events are checked as
// they are read.
func copyInto(ctx context.Context, a *app, o root.Options, log packspec.ExportedLog, events ledger.Events) error {
	done := newBar(a, "importing events")
	defer done.stop()
	err := root.Import(ctx, o, root.Copied{
		Copy: store.Copy{
			Entries: projection.Entries(events), Rotations: log.Rotations, Signed: log.Signed, Inherited: log.Inherited,
			Progress: func(n int64) error { return done.update(n, log.Size) },
		},
		Keys: log.Keys, Content: log.Content.Each,
	})
	if errors.Is(err, store.ErrExists) {
		return &unsafeError{code: "ledger_exists", text: a.rootDir() + " holds a ledger already, or held one", hint: "import into another directory with --root"}
	}
	return ledger.Refute(err)
}

// importJob takes a job over from a PackSpec v1 pack.
func importJob(ctx context.Context, a *app, pack, keyFile string, flags writeFlags) error {
	claim, err := readClaim(a, pack, keyFile)
	if err != nil {
		return hasEvidence(a.rootDir(), err)
	}
	a.about(claim.JobID)
	err = carryOut(ctx, a, flags.order(commands.Request{
		JobID: claim.JobID, Actor: a.actor(flags.actor), Reason: flags.reason, Command: commands.Import{Claim: claim.Imported},
		RequestID: flags.requestID, DryRun: flags.dryRun,
	}))
	if errors.Is(err, commands.ErrJobExists) {
		return &usageError{code: "job_exists", text: fmt.Sprintf("%s: the ledger has a job %s already", pack, claim.JobID), hint: "a job is imported once: gait job status --id " + claim.JobID}
	}
	return err
}

func readClaim(a *app, name, keyFile string) (packspec.Claim, error) {
	trusted, err := trustedKeys(a, keyFile)
	if err != nil {
		return packspec.Claim{}, err
	}
	file, size, err := openPack(a, name)
	if err != nil {
		return packspec.Claim{}, err
	}
	defer file.Close()
	claim, err := packspec.ReadClaim(file, size, packspec.Options{Trusted: trusted})
	if err != nil {
		return claim, fmt.Errorf("importing %s: %w", name, err)
	}
	return claim, nil
}
