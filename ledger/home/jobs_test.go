package home_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/seen"
)

// leafOf returns the leaf hash of a job's event in one of its histories.
func leafOf(history string, seq int64) ledger.Hash {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(history), uint64(seq)))
}

// factOf returns what is seen of an event of a job that has all places in the ledger.
func factOf(history string, seq int64) seen.Fact {
	return seen.Fact{Number: seq, Seq: ledger.Seq(seq), Leaf: leafOf(history, seq)}
}

// An auditor sees packs of the ledger with these keys.
type auditor struct {
	t    *testing.T
	dir  string
	keys []ledger.VerifierKey
}

func newAuditor(t *testing.T) auditor {
	return auditor{t, filepath.Join(t.TempDir(), "home"), []ledger.VerifierKey{ledgertest.Key(ledgertest.Origin).VerifierKey()}}
}

func (a auditor) seen() *home.JobsSeen {
	a.t.Helper()
	s, err := home.SeenJobs(a.dir, a.keys)
	must(a.t, err)
	return s
}

// see shows a job's events of a history, and returns the first job_seq that contradicts
// what was seen, or 0.
func (a auditor) see(s *home.JobsSeen, job, history string, from, to int64) int64 {
	a.t.Helper()
	for seq := from; seq <= to; seq++ {
		fork, err := s.SeeFact(job, factOf(history, seq))
		must(a.t, err)
		if fork != nil {
			return seq
		}
	}
	return 0
}

// remember shows events and keeps them.
func (a auditor) remember(job, history string, from, to int64) {
	a.t.Helper()
	s := a.seen()
	if at := a.see(s, job, history, from, to); at != 0 {
		a.t.Fatalf("event %d of %s contradicts what was seen", at, job)
	}
	fork, err := s.Keep(home.PackSeen{SHA256: leafOf("pack", to)})
	if fork != nil || err != nil {
		a.t.Fatalf("Keep = %+v, %v", fork, err)
	}
}

func TestJobsSeen(t *testing.T) {
	a := newAuditor(t)
	a.remember("job_1", "x", 1, 5)
	for _, tt := range []struct {
		job, history string
		from, to     int64
		want         int64
	}{
		{"job_1", "x", 1, 5, 0},
		{"job_1", "x", 1, 9, 0},
		{"job_1", "x", 1, 3, 0},
		{"job_1", "y", 1, 5, 1},
		{"job_1", "y", 4, 9, 4},
		{"job_1", "y", 6, 9, 0},
		{"job_2", "y", 1, 9, 0},
	} {
		s := a.seen()
		at := a.see(s, tt.job, tt.history, tt.from, tt.to)
		if at != tt.want {
			t.Errorf("events %d to %d of history %s of %s contradict what was seen at %d, want %d", tt.from, tt.to, tt.history, tt.job, at, tt.want)
		}
		f := s.Fork()
		if (f != nil) != (tt.want != 0) || f != nil && (f.Seen != factOf("x", tt.want) || f.Found != factOf("y", tt.want) || f.First.SHA256 != leafOf("pack", 5) || f.Origin != ledgertest.Origin) {
			t.Errorf("Fork = %+v", f)
		}
	}
	// Who saw a job from the middle on, and then its beginning, knows both.
	a.remember("job_3", "x", 8, 9)
	a.remember("job_3", "x", 1, 3)
	for seq, want := range map[int64]int64{1: 1, 3: 3, 4: 0, 7: 0, 8: 8, 9: 9} {
		if at := a.see(a.seen(), "job_3", "y", seq, seq); at != want {
			t.Errorf("another event %d of a job seen in parts contradicts it at %d, want %d", seq, at, want)
		}
	}
	if jobs, err := a.seen().Jobs(); err != nil || fmt.Sprint(jobs) != "[job_1 job_3]" {
		t.Errorf("Jobs = %v, %v", jobs, err)
	}
	if n, err := home.Remembered(a.dir); err != nil || n != 2 {
		t.Errorf("Remembered = %d, %v, want 2", n, err)
	}
}

// What is seen again is not written again.
func TestJobsSeenAgain(t *testing.T) {
	a := newAuditor(t)
	a.remember("job_1", "x", 1, 5)
	was, err := os.Stat(a.seen().JobFile("job_1"))
	must(t, err)
	s := a.seen()
	a.see(s, "job_1", "x", 1, 4)
	if s.News() {
		t.Error("events seen before are news")
	}
	a.remember("job_1", "x", 1, 4)
	if now, err := os.Stat(s.JobFile("job_1")); err != nil || !os.SameFile(was, now) {
		t.Errorf("the file was written again, %v", err)
	}
	s = a.seen()
	a.see(s, "job_1", "x", 1, 6)
	if !s.News() {
		t.Error("an event not seen before is no news")
	}
}

// The newest leaves of a long job are kept, and some of those before.
func TestJobsSeenIsBounded(t *testing.T) {
	a := newAuditor(t)
	const first, dense = 200_000, 200_000 - seen.Dense
	a.remember("job_1", "x", 1, first)
	for seq, known := range map[int64]bool{
		first: true, first - 1: true, dense + 1: true, dense: false, dense - 1: false, 1: false,
		seen.Sparse: true, seen.Sparse + 1: false, 100 * seen.Sparse: true, dense / seen.Sparse * seen.Sparse: true,
	} {
		if at := a.see(a.seen(), "job_1", "y", seq, seq); (at == seq) != known {
			t.Errorf("another event %d of %d contradicts what was seen: %t, want %t", seq, first, at == seq, known)
		}
	}
	// A pack that is much longer is compared with the last event that was seen.
	s := a.seen()
	if at := a.see(s, "job_1", "x", 1, first-1); at != 0 {
		t.Fatalf("the same events contradict at %d", at)
	}
	if at := a.see(s, "job_1", "y", first, first+2*seen.Dense); at != first {
		t.Errorf("a pack that leaves the history at its last event contradicts it at %d", at)
	}
	a.remember("job_1", "x", 1, first+2*seen.Dense)
	st, err := os.Stat(a.seen().JobFile("job_1"))
	must(t, err)
	if most := int64(seen.Dense+400) * 48; st.Size() > most {
		t.Errorf("the file has %d bytes, want at most %d", st.Size(), most)
	}
	if at := a.see(a.seen(), "job_1", "y", first/seen.Sparse*seen.Sparse, first); at == 0 {
		t.Error("nothing is known any more of what was seen first")
	}
}

// Packs of a range show many jobs, some of which were seen in long packs.
func TestManyJobsSeen(t *testing.T) {
	a := newAuditor(t)
	const jobs, long = 300, 10
	s := a.seen()
	for seq := int64(1); seq <= 3; seq++ {
		for n := range jobs {
			a.see(s, fmt.Sprint("job_", n), "x", seq, seq)
		}
	}
	fork, err := s.Keep(home.PackSeen{Checkpoint: []byte("note")})
	if fork != nil || err != nil {
		t.Fatalf("Keep = %+v, %v", fork, err)
	}
	for n := range long {
		a.remember(fmt.Sprint("long_", n), "x", 1, home.MaxKnown/long+1)
	}
	s = a.seen()
	for _, seq := range []int64{2, 3, home.MaxKnown / long} {
		for n := range jobs {
			if at := a.see(s, fmt.Sprint("job_", n), "x", seq, seq); at != 0 {
				t.Errorf("event %d of job %d contradicts itself", at, n)
			}
		}
		for n := range long {
			if at := a.see(s, fmt.Sprint("long_", n), "x", seq, seq); at != 0 {
				t.Errorf("event %d of long job %d contradicts itself", at, n)
			}
		}
	}
	if at := a.see(s, "job_17", "y", 3, 3); at != 3 {
		t.Error("another event of one of many jobs is not noticed")
	}
	if at := a.see(s, "long_3", "y", 4, 4); at != 4 {
		t.Error("another event of one of the long jobs is not noticed")
	}
}

// A ledger of another key that has the same origin says nothing about this one.
func TestJobsSeenOfAnotherLedger(t *testing.T) {
	a, b := newAuditor(t), newAuditor(t)
	b.dir = a.dir
	b.keys = []ledger.VerifierKey{newKey(t, ledgertest.Origin).VerifierKey()}
	a.remember("job_1", "x", 1, 5)
	s := b.seen()
	if at := b.see(s, "job_1", "y", 1, 5); at != 0 {
		t.Errorf("an event of another ledger contradicts event %d", at)
	}
	b.see(s, "job_2", "y", 1, 2)
	if fork, err := s.Keep(home.PackSeen{}); fork != nil || !errors.Is(err, home.ErrOtherKey) {
		t.Errorf("Keep = %+v, %v, want ErrOtherKey", fork, err)
	}
	if at := a.see(a.seen(), "job_1", "y", 1, 5); at != 1 {
		t.Error("what was seen is forgotten")
	}
	if at := b.see(b.seen(), "job_2", "x", 1, 2); at != 1 {
		t.Error("another job of the other ledger is not remembered")
	}
	// After a rotation it is the same ledger.
	a.keys = append(a.keys, ledgertest.KeyAfter(ledgertest.Origin, 1).VerifierKey())
	a.remember("job_1", "x", 1, 7)
	a.keys = a.keys[1:]
	if at := a.see(a.seen(), "job_1", "y", 7, 7); at != 7 {
		t.Error("under the later key alone, what was seen is not compared")
	}
}

// Processes that see packs at once all keep what they saw, and of two histories one wins.
func TestJobsSeenAtOnce(t *testing.T) {
	a := newAuditor(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	kept := map[string]int{}
	for n := range 16 {
		wg.Go(func() {
			history := []string{"x", "y"}[n%2]
			s, err := home.SeenJobs(a.dir, a.keys)
			if err != nil {
				t.Error(err)
				return
			}
			for seq := int64(1); seq <= int64(n+1); seq++ {
				if _, err := s.SeeFact("job_1", factOf(history, seq)); err != nil {
					t.Error(err)
				}
				if _, err := s.SeeFact(fmt.Sprint("own_", n), factOf(history, seq)); err != nil {
					t.Error(err)
				}
			}
			fork, err := s.Keep(home.PackSeen{SHA256: leafOf(history, 0)})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if fork == nil && s.Fork() == nil {
				kept[history]++
			} else if fork != nil && (fork.Found != factOf(history, 1) || fork.First.SHA256 == leafOf(history, 0)) {
				t.Errorf("fork %+v", fork)
			}
		})
	}
	wg.Wait()
	if kept["x"]+kept["y"] != 8 || kept["x"]*kept["y"] != 0 {
		t.Errorf("of 8 packs of each of two histories, %v were kept", kept)
	}
}

// eventsOf returns the events of a ledger, from event 1 on.
func eventsOf(t *testing.T, specs ...ledgertest.EventSpec) []ledger.Event {
	t.Helper()
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, specs...)
	var all []ledger.Event
	for e, err := range l.Log.Events(t.Context(), 1) {
		must(t, err)
		all = append(all, e)
	}
	return all
}

// What is remembered is where a job ends too, and which event stands where in the
// ledger: each contradicts what denies it, whichever is seen first.
func TestEndsAndPlacesSeen(t *testing.T) {
	submit := []ledgertest.EventSpec{ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "one"), ledgertest.Submit("job_2")}
	stopped := eventsOf(t, append(submit, ledgertest.Progress("job_1", "two"))...) // 3 events of job_1
	busy := eventsOf(t, append(submit, ledgertest.Progress("job_2", "a"), ledgertest.Progress("job_2", "b"))...)
	type sight func(*home.JobsSeen) (*seen.Fork, error)
	see := func(events ...ledger.Event) sight {
		return func(s *home.JobsSeen) (fork *seen.Fork, err error) {
			for _, e := range events {
				if fork, err = s.See(e); fork != nil || err != nil {
					break
				}
			}
			return fork, err
		}
	}
	then := func(steps ...sight) sight {
		return func(s *home.JobsSeen) (fork *seen.Fork, err error) {
			for _, step := range steps {
				if fork, err = step(s); fork != nil || err != nil {
					break
				}
			}
			return fork, err
		}
	}
	end := func(job string, number int64, at ledger.Seq) sight {
		return func(s *home.JobsSeen) (*seen.Fork, error) { return s.End(job, number, at) }
	}
	all := func(at ledger.Seq) sight {
		return func(s *home.JobsSeen) (*seen.Fork, error) { return s.EndAll(at) }
	}
	for name, tt := range map[string]struct {
		a, b sight
		job  string // of the fork, or "either" if that of the job or of the ledger may be found first
		fork bool
	}{
		"a stop that an index leaves out":      {see(stopped[0], stopped[1], stopped[3]), then(see(busy[:2]...), end("job_1", 2, 5)), "job_1", true},
		"a stop behind an index":               {see(stopped[0], stopped[1], stopped[3]), then(see(busy[:2]...), end("job_1", 2, 3)), "", false},
		"a job that an index lacks":            {see(stopped[1]), end("job_1", 0, 5), "job_1", true},
		"a job that began behind an index":     {see(stopped[2]), end("job_2", 0, 2), "", false},
		"a range that leaves it out":           {see(stopped[3]), then(see(busy...), all(5)), "either", true},
		"a range without the job":              {see(stopped[3]), then(see(busy[3:]...), all(5)), "", true},
		"another event in its place":           {see(stopped[3]), see(busy[3]), "", true},
		"the event before another":             {see(stopped[:2]...), see(stopped[3]), "", false},
		"another event before, which is named": {see(eventsOf(t, submit[0], ledgertest.Progress("job_1", "other"))...), see(stopped[3]), "job_1", true},
	} {
		for first, order := range [][2]sight{{tt.a, tt.b}, {tt.b, tt.a}} {
			u := newAuditor(t)
			s := u.seen()
			if fork, err := order[0](s); fork != nil || err != nil {
				t.Fatalf("%s: %v, %v", name, fork, err)
			}
			if fork, err := s.Keep(home.PackSeen{SHA256: leafOf("pack", 1)}); fork != nil || err != nil {
				t.Fatalf("%s: Keep = %v, %v", name, fork, err)
			}
			s = u.seen()
			fork, err := order[1](s)
			must(t, err)
			if (fork != nil) != tt.fork || fork != nil && tt.job != "either" && fork.Job != tt.job {
				t.Errorf("%s, %d first: the fork is %v, want one of %q: %t", name, first, fork, tt.job, tt.fork)
			}
			if fork != nil && s.Fork().First.SHA256 != leafOf("pack", 1) {
				t.Errorf("%s: what was seen first is %+v", name, s.Fork().First)
			}
			// The same is found when what was seen is read only as it is kept.
			late := u.seen()
			late.Forget()
			if _, err := order[1](late); err != nil {
				t.Fatal(err)
			}
			if kept, err := late.Keep(home.PackSeen{}); err != nil || (kept != nil) != tt.fork {
				t.Errorf("%s, %d first: Keep = %v, %v, want a fork: %t", name, first, kept, err, tt.fork)
			}
		}
	}
}

// An end alone is remembered, of a job of which no event was seen.
func TestAbsenceSeen(t *testing.T) {
	a := newAuditor(t)
	s := a.seen()
	if fork, err := s.End("job_9", 0, 7); fork != nil || err != nil {
		t.Fatalf("End = %v, %v", fork, err)
	}
	if !s.News() {
		t.Error("it is no news")
	}
	from := home.PackSeen{SHA256: leafOf("proof", 1), Commitment: []byte("a commitment"), CommitmentProof: []byte("its proof"), Path: []byte{1, 2}}
	_, err := s.Keep(from)
	must(t, err)
	for at, want := range map[ledger.Seq]bool{6: false, 7: false, 8: true} {
		s := a.seen()
		_, err := s.End("job_9", 0, at)
		must(t, err)
		if s.News() != want {
			t.Errorf("that it is absent up to event %d is news: %t, want %t", at, !want, want)
		}
	}
	s = a.seen()
	fork, err := s.SeeFact("job_9", seen.Fact{Number: 1, Seq: 7, Leaf: leafOf("x", 1)})
	must(t, err)
	if fork == nil || string(s.Fork().First.Path) != string(from.Path) || string(s.Fork().First.Commitment) != "a commitment" {
		t.Errorf("fork %v, first seen in %+v", fork, s.Fork())
	}
}
