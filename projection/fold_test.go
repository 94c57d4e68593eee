package projection_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

func eventsOf(events ...ledger.Event) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestFold(t *testing.T) {
	s := tell(t)
	s.checkpoint(progress)
	s.add("worker_1", ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition"})
	s.add("worker_1", ledger.Paused{})
	got, err := projection.Fold(eventsOf(s.events...), s.at.Head, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := projection.Job{
		ID: "job_1", Status: "paused", StopReason: "paused_by_user", ReasonCode: "paused", Revision: 3, JobSeq: 4,
		Created: "2026-11-22T20:32:58.058Z", Updated: "2026-11-22T20:33:01.058Z", ProducerVersion: "gait/test", EnvironmentFingerprint: env,
		SubmittedBy: "boss",
		Checkpoints: 1, Refusals: 1,
		LastCheckpoint: &projection.Checkpoint{
			ID: "cp_0001", Created: "2026-11-22T20:32:59.058Z", Type: "progress", Summary: "about progress",
			ReasonCode: "checkpoint_progress", Actor: "worker_1",
		},
		Stop: &projection.Ask{Kind: "pause", Target: s.at.Head.Leaf, JobSeq: 4, Actor: "worker_1", Created: "2026-11-22T20:33:01.058Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An event that the state machine does not allow stops the fold, even if its chain is correct.
func TestFoldRefusesWhatCannotFollow(t *testing.T) {
	tests := []struct {
		name  string
		given func(*story)
		actor string
		next  func(*story) ledger.Payload
	}{
		{"a submit again", nil, "boss", func(*story) ledger.Payload { return submit }},
		{"a resume of a running job", nil, "boss", func(s *story) ledger.Payload { return s.resumed() }},
		{"an approval of a running job", nil, "reviewer", func(s *story) ledger.Payload {
			return ledger.Approved{Reason: "r", Target: s.events[0].LeafHash()}
		}},
		{"a checkpoint number left out", nil, "worker_1", func(*story) ledger.Payload {
			return ledger.CheckpointAdded{CheckpointID: "cp_0002", CheckpointType: progress, Summary: "s"}
		}},
		{"a checkpoint that claims to be late", nil, "worker_1", func(*story) ledger.Payload {
			return ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: progress, Summary: "s", Late: true}
		}},
		{"a late checkpoint that hides it", paused, "worker_1", func(*story) ledger.Payload {
			return ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: progress, Summary: "s"}
		}},
		{"a block that claims to be late", decided, "worker_1", func(*story) ledger.Payload {
			return ledger.CheckpointAdded{CheckpointID: "cp_0002", CheckpointType: ledger.CheckpointBlocked, Summary: "s", Late: true}
		}},
		{"a pause of a paused job", paused, "worker_1", func(*story) ledger.Payload { return ledger.Paused{} }},
		{"a self-approval", paused, "worker_1", func(s *story) ledger.Payload {
			return ledger.Approved{Reason: "r", Target: s.at.Head.Leaf}
		}},
		{"an approval of another event", paused, "reviewer", func(s *story) ledger.Payload {
			return ledger.Approved{Reason: "r", Target: s.events[0].LeafHash()}
		}},
		{"an approval of a pause by a checkpoint's name", paused, "reviewer", func(s *story) ledger.Payload {
			return ledger.Approved{Reason: "r", Target: s.at.Head.Leaf, CheckpointID: "cp_0001"}
		}},
		{"an approval of a decision without its name", asked, "reviewer", func(s *story) ledger.Payload {
			return ledger.Approved{Reason: "r", Target: s.at.Head.Leaf}
		}},
		{"an approval of a decision by another name", asked, "reviewer", func(s *story) ledger.Payload {
			return ledger.Approved{Reason: "r", Target: s.at.Head.Leaf, CheckpointID: "cp_0002"}
		}},
		{"the same verdict again", decided, "reviewer_2", func(s *story) ledger.Payload {
			return ledger.Approved{Reason: "r", Target: s.at.Job.Decisions[0].Target, CheckpointID: "cp_0001"}
		}},
		{"a resume past an open decision", asked, "worker_1", func(s *story) ledger.Payload { return s.resumed() }},
		{"a resume that uses up nothing", decided, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.Consumes = nil
			return p
		}},
		{"a resume that uses up another event", decided, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.Consumes = []ledger.Hash{s.events[0].LeafHash()}
			return p
		}},
		{"a resume that uses an approval up twice", decided, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.Consumes = append(p.Consumes, p.Consumes...)
			return p
		}},
		{"a resume that expects another environment", paused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.ExpectedFingerprint, p.ActualFingerprint = "envfp:there", "envfp:there"
			return p
		}},
		{"a resume elsewhere without a reason", paused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.ActualFingerprint = "envfp:there"
			return p
		}},
		{"a resume with a policy before that was none", paused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.PreviousPolicyDigest, p.CurrentPolicyDigest = one, one
			return p
		}},
		{"a resume that claims a change of policy", paused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.PolicyChanged = true
			return p
		}},
		{"a resume that hides a change of policy", boundAndPaused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.CurrentPolicyDigest = two
			return p
		}},
		{"a resume that drops the policy", boundAndPaused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.CurrentPolicyDigest = ledger.Hash{}
			return p
		}},
		{"a resume that drops the policy's name", boundAndPaused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.CurrentPolicyRef = ""
			return p
		}},
		{"a resume that misnames the policy before", boundAndPaused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.PreviousPolicyRef = "policy v0"
			return p
		}},
		{"a resume as another identity", boundAndPaused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.Identity = "agent_8"
			return p
		}},
		{"a resume without an identity", boundAndPaused, "worker_1", func(s *story) ledger.Payload {
			p := s.resumed()
			p.Identity = ""
			return p
		}},
		{"anything after the end", cancelled, "boss", func(*story) ledger.Payload { return ledger.Cancelled{} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t)
			if tt.given != nil {
				tt.given(s)
			}
			before := s.encoded()
			e := s.seal(s.draft(tt.actor, tt.next(s)))
			isCorrupt(t, s.at.Add(e), e.Seq())
			if diff := cmp.Diff(string(before), string(s.encoded())); diff != "" {
				t.Errorf("an event that was refused changed the fold:\n%s", diff)
			}
			if _, err := projection.Fold(eventsOf(append(s.events, e)...), s.at.Head, nil); err == nil {
				t.Error("Fold takes it")
			}
		})
	}
}

func paused(s *story)    { s.add("worker_1", ledger.Paused{}) }
func asked(s *story)     { s.checkpoint(decision) }
func cancelled(s *story) { s.add("boss", ledger.Cancelled{}) }
func decided(s *story) {
	asked(s)
	s.verdict(projection.Approved, "reviewer")
}

func boundAndPaused(s *story) {
	paused(s)
	p := s.resumed()
	p.CurrentPolicyDigest, p.CurrentPolicyRef, p.Identity = one, "policy v1", "agent_7"
	s.add("worker_1", p)
	paused(s)
}

func TestFoldHoldsTheChain(t *testing.T) {
	changes := map[string]func(*ledger.Draft){
		"job_seq left out":    func(e *ledger.Draft) { e.JobSeq++ },
		"job_seq again":       func(e *ledger.Draft) { e.JobSeq-- },
		"another job_prev":    func(e *ledger.Draft) { e.JobPrev = two },
		"revision left out":   func(e *ledger.Draft) { e.Revision++ },
		"revision that stays": func(e *ledger.Draft) { e.Revision-- },
		"another job":         func(e *ledger.Draft) { e.JobID = "job_2" },
		"seq that falls":      func(e *ledger.Draft) { e.Seq = 3 },
		"time that falls":     func(e *ledger.Draft) { e.Time = epoch },
		"refusal that counts": func(e *ledger.Draft) { e.Payload = ledger.Refused{Command: "pause", Exit: 6, Refusal: "no"} },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			s.checkpoint(progress)
			s.checkpoint(progress)
			d := s.draft("worker_1", ledger.Paused{})
			change(&d)
			isCorrupt(t, s.at.Add(s.seal(d)), d.Seq)
		})
	}
}

func TestFoldEndsAtTheHead(t *testing.T) {
	s := tell(t)
	s.checkpoint(progress)
	before := s.at.Head
	s.checkpoint(progress)
	after := s.at.Head
	tests := []struct {
		name   string
		events []ledger.Event
		head   ledger.JobHead
	}{
		{"an event too few", s.events[:2], after},
		{"an event too many", s.events, before},
		{"none", nil, after},
		{"the first left out", s.events[1:], after},
		{"two exchanged", []ledger.Event{s.events[0], s.events[2], s.events[1]}, after},
		{"one twice", []ledger.Event{s.events[0], s.events[1], s.events[1], s.events[2]}, after},
	}
	for _, tt := range tests {
		_, err := projection.Fold(eventsOf(tt.events...), tt.head, nil)
		if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
			t.Errorf("%s: Fold = %v, want a CorruptError", tt.name, err)
		}
	}
	heads := map[string]func(*ledger.JobHead){
		"leaf":     func(h *ledger.JobHead) { h.Leaf = one },
		"revision": func(h *ledger.JobHead) { h.Revision++ },
		"seq":      func(h *ledger.JobHead) { h.Seq++ },
	}
	for name, change := range heads {
		head := after
		change(&head)
		_, err := projection.Fold(eventsOf(s.events...), head, nil)
		t.Run("another "+name, func(t *testing.T) { isCorrupt(t, err, head.Seq) })
	}
}

func TestFoldPassesErrorsOn(t *testing.T) {
	cause := errors.New("disk on fire")
	s := tell(t)
	broken := func(yield func(ledger.Event, error) bool) {
		_ = yield(s.events[0], nil) && yield(ledger.Event{}, cause)
	}
	if _, err := projection.Fold(broken, s.at.Head, nil); !errors.Is(err, cause) {
		t.Errorf("Fold of events that break off = %v, want the cause", err)
	}
}

// This version does not guess what a newer version means by the reserved fields.
func TestApplyRefusesSignedCommands(t *testing.T) {
	s := tell(t)
	d := s.draft("worker_1", ledger.Paused{})
	d.Command = []byte("pause")
	d.CommandSigs = []ledger.CommandSig{{KeyID: one, Sig: make([]byte, 64)}}
	if _, err := projection.Apply(s.at.Job, s.seal(d), nil, projection.Call{}); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("Apply = %v, want ErrUnsupportedVersion", err)
	}
	if err := s.at.Add(s.seal(d)); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("Add = %v, want ErrUnsupportedVersion", err)
	}
}

func TestApplyRefusesEventsOfTheLedger(t *testing.T) {
	created, err := ledger.Seal(ledger.Draft{
		ID: "01JD0000000000000000000000", Origin: origin, Time: epoch, Actor: "boss",
		Payload: ledger.LedgerCreated{Format: 1, Key: "key"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, j := range map[string]projection.Job{"no job": {}, "a job": {ID: "job_1", Status: projection.Running}} {
		t.Run(name, func(t *testing.T) {
			_, err := projection.Apply(j, created, nil, projection.Call{})
			isCorrupt(t, err, 0)
		})
	}
}

func TestJobBeginsWithASubmit(t *testing.T) {
	for _, p := range []ledger.Payload{
		ledger.Paused{},
		ledger.Cancelled{},
		ledger.Stopped{},
		ledger.Refused{Command: "pause", Exit: 6, Refusal: "invalid_transition"},
	} {
		_, no := projection.Next(projection.Job{}, projection.Fact{At: epoch, Actor: "boss", Payload: p})
		if no == nil || no.Code != projection.InvalidTransition {
			t.Errorf("%s before a submit = %v, want a refusal", p.Type(), no)
		}
	}
}
