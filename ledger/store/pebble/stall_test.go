package pebble_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store/pebble"
)

// TestManyTablesDoNotStall fills level 0 as processes do that leave before any
// compaction is through: the next command must not wait for one.
func TestManyTablesDoNotStall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledgertest.Create(t, dir, ledgertest.Options{})
	origin := log.Origin()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		db, err := cockroach.Open(dir, &cockroach.Options{FormatMajorVersion: pebble.FormatMajorVersion, DisableAutomaticCompactions: true, L0StopWritesThreshold: 1000, Logger: silent{}})
		if err != nil {
			t.Fatal(err)
		}
		b := db.NewBatch()
		head, closer, err := db.Get([]byte("m/head"))
		if err != nil {
			t.Fatal(err)
		}
		b.Set([]byte("m/head"), head, nil) // overlaps, so that tables pile up
		closer.Close()
		if err := b.Commit(cockroach.Sync); err != nil {
			t.Fatal(err)
		}
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(i, err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- appendOnce(t, dir, origin) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a command on a ledger of 30 small tables waits for ever")
	}
}

func appendOnce(t *testing.T, dir, origin string) error {
	log, err := ledgertest.Open(dir, ledgertest.Options{Signer: ledgertest.Key(origin)})
	if err != nil {
		return err
	}
	receipt := ledgertest.Append(t, log, ledgertest.Submit(fmt.Sprint("job_", 1)))
	if receipt.Seq != ledger.Seq(1) {
		return fmt.Errorf("appended event %d, want 1", receipt.Seq)
	}
	return log.Close()
}
