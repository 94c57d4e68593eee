package main

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 0, "how long TestSoak runs; 0: not at all")

// A soakSample holds measurements of the daemon at one time.
type soakSample struct {
	after                     time.Duration
	events                    int
	memory, descriptors, disk int     // MiB, count, MiB
	perEvent                  float64 // bytes on disk
}

// TestSoak has 32 clients write through one daemon for as long as -soak
// says, and measures its memory, open files and disk a hundred times. Memory and
// files must not grow, and the disk only with the events.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("run it with -soak 1h")
	}
	s := newDaemonRun(t)
	s.start()
	l := newLoad(s)
	l.run("socket", 32, l.overSocket)
	var table []soakSample
	began := time.Now()
	for range 100 {
		time.Sleep(*soak / 100)
		table = append(table, l.look(time.Since(began)))
	}
	t.Logf("\n%8s %10s %8s %8s %6s %8s %8s", "after", "events", "events/s", "memory", "files", "disk", "B/event")
	for i, m := range table {
		before := soakSample{}
		if i > 0 {
			before = table[i-1]
		}
		rate := float64(m.events-before.events) / (m.after - before.after).Seconds()
		t.Logf("%8s %10d %8.0f %4d MiB %6d %4d MiB %8.0f", m.after.Round(time.Second), m.events, rate, m.memory, m.descriptors, m.disk, m.perEvent)
	}
	flat(t, "memory in MiB", table, func(m soakSample) int { return m.memory }, 32)
	flat(t, "open files", table, func(m soakSample) int { return m.descriptors }, 8)
	flat(t, "bytes on disk an event", table, func(m soakSample) int { return int(m.perEvent) }, 50)
	l.check()
}

// look measures the daemon.
func (l *load) look(after time.Duration) soakSample {
	l.mu.Lock()
	events := l.counts["acknowledged"]
	l.mu.Unlock()
	var bytes int64
	filepath.WalkDir(filepath.Join(l.root, "ledger"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				bytes += info.Sys().(*syscall.Stat_t).Blocks * 512
			}
		}
		return nil // Pebble deletes files while we look
	})
	return soakSample{after: after, events: events, memory: l.resident(), descriptors: l.descriptors(), disk: int(bytes >> 20), perEvent: float64(bytes) / float64(max(events, 1))}
}

// flat compares the median of the last quarter with that of the second. It fails if
// that grew by more than a quarter and by more than slack.
func flat(t *testing.T, what string, table []soakSample, of func(soakSample) int, slack int) {
	t.Helper()
	middle := func(part []soakSample) int {
		part = slices.SortedFunc(slices.Values(part), func(a, b soakSample) int { return cmp.Compare(of(a), of(b)) })
		return of(part[len(part)/2])
	}
	n := len(table) / 4
	early, late := middle(table[n:2*n]), middle(table[3*n:])
	verdict := fmt.Sprintf("%s: %d in the second quarter, %d in the last", what, early, late)
	if late > early+early/4 && late > early+slack {
		t.Errorf("not flat: %s", verdict)
		return
	}
	t.Log("flat: " + verdict)
}
