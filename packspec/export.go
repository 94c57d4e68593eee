package packspec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"

	"gait/ledger"
	"gait/ledger/mpt"
)

// A FileSource is a log that gives its files as C2SP tlog-tiles lays them out.
type FileSource interface {
	Checkpoint() (ledger.Checkpoint, []byte)
	File(context.Context, ledger.TileName) ([]byte, error)
	Rotations(context.Context) ([]ledger.Rotation, error)
}

// rotationEntries returns the paths, in an export or a pack, of the n-th rotation of
// a ledger's key, counted from 1, and of its proof.
func rotationEntries(n int) (event, proof string) {
	return fmt.Sprintf("keys/%04d.json", n), fmt.Sprintf("keys/%04d.tlog-proof", n)
}

// rotationNames returns the entries of this number of rotations, in order.
func rotationNames(rotations int) []string {
	var names []string
	for n := range rotations {
		event, proof := rotationEntries(n + 1)
		names = append(names, event, proof)
	}
	return names
}

// An ExportedFile is a file of an exported log.
type ExportedFile struct {
	Path    string
	Content []byte
}

// RotationFiles returns the files of the rotations of a ledger's key, in the order of
// their paths.
func RotationFiles(rotations []ledger.Rotation) []ExportedFile {
	var all []ExportedFile
	for i, r := range rotations {
		event, proof := rotationEntries(i + 1)
		all = append(all, ExportedFile{event, r.Event.Bytes()}, ExportedFile{proof, []byte(r.Proof.String())})
	}
	return all
}

// Export calls put with every file of a log: bundles of entries, tiles of hashes, the
// rotations of its key, and last the signed checkpoint. progress may be nil. An error
// of either ends the export.
func Export(ctx context.Context, src FileSource, put func(path string, content []byte) error, progress func(done, total int64) error) error {
	c, signed := src.Checkpoint()
	whole := ledger.Cover(c.Size, 0, ledger.Seq(c.Size-1))
	files := whole.Files()
	for i, path := range files {
		name, err := ledger.ParseTileName(path)
		if err != nil {
			return err
		}
		b, err := src.File(ctx, name)
		if err != nil {
			return fmt.Errorf("exporting %s: %w", path, err)
		}
		if err := put(path, b); err != nil {
			return err
		}
		if progress == nil {
			continue
		}
		if err := progress(int64(i+1), int64(len(files))); err != nil {
			return err
		}
	}
	rotations, err := src.Rotations(ctx)
	if err != nil {
		return err
	}
	for _, file := range RotationFiles(rotations) {
		if err := put(file.Path, file.Content); err != nil {
			return err
		}
	}
	return put(ledger.CheckpointFile, signed)
}

// An ExportedLog is a log that Export wrote to files. Its newest checkpoint is signed
// by the keys that must sign it. Whether to trust those is the caller's decision.
type ExportedLog struct {
	ledger.TileLog
	Keys      ledger.Keyring // the last one is in force in the tree
	Rotations []ledger.Rotation
	Signed    []byte // the checkpoint

	// Inherited yields the request ids that event 0 names, as IndexFold.Inherited does.
	// OpenExport has it read the content that the log brings.
	Inherited func(ledger.Requests) iter.Seq2[mpt.Key, error]

	Content ExportedContent // that the log brings
	dir     fs.FS
}

// OpenExport opens a log that Export wrote. It reads only the checkpoint, the keys and the
// list of contents.
// Errors wrap ledger.ErrMalformed or ledger.ErrUnverified, or are those of dir.
func OpenExport(dir fs.FS) (ExportedLog, error) {
	x := ExportedLog{dir: dir}
	var err error
	if x.Signed, err = readExported(dir, ledger.CheckpointFile, ledger.MaxNoteSize); err != nil {
		return x, err
	}
	c, err := ledger.PeekCheckpoint(x.Signed)
	if err != nil {
		return x, err
	}
	if c.Size < 1 {
		return x, fmt.Errorf("%w: a checkpoint of no events", ledger.ErrMalformed)
	}
	x.TileLog = ledger.TileLog{Coverage: ledger.Cover(c.Size, 0, ledger.Seq(c.Size-1)), Checkpoint: c, Read: x.read}
	if err := x.readKeys(); err != nil {
		return x, ledger.Refute(err)
	}
	if x.Content, err = readContents(dir, x.Size); err != nil {
		return x, err
	}
	x.Inherited = x.Content.requests
	_, err = x.Keys.Open(x.Signed)
	return x, err
}

// Move returns the last event of the log and where the ledger goes on, if the event moves it
// to a place that has not signed. Otherwise moved is nil. Only reading the events shows
// whether the event is in the tree.
func (x *ExportedLog) Move() (last ledger.Event, moved *ledger.Move, err error) {
	name := x.Bundle((x.Size - 1) / ledger.TileWidth)
	bundle, err := x.read(name)
	if err != nil {
		return last, nil, err
	}
	entries, err := ledger.ParseBundle(bundle, name.Width)
	if err == nil {
		last, err = ledger.Interpret(entries[len(entries)-1])
	}
	if err != nil {
		return last, nil, fmt.Errorf("%s: the last event: %w", name, err)
	}
	moved, err = x.Keys.Moved(last)
	return last, moved, ledger.Refute(err)
}

// Events returns all events of the log, each decoded, proved to be in the tree, and
// checked to follow those before it: the one before in the ledger, the rotations, the
// authority in force, and the index, in which each request id occurs once. The signatures of
// actors are verified meanwhile, and the last pair has the first that does not hold. It does
// not follow single jobs.
// It may be ranged over more than once. An event that fails is a *ledger.CorruptError
// or a *ledger.IndexError, which names it, or ledger.ErrUnsupportedVersion.
func (x *ExportedLog) Events() ledger.Events {
	return func(yield func(ledger.Event, error) bool) { x.EventsInto(&ledger.IndexFold{})(yield) }
}

// EventsInto is Events, and adds the events to index, which is that of no events. It may
// be ranged over once.
func (x *ExportedLog) EventsInto(index *ledger.IndexFold) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		left, named := x.Rotations, namedContents{x.Content, make([]bool, len(x.Content.Digests))}
		var by admitted
		defer func() { _ = by.signatures.Wait() }() // if it was left before its end
		if index.Inherited == nil {
			index.Inherited = x.Inherited
		}
		for e, err := range x.TileLog.Events() {
			if err == nil {
				left, err = x.nextRotation(left, e)
			}
			if err == nil {
				err = cmp.Or(by.add(e), index.Add(e))
			}
			if err != nil {
				yield(ledger.Event{}, err)
				return
			}
			named.add(e)
			if !yield(e, nil) {
				return
			}
		}
		if len(left) > 0 {
			yield(ledger.Event{}, unrotated(left[0].Event.Seq()))
			return
		}
		if err := errors.Join(named.all(), by.signatures.Wait()); err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// nextRotation returns the rotations left after an event, which must be the next of
// them or no rotation, or a ledger_moved with which the tree ends.
func (x *ExportedLog) nextRotation(left []ledger.Rotation, e ledger.Event) ([]ledger.Rotation, error) {
	next := len(left) > 0 && left[0].Event.LeafHash() == e.LeafHash()
	switch {
	case next:
		return left[1:], nil
	case len(left) == 0 && movesOn(e, x.Checkpoint.Size):
		return left, nil
	case e.Type().HandsOver(), len(left) > 0 && left[0].Event.Seq() <= e.Seq():
		return left, unrotated(e.Seq())
	}
	return left, nil
}

func unrotated(seq ledger.Seq) error {
	return &ledger.CorruptError{Seq: seq, Reason: "the rotations that keys/ proves are not those of the tree", Err: ledger.ErrUnverified}
}

func (x *ExportedLog) read(name ledger.TileName) ([]byte, error) {
	limit := ledger.TileWidth * len(ledger.Hash{})
	if name.Entries {
		limit = ledger.MaxBundleSize
	}
	return readExported(x.dir, name.String(), limit)
}

// readKeys derives the keyring from event 0 and the rotations. Reading the events
// later shows whether those are in the tree.
func (x *ExportedLog) readKeys() error {
	name := x.Bundle(0)
	bundle, err := x.read(name)
	if err != nil {
		return err
	}
	entries, err := ledger.ParseBundle(bundle, name.Width)
	if err != nil {
		return err
	}
	created, err := ledger.Interpret(entries[0])
	if err == nil {
		x.Keys, err = ledger.NewKeyring(created)
	}
	if err != nil {
		return fmt.Errorf("%s: event 0: %w", name, err)
	}
	has := func(path string) bool {
		_, err := fs.Stat(x.dir, path)
		return !errors.Is(err, fs.ErrNotExist)
	}
	x.Keys, x.Rotations, err = readRotations(x.Keys, x.Size, has, func(path string, limit int) ([]byte, error) { return readExported(x.dir, path, limit) })
	return err
}

// readRotations follows a ledger's keys through the rotations of an export or a pack.
// All rotations must be in the tree, which has size events. Errors are those of
// Keyring.FollowProved and of read.
func readRotations(keys ledger.Keyring, size int64, has func(path string) bool, read func(path string, limit int) ([]byte, error)) (ledger.Keyring, []ledger.Rotation, error) {
	var all []ledger.Rotation
	for n := 1; n <= ledger.MaxRotations; n++ {
		event, proof := rotationEntries(n)
		if !has(event) {
			break
		}
		r, err := readRotation(event, proof, read)
		if err == nil {
			keys, err = keys.FollowProved(r)
		}
		if err == nil && int64(r.Event.Seq()) >= size {
			err = fmt.Errorf("%w: the rotation at event %d is not in a tree of %d", ledger.ErrUnverified, r.Event.Seq(), size)
		}
		if err != nil {
			return keys, all, fmt.Errorf("%s: %w", event, err)
		}
		all = append(all, r)
	}
	return keys, all, nil
}

func readRotation(event, proof string, read func(string, int) ([]byte, error)) (r ledger.Rotation, err error) {
	b, err := read(event, ledger.MaxEventSize)
	if err != nil {
		return r, err
	}
	if r.Event, err = ledger.Interpret(b); err != nil {
		return r, err
	}
	if b, err = read(proof, ledger.MaxProofSize); err != nil {
		return r, err
	}
	r.Proof, err = ledger.ParseProof(b)
	return r, err
}

// CheckFiles requires every file of the log, and no other. Its cost depends on the
// files that exist, not on the size that the checkpoint claims.
func (x *ExportedLog) CheckFiles() error {
	fixed := append(rotationNames(len(x.Rotations)), ledger.CheckpointFile)
	err := fs.WalkDir(x.dir, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("reading the export: %w", err)
		case d.IsDir():
			return nil
		case !x.Has(path) && !slices.Contains(fixed, path) && !x.Content.hasFile(path):
			return fmt.Errorf("%w: %.120q is not a file of this log", ledger.ErrMalformed, path)
		case !d.Type().IsRegular():
			return fmt.Errorf("%w: %s is not a regular file", ledger.ErrMalformed, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name := range x.Names() {
		if err := x.mustHave(name.String()); err != nil {
			return err
		}
	}
	for _, digest := range x.Content.Digests {
		if err := x.mustHave(ContentPath(digest)); err != nil {
			return err
		}
	}
	return nil
}

func (x *ExportedLog) mustHave(path string) error {
	st, err := fs.Stat(x.dir, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is missing", ledger.ErrMalformed, path)
	case err != nil:
		return fmt.Errorf("reading the export: %w", err)
	case st.IsDir():
		return fmt.Errorf("%w: %s is not a regular file", ledger.ErrMalformed, path)
	}
	return nil
}

// readExported reads a file of at most limit bytes.
func readExported(dir fs.FS, path string, limit int) ([]byte, error) {
	f, err := openExported(dir, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ledger.ErrMalformed, path)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("reading the export: %w", err)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("%w: %s is over %d bytes", ledger.ErrMalformed, path, limit)
	}
	return b, nil
}

// openExported opens a regular file.
func openExported(dir fs.FS, path string) (fs.File, error) {
	st, err := fs.Lstat(dir, path) // before opening: opening a pipe could block for ever
	if err == nil && !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ledger.ErrMalformed, path)
	}
	var f fs.File
	if err == nil {
		f, err = dir.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the export: %w", err)
	}
	return f, nil
}
