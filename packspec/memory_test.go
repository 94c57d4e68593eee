package packspec_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/seen"
	"gait/packspec"
	"gait/packspec/finding"
)

// remembered is what a verifier has seen of jobs, and what it is shown now.
type remembered struct {
	jobs  map[string]seen.Record
	shown map[string]seen.Record
	err   error
}

// See remembers nothing of the ledger's own events: what jobs show is enough here.
func (r *remembered) See(e ledger.Event) (*seen.Fork, error) {
	if e.JobID() == "" {
		return nil, r.err
	}
	return r.compare(e.JobID(), seen.Fact{Number: e.JobSeq(), Seq: e.Seq(), Leaf: e.LeafHash()})
}

func (r *remembered) End(job string, number int64, at ledger.Seq) (*seen.Fork, error) {
	return r.compare(job, seen.Fact{Number: number, Seq: at})
}

func (r *remembered) EndAll(at ledger.Seq) (*seen.Fork, error) {
	for job, shown := range r.shown {
		if fork, err := r.End(job, shown[len(shown)-1].Number, at); fork != nil || err != nil {
			return fork, err
		}
	}
	return nil, nil
}

func (r *remembered) compare(job string, f seen.Fact) (*seen.Fork, error) {
	if r.shown == nil {
		r.shown = map[string]seen.Record{}
	}
	r.shown[job] = append(r.shown[job], f)
	if was, differ := r.jobs[job].Compare(f); differ {
		return &seen.Fork{Job: job, Seen: was, Found: f}, r.err
	}
	return nil, r.err
}

// keep remembers what was shown.
func (r *remembered) keep(t *testing.T) {
	t.Helper()
	jobs := map[string]seen.Record{}
	for job, shown := range r.shown {
		merged, fork := r.jobs[job].Merge(shown)
		if fork != nil {
			t.Fatalf("what verified contradicts what was seen: %v", fork)
		}
		jobs[job] = merged
	}
	r.jobs, r.shown = jobs, nil
}

// events returns how many events were shown.
func (r *remembered) events() (n int) {
	for _, shown := range r.shown {
		for _, f := range shown {
			if !f.IsEnd() {
				n++
			}
		}
	}
	return n
}

func (r *remembered) of([]ledger.VerifierKey) (packspec.JobMemory, error) { return r, nil }

// forkOf returns two ledgers of one key, whose job_1 differs in its third event: their
// packs of it, and packs of all their events.
func forkOf(t *testing.T) (jobs, ranges [2][]byte, logs [2]*ledgertest.Ledger) {
	t.Helper()
	for i, last := range []ledgertest.EventSpec{
		{Job: "job_1", Payload: ledger.Paused{}},
		{Job: "job_1", Payload: ledger.Cancelled{Reason: "enough"}},
	} {
		l := ledgertest.New(t)
		ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"), ledgertest.Progress("job_1", "one"), last)
		for range i { // the trees have different sizes, so that no two checkpoints contradict each other
			ledgertest.Append(t, l.Log, ledgertest.Submit("job_3"))
		}
		jobs[i], ranges[i], logs[i] = buildBy(t, l, l.Key), buildRange(t, l, 1, -1), l
	}
	return jobs, ranges, logs
}

// seenIn returns a memory of all events of a ledger.
func seenIn(t *testing.T, l *ledgertest.Ledger) *remembered {
	t.Helper()
	r := &remembered{jobs: map[string]seen.Record{}}
	for e, err := range l.Log.Events(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		r.jobs[e.JobID()] = append(r.jobs[e.JobID()], seen.Fact{Number: e.JobSeq(), Seq: e.Seq(), Leaf: e.LeafHash()})
	}
	return r
}

func TestForkedJob(t *testing.T) {
	jobs, ranges, logs := forkOf(t)
	key := logs[0].Key
	for i := range 2 {
		for kind, pack := range map[string][]byte{"job": jobs[i], "range": ranges[i]} {
			for name, tt := range map[string]struct {
				seen    *remembered
				trusted []packspec.TrustedKey
				code    string
			}{
				"nothing":               {&remembered{}, trusting(key), ""},
				"the same":              {seenIn(t, logs[i]), trusting(key), ""},
				"the other":             {seenIn(t, logs[1-i]), trusting(key), finding.CodeForked},
				"the other, not signed": {seenIn(t, logs[1-i]), nil, finding.CodeUntrustedKey},
			} {
				r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: tt.trusted, Jobs: tt.seen.of})
				if err != nil {
					t.Fatal(err)
				}
				if r.Verified != (tt.code == "") || tt.code != "" && r.Failure.Code != tt.code {
					t.Errorf("%s pack of history %d, %s seen before: verified %t, %+v, want %q", kind, i, name, r.Verified, r.Failure, tt.code)
				}
				want := int(r.EventCount)
				if kind == "range" {
					want-- // event 0 is of no job
				}
				if got := tt.seen.events(); got != want {
					t.Errorf("%s pack of history %d: %d events are shown to the memory, want %d", kind, i, got, want)
				}
				if tt.code == finding.CodeForked && (*r.Failure.Seq != 4 || r.Failure.Level != finding.LevelFreshness || r.Level(finding.LevelFreshness).Status != finding.Failed) {
					t.Errorf("%s pack of history %d: %+v, want that event 4 fails at freshness", kind, i, r.Failure)
				}
			}
		}
	}
}

// A hidden is a pack or an index proof of one of two histories.
type hidden struct {
	name    string
	history int
	verify  func(packspec.Options) (packspec.Report, error)
	pack    []byte // nil for a proof
}

// hiding returns what two ledgers of one key show: in the first, job_1 is paused by event
// 4 and job_3 begins as event 5. In the second other jobs begin instead, and the index
// of event 8 has only two events of job_1, the same ones, and no job_3.
func hiding(t *testing.T) (all []hidden, key ledger.PrivateKey) {
	t.Helper()
	begin := []ledgertest.EventSpec{ledgertest.Submit("job_1"), ledgertest.Submit("job_2"), ledgertest.Progress("job_1", "one")}
	for history, end := range [][]ledgertest.EventSpec{
		{{Job: "job_1", Payload: ledger.Paused{}}, ledgertest.Submit("job_3")},
		{ledgertest.Submit("job_4"), ledgertest.Submit("job_5"), ledgertest.Submit("job_6"), ledgertest.Submit("job_7")},
	} {
		l := ledgertest.New(t)
		key = l.Key
		ledgertest.Append(t, l.Log, append(begin, end...)...)
		commitIndex(t, l)
		pack := func(name string, b []byte) {
			all = append(all, hidden{name, history, func(o packspec.Options) (packspec.Report, error) {
				return packspec.Verify(bytes.NewReader(b), int64(len(b)), o)
			}, b})
		}
		proof := func(name string, b []byte) {
			all = append(all, hidden{name, history, func(o packspec.Options) (packspec.Report, error) {
				r, err := packspec.VerifyIndexProof(b, o)
				return r.Report, err
			}, nil})
		}
		pack("the pack of job_1", buildBy(t, l, l.Key))
		pack("a range of all", buildRange(t, l, 1, -1))
		proof("the end of job_1", encode(t, proveJob(t, l.Log, "job_1")))
		if history == 0 {
			proof("the end of job_3", encode(t, proveJob(t, l.Log, "job_3")))
			continue
		}
		absent, err := packspec.ProveAbsent(t.Context(), l.Log, "job_3", packspec.IndexOptions{})
		if err != nil {
			t.Fatal(err)
		}
		proof("that there is no job_3", encode(t, absent))
	}
	return all, key
}

// A history that leaves out what another shows contradicts it, in whatever form and
// order both are seen: an index or a range says that there is no more.
func TestHiddenEvents(t *testing.T) {
	all, key := hiding(t)
	apart := map[[2]string]bool{ // these are about different jobs
		{"the pack of job_1", "that there is no job_3"}: true,
		{"the end of job_1", "that there is no job_3"}:  true,
		{"the end of job_3", "the pack of job_1"}:       true,
		{"the end of job_3", "the end of job_1"}:        true,
		{"the end of job_3", "a range of all"}:          true, // in which there is no job_3
		{"a range of all", "that there is no job_3"}:    false,
	}
	for _, first := range all {
		for _, then := range all {
			memory := &remembered{}
			o := packspec.Options{Trusted: trusting(key), Jobs: memory.of, Profile: packspec.ProfileStandard}
			if r, err := first.verify(o); err != nil || !r.Verified {
				t.Fatalf("%s alone: %+v, %v", first.name, r.Failure, err)
			}
			memory.keep(t)
			r, err := then.verify(o)
			if err != nil {
				t.Fatal(err)
			}
			names := [2]string{first.name, then.name}
			if first.history == 1 {
				names = [2]string{then.name, first.name}
			}
			want := first.history != then.history && !apart[names]
			if forked := r.Failure != nil && r.Failure.Code == finding.CodeForked; forked != want || r.Verified == forked {
				t.Errorf("%s of history %d, after %s of history %d: verified %t, %+v, want a fork: %t", then.name, then.history, first.name, first.history, r.Verified, r.Failure, want)
			}
			if first.pack == nil || then.pack == nil {
				continue
			}
			f, err := packspec.FindFork(bytes.NewReader(first.pack), bytes.NewReader(then.pack), int64(len(first.pack)), int64(len(then.pack)))
			if err != nil || (f != nil) != (first.history != then.history) {
				t.Errorf("FindFork of %s and %s = %v, %v", first.name, then.name, f, err)
			}
		}
	}
}

// A pack that contradicts a checkpoint seen too has both as its evidence.
func TestForkedJobInConflict(t *testing.T) {
	_, ranges, logs := forkOf(t)
	_, note := logs[0].Checkpoint()
	r, err := packspec.Verify(bytes.NewReader(ranges[1]), int64(len(ranges[1])), packspec.Options{
		Trusted: trusting(logs[0].Key), Jobs: seenIn(t, logs[0]).of,
		Seen: func(...ledger.VerifierKey) ([]packspec.Sighting, error) {
			return []packspec.Sighting{{Note: note}}, nil
		},
	})
	if err != nil || r.Failure == nil || r.Failure.Code != finding.CodeForked || len(r.Evidence) != 2 {
		t.Errorf("Verify = %+v, %v, want a fork with two checkpoints as evidence", r.Failure, err)
	}
}

// If it cannot be told what was seen, Verify fails and gives no verdict.
func TestMemoryUnreadable(t *testing.T) {
	jobs, ranges, logs := forkOf(t)
	for _, pack := range [][]byte{jobs[0], ranges[0]} {
		for _, of := range []func([]ledger.VerifierKey) (packspec.JobMemory, error){
			(&remembered{err: errDisk}).of,
			func([]ledger.VerifierKey) (packspec.JobMemory, error) { return nil, errDisk },
		} {
			_, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: trusting(logs[0].Key), Jobs: of})
			if !errors.Is(err, errDisk) {
				t.Errorf("Verify = %v, want the memory's error", err)
			}
		}
	}
}

func TestFindFork(t *testing.T) {
	jobs, ranges, logs := forkOf(t)
	other := ledgertest.New(t)
	ledgertest.Append(t, other.Log, ledgertest.Submit("job_1"))
	longer := logs[0]
	ledgertest.Append(t, longer.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledger.Cancelled{Reason: "enough"}})
	stranger := testKey(t, 7)
	for name, tt := range map[string]struct {
		a, b []byte
		want bool
	}{
		"two histories":               {jobs[0], jobs[1], true},
		"the other way round":         {jobs[1], jobs[0], true},
		"the same pack":               {jobs[0], jobs[0], false},
		"a longer pack":               {jobs[0], buildBy(t, longer, longer.Key), false},
		"a longer one of the other":   {jobs[1], buildBy(t, longer, longer.Key), true},
		"another key":                 {jobs[0], build(t, history(t, stranger), "job_1"), false},
		"packs of ranges":             {ranges[0], ranges[1], true},
		"a pack and a range":          {jobs[0], ranges[1], true},
		"a range and a pack":          {ranges[0], jobs[1], true},
		"a pack and its range":        {jobs[0], ranges[0], false},
		"a changed byte":              {jobs[0], flipped(jobs[1]), false},
		"another key's signature":     {jobs[0], resign(t, files(t, jobs[1]), stranger), false},
		"no pack":                     {jobs[0], []byte("no pack"), false},
		"a ledger that begins alike ": {jobs[0], buildBy(t, other, other.Key), false},
	} {
		f, err := packspec.FindFork(bytes.NewReader(tt.a), bytes.NewReader(tt.b), int64(len(tt.a)), int64(len(tt.b)))
		if err != nil || (f != nil) != tt.want || f != nil && (f.Job != "job_1" && f.Job != "" || f.Job == "job_1" && f.Seen.Number != 3 || f.Seen.Leaf == f.Found.Leaf || f.Key != logs[0].Key.VerifierKey()) {
			t.Errorf("%s: FindFork = %+v, %v, want one: %t", name, f, err, tt.want)
		}
	}
}

func flipped(pack []byte) []byte {
	b := bytes.Clone(pack)
	b[len(b)/2] ^= 1
	return b
}

// Ranges that do not overlap contradict each other by the jobs that go on in the later
// one, and by the event that its first one names.
func TestFindForkOfRanges(t *testing.T) {
	const width = ledger.TileWidth // a range has whole bundles
	jobs := func(name string, to int64) (specs []ledgertest.EventSpec) {
		for n := range to {
			specs = append(specs, ledgertest.Submit(fmt.Sprint(name, n)))
		}
		return specs
	}
	pause := []ledgertest.EventSpec{{Job: "both_1", Payload: ledger.Paused{}}}
	one, other := ledgertest.New(t), ledgertest.New(t)
	ledgertest.Append(t, one.Log, slices.Concat(jobs("both_", width-1), pause, jobs("one_", width-1))...)
	ledgertest.Append(t, other.Log, slices.Concat(jobs("both_", width-1), jobs("other_", 2*width), pause, jobs("more_", width-1))...)
	for _, tt := range []struct {
		a, b ledger.Seq // number of the bundle of one, of the other
		want string     // the job, or "the ledger"
	}{
		{0, 0, ""},
		{0, 1, ""},
		{0, 3, ""},
		{1, 0, ""},
		{1, 1, "the ledger"},
		{1, 2, "the ledger"},
		{1, 3, "both_1"},
	} {
		a, b := buildRange(t, one, tt.a*width, tt.a*width+1), buildRange(t, other, tt.b*width, tt.b*width+1)
		for i, packs := range [][2][]byte{{a, b}, {b, a}} {
			f, err := packspec.FindFork(bytes.NewReader(packs[0]), bytes.NewReader(packs[1]), int64(len(packs[0])), int64(len(packs[1])))
			got := ""
			if f != nil {
				got = cmp.Or(f.Job, "the ledger")
			}
			if err != nil || got != tt.want {
				t.Errorf("bundles %d and %d, %d first: FindFork finds a fork of %q, %v, want %q", tt.a, tt.b, i, got, err, tt.want)
			}
		}
	}
}
