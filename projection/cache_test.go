package projection_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

// full is a job in which every field is set.
func full(t testing.TB) *story {
	s := &story{t: t}
	s.add("boss", ledger.Submitted{EnvironmentFingerprint: env, Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1",
		ProducerVersion: "gait/test", Labels: []ledger.Label{{Key: "team", Value: "tools"}, {Key: "ticket", Value: "T <1> & \"2\""}}})
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
	if diff := cmp.Diff(s.at.Job, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := projection.EncodeJob(got, s.at.Head.Leaf)
	if !bytes.Equal(again, s.view) {
		t.Errorf("encoded again: %s, want %s", again, s.view)
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
		{"a view of another version", edit(`"version":1}`, `"version":2}`), false},
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
			j, head, ok, err := projection.Load(s, "job_1")
			if err != nil || !ok || head != s.at.Head {
				t.Fatalf("Load = %v, %t, %v", head, ok, err)
			}
			if diff := cmp.Diff(s.at.Job, j); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if cached := s.reads == 0; cached != tt.cached {
				t.Errorf("read %d events, want the view used: %t", s.reads, tt.cached)
			}
		})
	}
}

func TestLoadOfNoJob(t *testing.T) {
	if _, _, ok, err := projection.Load(full(t), "job_2"); ok || err != nil {
		t.Errorf("Load of no job: %t, %v", ok, err)
	}
}

// A bad cache over bad events is an error; the cache never stands in for them.
func TestLoadOfACorruptJob(t *testing.T) {
	s := full(t)
	s.view = nil
	s.events = s.events[:len(s.events)-1]
	_, _, _, err := projection.Load(s, "job_1")
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
		t.Errorf("Load = %v, want a CorruptError", err)
	}
}

// Another writer may come between the reads: the job is then read again.
func TestLoadWhileTheJobGoesOn(t *testing.T) {
	for _, cached := range []bool{true, false} {
		s := full(t)
		s.onView = func() {
			s.checkpoint(progress)
			s.view = nil
			if cached {
				s.view = s.encoded()
			}
		}
		j, head, ok, err := projection.Load(s, "job_1")
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
	f.Add([]byte(strings.Replace(string(s.view), `"decisions":[`, `"decisions":[{},{},`, 1)))
	f.Add([]byte(strings.Replace(string(s.view), `"checkpoint_count":2`, `"checkpoint_count":-9223372036854775808`, 1)))
	f.Add([]byte(`{"version":1,"leaf":"` + head.Leaf.String() + `","job":{"revision":6,"job_seq":7,"status":"blocked"}}`))
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

// use asks j everything; none of it may panic.
func use(t *testing.T, j projection.Job) {
	if _, err := projection.Canonical(j.StatusView()); err != nil {
		t.Errorf("status: %v", err)
	}
	for _, id := range []string{"", "cp_0001"} {
		projection.Judged(j, projection.Approved, id)
	}
	for _, p := range []ledger.Payload{submit, ledger.Paused{}, ledger.Cancelled{}, ledger.Stopped{}, ledger.Refused{Command: "pause"},
		ledger.Approved{Target: one}, ledger.Denied{}, ledger.Resumed{Consumes: j.Usable()},
		ledger.CheckpointAdded{CheckpointType: decision, CheckpointID: ledger.CheckpointID(j.Checkpoints + 1)}} {
		projection.Next(j, projection.Fact{At: epoch, Actor: "worker_1", Payload: p})
	}
}
