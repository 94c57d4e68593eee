package home

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"gait/ledger/seen"
)

// Note decodes a retirement note and encodes it again.
func Note(b []byte, origin string) ([]byte, error) {
	r, err := decodeRetired(b, origin)
	if err != nil {
		return nil, err
	}
	return r.encode()
}

// Judge judges the steps to a closed directory, one a line: its owner, its mode as
// fs.FileMode prints it, with ! behind it if it is mounted read-only, its path. foreign is another user who counts as root.
func Judge(lines string, whole bool, uid, foreign int) error {
	var steps []step
	for line := range strings.Lines(lines) {
		var s step
		var mode string
		if _, err := fmt.Sscan(line, &s.owner, &mode, &s.path); err != nil {
			return err
		}
		mode, s.readOnly = strings.CutSuffix(mode, "!")
		s.mode = parseMode(mode)
		steps = append(steps, s)
	}
	own := func(owner int) bool { return owner == uid || owner == 0 || owner == foreign }
	if no := judge(steps, wayRule{own: own, closed: whole}); no != nil {
		no.Hint = cure(no.open, no.foreign, uid)
		return &no.UnsafeError
	}
	return nil
}

func parseMode(text string) fs.FileMode {
	mode := fs.FileMode(0)
	for i, c := range text[len(text)-9:] {
		if c != '-' {
			mode |= 1 << (8 - i)
		}
	}
	for _, c := range text[:len(text)-9] {
		mode |= map[rune]fs.FileMode{'d': fs.ModeDir, 't': fs.ModeSticky, 'L': fs.ModeSymlink}[c]
	}
	return mode
}

// Way returns the paths of the steps to a path.
func Way(path string) (paths []string, whole bool, err error) {
	steps, whole, err := wayTo(path)
	for _, s := range steps {
		paths = append(paths, s.path)
	}
	return paths, whole, err
}

// MapsRoot is mapsRoot.
var MapsRoot = mapsRoot

// SeeFact compares a fact of a job.
func (s *JobsSeen) SeeFact(job string, f seen.Fact) (*seen.Fork, error) { return s.see(job, f) }

// Forget makes s compare with nothing.
func (s *JobsSeen) Forget() { s.listed = map[string]bool{} }

// JobFile returns the file of a job.
func (s *JobsSeen) JobFile(job string) string { return filepath.Join(s.dir, jobName(job)) }

// JobRecord decodes the file of a job and encodes it again.
func JobRecord(b []byte) ([]byte, error) {
	r, err := decodeRecord(b)
	if err != nil {
		return nil, err
	}
	return r.encode()
}

// Bounds of what is kept.
const (
	MaxForks = maxForks
	MaxKnown = maxKnown
)
