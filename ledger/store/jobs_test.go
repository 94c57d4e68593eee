package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// longJob returns a log with 300 events of job_1, each after one of another job, and
// its table.
func longJob(t *testing.T) (*store.Log, *memtable.Table) {
	t.Helper()
	table, key := new(memtable.Table), ledgertest.Key(ledgertest.Origin)
	o := store.Options{Signer: key, Keys: ledgertest.MACKeys}
	if err := store.Create(t.Context(), table, ledgertest.First(key.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	ledgertest.Append(t, log, ledgertest.Submit("job_0"), ledgertest.Submit("job_1"))
	for range 299 {
		ledgertest.Append(t, log, ledgertest.Progress("job_0", "step"), ledgertest.Progress("job_1", "step"))
	}
	return log, table
}

// ranged returns how many events of job_1 JobEvents yields from a job_seq on, and the
// error after them.
func ranged(t *testing.T, log *store.Log, from int64) (events int64, err error) {
	t.Helper()
	for e, err := range log.JobEvents(t.Context(), "job_1", from) {
		if err != nil {
			return events, err
		}
		if e.JobSeq() != from+events || e.JobID() != "job_1" {
			t.Fatalf("event %d after job_seq %d is event %d of %s", events, from, e.JobSeq(), e.JobID())
		}
		events++
	}
	return events, nil
}

// A job is read whole from any of its events on, and a caller that stops gets no more.
func TestLongJobEvents(t *testing.T) {
	log, _ := longJob(t)
	for _, from := range []int64{1, 2, 63, 64, 65, 66, 200, 236, 237, 299, 300, 301} {
		if n, err := ranged(t, log, from); err != nil || n != 301-from {
			t.Errorf("JobEvents from %d yields %d events, %v; want %d", from, n, err, 301-from)
		}
	}
	for _, stop := range []int64{1, 64, 65, 128, 250} {
		last := int64(0)
		for e, err := range log.JobEvents(t.Context(), "job_1", 1) {
			if err != nil {
				t.Fatal(err)
			}
			if last = e.JobSeq(); last == stop {
				break
			}
		}
		if last != stop {
			t.Errorf("a caller that stops at event %d got event %d last", stop, last)
		}
	}
}

// The events before one that is damaged are yielded, and the error names it.
func TestLongJobNamesDamage(t *testing.T) {
	log, table := longJob(t)
	event := func(jobSeq int64) []byte {
		return binary.BigEndian.AppendUint64([]byte{'e'}, uint64(2*jobSeq))
	}
	index := func(jobSeq int64) []byte {
		return binary.BigEndian.AppendUint64([]byte("jjob_1\x00"), uint64(jobSeq))
	}
	for _, jobSeq := range []int64{1, 2, 64, 65, 66, 128, 200, 299} {
		before, err := log.Event(t.Context(), ledger.Seq(2*jobSeq))
		if err != nil || before.JobSeq() != jobSeq {
			t.Fatalf("event %d is event %d of its job, %v", 2*jobSeq, before.JobSeq(), err)
		}
		for _, tt := range []struct {
			what       string
			key, value []byte
			is         []byte
			seq        ledger.Seq
			says       string
		}{
			{"without the event", event(jobSeq), nil, before.Bytes(), before.Seq(), "it is missing"},
			{"with another event", event(jobSeq), []byte("{}"), before.Bytes(), before.Seq(), "decoding"},
			{"without its place", index(jobSeq), nil, index(2 * jobSeq)[7:], -1, fmt.Sprintf("event %d of job job_1 is not in the index", jobSeq)},
			{"in the place of another", index(jobSeq), binary.BigEndian.AppendUint64(nil, uint64(2*jobSeq-1)), index(2 * jobSeq)[7:], before.Seq() - 1, "expected an event of job job_1"},
			{"in no place", index(jobSeq), []byte("no"), index(2 * jobSeq)[7:], -1, "the index of job job_1 names 6e6f"},
		} {
			table.Tamper(tt.key, tt.value)
			n, err := ranged(t, log, 1)
			c, corrupt := errors.AsType[*ledger.CorruptError](err)
			if n != jobSeq-1 || !corrupt || c.Seq != tt.seq || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("event %d of the job %s: %d events and %v, want %d and an error that says %q", jobSeq, tt.what, n, err, jobSeq-1, tt.says)
			}
			table.Tamper(tt.key, tt.is)
		}
	}
	if n, err := ranged(t, log, 1); n != 300 || err != nil {
		t.Errorf("mended, the job has %d events, %v", n, err)
	}
}
