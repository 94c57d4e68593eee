package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/ledger/store"
	"gait/packspec/backup"
	"gait/projection"
)

// restoreFlags are the flags of gait ledger restore.
type restoreFlags struct {
	keyFile                              string
	passphrase                           passphraseFlag
	newest, readOnly, withoutKey, dryRun bool
	inPlace                              bool

	asSuccessor    bool
	althoughMoved  bool
	reason, origin string // of the successor
}

func ledgerRestoreCommand(a *app) *cobra.Command {
	var flags restoreFlags
	cmd := exits(&cobra.Command{
		Use:   "restore FILE | --in-place",
		Short: "Make the ledger again from a backup, and continue it if it is the newest state seen",
		Long: `Make the ledger again from a backup that gait ledger backup wrote, in a root that holds
none. All of it is verified first, under a key you trust or hold.

If you have seen nothing newer of the ledger, and its private key is here or in the
backup, the ledger is continued. If you have seen nothing of it at all, as with a new
machine, it cannot be told whether events came after the backup: say --newest if you
know that none did. If events were seen that the backup does not have, what is restored
is an older state: its jobs are shown, packed and exported, each time with a warning
("restored" in JSON), and nothing is written to it, by any user.

The way on from there is gait ledger retire --successor, or at once --as-successor: the
ledger is restored, retired, and continued by a new one, which takes over its jobs under
the same ids, and needs no private key of the old one.

If the ledger was moved here (gait keys new here, gait ledger move there), it goes on here
under the key that was made here, which signs the checkpoint that the ledger came with.

With --read-only it is a copy that is only read, whatever was seen. With --in-place no
backup is restored: what is in the root already is verified and accepted for what it is,
an older state that was put back there by other means, or the root of another ledger.`,
		Example: "gait ledger restore /mnt/backup/payments.zip\n" +
			"gait ledger restore payments.zip --root new/jobs --passphrase-file secret.txt --newest\n" +
			"gait ledger restore payments.zip --root look/jobs --read-only\n" +
			"gait ledger restore payments.zip --dry-run --json\n" +
			"gait ledger restore payments.zip --dry-run --read-only --root look\n" +
			"gait ledger restore payments.zip --as-successor --reason \"the disk was lost\"\n" +
			"gait ledger restore --in-place",
		Args: cobra.ArbitraryArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.keyFile, "public-key", "", "the key that signed it, or a file with it: "+keyForms+"; only it counts then")
	f.BoolVar(&flags.newest, "newest", false, "nothing was written after the backup: continue it although nothing was seen of the ledger here")
	f.BoolVar(&flags.readOnly, "read-only", false, "make a copy that is only read")
	f.BoolVar(&flags.withoutKey, "without-key", false, "leave the private key in the backup")
	f.BoolVar(&flags.dryRun, "dry-run", false, "verify the backup, say what would become of it, and write nothing")
	f.BoolVar(&flags.inPlace, "in-place", false, "accept what is in the root already")
	f.BoolVar(&flags.asSuccessor, "as-successor", false, "continue its jobs in a new ledger, here, and retire the restored one")
	f.BoolVar(&flags.althoughMoved, "although-moved", false, "with --as-successor: it moved away, and the place where it went is lost")
	f.StringVar(&flags.reason, "reason", "", "with --as-successor: why (default: from which backup)")
	f.StringVar(&flags.origin, "origin", "", "with --as-successor: the successor's name (default gait.local/ULID)")
	flags.passphrase.add(a, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case flags.inPlace && len(args) == 0:
			for _, name := range []string{"newest", "read-only", "without-key", "dry-run", "passphrase-file", "as-successor", "although-moved", "reason", "origin"} {
				if cmd.Flags().Changed(name) {
					return &usageError{code: "invalid_usage", text: "--" + name + " is about a backup, and --in-place restores none", hint: "leave --" + name + " out"}
				}
			}
			return acceptInPlace(cmd.Context(), a, flags)
		case !flags.inPlace && len(args) == 1:
			return restoreBackup(cmd.Context(), a, args[0], flags)
		}
		return &usageError{code: "invalid_usage", text: "restore one backup that gait ledger backup wrote, or accept what is here with --in-place", hint: cmd.CommandPath() + " --help"}
	}
	return cmd
}

// check refuses flags that contradict each other.
func (f restoreFlags) check() error {
	switch {
	case !f.asSuccessor && (f.reason != "" || f.origin != "" || f.althoughMoved):
		return &usageError{code: "invalid_usage", text: "--reason, --origin and --although-moved are about a successor", hint: "add --as-successor, or leave them out"}
	case f.asSuccessor && (f.readOnly || f.newest):
		return &usageError{code: "invalid_usage", text: "what a successor continues is neither continued itself nor a copy", hint: "leave --newest and --read-only out"}
	case f.reason != "":
		return ledger.FieldReason.Check(f.reason)
	}
	return nil
}

func restoreBackup(ctx context.Context, a *app, name string, flags restoreFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	o, err := a.options()
	if err != nil {
		return err
	}
	file, size, err := openPack(a, name)
	if err != nil {
		return err
	}
	defer file.Close()
	b, err := backup.Open(file, size)
	if err != nil {
		return err
	}
	last, moved, err := b.Log.Move()
	if err != nil {
		return err
	}
	from := root.Backup{Checkpoint: b.Checkpoint, Keys: b.Log.Keys, Newest: flags.newest, ReadOnly: flags.readOnly, Succeeded: flags.asSuccessor, Moves: last, Continues: b.Log.Continues}
	if from.Key, err = keyInBackup(ctx, o.Home, name, restoredBackup{Backup: b, moved: moved}, flags); err != nil {
		return err
	}
	trusted, err := trustedBackup(a, o.Home, b, from.Key, flags.keyFile)
	if err != nil {
		return err
	}
	if err := (recall.Memory{Home: o.Home}).CheckExport(b.Log); err != nil {
		return err
	}
	o.AlthoughMoved = flags.althoughMoved
	var did root.Restoration
	if flags.dryRun {
		did, err = planRestore(a, o.Options, b, from)
	} else {
		did, err = restoreInto(ctx, a, o.Options, b, from)
	}
	if errors.Is(err, store.ErrExists) {
		err = existsError(a.rootDir(), err, flags)
		if flags.asSuccessor && !flags.dryRun { // a crash may have come after the restored ledger was retired
			return succeedRestored(ctx, a, restoredBackup{b, did, moved}, flags, trusted, err)
		}
	}
	if err != nil {
		return ledger.Refute(err)
	}
	if flags.asSuccessor && !flags.dryRun {
		return succeedRestored(ctx, a, restoredBackup{b, did, moved}, flags, trusted, nil)
	}
	return showRestored(a, restoredBackup{b, did, moved}, trusted, flags)
}

// existsError says what is in the way of a backup.
func existsError(dir string, err error, flags restoreFlags) error {
	text, hint := dir+" holds another ledger, or held one", "restore into another directory with --root, or move the directory ledger in that one away first; what it holds stays as it is then"
	e, ok := errors.AsType[*root.OccupiedError](err)
	if ok && e.Whole {
		hint = "restore into another directory with --root, or move all of that one away first; what it holds stays as it is then"
	}
	if flags.dryRun {
		hint = "to look only whether the backup holds: add --read-only --root DIR, a directory that is not there"
	}
	if ok {
		text = dir + " holds " + e.Holds
	}
	return &unsafeError{code: "ledger_exists", text: text, hint: hint}
}

// A restoredBackup is a backup, what became of it, and where its ledger moved; nil if it did
// not.
type restoredBackup struct {
	*backup.Backup
	did   root.Restoration
	moved *ledger.Move
}

// succeedRestored puts a successor in the place of a ledger that was restored. If it could
// not be restored, for the reason given, only a successor that was whole already is put
// there.
func succeedRestored(ctx context.Context, a *app, b restoredBackup, flags restoreFlags, trusted string, unless error) error {
	h := heir{a: a, reason: cmp.Or(flags.reason, "restored from a backup as of "+ledger.FormatTime(b.AsOf)), origin: flags.origin, keyFile: flags.keyFile, althoughMoved: flags.althoughMoved, newestUnknown: b.did.Seen.Size == 0, unless: unless}
	did, err := h.succeed(ctx)
	if err != nil {
		return err
	}
	fields := did.fields()
	fields["trusted_by"], fields["as_of"], fields["contents"] = trusted, ledger.FormatTime(b.AsOf), b.Contents
	return a.print(fields, func(s *screen) {
		s.done("restored %s, %s; %s continues it", s.bold(b.Origin), count(b.Size, "event"), s.bold(did.Successor.Name()))
		did.show(s, [2]string{"as of", ledger.FormatTime(b.AsOf)}, [2]string{"trusted by", trusted})
	})
}

// keyInBackup opens the private key in a backup, if it is needed.
func keyInBackup(ctx context.Context, homeDir, name string, b restoredBackup, flags restoreFlags) (ledger.PrivateKey, error) {
	if b.moved != nil && flags.passphrase.file == "" { // it signs nothing any more
		return ledger.PrivateKey{}, nil
	}
	if b.SealedKey == nil || flags.withoutKey || flags.readOnly || flags.asSuccessor {
		return ledger.PrivateKey{}, nil
	}
	_, err := home.PrivateOf(homeDir, b.Key)
	if _, missing := errors.AsType[*home.KeyMissingError](err); !missing {
		return ledger.PrivateKey{}, err // it is here
	}
	return unsealKey(ctx, "the key in "+name, b.SealedKey, b.Origin, flags.passphrase)
}

// trustedBackup says why the key of a backup is trusted: it is the user's own, or one that
// the user trusts.
func trustedBackup(a *app, homeDir string, b *backup.Backup, inside ledger.PrivateKey, keyFile string) (string, error) {
	if keyFile == "" && inside.VerifierKey() == b.Key {
		return "the private key in the backup", nil
	}
	if keyFile == "" {
		_, err := home.PrivateOf(homeDir, b.Key)
		if err == nil {
			return "the private key in " + homeDir, nil
		}
		if _, missing := errors.AsType[*home.KeyMissingError](err); !missing {
			return "", err
		}
	}
	trusted, err := trustedKeys(a, keyFile)
	if err != nil {
		return "", err
	}
	return trustedIn(b.Log.Keys, trusted, keyFile)
}

// planRestore verifies a backup, and says what restoring it would do.
func planRestore(a *app, o root.Options, b *backup.Backup, from root.Backup) (root.Restoration, error) {
	seen, err := recall.Memory{Home: o.Home}.Ledger(b.Log.Keys)
	if err != nil {
		return root.Restoration{}, err
	}
	bar := newBar(a, "verifying the backup")
	defer bar.stop()
	if err := b.Verify(bar.update); err != nil {
		return root.Restoration{}, err
	}
	for _, err := range seen.Checked(b.Events()) {
		if err != nil {
			return root.Restoration{}, err
		}
	}
	did, err := root.PlanRestore(o, from)
	if err == nil && did.KeyFile == "" && !from.Key.VerifierKey().IsZero() {
		did.KeyFile, did.KeyAdded = home.KeyPath(o.Home, b.Origin, did.Retired), true
	}
	return did, err
}

func restoreInto(ctx context.Context, a *app, o root.Options, b *backup.Backup, from root.Backup) (root.Restoration, error) {
	seen, err := recall.Memory{Home: o.Home}.Ledger(b.Log.Keys)
	if err != nil {
		return root.Restoration{}, err
	}
	bar := newBar(a, "restoring events")
	defer bar.stop()
	from.Copy = store.Copy{
		Entries: projection.Entries(seen.Checked(b.Events())), Rotations: b.Log.Rotations, Signed: b.Log.Signed, Cosigned: b.Cosigned,
		Inherited: b.Inherited, Progress: func(n int64) error { return bar.update(n, b.Size) },
	}
	from.Content = func(keep func(ledger.Hash, io.ReadSeeker) error) error {
		return b.EachContent(func(e content.Entry, in io.ReadSeeker) error { return keep(e.Digest, in) })
	}
	from.OfJobs = func(keep func(content.Carried, io.Reader) error) error {
		return b.EachOfJobs(func(c content.Carried, _ int64, in io.ReadSeeker) error { return keep(c, in) })
	}
	return root.Restore(ctx, o, from)
}

func showRestored(a *app, b restoredBackup, trusted string, flags restoreFlags) error {
	did := b.did
	if did.Older && !did.Copy {
		a.restored = &root.Restored{Size: b.Size, Seen: did.Seen.Size}
	}
	fields := object{
		"path": a.rootDir(), "origin": b.Origin, "tree_size": b.Size, "root": b.Root, "public_key": b.Key.String(), "trusted_by": trusted,
		"as_of": ledger.FormatTime(b.AsOf), "contents": b.Contents, "lacking": len(b.Lacking), "writable": did.Writable() && !flags.asSuccessor && !b.LacksRequests, "imported": did.Copy, "replayed": did.There,
	}
	a.tellLacking("backup", b.Lacking)
	if flags.dryRun {
		fields["dry_run"] = true
	}
	if did.Seen.Size > 0 {
		fields["seen"] = sizeAndRoot(did.Seen)
	}
	if b.moved != nil {
		fields["moved_to"] = b.moved.To.String()
	}
	return a.print(fields, func(s *screen) {
		switch {
		case flags.dryRun:
			fmt.Fprintf(s, "%s the backup of %s holds: %s\n", s.bold("dry run:"), s.bold(b.Origin), count(b.Size, "event"))
		case did.There:
			s.done("%s was there already, %s", s.bold(b.Origin), count(b.Size, "event"))
		default:
			s.done("restored %s, %s", s.bold(b.Origin), count(b.Size, "event"))
		}
		what, next := b.meaning()
		if flags.asSuccessor {
			what = "no: a successor would continue its jobs"
		}
		if flags.dryRun {
			next = "the same without --dry-run"
		}
		s.fields([2]string{"directory", a.rootDir()}, [2]string{"as of", ledger.FormatTime(b.AsOf)}, [2]string{"root", b.Root.String()},
			[2]string{"trusted by", trusted}, [2]string{"written", what})
		s.next(next)
	})
}

// meaning says what can be done with a restored ledger, and what to do next.
func (b restoredBackup) meaning() (what, next string) {
	switch did := b.did; {
	case did.Here:
		return "yes: it moved here, and goes on under " + b.moved.To.String(), "gait keys show, for those who check your packs"
	case did.Back:
		return fmt.Sprintf("no: it has %d events, and %d were seen: it moved, and went on here later", b.Size, did.Seen.Size), "gait job list; " + successorHint
	case did.Moved && did.Seen.Size > b.Size && !did.Copy && !did.Retired:
		return fmt.Sprintf("no: it moved to %s, and %d events were seen", b.moved.To, did.Seen.Size), "gait job list"
	case did.Moved && !did.Copy && !did.Retired:
		return "no: it moved to " + b.moved.To.String(), "gait job list"
	case did.Copy:
		return "no: it is a copy", "gait job list"
	case did.Retired:
		return "no: it was retired", "gait job list"
	case did.Older:
		return fmt.Sprintf("no: it has %d events, and %d were seen", b.Size, did.Seen.Size), "gait job list; " + goOnHint(did.Alive)
	case did.KeyFile == "":
		return "not yet: its private key is not here", "gait keys import FILE, then gait ledger rebuild"
	}
	if b.did.KeyLate {
		return "not yet: its index was made without the private key, which is here now", "gait ledger rebuild"
	}
	if b.LacksRequests {
		return "not yet: the request ids that event 0 names are not here", "put their file back into the directory content of the root, then gait ledger rebuild"
	}
	return "yes: it goes on from here", "gait ledger verify"
}

// acceptInPlace accepts what is in the root already.
func acceptInPlace(ctx context.Context, a *app, flags restoreFlags) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	trusted, err := trustedKeys(a, flags.keyFile)
	if err != nil {
		return err
	}
	fields, c := object{"path": a.rootDir()}, ledger.Checkpoint{}
	o.Notice = nil // what it says is in the answer
	did, err := root.Accept(ctx, o.Options, func(r *root.Root) error {
		c, _ = r.Log.Checkpoint()
		by, err := trustedIn(r.Log.Keys(), trusted, flags.keyFile)
		if err != nil {
			return err
		}
		fields["trusted_by"], fields["public_key"] = by, r.Log.Keys().Current().String()
		bar := newBar(a, "verifying events")
		defer bar.stop()
		return r.Log.Verify(ctx, nil, bar.update)
	})
	if err != nil {
		return err
	}
	if did.Older {
		a.restored = &root.Restored{Size: c.Size, Seen: did.Seen.Size}
	}
	fields["origin"], fields["tree_size"], fields["root"], fields["writable"] = c.Origin, c.Size, c.Root, !did.Older && !did.Retired
	return a.print(fields, func(s *screen) {
		s.done("accepted %s, %s", s.bold(c.Origin), count(c.Size, "event"))
		written, next := "yes", "gait job list"
		if did.Older {
			written = fmt.Sprintf("no: it has %d events, and %d were seen", c.Size, did.Seen.Size)
			next = "gait job list; " + goOnHint(did.Alive)
		}
		s.fields([2]string{"directory", a.rootDir()}, [2]string{"root", c.Root.String()}, [2]string{"written", written})
		s.next(next)
	})
}
