package pebble_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gait/ledger/ledgertest"
)

var (
	seeds = flag.Int("seeds", 100, "how many seeds TestSimulation runs; 40 with -short")
	limit = flag.Duration("budget", 0, "how long TestSimulation goes on beginning seeds; 0: until it has run -seeds")
	first = flag.Uint64("first", 0, "the first of them")
	seed  = flag.Int64("seed", -1, "the only seed to run, as it is replayed")
	tell  = flag.Bool("tell", false, "tell what a seed does")
)

// share is how many seeds a process of TestSimulation runs. A simulated process
// that has failed writing waits for ever, as it must, and holds its memory.
const share = 250

// simulate runs a seed, and returns the hash of its trace.
func simulate(t *testing.T, seed uint64, total *counts) uint64 {
	s := newSim(t, seed)
	defer func() {
		if t.Failed() {
			t.Logf("replay it with: go test ./ledger/store/pebble -v -run '^TestSimulation$' -seed %d -tell", seed)
		}
	}()
	s.run()
	total.merge(&s.count)
	return s.trace.Sum64()
}

// TestSimulation lets a seed decide what clients ask for, when the power is cut,
// what fails, how the clock jumps, and when the process ends. Whatever happens,
// what was acknowledged is there, once, and provable.
func TestSimulation(t *testing.T) {
	var total counts
	if *seed >= 0 {
		t.Logf("trace %x: %s", simulate(t, uint64(*seed), &total), &total)
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 40)
	}
	if n <= share {
		for i := range uint64(n) {
			simulate(t, *first+i, &total)
		}
		t.Logf("%s%s", counted, &total)
		total.situations(t, n)
		return
	}
	start := time.Now()
	n = inShares(t, n, &total)
	t.Logf("seeds %d to %d in %s: %s", *first, *first+uint64(n)-1, time.Since(start).Round(time.Second), &total)
	total.situations(t, n)
}

// counted comes before what a share has counted.
const counted = "counted: "

// inShares runs n seeds, a share a process, as many at once as there are cores.
// It returns how many seeds it ran: fewer if the -budget was used up.
func inShares(t *testing.T, n int, total *counts) (ran int) {
	var wait sync.WaitGroup
	at := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for from := range at {
				runShare(t, from, min(share, n-from), total)
			}
		})
	}
	start := time.Now()
	for from := 0; from < n && (*limit == 0 || time.Since(start) < *limit); from += share {
		at <- from
		ran = min(n, from+share)
	}
	close(at)
	wait.Wait()
	return ran
}

func runShare(t *testing.T, from, n int, total *counts) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestSimulation$", "-test.v", "-test.timeout=30m",
		"-first", fmt.Sprint(*first+uint64(from)), "-seeds", strconv.Itoa(n))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("seeds %d to %d: %v\n%s", from, from+n-1, err, out)
		return
	}
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		if _, all, ok := strings.Cut(lines.Text(), counted); ok {
			total.parse(all)
			return
		}
	}
	t.Errorf("seeds %d to %d counted nothing:\n%s", from, from+n-1, out)
}

// A seed replays exactly.
func TestSimulationReplays(t *testing.T) {
	n := 10
	if testing.Short() {
		n = 5
	}
	var total counts
	for _, i := range ledgertest.Sample(t, 40, n) {
		seed := uint64(i)
		if a, b := simulate(t, seed, &total), simulate(t, seed, &total); a != b {
			t.Errorf("seed %d has trace %x, and then %x", seed, a, b)
		}
	}
}
