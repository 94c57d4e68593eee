package packspec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"gait/ledger"
)

// A FileSource is a log that gives its files as C2SP tlog-tiles lays them out.
type FileSource interface {
	Checkpoint() (ledger.Checkpoint, []byte)
	File(ledger.TileName) ([]byte, error)
	Rotations() ([]ledger.Rotation, error)
}

// rotationEntries returns where the n-th rotation of a ledger's key, from 1, and
// its proof stand in an export or a pack.
func rotationEntries(n int) (event, proof string) {
	return fmt.Sprintf("keys/%04d.json", n), fmt.Sprintf("keys/%04d.tlog-proof", n)
}

// rotationNames returns the entries of so many rotations, in order.
func rotationNames(rotations int) []string {
	var names []string
	for n := range rotations {
		event, proof := rotationEntries(n + 1)
		names = append(names, event, proof)
	}
	return names
}

// Export hands every file of a log to put: bundles of entries, tiles of hashes,
// the rotations of its key, and last the signed checkpoint. progress may be nil; an error
// of it ends the work.
func Export(src FileSource, put func(path string, content []byte) error, progress func(done, total int64) error) error {
	c, signed := src.Checkpoint()
	whole := ledger.Cover(c.Size, 0, ledger.Seq(c.Size-1))
	files := whole.Files()
	for i, path := range files {
		name, err := ledger.ParseTileName(path)
		if err != nil {
			return err
		}
		b, err := src.File(name)
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
	rotations, err := src.Rotations()
	if err != nil {
		return err
	}
	for i, r := range rotations {
		event, proof := rotationEntries(i + 1)
		if err := errors.Join(put(event, r.Event.Bytes()), put(proof, []byte(r.Proof.String()))); err != nil {
			return err
		}
	}
	return put(ledger.CheckpointFile, signed)
}

// An Exported is a log that Export laid out, whose newest checkpoint is signed
// by the keys that must have signed it. Whose they are, the caller decides.
type Exported struct {
	ledger.TileLog
	Keys      ledger.Keyring // the last one is in force in the tree
	Rotations []ledger.Rotation
	Signed    []byte // the checkpoint
	dir       fs.FS
}

// OpenExport opens a log that Export laid out. It reads its checkpoint, its
// keys and nothing else. Errors wrap ledger.ErrMalformed or
// ledger.ErrUnverified, or are those of the files.
func OpenExport(dir fs.FS) (Exported, error) {
	x := Exported{dir: dir}
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
	_, err = x.Keys.Open(x.Signed)
	return x, err
}

func (x *Exported) read(name ledger.TileName) ([]byte, error) {
	limit := ledger.TileWidth * len(ledger.Hash{})
	if name.Entries {
		limit = ledger.MaxBundleSize
	}
	return readExported(x.dir, name.String(), limit)
}

// readKeys makes the keyring from event 0 and the rotations. That they are the
// tree's shows when the events are read.
func (x *Exported) readKeys() error {
	name := x.Bundle(0)
	bundle, err := x.read(name)
	if err != nil {
		return err
	}
	entries, err := ledger.ParseBundle(bundle, name.Width)
	if err != nil {
		return err
	}
	created, err := ledger.Decode(entries[0])
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

// readRotations follows a ledger's keys by the rotations that an export or a
// pack of a tree of so many events holds, all of which must be in it. Errors are
// those of Keyring.FollowProved and of read.
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
		if err == nil && int64(r.Event.Seq) >= size {
			err = fmt.Errorf("%w: the rotation at event %d is not in a tree of %d", ledger.ErrUnverified, r.Event.Seq, size)
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
	if r.Event, err = ledger.Decode(b); err != nil {
		return r, err
	}
	if b, err = read(proof, ledger.MaxProofSize); err != nil {
		return r, err
	}
	r.Proof, err = ledger.ParseProof(b)
	return r, err
}

// CheckFiles requires that every file of the log is there, and no other. Its cost
// is that of the files that are there, whatever size the checkpoint claims.
func (x *Exported) CheckFiles() error {
	fixed := append(rotationNames(len(x.Rotations)), ledger.CheckpointFile)
	err := fs.WalkDir(x.dir, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("reading the export: %w", err)
		case d.IsDir():
			return nil
		case !x.Has(path) && !slices.Contains(fixed, path):
			return fmt.Errorf("%w: %.120q is no file of this log", ledger.ErrMalformed, path)
		case !d.Type().IsRegular():
			return fmt.Errorf("%w: %s is no regular file", ledger.ErrMalformed, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name := range x.Names() {
		if _, err := fs.Stat(x.dir, name.String()); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is missing", ledger.ErrMalformed, name)
		} else if err != nil {
			return fmt.Errorf("reading the export: %w", err)
		}
	}
	return nil
}

// readExported reads a file of at most limit bytes.
func readExported(dir fs.FS, path string, limit int) ([]byte, error) {
	st, err := fs.Stat(dir, path) // before opening it, which could wait for ever on a pipe
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s is missing", ledger.ErrMalformed, path)
	case err == nil && !st.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is no regular file", ledger.ErrMalformed, path)
	}
	var f fs.File
	if err == nil {
		f, err = dir.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the export: %w", err)
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
