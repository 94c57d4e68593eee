package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A daemon whose root was removed ends and changes nothing in what has taken its place,
// whether it looks by itself or is told to stop, and also if it was suspended meanwhile.
func TestDaemonLeavesARestoredRootAlone(t *testing.T) {
	for how, signals := range map[string][]syscall.Signal{
		"by itself":               nil,
		"stopped":                 {syscall.SIGTERM},
		"suspended":               {syscall.SIGSTOP, syscall.SIGCONT},
		"suspended, then stopped": {syscall.SIGSTOP, syscall.SIGTERM, syscall.SIGCONT},
	} {
		for name, flags := range map[string][]string{"the same ledger": nil, "a successor": {"--as-successor"}} {
			t.Run(name+", "+how, func(t *testing.T) { leavesAlone(t, flags, signals) })
		}
	}
}

func leavesAlone(t *testing.T, flags []string, signals []syscall.Signal) {
	s := newDaemonRun(t)
	backup := filepath.Join(s.dir, "b.zip")
	s.mustDo("job", "submit", "--id", "a")
	s.start()
	for i := range 5 {
		s.mustDo("job", "submit", "--id", fmt.Sprint("job_", i))
		if i == 2 && flags != nil {
			s.mustDo("ledger", "backup", "--out", backup)
		}
	}
	if flags == nil {
		s.mustDo("ledger", "backup", "--out", backup)
	}
	if len(signals) > 1 {
		s.daemon.Process.Signal(signals[0])
		signals = signals[1:]
	}
	if err := os.RemoveAll(s.root); err != nil {
		t.Fatal(err)
	}
	s.mustDo(append([]string{"ledger", "restore", backup}, flags...)...)
	s.mustDo("job", "submit", "--id", "b")
	for _, signal := range signals {
		s.daemon.Process.Signal(signal)
	}
	if code := s.wait(10 * time.Second); code != 2 || !strings.Contains(s.said.String(), "ledger_missing") {
		t.Errorf("the daemon exits %d\n%s", code, s.said)
	}
	s.mustDo("job", "submit", "--id", "c")
	s.mustDo("ledger", "verify")
}
