package authority_test

import (
	"fmt"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// signedPauses returns a ledger with n signed events of a job, and who signed them.
func signedPauses(b *testing.B, key at.Signer, n int) ([]ledger.Event, *authority.State) {
	b.Helper()
	l := at.New(b)
	l.Begin("root", key)
	state := now(b, l)
	for range n {
		l.Sign("root", "job_1", paused, key)
	}
	return l.Events[2:], state
}

// BenchmarkSignatures verifies the signatures of 10,000 events. With -cpu 1,2 it shows what
// a second core brings.
func BenchmarkSignatures(b *testing.B) {
	for name, key := range map[string]at.Signer{"ed25519": at.Key(b, "bench"), "ecdsa": at.ECDSAKey(b, "bench")} {
		events, _ := signedPauses(b, key, 10_000)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var s authority.Signatures
				for _, e := range events {
					s.Add(e)
				}
				if err := s.Wait(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkCheck checks events without cryptography: signed ones, and claims.
func BenchmarkCheck(b *testing.B) {
	signed, state := signedPauses(b, at.Key(b, "bench"), 100)
	l := at.New(b)
	l.Begin("root", at.Key(b, "bench"))
	var claims []ledger.Event
	for range 100 {
		claims = append(claims, l.Claim("agent", "job_1", paused))
	}
	for name, events := range map[string][]ledger.Event{"signed": signed, "claim": claims} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := state.Check(events[i%len(events)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkChain adds a thousand enrolments to a chain.
func BenchmarkChain(b *testing.B) {
	l, root := at.New(b), at.Key(b, "bench")
	l.Begin("root", root)
	for i := range 1000 {
		l.Enroll("root", root, fmt.Sprint("worker_", i), at.Key(b, fmt.Sprint("worker ", i)), ledger.RoleWorker)
	}
	for b.Loop() {
		var c authority.Chain
		for _, e := range l.Events[1:] {
			if err := c.Add(e); err != nil {
				b.Fatal(err)
			}
		}
	}
}
