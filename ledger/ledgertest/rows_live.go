package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/store/pebble"
)

// SplitDir rewrites the table in a directory into a file for each row. A process that
// opens it afterwards reads most of them only when it needs their rows, and SwapDir can
// change them until then. No process may have the table open.
func SplitDir(dir string) error {
	o := &cockroach.Options{FormatMajorVersion: pebble.FormatMajorVersion, Logger: quiet{}}
	for i := range o.TargetFileSizes {
		o.TargetFileSizes[i] = 1
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 512
	}
	db, err := cockroach.Open(dir, o)
	if err != nil {
		return err
	}
	rows, err := dbRows(db)
	if err == nil {
		err = rewriteRows(db, rows)
	}
	if err == nil {
		err = db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return tidyDir(dir)
}

// rewriteRows writes all rows again, so that a compaction cannot move a file as it is.
func rewriteRows(db *cockroach.DB, rows Rows) error {
	b := db.NewBatch()
	defer b.Close()
	for key, value := range rows {
		if err := b.Set([]byte(key), value, nil); err != nil {
			return err
		}
	}
	return errors.Join(b.Commit(cockroach.Sync), db.Flush())
}

// SwapDir gives the table in a directory other rows while a process has it open: it
// replaces files of SplitDir by others of the same name. The process sees them if it
// has not opened the files before. Rows that the process wrote itself are in no file
// of SplitDir, and stay.
func SwapDir(dir string, edit func(Rows) (Rows, error)) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	in, all := map[string]Rows{}, Rows{}
	for _, file := range files {
		if in[file], err = fileRows(file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		maps.Copy(all, in[file])
	}
	to, err := edit(all.Clone())
	if err != nil {
		return err
	}
	return swapFiles(in, all, to)
}

// swapFiles writes the files that hold rows which differ.
func swapFiles(in map[string]Rows, all, to Rows) error {
	edited := map[string]Rows{}
	for _, row := range all.Changes(to) {
		file := holder(in, string(row.Key))
		if file == "" {
			return fmt.Errorf("no file can hold key %.40q", row.Key)
		}
		if edited[file] == nil {
			edited[file] = in[file].Clone()
		}
		edited[file][string(row.Key)] = row.Value
	}
	for file, rows := range edited {
		if err := writeFile(file, rows); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// holder returns the file between whose first and last key a key lies.
func holder(in map[string]Rows, key string) string {
	for file, rows := range in {
		keys := slices.Sorted(maps.Keys(rows))
		if len(keys) > 0 && keys[0] <= key && key <= keys[len(keys)-1] {
			return file
		}
	}
	return ""
}

func fileOptions() *cockroach.Options {
	o := &cockroach.Options{FormatMajorVersion: pebble.FormatMajorVersion, Logger: quiet{}}
	o.EnsureDefaults()
	return o
}

// fileRows reads the rows of one file of Pebble.
func fileRows(path string) (Rows, error) {
	f, err := vfs.Default.Open(path)
	if err != nil {
		return nil, err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return nil, err
	}
	r, err := sstable.NewReader(context.Background(), readable, fileOptions().MakeReaderOptions())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	it, err := r.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	rows := Rows{}
	for kv := it.First(); kv != nil; kv = it.Next() {
		value, _, err := kv.Value(nil)
		if err != nil {
			return nil, err
		}
		rows[string(kv.K.UserKey)] = append([]byte{}, value...)
	}
	return rows, it.Error()
}

// writeFile replaces a file of Pebble by one with other rows. A row without a value is
// gone.
func writeFile(path string, rows Rows) error {
	temporary := path + ".new"
	f, err := vfs.Default.Create(temporary, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	o := fileOptions()
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), o.MakeWriterOptions(len(o.Levels)-1, o.FormatMajorVersion.MaxTableFormat()))
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if rows[key] == nil {
			err = errors.Join(err, w.Delete([]byte(key)))
		} else {
			err = errors.Join(err, w.Set([]byte(key), rows[key]))
		}
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
