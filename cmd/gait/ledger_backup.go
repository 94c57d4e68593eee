package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/packspec/backup"
)

// A backup without a daemon holds the root's lock for backupHold at a time, and leaves it
// to others for backupPause: a process that waits for the lock tries every 25 ms at least.
const (
	backupHold  = 500 * time.Millisecond
	backupPause = 60 * time.Millisecond
)

func ledgerBackupCommand(a *app) *cobra.Command {
	var out string
	var withKey bool
	var passphrase passphraseFlag
	cmd := exits(&cobra.Command{
		Use:   "backup",
		Short: "Write everything that is needed to go on with the ledger elsewhere into one file",
		Long: `Write everything that is needed to go on with the ledger on another disk into one file:
all events with their signed checkpoint, the content that they name by digest, the
content secrets of jobs, and what witnesses have cosigned. Other commands, and the daemon, go on meanwhile: the backup is of the
ledger as it was when the command began. It is read back and verified before it takes
its place. The same ledger gives the same bytes. gait ledger restore is the way back.

The ledger's private key is in it only with --with-key, sealed by a passphrase; such a
backup has other bytes each time. Without it, keep the key apart: gait keys export.

If --out names a directory, the file in it is called backup_ORIGIN_SIZE.zip. A backup of
the same ledger with no more events is replaced; nothing else is.`,
		Example: "gait ledger backup --out /mnt/backup/payments.zip\n" +
			"gait ledger backup --out /mnt/backup --json\n" +
			"gait ledger backup --out payments.zip --with-key --passphrase-file secret.txt",
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "file to write, or a directory (required); "+outForms)
	f.BoolVar(&withKey, "with-key", false, "put the ledger's private key into it, sealed by a passphrase")
	passphrase.add(a, cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case out == "":
			return &usageError{code: "invalid_usage", text: "to which file? --out is missing", hint: "add --out FILE"}
		case passphrase.file != "" && !withKey:
			return &usageError{code: "invalid_usage", text: "--passphrase-file is for the key, which only --with-key puts into a backup", hint: "add --with-key, or leave --passphrase-file out"}
		}
		b := ledgerBackup{app: a, out: out}
		if withKey {
			if err := b.sealKey(cmd.Context(), passphrase); err != nil {
				return err
			}
		}
		return b.make(cmd.Context())
	}
	return cmd
}

// A ledgerBackup is a backup that is being made.
type ledgerBackup struct {
	*app
	out    string // as the user named it
	key    home.KeyFile
	sealed []byte // the private key, or nil
	file   *pendingFile
	writer *backup.Writer
}

func (b *ledgerBackup) sealKey(ctx context.Context, passphrase passphraseFlag) (err error) {
	if b.key, err = privateKeyOf(ctx, b.app, nil); err == nil {
		b.sealed, err = sealKey(ctx, b.key, passphrase)
	}
	return err
}

func (b *ledgerBackup) make(ctx context.Context) error {
	defer func() {
		if b.file != nil {
			b.file.remove()
		}
	}()
	if err := b.write(ctx); err != nil {
		return err
	}
	read, err := b.readBack()
	if err != nil {
		return fmt.Errorf("reading the backup back: %w", err)
	}
	if err := b.keep(); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	b.tellLacking("backup", read.Lacking)
	return b.show(read.Summary, len(read.Lacking))
}

// write writes the backup, and leaves the ledger to others now and then.
func (b *ledgerBackup) write(ctx context.Context) error {
	bar := newBar(b.app, "backing up")
	defer bar.stop()
	notice := b.notice
	for done := false; !done; {
		err := b.readAgain(ctx, notice, func(r *connect.Ledger) (err error) {
			if b.writer == nil {
				if err := b.begin(ctx, r); err != nil {
					return err
				}
			}
			first, until := true, b.now().Add(backupHold)
			done, err = b.writer.Continue(ctx, r.Log, func() bool {
				more := first || b.now().Before(until)
				first = false
				return more
			})
			return err
		})
		notice = nil // it has said what there is to say
		if err == nil {
			err = bar.update(b.writer.Progress())
		}
		if err != nil {
			return err
		}
		if !done {
			time.Sleep(backupPause)
		}
	}
	return nil
}

// begin chooses the file, and begins the backup of the ledger as it is now.
func (b *ledgerBackup) begin(ctx context.Context, r *connect.Ledger) error {
	keys := r.Log.Keys()
	c, _ := r.Log.Checkpoint()
	if b.sealed != nil && b.key.Key != keys.Current() {
		return &root.SwappedError{Dir: r.Dir, By: b.key.Path, Want: b.key.Key, Got: keys.Current()}
	}
	if st, err := os.Stat(b.out); b.out != toStdout && err == nil && st.IsDir() {
		b.out = filepath.Join(b.out, fmt.Sprintf("backup_%s_%d.zip", strings.ReplaceAll(c.Origin, "/", "+"), c.Size))
	}
	at, err := b.outFile("--out", b.out)
	if err != nil {
		return err
	}
	if err := at.inDirectory(); err != nil {
		return err
	}
	if at.exists {
		if err := b.mayReplace(ctx, at, r); err != nil {
			return err
		}
	}
	if b.file, err = at.begin(); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	b.writer, err = backup.Begin(ctx, io.NewOffsetWriter(interruptible{b.file, b.app}, 0), r.Log, backup.Options{
		Content: root.ContentOf(r.Dir), SealedKey: b.sealed,
	})
	return err
}

// mayReplace refuses to overwrite any file except a backup of the same ledger that has
// nothing that the new one will not have: no event, no content, and no private key.
func (b *ledgerBackup) mayReplace(ctx context.Context, at outFile, r *connect.Ledger) error {
	now, _ := r.Log.Checkpoint()
	no := func(text string) error {
		return &unsafeError{code: "would_overwrite", text: at.path + " " + text, hint: "choose another file with --out"}
	}
	file, err := openNoWait(at.path)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", at, err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return fmt.Errorf("looking at %s: %w", at, err)
	}
	was, err := backup.Open(file, st.Size())
	switch {
	case err != nil || was.Origin != now.Origin:
		return no("exists and is no backup of this ledger")
	case was.Size > now.Size:
		return no(fmt.Sprintf("is a backup of this ledger with %s; now it has %d", count(was.Size, "event"), now.Size))
	case was.WithKey && b.sealed == nil:
		return no("has the private key, and the new backup would not")
	}
	if then, err := r.Log.RootAt(ctx, was.Size); err != nil || then != was.Root {
		return errors.Join(err, no("is a backup of another history of this ledger"))
	}
	kept := root.ContentOf(r.Dir)
	same := func(digest ledger.Hash, there bool, err error) error {
		if err == nil && !there {
			err = no("has content that is not here any more, " + digest.String())
		}
		return err
	}
	err = was.EachContent(func(e content.Entry, _ io.ReadSeeker) error {
		there, err := kept.Has(e.Digest)
		return same(e.Digest, there, err)
	})
	if err != nil {
		return err
	}
	return was.EachOfJobs(func(c content.Carried, _ int64, _ io.ReadSeeker) error {
		if c.IsSecret() {
			return nil
		}
		there, err := kept.Of(c.Owner).Has(c.Digest)
		return same(c.Digest, there, err)
	})
}

// readBack verifies what was written, as gait ledger restore does.
func (b *ledgerBackup) readBack() (*backup.Backup, error) {
	bar := newBar(b.app, "reading it back")
	defer bar.stop()
	read, err := backup.Open(b.file, b.writer.Bytes)
	if err != nil {
		return nil, err
	}
	if err := read.Verify(bar.update); err != nil {
		return nil, err
	}
	if !bytes.Equal(read.SealedKey, b.sealed) {
		return nil, fmt.Errorf("%w: the key in the backup was changed", ledger.ErrUnverified)
	}
	return read, nil
}

// keep puts the file in its place, durably.
func (b *ledgerBackup) keep() error {
	if err := b.file.keep(); err != nil || !b.file.at.regular() {
		return err
	}
	return home.SyncDir(filepath.Dir(b.file.at.target))
}

func (b *ledgerBackup) show(made backup.Summary, lacking int) error {
	fields := object{
		"path": b.out, "origin": made.Origin, "tree_size": made.Size, "root": made.Root, "as_of": ledger.FormatTime(made.AsOf),
		"bytes": made.Bytes, "contents": made.Contents, "lacking": lacking, "with_key": made.WithKey, "public_key": made.Key.String(),
	}
	file, next := b.out, "gait ledger restore "+quoted(b.out)+" --root NEW-DIR, when it is needed"
	if b.stdoutFor != "" {
		file, next = "standard output", ""
	}
	return b.print(fields, func(s *screen) {
		s.done("backed up %s, %s", s.bold(made.Origin), count(made.Size, "event"))
		key := "not in it; to keep it apart: " + b.here("gait keys export --out FILE")
		if made.WithKey {
			key = "in it, sealed by the passphrase"
		}
		s.fields([2]string{"file", fmt.Sprintf("%s (%s)", file, count(made.Bytes, "byte"))}, [2]string{"as of", ledger.FormatTime(made.AsOf)},
			[2]string{"root", made.Root.String()}, [2]string{"private key", key})
		s.next(next)
	})
}

// readAgain opens the ledger to read and hands it to f, again if its daemon goes away. f
// begins where it ended.
func (a *app) readAgain(ctx context.Context, notice func(string), f func(*connect.Ledger) error) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	o.Notice = notice
	err = connect.Retry(ctx, o, f)
	if errors.Is(err, context.Canceled) && a.interrupted() != nil {
		return a.interrupted()
	}
	return err
}
