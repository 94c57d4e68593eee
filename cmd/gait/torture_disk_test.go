//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newDisk returns a daemon whose root and home are on a disk of their own, in
// memory, which only root can make.
func newDisk(t *testing.T, size string) (s *served, remount func(flags uintptr, size string)) {
	s = newServed(t)
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
// clients are not told that anything was written which was not, and with more
// room all of it is there.
func TestTortureFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s, remount := newDisk(t, "12m")
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
