package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
	"gait/projection"
)

func ledgerVerifyCommand(a *app) *cobra.Command {
	var keyFile, sinceFile string
	var adminFiles []string
	cmd := exits(&cobra.Command{
		Use:   "verify",
		Short: "Check the whole ledger from its bytes",
		Long: `Check the whole ledger from its bytes: every event, both chains, the tree, the
signatures under a key you trust or one that it handed the ledger on to, the rules of
every job, every stored view, and that it continues the newest checkpoint seen, or the
one given. If it does not, both signed checkpoints are printed: they are the evidence.
The proofs of jobs that another ledger held before are checked too, and the content of
jobs that is kept here; content that is missing, or was erased, is counted.`,
		Example: "gait ledger verify\ngait ledger verify --public-key auditor.vkey --json\ngait ledger verify --since seen.checkpoint",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&keyFile, "public-key", "", "the ledger's key, or a file with it: "+keyForms+"; only it counts then")
	cmd.Flags().StringVar(&sinceFile, "since", "", "file with a checkpoint or proof seen earlier, which the ledger must continue")
	cmd.Flags().StringArrayVar(&adminFiles, "admin-key", nil, "file with the public key of the ledger's first admin, as you know it; may be given several times")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		trusted, err := trustedKeys(a, keyFile)
		if err != nil {
			return err
		}
		admins, err := a.adminKeys(adminFiles)
		if err != nil {
			return err
		}
		since, err := a.readSeen(sinceFile) // before the ledger is open: a process that writes it may need it
		if err != nil {
			return err
		}
		a.readsAll = true
		return a.read(cmd.Context(), func(r *connect.Ledger) error {
			by, err := trustedIn(r.Log.Keys(), trusted, keyFile)
			if err != nil {
				return err
			}
			if err := checkFirstAdmin(a, r, admins); err != nil {
				return err
			}
			return verifyLedger(cmd, a, r, verifiedBy{trusted, by}, since)
		})
	}
	return cmd
}

// verifiedBy says whom the user trusts.
type verifiedBy struct {
	trusted []packspec.TrustedKey
	from    string // the source of the key that has signed the ledger
}

func verifyLedger(cmd *cobra.Command, a *app, r *connect.Ledger, by verifiedBy, since seenFile) error {
	computed, err := verifyEvents(a, r)
	if err != nil {
		return err
	}
	jobs, err := verifyViews(a, r)
	if err != nil {
		return err
	}
	c, signed := r.Log.Checkpoint()
	fields := object{"origin": c.Origin, "tree_size": c.Size, "root": c.Root, "jobs": jobs, "public_key": r.Log.Keys().Current().String(), "trusted_by": by.from, "verified": true}
	continues := ""
	if since.name != "" {
		if err := holdsToFile(a.running.Context(), r, since); err != nil {
			return err
		}
		fields["since"] = sizeAndRoot(since.was)
		continues = fmt.Sprintf("%s, of %s", since.name, count(since.was.Size, "event"))
	}
	if err := r.Newest(); err != nil { // its events hold, and others are missing
		return err
	}
	if err := holdsToPacks(a, r); err != nil {
		return err
	}
	memory := recall.Memory{Home: r.Home, Notice: a.notice}
	before := checkBefore(memory, root.ContentOf(r.Dir), by.trusted)
	var kept contentCheck
	err = holdsToSeen(a.running.Context(), memory, r, func(e ledger.Event) error {
		kept.named.Add(e)
		return before.event(e)
	})
	if err == nil {
		err = kept.look(a, r)
	}
	if err != nil {
		return err
	}
	memory.KeepCheckpoint(signed, true, r.Log.Keys().Keys()...)
	a.wasVerified(r, computed)
	if open, err := r.Root(); err == nil { // a daemon has noted it
		open.NotePlace()
	}
	actors, err := addAuthority(cmd, r, fields)
	if err != nil {
		return err
	}
	lines := append(append(before.tell(a, fields), kept.add(fields)), actors...)
	if err := before.missing(); err != nil && !r.Log.Imported() {
		fields["verified"] = false
		return &lackingError{err, fields}
	}
	return a.print(fields, func(s *screen) {
		s.done("%s holds: %s, %s", s.bold(c.Origin), count(c.Size, "event"), count(int64(jobs), "job"))
		s.fields(append([][2]string{
			{"root", c.Root.String()}, {"signed by", r.Log.Keys().Current().String()}, {"trusted by", by.from}, {"continues", continues},
		}, lines...)...)
		fmt.Fprintln(s, s.green("VERIFIED"))
	})
}

// verifyViews compares the stored view of each job with what its events give, and counts them.
func verifyViews(a *app, r *connect.Ledger) (jobs int, err error) {
	for job, err := range projection.Rebuild(a.running.Context(), r.Log) {
		if err != nil {
			return 0, err
		}
		if job.Misleads() {
			return 0, &viewsError{text: fmt.Sprintf("the stored view of job %s differs from what its events give", job.JobID)}
		}
		jobs++
	}
	return jobs, nil
}
