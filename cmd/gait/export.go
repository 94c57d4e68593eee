package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/root"
	"gait/ledger/store"
	"gait/packspec"
	"gait/projection"
)

func (a *app) ledgerExportCommand() *cobra.Command {
	var dir string
	cmd := exits(&cobra.Command{
		Use:   "export",
		Short: "Write the whole ledger as files that other tools read",
		Long: `Write the whole ledger as files that other tools read, laid out as C2SP tlog-tiles
says: the signed checkpoint, tiles of hashes, and bundles of the events' exact bytes.
The same ledger gives the same files. gait ledger import reads them back.`,
		Example: "gait ledger export --dir audit-2026-11",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&dir, "dir", "", "directory to make (required); nothing that is there is overwritten")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if dir == "" {
			return &usageError{code: "invalid_usage", text: "where to? --dir is missing", hint: "add --dir <DIR>"}
		}
		return a.show(cmd.Context(), func(r *root.Root) error { return a.export(r, filepath.Clean(dir)) })
	}
	return cmd
}

// export writes beside dir, reads back what it wrote, and renames.
func (a *app) export(r *root.Root, dir string) error {
	if names, err := os.ReadDir(dir); err == nil && len(names) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &unsafeError{code: "would_overwrite", text: dir + " is there already, and not an empty directory", hint: "choose another directory with --dir"}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".gait-export-")
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // gone, once renamed
	c, _ := r.Log.Checkpoint()
	files, size := 0, int64(0)
	done := a.progress("exporting files", 0)
	err = packspec.Export(r.Log, func(path string, content []byte) error {
		files, size = files+1, size+int64(len(content))
		return writeExported(filepath.Join(temporary, filepath.FromSlash(path)), content)
	}, done.update)
	done.stop()
	if err == nil {
		err = a.verifyExported(temporary)
	}
	if err == nil {
		err = syncAndRename(temporary, dir)
	}
	if err != nil {
		return fmt.Errorf("exporting to %s: %w", dir, err)
	}
	return a.print(object{"path": dir, "origin": c.Origin, "tree_size": c.Size, "root": c.Root, "files": files, "bytes": size}, func(s *screen) {
		s.done("exported %s, %d events", s.bold(c.Origin), c.Size)
		s.fields([2]string{"directory", dir}, [2]string{"files", fmt.Sprintf("%d, %d bytes", files, size)}, [2]string{"root", c.Root.String()})
		s.next("gait ledger import " + dir + " --root <NEW-DIR>")
	})
}

func writeExported(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// verifyExported reads everything back.
func (a *app) verifyExported(dir string) error {
	log, err := packspec.OpenExport(os.DirFS(dir))
	if err != nil {
		return err
	}
	if err := log.CheckFiles(); err != nil {
		return err
	}
	done := a.progress("reading it back", log.Size)
	defer done.stop()
	for e, err := range log.Events() {
		if err != nil {
			return err
		}
		if e.Seq%ledger.TileWidth == 0 {
			done.update(int64(e.Seq), log.Size)
		}
	}
	return nil
}

// syncAndRename puts a directory in its place once all of it is on disk.
func syncAndRename(from, to string) error {
	d, err := os.Open(from)
	if err != nil {
		return err
	}
	err = unix.Syncfs(int(d.Fd()))
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	return unix.Rename(from, to) // an empty directory gives way, unlike to os.Rename
}

func (a *app) ledgerImportCommand() *cobra.Command {
	var keyFile string
	cmd := exits(&cobra.Command{
		Use:   "import DIR",
		Short: "Make a copy of an exported ledger, to read and verify",
		Long: `Make a copy of a ledger that gait ledger export wrote: a new root with the same
events, hashes and signed checkpoint. It is refused unless all of it verifies under a
key you trust, and it is only read: whoever holds the key, nothing is signed here.`,
		Example: "gait ledger import audit-2026-11 --root audit/jobs\ngait ledger import audit-2026-11 --root audit/jobs --public-key auditor.vkey",
		Args:    oneDir,
	}, 0, 1, 2, 6, 8)
	cmd.Flags().StringVar(&keyFile, "public-key", "", "file with the ledger's verifier key; only it counts then")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, err := a.options()
		if err != nil {
			return err
		}
		trusted, err := a.trusted(keyFile)
		if err != nil {
			return err
		}
		if st, err := os.Stat(args[0]); err != nil || !st.IsDir() {
			return &usageError{code: "file_not_found", text: args[0] + " is not a directory", hint: "name a directory that gait ledger export wrote"}
		}
		log, err := packspec.OpenExport(os.DirFS(args[0]))
		if err != nil {
			return err
		}
		key, from, err := trustedIn(log.Keys, trusted, keyFile)
		if err != nil {
			return err
		}
		if err := log.CheckFiles(); err != nil {
			return err
		}
		done := a.progress("importing events", log.Size)
		err = root.Import(cmd.Context(), o, store.Copy{Entries: projection.Entries(log.Events()), Rotations: log.Rotations, Signed: log.Signed,
			Progress: func(n int64) { done.update(n, log.Size) }})
		done.stop()
		if errors.Is(err, store.ErrExists) {
			return &unsafeError{code: "ledger_exists", text: a.rootDir() + " holds a ledger already, or held one", hint: "import into another directory with --root"}
		}
		if err != nil {
			return refuted(err)
		}
		c := log.Checkpoint
		return a.print(object{"path": a.rootDir(), "origin": c.Origin, "tree_size": c.Size, "root": c.Root, "public_key": key.String(), "trusted_by": from}, func(s *screen) {
			s.done("imported %s, %d events, to read", s.bold(c.Origin), c.Size)
			s.fields([2]string{"directory", a.rootDir()}, [2]string{"root", c.Root.String()}, [2]string{"signed by", key.String()}, [2]string{"trusted by", from})
			s.next("gait job list")
		})
	}
	return cmd
}

// refuted says that what was given does not hold: no ledger here is corrupt.
func refuted(err error) error {
	if c, ok := errors.AsType[*ledger.CorruptError](err); ok {
		return fmt.Errorf("%w: %w", ledger.ErrUnverified, errors.New(c.Error()))
	}
	return err
}

// trustedIn returns a key of a ledger that is trusted, and where from.
func trustedIn(keys ledger.Keyring, trusted []packspec.TrustedKey, given string) (ledger.VerifierKey, string, error) {
	for _, key := range keys.Keys() {
		for _, t := range trusted {
			if t.Key.Is(key) {
				return key, t.From, nil
			}
		}
	}
	return ledger.VerifierKey{}, "", &untrustedError{key: keys.Current().String(), given: given}
}

func oneDir(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes one directory, not %d", cmd.CommandPath(), len(args)), hint: helpHint}
	}
	return nil
}
