package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/packspec"
	"gait/projection"
)

func ledgerExportCommand(a *app) *cobra.Command {
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
			return &usageError{code: "invalid_usage", text: "to which directory? --dir is missing", hint: "add --dir DIR"}
		}
		a.readsAll = true
		return a.show(cmd.Context(), func(r *connect.Ledger) error { return exportLedger(a, r, filepath.Clean(dir)) })
	}
	return cmd
}

// exportLedger writes the files beside dir, reads them back, and renames the
// directory to dir.
func exportLedger(a *app, r *connect.Ledger, dir string) error {
	out, err := a.pendingDirAt("--dir", dir, 0o600)
	if err != nil {
		return err
	}
	defer out.remove()
	c, _ := r.Log.Checkpoint()
	files, size := 0, int64(0)
	done := newBar(a, "exporting files")
	err = packspec.Export(a.running.Context(), r.Log, func(path string, content []byte) error {
		files, size = files+1, size+int64(len(content))
		return out.add(path, content)
	}, done.update)
	done.stop()
	if err == nil {
		err = verifyExported(a, r, out.temporary)
	}
	if err == nil {
		err = out.keep()
	}
	if err != nil {
		return fmt.Errorf("exporting to %s: %w", dir, err)
	}
	return a.print(object{"path": dir, "origin": c.Origin, "tree_size": c.Size, "root": c.Root, "files": files, "bytes": size}, func(s *screen) {
		s.done("exported %s, %s", s.bold(c.Origin), count(c.Size, "event"))
		s.fields([2]string{"directory", dir}, [2]string{"files", fmt.Sprintf("%d, %s", files, count(size, "byte"))}, [2]string{"root", c.Root.String()})
		s.next("gait ledger import " + quoted(dir) + " --root NEW-DIR")
	})
}

// verifyExported reads an exported ledger and verifies all of it, as gait ledger
// import does. It notes the index of a ledger whose own is unchecked.
func verifyExported(a *app, r *connect.Ledger, dir string) error {
	files, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer files.close()
	log, err := packspec.OpenExport(files)
	if err != nil {
		return err
	}
	if err := log.CheckFiles(); err != nil {
		return err
	}
	done := newBar(a, "reading it back")
	defer done.stop()
	var computed wholeIndex
	for entry, err := range projection.Entries(log.EventsInto(&computed.fold)) {
		if err != nil {
			return err
		}
		computed.count(entry.Event)
		if seq := entry.Event.Seq(); seq%ledger.TileWidth == 0 {
			if err := done.update(int64(seq), log.Size); err != nil {
				return err
			}
		}
	}
	if a.index = ""; r.Log.Index() == ledger.IndexUnchecked {
		a.noteComputed(r, log.Checkpoint, &computed)
	}
	return nil
}
