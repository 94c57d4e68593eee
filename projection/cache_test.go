package projection_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// full returns a story of a job in which every field is set.
func full(t testing.TB) *story {
	s := &story{t: t}
	s.add("boss", ledger.Submitted{
		EnvironmentFingerprint: env, Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1",
		ProducerVersion: "gait/test", Labels: []ledger.Label{{Key: "team", Value: "tools"}, {Key: "ticket", Value: "T <1> & \"2\""}},
	})
	s.checkpoint(decision)
	s.verdict(projection.Approved, "reviewer")
	s.checkpoint(decision)
	s.verdict(projection.Denied, "reviewer")
	s.add("worker_1", ledger.Paused{Reason: "tea"})
	s.add("worker_1", ledger.Refused{Command: "resume", Exit: 4, Refusal: "approval_required", Reason: "go on", Summary: "none"})
	s.view = s.encoded()
	return s
}

func TestCacheReadsBack(t *testing.T) {
	s := full(t)
	got, ok := projection.DecodeJob(s.view, s.at.Head)
	if !ok {
		t.Fatalf("DecodeJob does not take %s", s.view)
	}
	if again := projection.EncodeJob(got, s.at.Head.Leaf); !bytes.Equal(again, s.view) {
		t.Errorf("encoded again: %s, want %s", again, s.view)
	}
	if err := projection.ReadTexts(t.Context(), s, &got); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(s.at.Job, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStateReadsBack(t *testing.T) {
	s := full(t)
	state := projection.EncodeState(s.at.Job, s.at.Head.Leaf)
	got, ok := projection.DecodeState(state, s.at.Head.Leaf)
	if !ok {
		t.Fatalf("DecodeState does not take %s", state)
	}
	if diff := cmp.Diff(s.at.Job, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, ok := projection.DecodeState(state, one); ok {
		t.Error("DecodeState takes the state of a job that ends with another event")
	}
	if _, ok := projection.DecodeJob(state, s.at.Head); ok {
		t.Error("DecodeJob takes a state, which has the texts of decisions")
	}
}

// The texts of decisions make a view no longer, however many and long they are.
func TestViewIsBounded(t *testing.T) {
	const most = 48 << 10
	name := strings.Repeat("x", 128)
	ask := func(text string) *story {
		s := &story{t: t}
		s.add(name, ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test"})
		for n := int64(1); n <= ledger.MaxOpenDecisions; n++ {
			s.add(name, ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(n), CheckpointType: decision, Summary: text, RequiredAction: text})
		}
		for _, a := range s.at.Job.Decisions {
			s.add("y"+name[1:], ledger.Approved{CheckpointID: a.CheckpointID, Reason: text, Target: a.Target})
		}
		s.checkpoint(progress)
		return s
	}
	short, long := ask("x"), ask(strings.Repeat(`"`, 512))
	if len(short.encoded()) != len(long.encoded()) {
		t.Errorf("a view has %d bytes if the texts of %d decisions are long, and %d if they are short", len(long.encoded()), ledger.MaxOpenDecisions, len(short.encoded()))
	}
	if n := len(long.encoded()); n > most {
		t.Errorf("a view with %d decisions has %d bytes, want at most %d", ledger.MaxOpenDecisions, n, most)
	}
	if n := len(projection.EncodeState(long.at.Job, long.at.Head.Leaf)); n < 100<<10 {
		t.Errorf("a state with all texts has %d bytes: too few to tell anything", n)
	}
}

// The texts of decisions are read with few events in between, and each event once.
func TestReadTexts(t *testing.T) {
	s := tell(t)
	var want int
	for range 4 {
		s.checkpoint(decision)
	}
	want += 4
	for range 500 {
		s.checkpoint(progress)
	}
	s.checkpoint(decision)
	want++
	for range 10 {
		s.checkpoint(progress)
	}
	s.checkpoint(decision)
	want += 11
	s.view = s.encoded()
	got, _, _, err := projection.Load(t.Context(), s, "job_1")
	if diff := cmp.Diff(s.at.Job, got); err != nil || diff != "" {
		t.Errorf("Load = %v (-want +got):\n%s", err, diff)
	}
	if s.reads != want {
		t.Errorf("reading the texts of 6 decisions reads %d events, want %d", s.reads, want)
	}
	s.reads = 0
	bare, _, _, err := projection.LoadState(t.Context(), s, "job_1")
	if err != nil || len(bare.Decisions) != 6 || bare.Decisions[5].Summary != "" || s.reads != 0 {
		t.Errorf("LoadState = %+v, %v after %d events, want no texts and no reads", bare, err, s.reads)
	}
}

// If the events of decisions are not those that the view names, the job is replayed;
// if they are damaged, that is an error. It is none to load the state without the texts.
func TestLoadOfOtherDecisions(t *testing.T) {
	s := full(t)
	s.view = []byte(strings.Replace(string(s.view), s.at.Job.Decisions[1].Target.String(), two.String(), 1))
	got, _, ok, err := projection.Load(t.Context(), s, "job_1")
	if diff := cmp.Diff(s.at.Job, got); err != nil || !ok || diff != "" {
		t.Errorf("Load of a view that names another event = %v (-want +got):\n%s", err, diff)
	}
	s = full(t)
	s.events[3] = s.events[2]
	if got, _, _, err := projection.Load(t.Context(), s, "job_1"); err == nil || got.ID != "" {
		t.Errorf("Load without the event of a decision = %+v, %v, want an error", got, err)
	}
	if got, _, _, err := projection.LoadState(t.Context(), s, "job_1"); err != nil || len(got.Decisions) != 2 {
		t.Errorf("LoadState without the event of a decision = %+v, %v, want the job", got, err)
	}
}

func TestReadTextsOfAWrongJob(t *testing.T) {
	for name, change := range map[string]func(*projection.Ask){
		"behind the end":        func(a *projection.Ask) { a.JobSeq = 99 },
		"at no event":           func(a *projection.Ask) { a.JobSeq = -1 },
		"before the one before": func(a *projection.Ask) { a.JobSeq = 1 },
		"of another checkpoint": func(a *projection.Ask) { a.CheckpointID = "cp_0007" },
		"of another event":      func(a *projection.Ask) { a.Target = two },
	} {
		s := full(t)
		j, ok := projection.DecodeJob(s.view, s.at.Head)
		if !ok {
			t.Fatal("the view is not taken")
		}
		change(&j.Decisions[1])
		if _, corrupt := errors.AsType[*ledger.CorruptError](projection.ReadTexts(t.Context(), s, &j)); !corrupt || s.reads > 2*len(s.events) {
			t.Errorf("%s: ReadTexts does not fail with a CorruptError, or reads %d events", name, s.reads)
		}
	}
}

func TestLoad(t *testing.T) {
	old := func(s *story) []byte {
		view := s.encoded()
		s.checkpoint(progress)
		return view
	}
	edit := func(from, to string) func(*story) []byte {
		return func(s *story) []byte {
			view := string(s.encoded())
			if !strings.Contains(view, from) {
				s.t.Fatalf("no %s in %s", from, view)
			}
			return []byte(strings.Replace(view, from, to, 1))
		}
	}
	tests := []struct {
		name   string
		view   func(*story) []byte
		cached bool
	}{
		{"a good view", (*story).encoded, true},
		{"no view", func(*story) []byte { return nil }, false},
		{"the view of an event before", old, false},
		{"a view of an older version", edit(`"version":5}`, `"version":2}`), false},
		{"a view with the texts of decisions", func(s *story) []byte {
			return projection.EncodeState(s.at.Job, s.at.Head.Leaf)
		}, false},
		{"a view at another leaf", func(s *story) []byte {
			return projection.EncodeJob(s.at.Job, two)
		}, false},
		{"a view of another job", edit(`"job_id":"job_1"`, `"job_id":"job_2"`), false},
		{"a view at another revision", edit(`"revision":6`, `"revision":7`), false},
		{"a view at another job_seq", edit(`,"job_seq":7,`, `,"job_seq":8,`), false},
		{"a view with an unknown status", edit(`"status":"paused"`, `"status":"resting"`), false},
		{"a view without a status", edit(`"status":"paused"`, `"status":""`), false},
		{"a view with a policy that is no digest", edit(one.String(), "one"), false},
		{"a view with a broken leaf", edit(`"leaf":"`, `"leaf":"x`), false},
		{"half a view", func(s *story) []byte { return s.encoded()[:100] }, false},
		{"a view and more", func(s *story) []byte { return append(s.encoded(), '{') }, false},
		{"nothing", func(*story) []byte { return []byte{} }, false},
		{"null", func(*story) []byte { return []byte("null") }, false},
		{"garbage", func(*story) []byte { return []byte("\x00garbage") }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := full(t)
			s.view = tt.view(s)
			j, head, ok, err := projection.Load(t.Context(), s, "job_1")
			if err != nil || !ok || head != s.at.Head {
				t.Fatalf("Load = %v, %t, %v", head, ok, err)
			}
			if diff := cmp.Diff(s.at.Job, j); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if cached := s.reads < len(s.events); cached != tt.cached {
				t.Errorf("read %d of %d events, want the view used: %t", s.reads, len(s.events), tt.cached)
			}
		})
	}
}

func TestLoadOfNoJob(t *testing.T) {
	if _, _, ok, err := projection.Load(t.Context(), full(t), "job_2"); ok || err != nil {
		t.Errorf("Load of no job: %t, %v", ok, err)
	}
}

// A bad view of bad events is an error: the cache does not stand in for them.
func TestLoadOfACorruptJob(t *testing.T) {
	s := full(t)
	s.view = nil
	s.events = s.events[:len(s.events)-1]
	_, _, _, err := projection.Load(t.Context(), s, "job_1")
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
		t.Errorf("Load = %v, want a CorruptError", err)
	}
}

// If another process writes between the reads, the job is read again.
func TestLoadWhileTheJobGoesOn(t *testing.T) {
	for _, cached := range []bool{true, false} {
		s := full(t)
		s.view = nil
		s.onLoad = func() {
			s.checkpoint(progress)
			s.view = nil
			if cached {
				s.view = s.encoded()
			}
		}
		j, head, ok, err := projection.Load(t.Context(), s, "job_1")
		if err != nil || !ok || head != s.at.Head {
			t.Fatalf("Load = %v, %t, %v, want the job as it is now", head, ok, err)
		}
		if diff := cmp.Diff(s.at.Job, j); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func FuzzDecodeJob(f *testing.F) {
	s := full(f)
	head := s.at.Head
	f.Add(s.view)
	f.Add([]byte(strings.Replace(string(s.view), `"policy_digest"`, `"lease":{"by":"worker_1","epoch":1,"ttl":60,"until":"2026-11-22T20:33:58.058Z"},"policy_digest"`, 1)))
	f.Add([]byte(strings.Replace(string(s.view), `"decisions":[`, `"decisions":[{},{},`, 1)))
	f.Add([]byte(strings.Replace(string(s.view), `"checkpoint_count":2`, `"checkpoint_count":-9223372036854775808`, 1)))
	f.Add([]byte(`{"version":2,"leaf":"` + head.Leaf.String() + `","job":{"revision":6,"job_seq":7,"status":"blocked"}}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, view []byte) {
		j, ok := projection.DecodeJob(view, head)
		if !ok {
			if diff := cmp.Diff(projection.Job{}, j); diff != "" {
				t.Errorf("a view that is not taken gives a job:\n%s", diff)
			}
			return
		}
		again := projection.EncodeJob(j, head.Leaf)
		if back, ok := projection.DecodeJob(again, head); !ok || cmp.Diff(j, back) != "" {
			t.Errorf("%s reads back as another job", again)
		}
		use(t, j)
	})
}

// use calls the methods and rules of j; none of them may panic.
func use(t *testing.T, j projection.Job) {
	if _, err := jcs.Marshal(j.StatusView()); err != nil {
		t.Errorf("status: %v", err)
	}
	for _, id := range []string{"", "cp_0001"} {
		projection.VerdictTarget(j, projection.Basis{}, projection.Approved, id)
	}
	for _, p := range []ledger.Payload{
		submit,
		ledger.Paused{},
		ledger.Cancelled{},
		ledger.Stopped{},
		ledger.Refused{Command: "pause"},
		ledger.Approved{Target: one},
		ledger.Denied{},
		ledger.Resumed{Consumes: j.UsableApprovals(projection.Basis{})},
		ledger.CheckpointAdded{CheckpointType: decision, CheckpointID: ledger.CheckpointID(j.Checkpoints + 1)},
		ledger.Leased{Epoch: j.Epoch() + 1, TTL: 60, Until: epoch.Add(time.Minute), Worker: "host-1"},
		ledger.LeaseRenewed{Epoch: j.Epoch(), TTL: 60, Until: epoch.Add(time.Minute)},
		ledger.LeaseReleased{Epoch: j.Epoch(), Outcome: ledger.LeaseDone},
		ledger.LeaseReleased{Epoch: j.Epoch(), Outcome: ledger.LeaseLost},
		ledger.AttemptEnded{Number: j.Attempts + 1, Cause: ledger.AttemptExited},
	} {
		for _, lease := range []int64{0, j.Epoch()} {
			projection.Next(j, projection.Fact{At: epoch, Actor: "worker_1", Lease: lease, Payload: p})
		}
	}
}
