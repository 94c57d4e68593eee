package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// An honesty counts what commands say of ledgers that were not tampered with.
type honesty struct {
	*daemonRun

	mu     sync.Mutex
	counts map[string]int
}

// What an honesty counts, beside what is its situation's own.
const (
	cameUp   = "came up"
	asked    = "commands"
	mismatch = "refused as index_mismatch"
)

func honest(s *daemonRun) *honesty { return &honesty{daemonRun: s, counts: map[string]int{}} }

// A verdict is what a command said: its exit code and the code of its error.
type verdict struct {
	jsonOutput
	code int
}

// ask runs a command and counts what it says. No command may say that the index does
// not match, or that the ledger does not hold.
func (h *honesty) ask(args ...string) verdict {
	h.t.Helper()
	code, said := h.run(append(args, "--json")...)
	h.count(asked)
	if said.ErrorCode == "index_mismatch" {
		h.count(mismatch)
	}
	if code == 2 {
		h.t.Errorf("gait %s exits 2 on an honest ledger: %s", strings.Join(args, " "), said.ErrorCode)
	}
	return verdict{said, code}
}

func (h *honesty) count(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[what]++
}

// must is ask for a command that succeeds.
func (h *honesty) must(args ...string) verdict {
	h.t.Helper()
	said := h.ask(args...)
	if said.code != 0 {
		h.t.Errorf("gait %s exits %d: %s", strings.Join(args, " "), said.code, said.ErrorCode)
	}
	return said
}

// read reads a job and the list of jobs, without writing anything.
func (h *honesty) read(job string) {
	h.t.Helper()
	h.must("job", "status", job)
	h.must("job", "list")
}

// look reads everything without writing, then writes, and then reads again.
func (h *honesty) look(job string) {
	h.t.Helper()
	for range 2 {
		h.read(job)
		h.must("job", "inspect", job)
		h.must("job", "checkpoint", "add", job, "--summary", "all is well", "--request-id", fmt.Sprint("look-", rand.Int64()))
	}
	h.must("ledger", "verify")
}

// A situation is something that happens to honest ledgers.
type situation struct {
	name string
	do   func(*testing.T) *honesty // it skips the test if the situation cannot be made here
}

// inRun returns a situation that begins without a ledger.
func inRun(name string, do func(*honesty)) situation {
	return situation{name, func(t *testing.T) *honesty {
		h := honest(newDaemonRun(t))
		do(h)
		return h
	}}
}

var situations = []situation{
	{"crash between flush and record", crashedCommit},
	inRun("kill -9 of a one-shot", killedOneShots),
	inRun("kill -9 of a daemon", killedDaemon),
	{"full disk", fullDisk},
	inRun("rotation crash then read-only open", killedRotation),
	inRun("moved home", movedHome),
	inRun("restored home", restoredHome),
	inRun("home without the newest key", staleHome),
	inRun("daemon beside one-shots", besideDaemon),
	inRun("busy readers", busyReaders),
	inRun("rebuilt index", rebuilt),
	{"old binary", afterOlder},
}

// TestTortureHonestLedgers crashes, fills, moves, restores and shares ledgers in all the
// ways that happen to honest ones, and counts by name how often each came up, and how
// often a ledger was refused as index_mismatch: never.
func TestTortureHonestLedgers(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of processes")
	}
	found := map[string]*honesty{}
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) { found[s.name] = s.do(t) })
	}
	refused := 0
	for _, s := range situations {
		h := found[s.name]
		if h == nil {
			t.Logf("%s: not tried here", s.name)
			continue
		}
		t.Logf("%s: came up %d times; %d commands, %d refused as index_mismatch%s", s.name, h.counts[cameUp], h.counts[asked], h.counts[mismatch], h.others())
		if h.counts[cameUp] == 0 {
			t.Errorf("%s: it never came up, so it shows nothing", s.name)
		}
		refused += h.counts[mismatch]
	}
	t.Logf("%d honest ledgers refused as index_mismatch", refused)
}

// others lists what else was counted.
func (h *honesty) others() (list string) {
	for _, what := range slices.Sorted(maps.Keys(h.counts)) {
		if what != cameUp && what != asked && what != mismatch {
			list += fmt.Sprintf(", %d %s", h.counts[what], what)
		}
	}
	return list
}
