package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec"
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
		return a.show(cmd.Context(), func(r *openLedger) error { return a.export(r, filepath.Clean(dir)) })
	}
	return cmd
}

// export writes beside dir, reads back what it wrote, and renames.
func (a *app) export(r *openLedger, dir string) error {
	out, err := newPendingDir(dir, "--dir", 0o600)
	if err != nil {
		return err
	}
	defer out.remove()
	c, _ := r.Log.Checkpoint()
	files, size := 0, int64(0)
	done := a.progress("exporting files")
	err = packspec.Export(r.Log, func(path string, content []byte) error {
		files, size = files+1, size+int64(len(content))
		return out.add(path, content)
	}, done.update)
	done.stop()
	if err == nil {
		err = a.verifyExported(out.temporary)
	}
	if err == nil {
		err = out.keep()
	}
	if err != nil {
		return fmt.Errorf("exporting to %s: %w", dir, err)
	}
	return a.print(object{"path": dir, "origin": c.Origin, "tree_size": c.Size, "root": c.Root, "files": files, "bytes": size}, func(s *screen) {
		s.done("exported %s, %d events", s.bold(c.Origin), c.Size)
		s.fields([2]string{"directory", dir}, [2]string{"files", fmt.Sprintf("%d, %d bytes", files, size)}, [2]string{"root", c.Root.String()})
		s.next("gait ledger import " + quoted(dir) + " --root NEW-DIR")
	})
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
	done := a.progress("reading it back")
	defer done.stop()
	for e, err := range log.Events() {
		if err != nil {
			return err
		}
		if e.Seq%ledger.TileWidth == 0 {
			if err := done.update(int64(e.Seq), log.Size); err != nil {
				return err
			}
		}
	}
	return nil
}

// trustedIn returns where the key that signs a ledger, or one before it that
// handed the ledger on, is trusted from.
func trustedIn(keys ledger.Keyring, trusted []packspec.TrustedKey, given string) (from string, err error) {
	by, other := packspec.TrustedBy(keys, trusted)
	if by != nil {
		return by.From, nil
	}
	no := &untrustedError{key: keys.Current().String(), given: given}
	if other != nil {
		no.other = other.Key.String()
	}
	return "", no
}
