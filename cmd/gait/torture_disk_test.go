//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newDisk returns a daemon whose root and home are on a disk of their own, in
// memory, which only root can make.
func newDisk(t *testing.T, size string) (s *daemonRun, remount func(flags uintptr, size string)) {
	s = newDaemonRun(t)
	dir := t.TempDir()
	if err := unix.Mount("gait", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("mounting needs rights: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s.env = append(s.env, "GAIT_HOME="+filepath.Join(dir, "home"))
	s.at(filepath.Join(dir, "jobs"))
	return s, func(flags uintptr, size string) {
		t.Helper()
		if err := unix.Mount("gait", dir, "", unix.MS_REMOUNT|flags, "size="+size); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTortureFullDisk fills the disk under load. The daemon ends with 1, its
// clients get no receipt for an event that was not written, and with more room all
// acknowledged events are there.
func TestTortureFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s, remount := newDisk(t, "12m")
	s.env = append(s.env, "GAIT_HOME="+filepath.Join(t.TempDir(), "home")) // a full disk under the home is noticed before
	s.start()
	l := newLoad(s)
	l.run("socket", 16, l.overSocket)
	if code := s.wait(2 * time.Minute); code != 1 {
		t.Errorf("on a full disk the daemon exits %d\n%s", code, s.said)
	}
	if !strings.Contains(s.said.String(), "no space left") {
		t.Errorf("on a full disk the daemon says\n%s", s.said)
	}
	remount(0, "256m")
	s.start()
	time.Sleep(200 * time.Millisecond)
	l.check()
}

// TestTortureReadOnlyDisk finds the disk read-only: the daemon does not start,
// and says why.
func TestTortureReadOnlyDisk(t *testing.T) {
	s, remount := newDisk(t, "64m")
	s.mustDo("job", "submit", "--id", "a")
	remount(unix.MS_RDONLY, "64m")
	s.launch()
	if code := s.wait(20 * time.Second); code != 1 || !strings.Contains(s.said.String(), "read-only file system") {
		t.Errorf("on a read-only disk the daemon exits %d\n%s", code, s.said)
	}
	remount(0, "64m")
	s.start()
	s.mustDo("job", "pause", "a")
}

// fullDisk fills the disk up to some room that is left, and lets commands fail that write.
// What reads the ledger goes on, and with more room so does everything.
func fullDisk(t *testing.T) *honesty {
	const size = 16 << 20
	s, _ := newDisk(t, fmt.Sprint(size))
	h := honest(s)
	h.must("job", "submit", "--id", "a")
	filler := filepath.Join(filepath.Dir(s.root), "filler")
	for i := range times(40, 8) {
		fill(t, filler, i*4096)
		for n := 0; ; n++ {
			said := h.ask("job", "checkpoint", "add", "a", "--summary", fmt.Sprint("step ", n), "--request-id", fmt.Sprintf("full-%d-%d", i, n))
			if said.code == 0 {
				continue
			}
			if said.ErrorCode != "io_failure" && said.ErrorCode != "home_unwritable" && said.ErrorCode != "root_unwritable" && said.ErrorCode != "outcome_unknown" {
				t.Errorf("on a full disk a command says %s", said.ErrorCode)
			}
			break
		}
		h.count(cameUp)
		h.read("a")
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		h.read("a")
		h.look("a")
	}
	return h
}

// fill makes a file that leaves so many bytes of its disk free.
func fill(t *testing.T, path string, room int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	info, statErr := f.Stat()
	if !errors.Is(err, unix.ENOSPC) || statErr != nil {
		t.Fatalf("filling the disk: %v, %v", err, statErr)
	}
	if err := f.Truncate(max(0, info.Size()-int64(room))); err != nil {
		t.Fatal(err)
	}
}
