package pebble

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
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
	once *onceFS // nil unless the process is a one-shot one
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
