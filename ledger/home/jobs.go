package home

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"gait/ledger"
	"gait/ledger/seen"
)

const jobsName = "jobs"

const (
	// maxHeld bounds how many events of the jobs of one pack are remembered. A pack of one
	// job never has as many.
	maxHeld = 4 * seen.Dense

	// maxKnown bounds how many remembered facts are held at a time.
	maxKnown = 8 * seen.Dense

	// maxUnlisted is how many jobs are looked for by name before the directory is listed.
	maxUnlisted = 64

	// ofLedger stands for the id of a job in what was seen of the ledger's own events.
	ofLedger = ""
)

// JobsSeen compares what a pack or a proof shows of jobs, and of the places of events in
// the ledger, with what home remembers. Packs of two histories, both signed by the
// ledger's key, verify alone; together they show what the key's holder did. Package seen
// says when they contradict each other.
type JobsSeen struct {
	dir    string
	keys   []ledger.VerifierKey
	jobs   map[string]*jobSeen
	listed map[string]bool // the names in dir; nil as long as they were not needed
	held   int             // events found of jobs
	known  int             // facts remembered, of all jobs that are loaded
	fork   *JobFork
}

// A jobSeen is what was remembered of a job, or of the ledger's own events, and what was
// found now.
type jobSeen struct {
	loaded bool
	known  jobRecord // the zero record if nothing is remembered
	at     int       // where in its facts the last one was found
	found  seen.Record
	last   int64 // the number of the last event found
}

// A JobFork is two facts that cannot both hold, and what first showed the one that is
// remembered.
type JobFork struct {
	Origin string
	seen.Fork
	First PackSeen // the newest pack or proof that the job was seen in
}

// SeenJobs returns what home remembers of the jobs of the ledger with these keys, which
// are at least one, oldest first.
func SeenJobs(home string, keys []ledger.VerifierKey) (*JobsSeen, error) {
	s := &JobsSeen{dir: filepath.Join(LedgerDir(home, keys[0].Name()), jobsName), keys: keys, jobs: map[string]*jobSeen{}}
	if err := checkWay(s.dir, true); err != nil {
		return nil, fmt.Errorf("reading what was seen of jobs: %w", err)
	}
	return s, nil
}

// See compares an event with what home remembers of its job and of its place in the
// ledger, and returns what contradicts it, or nil. The events of a job come in their
// order, and those of the ledger do if they are to be kept. If a file cannot be read,
// that is a *MemoryError.
func (s *JobsSeen) See(e ledger.Event) (*seen.Fork, error) {
	var of, at *seen.Fork
	var err error
	if e.JobID() != "" {
		of, err = s.seeOfJob(e)
	}
	if err == nil {
		at, err = s.see(ofLedger, seen.Fact{Number: int64(e.Seq()), Seq: e.Seq(), Leaf: e.LeafHash()})
	}
	if of != nil {
		return of, err
	}
	return at, err
}

// seeOfJob compares an event with what is remembered of its job. The first event that is
// shown of a job names the one before it.
func (s *JobsSeen) seeOfJob(e ledger.Event) (*seen.Fork, error) {
	j, err := s.job(e.JobID())
	if err != nil {
		return nil, err
	}
	var before *seen.Fork
	if n := e.JobSeq() - 1; n > 0 && j.last != n {
		if before, err = s.see(e.JobID(), seen.Fact{Number: n, Leaf: e.JobPrev()}); err != nil {
			return nil, err
		}
	}
	fork, err := s.see(e.JobID(), seen.Fact{Number: e.JobSeq(), Seq: e.Seq(), Leaf: e.LeafHash()})
	if before != nil {
		fork = before
	}
	return fork, err
}

// Compare is See for an event that is not to be kept.
func (s *JobsSeen) Compare(e ledger.Event) (*seen.Fork, error) {
	defer s.drop(e.JobID(), ofLedger)
	return s.See(e)
}

// drop forgets what was found of jobs.
func (s *JobsSeen) drop(ids ...string) {
	for _, id := range ids {
		if j := s.jobs[id]; j != nil {
			j.found = j.found[:0]
		}
	}
	s.held = 0
}

// End compares with what home remembers that up to event at of the ledger a job has
// number events. See was called with the last of them.
func (s *JobsSeen) End(job string, number int64, at ledger.Seq) (*seen.Fork, error) {
	if at == 0 { // event 0 is of no job
		return nil, nil
	}
	return s.see(job, seen.Fact{Number: number, Seq: at})
}

// EndAll is End for each job that See was called with an event of.
func (s *JobsSeen) EndAll(at ledger.Seq) (*seen.Fork, error) {
	for _, id := range slices.Sorted(maps.Keys(s.jobs)) {
		if id == ofLedger || s.jobs[id].last == 0 {
			continue
		}
		if fork, err := s.End(id, s.jobs[id].last, at); fork != nil || err != nil {
			return fork, err
		}
	}
	return nil, nil
}

// see compares a fact with what is remembered of a job, and adds it to what was found.
func (s *JobsSeen) see(id string, f seen.Fact) (*seen.Fork, error) {
	j, err := s.job(id)
	if err != nil {
		return nil, err
	}
	s.found(id, j, f)
	was, differ, at := j.known.facts.CompareNear(j.at, f)
	if j.at = at; !differ {
		return nil, nil
	}
	fork := seen.Fork{Job: id, Seen: was, Found: f}
	if s.fork == nil || s.fork.Job == ofLedger && id != ofLedger {
		s.fork = &JobFork{Origin: s.keys[0].Name(), Fork: fork, First: j.known.from}
	}
	return &fork, nil
}

// Fork returns the first two facts that were found to contradict each other, those of a
// job if there are any, or nil.
func (s *JobsSeen) Fork() *JobFork { return s.fork }

// found adds a fact to those of a job, unless there are too many of all jobs.
func (s *JobsSeen) found(id string, j *jobSeen, f seen.Fact) {
	if !f.IsEnd() {
		j.last = f.Number
	}
	counts := id != ofLedger && !f.IsEnd()
	if counts && s.held >= maxHeld {
		return
	}
	j.found = append(j.found, f)
	if counts {
		s.held++
	}
	if was := len(j.found); was >= 2*seen.Dense {
		if j.found = j.found.Keep(); id != ofLedger {
			s.held -= was - len(j.found)
		}
	}
}

// job returns what is known of a job.
func (s *JobsSeen) job(id string) (*jobSeen, error) {
	j := s.jobs[id]
	if j == nil {
		j = &jobSeen{}
		s.jobs[id] = j
	}
	if j.loaded {
		return j, nil
	}
	var err error
	if len(s.jobs) > maxUnlisted && s.listed == nil {
		if s.listed, err = s.list(); err != nil {
			return nil, err
		}
	}
	j.loaded = true
	if s.listed != nil && !s.listed[jobName(id)] {
		return j, nil
	}
	if j.known, err = s.read(id); err != nil {
		return nil, err
	}
	if !s.related(j.known) {
		j.known = jobRecord{}
	}
	s.loadedMore(j)
	return j, nil
}

// loadedMore counts the facts of a job that was loaded. If there are too many of all,
// those of other jobs are read again when they are needed.
func (s *JobsSeen) loadedMore(j *jobSeen) {
	if s.known += len(j.known.facts); s.known <= maxKnown {
		return
	}
	for _, other := range s.jobs {
		if other != j && len(other.known.facts) > 0 {
			other.known, other.loaded = jobRecord{}, false
		}
	}
	s.known = len(j.known.facts)
}

// list returns the names of the files in the directory.
func (s *JobsSeen) list() (map[string]bool, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading what was seen of jobs: %w", err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names, nil
}

// related reports whether a record is of the ledger, and not of another of its name.
func (s *JobsSeen) related(r jobRecord) bool {
	return slices.ContainsFunc(r.keys, func(key ledger.VerifierKey) bool { return slices.Contains(s.keys, key) })
}

// ledgerFile is the name of the file of the ledger's own events.
const ledgerFile = "ledger"

// jobName returns the name of the file of a job.
func jobName(id string) string {
	if id == ofLedger {
		return ledgerFile
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// read reads the file of a job.
func (s *JobsSeen) read(id string) (jobRecord, error) { return s.readName(jobName(id)) }

// readName reads a file. It returns the zero record if there is none, or if it is empty:
// a crash can leave a file that was not synced like that.
func (s *JobsSeen) readName(name string) (jobRecord, error) {
	path := filepath.Join(s.dir, name)
	b, err := readIn(path, recordLimit, denyWrite)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 {
		return jobRecord{}, nil
	}
	var r jobRecord
	if err == nil {
		r, err = decodeRecord(b)
	}
	if err == nil && jobName(r.job) != name {
		err = fmt.Errorf("%w: it is of the job %s", ledger.ErrMalformed, r.job)
	}
	_, long := errors.AsType[*ledger.CorruptError](err)
	if long || errors.Is(err, ledger.ErrMalformed) {
		return r, &MemoryError{Path: path, Err: err}
	}
	return r, err
}
