package packspec_test

import (
	"errors"
	"fmt"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
)

// jobEvent returns an event of a job as a range has it.
func jobEvent(seq ledger.Seq, job string, jobSeq int64, prev ledger.Hash, p ledger.Payload) ledger.Event {
	e, err := ledger.Seal(ledger.Draft{
		Seq: seq, ID: "01JD0000000000000000000000", Origin: origin, Time: clock(int(seq))(), Actor: "worker_1", JobID: job, JobSeq: jobSeq,
		JobPrev: prev, Prev: ledger.Hash{1}, Revision: jobSeq, Payload: p,
	})
	if err != nil {
		panic(err)
	}
	return e
}

var submitted = ledger.Submitted{EnvironmentFingerprint: "envfp:1", ProducerVersion: "1"}

// The verdict is the same if there are more jobs than are held at once.
func TestRangeJobsInShares(t *testing.T) {
	var events []ledger.Event
	for n := range 300 {
		first := jobEvent(ledger.Seq(n+1), fmt.Sprintf("job_%d", n), 1, ledger.Hash{}, submitted)
		second := jobEvent(ledger.Seq(n+1000), first.JobID(), 2, first.LeafHash(), ledger.Paused{})
		events = append(events, first, second)
	}
	for _, most := range []int{1000, 300, 50, 7} {
		jobs, begun, passes, chain, state := packspec.FollowJobs(0, most, events)
		if chain != nil || state != nil || jobs != 300 || begun != 0 || (passes == 1) != (most >= 300) {
			t.Errorf("%d at once: %v, %v, %d jobs, %d begun, in %d passes", most, chain, state, jobs, begun, passes)
		}
	}
	broken := append(events[:len(events):len(events)], jobEvent(2000, "job_7", 3, events[15].LeafHash(), ledger.Paused{}), jobEvent(2001, "job_8", 3, events[17].LeafHash(), ledger.Paused{}))
	for _, most := range []int{1000, 50, 7} {
		_, _, _, _, state := packspec.FollowJobs(0, most, broken)
		if f, ok := errors.AsType[*finding.Failure](state); !ok || *f.Seq != 2000 {
			t.Errorf("%d at once: %v, want event 2000 not to be allowed", most, state)
		}
	}
}

// The earlier events of a job must fit into the ledger before the range.
func TestRangeJobsBegin(t *testing.T) {
	h := ledger.Hash{7}
	for _, tt := range []struct {
		name  string
		from  ledger.Seq
		event ledger.Event
		ok    bool
	}{
		{"the first of all", 0, jobEvent(1, "job_1", 1, ledger.Hash{}, submitted), true},
		{"the fifth, from event 0", 0, jobEvent(9, "job_1", 5, h, ledger.Paused{}), false},
		{"the second, from event 0", 0, jobEvent(9, "job_1", 2, h, ledger.Paused{}), false},
		{"the last that has room", 256, jobEvent(300, "job_1", 256, h, ledger.Paused{}), true},
		{"one more than has room", 256, jobEvent(300, "job_1", 257, h, ledger.Paused{}), false},
		{"the first, from event 256", 256, jobEvent(300, "job_1", 1, ledger.Hash{}, submitted), true},
	} {
		_, _, _, chain, _ := packspec.FollowJobs(tt.from, 10, []ledger.Event{tt.event})
		if (chain == nil) != tt.ok {
			t.Errorf("%s: %v, may begin %t", tt.name, chain, tt.ok)
		}
	}
}

// The manifest of a range pack has the time of its last event and names its producer.
func TestRangeManifest(t *testing.T) {
	l := long(t, 5)
	for old, fresh := range map[string]string{`"producer_version":"gait-pack/1"`: `"producer_version":"gait-pack/1x"`, `"created_at":"2026`: `"created_at":"1999`} {
		f := &forger{t: t, files: files(t, buildRange(t, l, 0, -1))}
		f.replace("pack_manifest.json", old, fresh)
		if r := verify(t, resign(t, f.files, l.Key), l.Key); r.Verified || r.Failure.Level != finding.LevelViews {
			t.Errorf("%s: verified %t, %+v", fresh, r.Verified, r.Failure)
		}
	}
}
