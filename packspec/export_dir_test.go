package packspec_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/projection"
)

// exported returns the export of a small ledger with two jobs.
func exported(t *testing.T) (fstest.MapFS, ledger.VerifierKey) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"), ledgertest.Progress("job_1", "one"))
	dir := fstest.MapFS{}
	err := packspec.Export(t.Context(), l.Log, func(path string, content []byte) error {
		dir[path] = &fstest.MapFile{Data: content, Mode: 0o600}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dir, l.Log.Keys().Current()
}

// holds reads the whole export, as import does.
func holds(dir fs.FS, key ledger.VerifierKey) error {
	log, err := packspec.OpenExport(dir)
	if err != nil {
		return err
	}
	if !log.Keys.Has(key) {
		return ledger.ErrUnverified
	}
	if err := log.CheckFiles(); err != nil {
		return err
	}
	for _, err := range projection.Entries(log.Events()) {
		if err != nil {
			return err
		}
	}
	return nil
}

// No change to an exported directory stays unseen: no flipped bit, no shortened file, no
// missing or additional file.
func TestEveryChangeOfAnExport(t *testing.T) {
	dir, key := exported(t)
	if err := holds(dir, key); err != nil {
		t.Fatal(err)
	}
	tried := 0
	refused := func(what string, change func(fstest.MapFS)) {
		t.Helper()
		other := maps.Clone(dir)
		change(other)
		if holds(other, key) == nil {
			t.Errorf("%s: it still holds", what)
		}
		tried++
	}
	paths := slices.Sorted(maps.Keys(dir))
	for _, path := range paths {
		good := dir[path].Data
		put := func(b []byte) func(fstest.MapFS) {
			return func(d fstest.MapFS) { d[path] = &fstest.MapFile{Data: b, Mode: 0o600} }
		}
		for _, bit := range ledgertest.Sample(t, 8*len(good), 40) {
			b := bytes.Clone(good)
			b[bit/8] ^= 1 << (bit % 8)
			refused(fmt.Sprintf("%s, bit %d", path, bit), put(b))
		}
		for _, n := range ledgertest.Sample(t, len(good), 10) {
			refused(fmt.Sprintf("%s cut to %d bytes", path, n), put(good[:n]))
		}
		refused(path+" and a byte", put(append(bytes.Clone(good), 0)))
		refused("without "+path, func(d fstest.MapFS) { delete(d, path) })
		refused(path+" renamed", func(d fstest.MapFS) { d[path+"x"] = d[path]; delete(d, path) })
		refused(path+" twice", func(d fstest.MapFS) { d[path+"x"] = d[path] })
		refused(path+" a directory", func(d fstest.MapFS) { d[path+"/x"] = d[path]; delete(d, path) })
		refused(path+" a link", func(d fstest.MapFS) {
			d[path] = &fstest.MapFile{Data: good, Mode: fs.ModeSymlink | 0o600}
		})
		for _, other := range paths {
			if other != path {
				refused(path+" and "+other+" swapped", func(d fstest.MapFS) { d[path], d[other] = d[other], d[path] })
			}
		}
	}
	t.Logf("%d changes of %d files", tried, len(paths))
}
