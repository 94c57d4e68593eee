package projection_test

import (
	"crypto/sha256"
	"testing"

	"gait/ledger"
	"gait/projection"
)

const foldedEvents = 10_000

// history returns the bytes of a long job: work, questions, verdicts, refusals.
func history(b *testing.B) [][]byte {
	s := tell(b)
	for len(s.events) < foldedEvents-8 {
		for range 4 {
			s.checkpoint(progress)
		}
		s.add("worker_1", ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition"})
		s.checkpoint(decision)
		s.verdict(projection.Approved, "reviewer")
		s.add("worker_1", s.resumed())
	}
	for len(s.events) < foldedEvents {
		s.checkpoint(progress)
	}
	raw := make([][]byte, len(s.events))
	for i, e := range s.events {
		raw[i] = e.Bytes()
	}
	return raw
}

func events(b *testing.B) {
	b.ReportMetric(float64(b.N)*foldedEvents/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFold measures a fold with full verification: each event is decoded,
// hashed, checked against the chain and against the state machine.
func BenchmarkFold(b *testing.B) {
	raw := history(b)
	b.ReportAllocs()
	for b.Loop() {
		var f projection.Folder
		for _, bytes := range raw {
			e, err := ledger.Decode(bytes)
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Add(e); err != nil {
				b.Fatal(err)
			}
		}
	}
	events(b)
}

// BenchmarkHash measures only hashing the same bytes.
func BenchmarkHash(b *testing.B) {
	raw := history(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, bytes := range raw {
			sha256.Sum256(bytes)
		}
	}
	events(b)
}
