package store

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"gait/ledger"
)

// FormatMajorVersion is the Pebble format of every ledger directory. It is the
// newest: at Pebble's default, one flipped bit in the write-ahead log drops
// every write after it without an error.
const FormatMajorVersion = pebble.FormatNewest

// Sizes that suit a process which runs one command and leaves. The memtable
// grows to its size from 256 KiB.
const (
	memTableSize = 4 << 20
	cacheSize    = 8 << 20
)

// What suits a process which writes for as long as it runs. What is gathered
// longer is sorted, compressed and merged less often, and the fastest compression
// takes a quarter more of the disk than the balanced one: together they save
// a third of what a command costs.
const (
	sustainedMemTableSize = 32 << 20
	sustainedCacheSize    = 32 << 20
	sustainedL0Threshold  = 8
)

func sustain(o *pebble.Options) {
	o.MemTableSize, o.CacheSize = sustainedMemTableSize, sustainedCacheSize
	o.L0CompactionThreshold = sustainedL0Threshold
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
}

// neverStall is how many tables may pile up before a write waits for a
// compaction: more than ever will.
const neverStall = 1 << 20

// pebbleOptions returns the options of every Pebble this package opens. Each
// command that writes flushes one small table. Automatic compactions stay on, to
// merge them, but no write waits for one: a process that runs one command may
// leave before its compaction is through, every time, and the thirteenth would
// wait at Pebble's default.
func pebbleOptions(stop *failStop) *pebble.Options {
	o := &pebble.Options{
		FS:                 stop,
		Logger:             stop,
		FormatMajorVersion: FormatMajorVersion,
		MemTableSize:       memTableSize,
		CacheSize:          cacheSize,
		DisableTableStats:  true,

		L0StopWritesThreshold: neverStall,
		EventListener: &pebble.EventListener{
			// The defaults log, or end the process on damage that is about
			// to come back as the error of the read that found it.
			BackgroundError: func(error) {},
			DataCorruption:  func(pebble.DataCorruptionInfo) {},
		},
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	return o
}

// A database is an open Pebble with what it takes to close it.
type database struct {
	*pebble.DB
	stop *failStop
	lock *pebble.Lock
	once *onceFS // nil unless the log is a one-shot one
}

// openPebble opens the Pebble in dir, which set says whether to create.
func openPebble(dir string, stop *failStop, set func(*pebble.Options)) (database, error) {
	lock, err := lockPebble(dir, stop)
	if err != nil {
		return database{}, fmt.Errorf("locking %s: %w", dir, err)
	}
	o := pebbleOptions(stop)
	o.Lock = lock
	set(o)
	db := database{stop: stop, lock: lock}
	err = db.guard("opening "+dir, func() (err error) {
		db.DB, err = pebble.Open(dir, o)
		return err
	})
	if err != nil {
		return database{}, errors.Join(err, lock.Close())
	}
	return db, nil
}

// Pebble's own lock is waited for a little: the kernel takes a killed process's
// locks away one after another, and the root's may be free before this one.
const (
	lockTries = 400
	lockPause = 5 * time.Millisecond
)

func lockPebble(dir string, stop *failStop) (lock *pebble.Lock, err error) {
	for range lockTries {
		lock, err = pebble.LockDirectory(dir, stop)
		if !errors.Is(err, syscall.EAGAIN) {
			break
		}
		time.Sleep(lockPause)
	}
	return lock, err
}

// close closes Pebble and gives its lock up.
func (db database) close() error {
	err := db.guard("closing", db.Close)
	if err == nil {
		err = db.endOnce()
	}
	return errors.Join(err, db.lock.Close())
}

// guard runs f, which calls Pebble and nothing else, and classifies its error.
// Pebble panics on some damage; that is an error like any other here.
func (db database) guard(doing string, f func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if db.stop.stopped.Load() {
			panic(r) // the process was told to end
		}
		cause, ok := r.(error)
		if !ok {
			cause = fmt.Errorf("panic: %v", r)
		}
		err = classify(doing, cause)
	}()
	return classify(doing, f())
}

// checkPlace looks at a directory before Pebble does, which would repair,
// upgrade or create what this package refuses.
func checkPlace(dir string, stop *failStop) error {
	info, err := stop.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", dir, ErrNotFound)
	case err != nil:
		return fmt.Errorf("opening a ledger: %w", err)
	case !info.IsDir():
		return corrupt(-1, "%s is not a directory", dir)
	}
	version, err := formatVersion(dir, stop)
	if err != nil {
		return err
	}
	if version > FormatMajorVersion {
		return fmt.Errorf("opening %s: Pebble format %d: %w", dir, version, ledger.ErrUnsupportedVersion)
	}
	found, err := pebble.Peek(dir, stop)
	if err != nil {
		return classify("opening "+dir, err)
	}
	if !found.Exists || version != FormatMajorVersion {
		return corrupt(-1, "%s is not a ledger: found Pebble format %d, want %d", dir, version, FormatMajorVersion)
	}
	return nil
}

// formatVersion reads the Pebble format version that dir names; 0 is none.
func formatVersion(dir string, stop *failStop) (pebble.FormatMajorVersion, error) {
	marker, value, err := atomicfs.LocateMarker(stop, dir, "format-version")
	if err != nil {
		return 0, classify("opening "+dir, err)
	}
	if err := marker.Close(); err != nil {
		return 0, classify("opening "+dir, err)
	}
	if value == "" {
		return 0, nil
	}
	version, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0, corruptBy(err, -1, "the Pebble format of %s", dir)
	}
	return pebble.FormatMajorVersion(version), nil
}

// settle makes what lies in the write-ahead logs durable, and the manifest of a
// one-shot log that was not closed. A process that was
// killed may have left bytes there that the next power cut takes away, and
// nothing may be shown or proved that could still go.
func settle(dir string, stop *failStop) error {
	names, err := stop.List(dir)
	if err != nil {
		return classify("listing "+dir, err)
	}
	found := slices.Contains(names, unsettledName)
	unsettled := found
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") && !(unsettled && strings.HasPrefix(name, "MANIFEST-")) {
			continue
		}
		synced, err := syncFile(stop, stop.PathJoin(dir, name))
		if err != nil {
			return err
		}
		found = found || synced
	}
	if !found {
		return nil
	}
	return syncDir(stop, dir)
}

// syncFile syncs a file that is not empty, and reports whether it was not.
func syncFile(stop *failStop, path string) (synced bool, err error) {
	f, err := stop.Open(path)
	if err != nil {
		return false, classify("opening "+path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, classify("opening "+path, err)
	}
	if info.Size() == 0 {
		return false, nil
	}
	return true, f.Sync()
}

func syncDir(stop *failStop, dir string) error {
	d, err := stop.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	defer d.Close()
	return d.Sync()
}
