package packspec

import (
	"bytes"
	"io"
	"iter"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/packspec/packtest"
	"gait/projection"
)

// A File is an entry for an archive, with any name.
type File = packtest.File

// Archive returns an archive of any files in any order.
func Archive(files []File) []byte { return packtest.Archive(files) }

// NewManifest returns the manifest of files, which must be in order. s signs it unless it
// is nil.
func NewManifest(job, createdAt string, files []File, s ledger.Signer) container.Manifest {
	var entries []entry
	for _, f := range files {
		m := container.NewMeter()
		m.Write(f.Data)
		entries = append(entries, entry{Header: container.Header{Name: f.Name}, sum: m.Sum()})
	}
	m, err := container.NewManifest(TypeJob, job, createdAt, listed(entries))
	if err == nil && s != nil {
		m, err = m.Sign(s)
	}
	if err != nil {
		panic(err)
	}
	return m
}

// Rebuild opens an archive and writes it again.
func Rebuild(r interface {
	ReadAt([]byte, int64) (int, error)
}, size int64, w interface {
	WriteAt([]byte, int64) (int, error)
},
) error {
	entries, err := readArchive(r, size)
	if err != nil {
		return err
	}
	a := archiveWriter{w: w}
	p := Pack{r: r, entries: entries}
	for _, e := range entries {
		b, err := p.read(e.Name)
		if err != nil {
			return err
		}
		if err := a.add(e.Name, b); err != nil {
			return err
		}
	}
	_, err = a.close()
	return err
}

// ParseManifest and ParseEvidence read the two JSON documents that have a parser.
func ParseManifest(b []byte) ([]byte, error) {
	m, err := container.ParseManifest(b)
	if err != nil {
		return nil, err
	}
	return jcs.Marshal(m)
}

func ParseEvidence(b []byte) ([]byte, error) {
	e, err := parseEvidence(b, &shape{})
	if err != nil {
		return nil, err
	}
	return jcs.Marshal(e)
}

// NewEvidence returns evidence.json of a job pack in a format.
func NewEvidence(c ledger.Checkpoint, format int64, rotations int, committed bool) []byte {
	b, err := jcs.Marshal(newEvidence(c, shape{format: format, rotations: rotations, committed: committed}))
	if err != nil {
		panic(err)
	}
	return b
}

// NewAuthorityEvidence returns evidence.json of a job pack with authority events and a
// commitment.
func NewAuthorityEvidence(c ledger.Checkpoint) []byte {
	b, err := jcs.Marshal(newEvidence(c, shape{format: AuthorityFormat, committed: true, authority: true}))
	if err != nil {
		panic(err)
	}
	return b
}

// Views returns the three views of any events. authority are the ledger's authority events.
func Views(events []ledger.Event, authority ...ledger.Event) (payload, state, list []byte, err error) {
	var chain authorityChain
	for _, e := range authority {
		if err := chain.Add(e); err != nil {
			return nil, nil, nil, err
		}
	}
	f := projection.Folder{States: chain.states}
	r := run{events: events}
	for _, e := range events {
		if err := f.Add(e); err != nil {
			return nil, nil, nil, err
		}
	}
	if r.render(); r.err != nil {
		return nil, nil, nil, r.err
	}
	var out buffer
	approvals, checkpoints := listWriter{Writer: &out}, listWriter{Writer: &out}
	out.Write([]byte(stateApprovals))
	approvals.Write(r.approvals.all)
	out.Write([]byte(stateCheckpoints))
	checkpoints.Write(r.checkpoints.all)
	end, err := stateEnd(f.Job)
	if err != nil {
		return nil, nil, nil, err
	}
	out.Write(end)
	payload, err = jcs.Marshal(payloadOf(f.Job, f.Head))
	return payload, out, r.eventViews.all, err
}

// EventParts returns what an event adds to the three views that grow with the events.
func EventParts(e ledger.Event) (view, approvals, checkpoints []byte) {
	r := run{events: []ledger.Event{e}}
	r.render()
	return r.eventViews.all, r.approvals.all, r.checkpoints.all
}

// ApprovalsOf and CheckpointsOf return the elements that an event adds to the lists of
// job_state.json.
func ApprovalsOf(e ledger.Event) []Approval                { return approvalsOf(e) }
func CheckpointsOf(e ledger.Event) []projection.Checkpoint { return checkpointsOf(e) }

// InOrder is inOrder for the numbers from 0 to n-1.
func InOrder(n int, work func(int) int) iter.Seq[int] {
	return inOrder(func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}, work)
}

// Lines returns the lines of ledger_events.jsonl, decoded or not, as Verify groups them,
// and the error that ends them.
func Lines(in io.Reader) (lines []string, err error) {
	for r := range lineRuns(in) {
		if err != nil {
			panic("a run after an error")
		}
		if r.line != int64(len(lines)) {
			panic("a run does not begin with the next line")
		}
		for _, line := range r.lines {
			lines = append(lines, string(line))
		}
		err = r.err
	}
	return lines, err
}

// VerifyText returns VERIFY.md of a job pack in a format.
func VerifyText(format int64, rotations int) []byte {
	return shape{format: format, rotations: rotations}.text()
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// FollowJobs follows the jobs of a range that begins with event from, at most this many at
// once. It returns the number of jobs, the number of those that begin before the range,
// the number of passes over the events, and the first failures.
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

// VerifyAlso is Verify with an additional level at the end, which fails.
func VerifyAlso(r io.ReaderAt, size int64, o Options, name string) (Report, error) {
	return verify(r, size, o, level{name: name, status: finding.Proved, check: func() (string, error) {
		return "", finding.Failf(name, "added", "", "a level that fails")
	}})
}

// ParseContents reads the list of contents of an export.
func ParseContents(b []byte) ([]ledger.Hash, error) {
	return parseContents(bytes.NewReader(b), maxContents)
}
