package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/root"
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
The content that events name comes with it, as it is kept and as far as it is there,
listed as sha256sum checks it. The content secrets of jobs stay here: whoever verifies
does not need them, and gait ledger backup has them. The same ledger and content give
the same files. gait ledger import reads them back.`,
		Example: "gait ledger export --dir audit-2026-11",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&dir, "dir", "", "directory to make (required); nothing that is there is overwritten")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if dir == "" {
			return &usageError{code: "invalid_usage", text: "to which directory? --dir is missing", hint: "add --dir DIR"}
		}
		a.readsAll = true
		return a.show(cmd.Context(), func(r *connect.Ledger) error { return exportLedger(a, r, dir) })
	}
	return cmd
}

// exportLedger writes the files beside dir, reads the log back, and renames the
// directory to dir.
func exportLedger(a *app, r *connect.Ledger, dir string) error {
	out, err := a.pendingDirAt("--dir", dir, 0o600)
	if err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	defer out.remove()
	c, _ := r.Log.Checkpoint()
	x := exporter{app: a, from: r, out: out}
	err = x.write()
	if err == nil {
		err = out.keep()
	}
	if err != nil {
		return fmt.Errorf("exporting to %s: %w", dir, err)
	}
	fields := object{"path": dir, "origin": c.Origin, "tree_size": c.Size, "root": c.Root, "files": x.files, "bytes": x.bytes, "contents": x.contents, "lacking": len(x.lacking)}
	x.tellLacking("export", x.lacking)
	lines := x.before.tell(a, fields)
	return a.print(fields, func(s *screen) {
		s.done("exported %s, %s", s.bold(c.Origin), count(c.Size, "event"))
		s.fields(append([][2]string{
			{"directory", dir}, {"files", fmt.Sprintf("%d, %s", x.files, count(x.bytes, "byte"))}, {"root", c.Root.String()},
		}, lines...)...)
		s.next("gait ledger import " + quoted(dir) + " --root NEW-DIR")
	})
}

// An exporter writes a ledger's files.
type exporter struct {
	*app
	from     *connect.Ledger
	out      *pendingDir
	before   *beforeCheck
	files    int
	bytes    int64
	contents int
	lacking  []ledger.Hash // contents that events name, that none erased, and that are not there
}

// write writes the files of the log, reads them back, and adds the contents that the
// events name.
func (x *exporter) write() error {
	done := newBar(x.app, "exporting files")
	err := packspec.Export(x.running.Context(), x.from.Log, func(path string, content []byte) error {
		return x.add(path, bytes.NewReader(content))
	}, done.update)
	done.stop()
	if err != nil {
		return err
	}
	named, err := x.readBack()
	if err != nil {
		return err
	}
	return x.addContents(named)
}

func (x *exporter) add(path string, from io.Reader) error {
	counted := &countingReader{from: from}
	err := x.out.addFrom(path, counted)
	x.files, x.bytes = x.files+1, x.bytes+counted.read
	return err
}

// readBack reads the log that was written and verifies all of it, as gait ledger import
// does, and the proofs of jobs that other ledgers held before. It notes the index of a
// ledger whose own is unchecked. It returns the contents that events name.
func (x *exporter) readBack() (*content.Named, error) {
	files, err := openFolder(x.out.temporary)
	if err != nil {
		return nil, err
	}
	defer files.close()
	log, err := packspec.OpenExport(files)
	if err != nil {
		return nil, err
	}
	if err := log.CheckFiles(); err != nil {
		return nil, err
	}
	kept := root.ContentOf(x.from.Dir)
	log.Inherited = root.Inherited(kept)
	trusted, err := trustedKeys(x.app, "")
	if err != nil {
		return nil, err
	}
	x.before = checkBefore(recall.Memory{Home: x.from.Home}, kept, trusted)
	done := newBar(x.app, "reading it back")
	defer done.stop()
	var computed wholeIndex
	var named content.Named
	for entry, err := range projection.Entries(log.EventsInto(&computed.fold)) {
		if err == nil {
			err = x.before.event(entry.Event)
		}
		if err != nil {
			return nil, err
		}
		named.Add(entry.Event)
		computed.count(entry.Event)
		if seq := entry.Event.Seq(); seq%ledger.TileWidth == 0 {
			if err := done.update(int64(seq), log.Size); err != nil {
				return nil, err
			}
		}
	}
	if x.index = ""; x.from.Log.Index() == ledger.IndexUnchecked {
		x.noteComputed(x.from, log.Checkpoint, &computed)
	}
	return &named, nil
}

// addContents adds the contents and the policies that events name, as far as they are there,
// and their list. It notes the contents that are not.
func (x *exporter) addContents(named *content.Named) error {
	kept := root.ContentOf(x.from.Dir)
	names, policies := slices.Collect(named.All()), map[content.Name]bool{}
	for _, digest := range named.Policies() {
		policies[content.Name{Digest: digest}] = true
	}
	names = slices.AppendSeq(names, maps.Keys(policies))
	slices.SortFunc(names, func(a, b content.Name) int {
		return cmp.Or(bytes.Compare(a.Digest[:], b.Digest[:]), bytes.Compare(a.Owner[:], b.Owner[:]))
	})
	var listed []ledger.Hash
	done := newBar(x.app, "exporting content")
	defer done.stop()
	for i, name := range names {
		if i > 0 && names[i-1].Digest == name.Digest {
			continue
		}
		err := x.addContent(kept, name)
		switch {
		case errors.Is(err, ledger.ErrContentMissing):
			if !policies[name] {
				x.lacking = append(x.lacking, name.Digest)
			}
		case err != nil:
			return err
		default:
			listed = append(listed, name.Digest)
		}
		if err := done.update(int64(i+1), int64(len(names))); err != nil {
			return err
		}
	}
	if x.contents = len(listed); listed == nil {
		return nil
	}
	return x.add(packspec.ContentList, bytes.NewReader(packspec.ListContents(listed)))
}

func (x *exporter) addContent(kept *content.Store, name content.Name) error {
	open := func() (io.ReadCloser, error) { return kept.Get(name.Digest) }
	if name.Owner != (content.Owner{}) {
		open = func() (io.ReadCloser, error) { return kept.OpenCarried(content.Carried(name)) }
	}
	from, err := open()
	if err != nil {
		return err
	}
	defer from.Close()
	return x.add(packspec.ContentPath(name.Digest), from)
}

// A countingReader counts the bytes that are read.
type countingReader struct {
	from io.Reader
	read int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.read += int64(n)
	return n, err
}
