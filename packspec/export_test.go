package packspec

import (
	"gait/ledger"
	"gait/packspec/packtest"
	"gait/projection"
)

// A File is an entry to be put into an archive, whatever its name.
type File = packtest.File

// Archive writes an archive of any files in any order.
func Archive(files []File) []byte { return packtest.Archive(files) }

// Manifest returns the manifest of files, which are in order, signed by s unless nil.
func NewManifest(job, createdAt string, files []File, s ledger.Signer) Manifest {
	var entries []entry
	for _, f := range files {
		e, err := measure(f.Name, text(f.Data))
		if err != nil {
			panic(err)
		}
		entries = append(entries, e)
	}
	m, err := newManifest(TypeJob, job, createdAt, entries)
	if err == nil && s != nil {
		m, err = m.sign(s)
	}
	if err != nil {
		panic(err)
	}
	return m
}

// Rebuild opens an archive and writes it again.
func Rebuild(r interface {
	ReadAt([]byte, int64) (int, error)
}, size int64, w interface{ Write([]byte) (int, error) }) error {
	entries, err := readArchive(r, size)
	if err != nil {
		return err
	}
	a := archiveWriter{w: w}
	p := Pack{r: r, entries: entries}
	for _, e := range entries {
		b, err := p.read(e.name)
		if err != nil {
			return err
		}
		if err := a.add(e, text(b)); err != nil {
			return err
		}
	}
	return a.close()
}

// ParseManifest and ParseEvidence read the two JSON documents that have a parser.
func ParseManifest(b []byte) ([]byte, error) {
	m, err := parseManifest(b)
	if err != nil {
		return nil, err
	}
	return projection.Canonical(m)
}

func ParseEvidence(b []byte) ([]byte, error) {
	e, err := parseEvidence(b, 0)
	if err != nil {
		return nil, err
	}
	return projection.Canonical(e)
}

// NewEvidence is evidence.json.
func NewEvidence(c ledger.Checkpoint) []byte {
	b, err := projection.Canonical(newEvidence(c, 0))
	if err != nil {
		panic(err)
	}
	return b
}

// Views are the three views of events, whatever they are.
func Views(events []ledger.Event) (payload, state, list []byte, err error) {
	s := snapshot{events: func(yield func(ledger.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}}
	var f projection.Folder
	for _, e := range events {
		if err := f.Add(e); err != nil {
			return nil, nil, nil, err
		}
	}
	s.job, s.head = f.Job, f.Head
	contents, err := s.contents()
	if err != nil {
		return nil, nil, nil, err
	}
	var out [3]buffer
	for i, name := range []string{entryPayload, entryState, entryJobEvents} {
		if err := contents[name](&out[i]); err != nil {
			return nil, nil, nil, err
		}
	}
	return out[0], out[1], out[2], nil
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// FollowJobs follows the jobs of a range from an event on, at most so many at
// once. It returns the first failure, and how many jobs there are, how many of
// them begin before the range and how often the events were read.
func FollowJobs(from ledger.Seq, most int, events []ledger.Event) (jobs, begun, passes int, chain, state error) {
	r := newRangeJobs(from, most)
	for passes = 1; ; passes++ {
		for _, e := range events {
			if chain = r.follow(e); chain != nil {
				return 0, 0, passes, chain, nil
			}
		}
		if !r.next() {
			return r.count, r.begun, passes, nil, r.stateErr
		}
	}
}
