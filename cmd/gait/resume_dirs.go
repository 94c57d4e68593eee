package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// resumePrefix begins the names of directories with what an attempt resumes with. The id of the
// supervisor follows.
const resumePrefix = "gait-resume-"

// sweepResumes removes the directories of supervisors that are gone: one that was killed could
// not. It leaves what it may not remove.
func sweepResumes() {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), resumePrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range found {
		name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), resumePrefix), "-")
		pid, err := strconv.Atoi(name)
		if err != nil || pid < 1 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if is, err := os.Lstat(dir); err == nil && is.IsDir() {
			_ = os.RemoveAll(dir) // it is in a directory for what is temporary
		}
	}
}
