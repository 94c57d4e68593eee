package packspec_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec/finding"
	"gait/projection"
)

// randomWork is the history of a job that three workers want to do, with pauses, clocks that are set
// back, and requests that are refused, as an engine writes it.
func randomWork(t *testing.T, seed uint64) *testLog {
	t.Helper()
	l, rng := newLog(t, testKey(t, 1)), rand.New(rand.NewPCG(seed, 1))
	now := time.Date(2026, 11, 22, 20, 1, 0, 0, time.UTC)
	engine := &commands.Engine{Log: l, Now: func() time.Time { return now }, Entropy: rand.NewChaCha8([32]byte{byte(seed)})}
	epochs := map[string]int64{} // that each worker believes to hold
	do := func(actor string, lease int64, c commands.Command) commands.Result {
		r := commands.Request{JobID: "job_1", Actor: actor, Lease: lease, Command: c}
		result, _ := engine.Do(t.Context(), r) // many are refused
		return result
	}
	do("worker_0", 0, commands.Submit{EnvironmentFingerprint: "env", ProducerVersion: "x"})
	for range 60 {
		now = now.Add(time.Duration(rng.IntN(4500)) * time.Millisecond)
		if rng.IntN(20) == 0 {
			now = now.Add(-10 * time.Second)
		}
		worker := fmt.Sprint("worker_", rng.IntN(3))
		lease := epochs[worker]
		if rng.IntN(8) == 0 {
			lease = int64(rng.IntN(4))
		}
		switch rng.IntN(12) {
		case 0, 1, 2:
			if p, ok := do(worker, 0, commands.LeaseTake{TTL: 5 + int64(rng.IntN(4)), Worker: worker}).Event.Payload().(ledger.Leased); ok {
				epochs[worker] = p.Epoch
			}
		case 3:
			do(worker, lease, commands.LeaseRenew{TTL: []int64{0, 6, 9}[rng.IntN(3)]})
		case 4:
			do(worker, lease, commands.LeaseRelease{Outcome: ledger.LeaseGaveUp})
		case 5:
			do("boss", 0, commands.LeaseRelease{Outcome: ledger.LeaseLost})
		case 6, 7:
			do(worker, lease, commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "a step"})
		case 8:
			do(worker, lease, commands.EndAttempt{Cause: []ledger.AttemptCause{ledger.AttemptLost, ledger.AttemptTimeout}[rng.IntN(2)]})
		case 9:
			do(worker, lease, commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "may I?", RequiredAction: "say yes"})
		case 10:
			do("boss", 0, commands.Pause{})
		}
		if rng.IntN(3) == 0 {
			do("boss", 0, commands.Approve{})
			do("boss", 0, commands.Resume{EnvironmentFingerprint: "env"})
		}
	}
	l.commit()
	return l
}

// Packs of what an engine writes about leases verify, and what the program in VERIFY.md makes of the
// leases agrees with the rules.
func TestVerifyMDAgreesOnLeases(t *testing.T) {
	needPython(t)
	leases, attempts := int64(0), int64(0)
	for _, seed := range ledgertest.Sample(t, 60, 8) {
		l := randomWork(t, uint64(seed))
		pack := build(t, l, "job_1")
		if r := verify(t, pack, l.key); !r.Verified || r.Level(finding.LevelCompleteness).Status != finding.Proved {
			t.Fatalf("seed %d: %v", seed, r.Failure)
		}
		var fold projection.Folder
		for _, e := range l.job("job_1") {
			if err := fold.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		j := fold.Job
		fs := files(t, pack)
		out, err := check(t, program(t, fs), fs, l.key.VerifierKey().String())
		if want := fmt.Sprintf("; newest lease %d, %d attempts\n", j.Epoch(), j.Attempts); err != nil || !strings.HasSuffix(out, want) {
			t.Errorf("seed %d: %v\n%swant %s", seed, err, out, want)
		}
		leases, attempts = leases+j.Epoch(), attempts+j.Attempts
	}
	t.Logf("%d leases, %d attempts", leases, attempts)
	if leases < 8 || attempts == 0 {
		t.Errorf("%d leases and %d attempts in all: too few to show anything", leases, attempts)
	}
}
