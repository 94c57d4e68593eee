package packspec_test

import (
	"bytes"
	"fmt"
	"testing"

	"gait/ledger"
	"gait/packspec"
)

// longLog returns a log with one job of n events.
func longLog(t testing.TB, n int) *testLog {
	l := newLog(t, testKey(t, 1))
	entries := make([]ledger.Entry, 0, n)
	head, job := l.Head(), ledger.JobHead{}
	for i := range n {
		var p ledger.Payload = ledger.Submitted{EnvironmentFingerprint: "envfp:x", ProducerVersion: "gait test"}
		if i > 0 {
			p = ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(int64(i)), CheckpointType: ledger.CheckpointProgress, Summary: fmt.Sprintf("step %d is complete", i)}
		}
		e, err := ledger.Seal(ledger.Draft{
			Seq: ledger.Seq(head.Size), ID: "01JD0000000000000000000000", Origin: origin, Time: head.Time, Actor: "worker_1", Prev: head.Leaf,
			JobID: "long", JobSeq: job.JobSeq + 1, JobPrev: job.Leaf, Revision: job.Revision + 1, Payload: p,
		})
		if err != nil {
			t.Fatal(err)
		}
		if head, err = head.Follow(e); err != nil {
			t.Fatal(err)
		}
		if job, err = job.Follow(e); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, ledger.Entry{Event: e})
	}
	if _, err := l.Append(t.Context(), l.Head(), entries...); err != nil {
		t.Fatal(err)
	}
	return l
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		log := longLog(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := packspec.BuildJob(b.Context(), new(packspec.Buffer), log, "long", log.key, packspec.JobOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		log := longLog(b, n)
		pack := build(b, log, "long")
		o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: log.Keys().Current().PublicKey()}}}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(pack)))
			for b.Loop() {
				if r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o); err != nil || !r.Verified {
					b.Fatal(err, r.Failure)
				}
			}
		})
	}
}
