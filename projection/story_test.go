package projection_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gait/ledger"
	"gait/projection"
)

const (
	origin = "gait.test/log"
	env    = "envfp:here"
)

var (
	epoch    = time.Date(2026, 11, 22, 20, 32, 58, 58e6, time.UTC)
	one, two = ledger.Hash(sha256.Sum256([]byte("one"))), ledger.Hash(sha256.Sum256([]byte("two")))
	submit   = ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test"}
	progress = ledger.CheckpointProgress
	decision = ledger.CheckpointDecisionNeeded
)

// A story is the events of job_1, told one after the other. It is a
// projection.Log.
type story struct {
	t      testing.TB
	events []ledger.Event
	at     projection.Folder // after the last event
	view   []byte            // what the cache holds; nil: nothing
	reads  int               // events that JobEvents gave
	onView func()            // called once, when the view is read next
}

var _ projection.Log = (*story)(nil)

func tell(t testing.TB) *story {
	s := &story{t: t}
	s.add("boss", submit)
	return s
}

// draft is the event that could stand next, not sealed yet.
func (s *story) draft(actor string, p ledger.Payload) ledger.Event {
	n := len(s.events)
	e := ledger.Event{Seq: ledger.Seq(2*n + 1), ID: fmt.Sprintf("01JD%022d", n), Origin: origin, Actor: actor,
		Time: epoch.Add(time.Duration(n) * time.Second), Prev: one, JobID: "job_1", JobSeq: s.at.Head.JobSeq + 1,
		JobPrev: s.at.Head.Leaf, Revision: s.at.Job.Revision + 1, Payload: p}
	if p.Type() == ledger.TypeRefused {
		e.Revision--
	}
	return e
}

func (s *story) seal(e ledger.Event) ledger.Event {
	s.t.Helper()
	sealed, err := ledger.Seal(e)
	if err != nil {
		s.t.Fatal(err)
	}
	return sealed
}

// add tells the next event and returns its leaf hash.
func (s *story) add(actor string, p ledger.Payload) ledger.Hash {
	s.t.Helper()
	e := s.seal(s.draft(actor, p))
	if err := s.at.Add(e); err != nil {
		s.t.Fatal(err)
	}
	s.events = append(s.events, e)
	return e.LeafHash()
}

// checkpoint tells of the next checkpoint.
func (s *story) checkpoint(kind ledger.CheckpointType) ledger.Hash {
	s.t.Helper()
	p := ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(s.at.Job.Checkpoints + 1), CheckpointType: kind,
		Summary: "about " + string(kind), Late: s.at.Job.Late(kind)}
	if kind == decision {
		p.RequiredAction = "decide"
	}
	return s.add("worker_1", p)
}

// verdict tells of a verdict on what projection.Judged finds.
func (s *story) verdict(v projection.Verdict, actor string) ledger.Hash {
	s.t.Helper()
	ask, no := projection.Judged(s.at.Job, v, "")
	if no != nil {
		s.t.Fatal(no)
	}
	if v == projection.Denied {
		return s.add(actor, ledger.Denied{CheckpointID: ask.DecisionID(), Reason: "no good", Target: ask.Target})
	}
	return s.add(actor, ledger.Approved{CheckpointID: ask.DecisionID(), Reason: "looks good", Target: ask.Target})
}

// resumed is the resume under which nothing changes.
func (s *story) resumed() ledger.Resumed {
	j := s.at.Job
	policy, _ := ledger.ParseHash(j.PolicyDigest)
	return ledger.Resumed{Consumes: j.Usable(), ExpectedFingerprint: j.EnvironmentFingerprint, ActualFingerprint: j.EnvironmentFingerprint,
		PreviousPolicyDigest: policy, CurrentPolicyDigest: policy, PreviousPolicyRef: j.PolicyRef, CurrentPolicyRef: j.PolicyRef, Identity: j.Identity}
}

func (s *story) encoded() []byte {
	s.t.Helper()
	return projection.EncodeJob(s.at.Job, s.at.Head.Leaf)
}

func (s *story) JobHead(job string) (ledger.JobHead, bool, error) {
	return s.at.Head, job == "job_1", nil
}

func (s *story) View(string) ([]byte, bool, error) {
	if hook := s.onView; hook != nil {
		s.onView = nil
		hook()
	}
	return s.view, s.view != nil, nil
}

func (s *story) JobEvents(_ string, from int64) ledger.Events {
	events := slices.Clone(s.events[from-1:])
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range events {
			s.reads++
			if !yield(e, nil) {
				return
			}
		}
	}
}

// isCorrupt sees that err says event seq is corrupt.
func isCorrupt(t *testing.T, err error, seq ledger.Seq) {
	t.Helper()
	if c, ok := errors.AsType[*ledger.CorruptError](err); !ok || c.Seq != seq || c.Reason == "" {
		t.Errorf("error %v, want a CorruptError of event %d with a reason", err, seq)
	}
}
