package home

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/seen"
)

// News reports whether Keep has anything to keep.
func (s *JobsSeen) News() bool {
	for _, j := range s.jobs {
		if slices.ContainsFunc(j.found, func(f seen.Fact) bool { return !j.known.facts.Has(f) }) {
			return true
		}
	}
	return false
}

// syncedJobs is how many files Keep syncs one by one. If there are more, it leaves it to
// the system when they become durable.
const syncedJobs = 16

// Keep remembers what See and End were called with: the pack or proof that showed it
// verified. If another process has kept what contradicts it since it was compared, Keep
// returns that and keeps no more. It fails with ErrOtherKey if home remembers a job of
// another ledger of that name, and keeps the other jobs.
func (s *JobsSeen) Keep(from PackSeen) (*JobFork, error) {
	if err := makeDir(s.dir); err != nil {
		return nil, fmt.Errorf("keeping what was seen of jobs: %w", err)
	}
	unlock, err := lock(s.dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	write := replaceFile
	if len(s.jobs) > syncedJobs {
		write = replaceUnsynced
	}
	ids := slices.Sorted(maps.Keys(s.jobs))
	if len(ids) > 0 && ids[0] == ofLedger { // a fork of a job says more than that of the ledger which it is
		ids = append(ids[1:], ofLedger)
	}
	var other error
	for _, id := range ids {
		fork, err := s.keepJob(id, from, write)
		switch {
		case errors.Is(err, ErrOtherKey):
			other = err
		case err != nil:
			return nil, fmt.Errorf("keeping what was seen of %s: %w", nameOf(id), err)
		case fork != nil:
			return fork, nil
		}
	}
	return nil, other
}

func nameOf(id string) string {
	if id == ofLedger {
		return "the ledger"
	}
	return "job " + id
}

// keepJob adds to the file of a job, as it is now.
func (s *JobsSeen) keepJob(id string, from PackSeen, write func(string, []byte) error) (*JobFork, error) {
	found := s.jobs[id].found.Keep()
	was, err := s.read(id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if len(was.keys) > 0 && !s.related(was) {
		return nil, fmt.Errorf("%w: see %s", ErrOtherKey, filepath.Join(s.dir, jobName(id)))
	}
	facts, fork := was.facts.Merge(found)
	if fork != nil {
		fork.Job = id
		return &JobFork{Origin: s.keys[0].Name(), Fork: *fork, First: was.from}, nil
	}
	now := jobRecord{job: id, keys: s.keys, from: was.from, facts: facts.Keep()}
	if n := len(was.facts); n == 0 || was.facts[n-1] != now.facts[len(now.facts)-1] {
		now.from = from
	}
	if len(was.keys) > len(s.keys) || len(was.keys) > 0 && !ledger.OneHistory(was.keys, s.keys) {
		now.keys = was.keys
	}
	if slices.Equal(now.facts, was.facts) && slices.Equal(now.keys, was.keys) {
		return nil, nil
	}
	b, err := now.encode()
	if err != nil {
		return nil, err
	}
	return nil, write(filepath.Join(s.dir, jobName(id)), b)
}

// replaceUnsynced gives path new content, 0600, atomically for other processes. A crash
// can leave the file as it was, new, or empty.
func replaceUnsynced(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}

// Jobs returns the ids of the jobs of the ledger that home remembers, in order. It reads
// their files.
func (s *JobsSeen) Jobs() ([]string, error) {
	names, err := s.list()
	if err != nil {
		return nil, err
	}
	var ids []string
	for name := range names {
		if name == ledgerFile || strings.HasPrefix(name, ".") {
			continue
		}
		r, err := s.readName(name)
		if err != nil {
			return nil, err
		}
		if s.related(r) {
			ids = append(ids, r.job)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Remembered returns how many jobs home remembers, of all ledgers.
func Remembered(home string) (jobs int, err error) {
	all, err := ofLedgers(home, jobsName)
	if err != nil {
		return 0, fmt.Errorf("counting the jobs seen: %w", err)
	}
	for _, path := range all {
		if name := filepath.Base(path); name != ledgerFile && !strings.HasPrefix(name, ".") {
			jobs++
		}
	}
	return jobs, nil
}

// ofLedgers returns the paths in one of the directories that home keeps for each ledger, of
// all ledgers, in order.
func ofLedgers(home, name string) (paths []string, err error) {
	ledgers := filepath.Join(home, ledgersName)
	if err := checkWay(ledgers, true); err != nil {
		return nil, err
	}
	dirs, err := os.ReadDir(ledgers) // not a Glob: home is no pattern
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, InHome.Unreadable(ledgers, err)
	}
	for _, dir := range dirs {
		in := filepath.Join(ledgers, dir.Name(), name)
		entries, err := os.ReadDir(in)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !dir.Type().IsRegular() {
			return nil, InHome.Unreadable(in, err)
		}
		for _, e := range entries {
			paths = append(paths, filepath.Join(in, e.Name()))
		}
	}
	return paths, nil
}
