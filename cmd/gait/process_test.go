package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"gait/ledger/ledgertest"
)

// writers is how many separate processes write to one job at once.
const writers = 32

func TestManyProcessesOneJob(t *testing.T) {
	b := newGait(t)
	if code, _ := b.run("job", "submit", "--id", "a", "--json"); code != 0 {
		t.Fatalf("submit exits %d", code)
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			out, err := b.command("job", "checkpoint", "add", "a", "--summary", fmt.Sprint("from ", i), "--lock-timeout", "60s").CombinedOutput()
			if err != nil {
				t.Errorf("checkpoint %d: %v\n%s", i, err, out)
			}
		})
	}
	wg.Wait()
	if _, said := b.run("job", "status", "a", "--json"); said.Job.Revision != 1+writers {
		t.Errorf("after %d checkpoints the job is at revision %d, want %d", writers, said.Job.Revision, 1+writers)
	}
	if code, _ := b.run("ledger", "verify", "--json"); code != 0 {
		t.Errorf("ledger verify exits %d", code)
	}
}

// TestFirstCommandsAtOnce lets several processes find no ledger at the same time.
func TestFirstCommandsAtOnce(t *testing.T) {
	b := newGait(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if out, err := b.command("job", "submit", "--id", fmt.Sprint("job_", i)).CombinedOutput(); err != nil {
				t.Errorf("submit %d: %v\n%s", i, err, out)
			}
		})
	}
	wg.Wait()
	if code, _ := b.run("ledger", "verify", "--json"); code != 0 {
		t.Errorf("ledger verify exits %d", code)
	}
}

// TestKilled kills gait with SIGKILL at random moments of a command. Every
// acknowledged event is there, and the next command works at once.
func TestKilled(t *testing.T) {
	b := newGait(t)
	kills := ledgertest.Times(50, 15)
	random := rand.New(rand.NewPCG(1, 2))
	var typical time.Duration
	acknowledged, killed := int64(0), 0
	for i := range 4 {
		start := time.Now()
		if code, _ := b.run("job", "submit", "--id", fmt.Sprint("warm_", i), "--json"); code != 0 {
			t.Fatalf("submit exits %d", code)
		}
		typical = time.Since(start)
	}
	if code, _ := b.run("job", "submit", "--id", "a", "--json"); code != 0 {
		t.Fatal("submit failed")
	}
	for i := range kills {
		cmd := b.command("job", "checkpoint", "add", "a", "--summary", fmt.Sprint("step ", i), "--json")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(typical))), func() { cmd.Process.Signal(syscall.SIGKILL) })
		err := cmd.Wait()
		timer.Stop()
		switch {
		case err == nil:
			acknowledged++
		case cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled():
			killed++
		default:
			t.Fatalf("checkpoint %d: %v", i, err)
		}
		code, said := b.run("job", "status", "a", "--lock-timeout", "0s", "--json")
		if code != 0 || said.Job.Revision < 1+acknowledged {
			t.Fatalf("after kill %d the next command exits %d (%s) and sees revision %d, want at least %d", i, code, said.ErrorCode, said.Job.Revision, 1+acknowledged)
		}
		acknowledged = said.Job.Revision - 1 // an event that was shown counts as acknowledged
	}
	t.Logf("%d of %d processes were killed; %d checkpoints are on the ledger", killed, kills, acknowledged)
	if code, _ := b.run("ledger", "verify", "--json"); code != 0 {
		t.Errorf("ledger verify exits %d", code)
	}
	if killed < kills/5 {
		t.Errorf("only %d of %d processes were killed in time", killed, kills)
	}
}

// TestKilledWhileCreating kills the very first command at random moments: the
// next one completes the ledger, or begins again.
func TestKilledWhileCreating(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of processes")
	}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range ledgertest.Times(25, 6) {
		b := newGait(t)
		cmd := b.command("job", "submit", "--id", "a")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(60*time.Millisecond))), func() { cmd.Process.Signal(syscall.SIGKILL) })
		cmd.Wait()
		timer.Stop()
		if code, said := b.run("job", "submit", "--id", "b", "--json"); code != 0 {
			t.Fatalf("run %d: the next submit exits %d: %s", i, code, said.ErrorCode)
		}
		if code, _ := b.run("ledger", "verify", "--json"); code != 0 {
			t.Fatalf("run %d: ledger verify exits %d", i, code)
		}
	}
}
