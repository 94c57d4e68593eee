package projection_test

import (
	"context"
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

// A story is the events of job_1, added one after the other. It implements the part
// of ledger.EventReader that projection.Load uses.
type story struct {
	ledger.EventReader

	t      testing.TB
	events []ledger.Event
	at     projection.Folder // after the last event
	view   []byte            // the view in the cache; nil if there is none
	reads  int               // how many events JobEvents has yielded
	onLoad func()            // called once, when Load has read the job
}

func tell(t testing.TB) *story {
	s := &story{t: t}
	s.add("boss", submit)
	return s
}

// draft returns the draft of an event that could come next.
func (s *story) draft(actor string, p ledger.Payload) ledger.Draft {
	n := len(s.events)
	d := ledger.Draft{
		Seq: ledger.Seq(2*n + 1), ID: fmt.Sprintf("01JD%022d", n), Origin: origin, Actor: actor,
		Time: epoch.Add(time.Duration(n) * time.Second), Prev: one, JobID: "job_1", JobSeq: s.at.Head.JobSeq + 1,
		JobPrev: s.at.Head.Leaf, Revision: s.at.Job.Revision + 1, Payload: p,
	}
	if p.Type() == ledger.TypeRefused {
		d.Revision--
	}
	return d
}

func (s *story) seal(d ledger.Draft) ledger.Event {
	s.t.Helper()
	sealed, err := ledger.Seal(d)
	if err != nil {
		s.t.Fatal(err)
	}
	return sealed
}

// add adds the next event and returns its leaf hash.
func (s *story) add(actor string, p ledger.Payload) ledger.Hash {
	s.t.Helper()
	e := s.seal(s.draft(actor, p))
	if err := s.at.Add(e); err != nil {
		s.t.Fatal(err)
	}
	s.events = append(s.events, e)
	return e.LeafHash()
}

// under adds the next event, which names a lease.
func (s *story) under(lease int64, actor string, p ledger.Payload) {
	s.t.Helper()
	d := s.draft(actor, p)
	d.Lease = lease
	e := s.seal(d)
	if err := s.at.Add(e); err != nil {
		s.t.Fatal(err)
	}
	s.events = append(s.events, e)
}

// takesLease gives worker_1 the next lease, for a day.
func takesLease(s *story) {
	s.add("worker_1", ledger.Leased{Epoch: s.at.Job.Epoch() + 1, TTL: ledger.MaxLeaseTTL, Until: s.inADay(), Worker: "host-1"})
}

func (s *story) inADay() time.Time {
	return epoch.Add(time.Duration(len(s.events))*time.Second + 24*time.Hour)
}

func (s *story) renewsLease() {
	s.under(s.at.Job.Epoch(), "worker_1", ledger.LeaseRenewed{Epoch: s.at.Job.Epoch(), TTL: ledger.MaxLeaseTTL, Until: s.inADay(), Worker: "host-1"})
}

func (s *story) releasesLease() {
	p := ledger.LeaseReleased{Epoch: s.at.Job.Epoch(), Outcome: ledger.LeaseDone, TTL: ledger.MaxLeaseTTL, Worker: "host-1"}
	p.Until, _ = ledger.ParseTime(s.at.Job.Lease.Until)
	s.under(p.Epoch, "worker_1", p)
}

func (s *story) attempts(lease int64) {
	s.under(lease, "worker_1", ledger.AttemptEnded{Number: s.at.Job.Attempts + 1, Cause: ledger.AttemptExited})
}

func (s *story) progressUnder(lease int64) {
	s.under(lease, "worker_1", ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(s.at.Job.Checkpoints + 1), CheckpointType: progress, Summary: "s", Progress: ledger.StepCount{Done: 3, Total: 14},
	})
}

// checkpoint adds the next checkpoint.
func (s *story) checkpoint(kind ledger.CheckpointType) ledger.Hash {
	s.t.Helper()
	p := ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(s.at.Job.Checkpoints + 1), CheckpointType: kind,
		Summary: "about " + string(kind), Late: s.at.Job.Late(kind),
	}
	if kind == decision {
		p.RequiredAction = "decide"
	}
	return s.add("worker_1", p)
}

// verdict adds a verdict on the ask that projection.VerdictTarget finds.
func (s *story) verdict(v projection.Verdict, actor string) ledger.Hash {
	s.t.Helper()
	ask, no := projection.VerdictTarget(s.at.Job, projection.Basis{}, v, "")
	if no != nil {
		s.t.Fatal(no)
	}
	if v == projection.Denied {
		return s.add(actor, ledger.Denied{CheckpointID: ask.DecisionID(), Reason: "no good", Target: ask.Target})
	}
	return s.add(actor, ledger.Approved{CheckpointID: ask.DecisionID(), Reason: "looks good", Target: ask.Target})
}

// resumed returns a resume that changes nothing.
func (s *story) resumed() ledger.Resumed {
	j := s.at.Job
	policy := j.PolicyDigest
	return ledger.Resumed{
		Consumes: j.UsableApprovals(projection.Basis{}), ExpectedFingerprint: j.EnvironmentFingerprint, ActualFingerprint: j.EnvironmentFingerprint,
		PreviousPolicyDigest: policy, CurrentPolicyDigest: policy, PreviousPolicyRef: j.PolicyRef, CurrentPolicyRef: j.PolicyRef, Identity: j.Identity,
	}
}

func (s *story) encoded() []byte {
	s.t.Helper()
	return projection.EncodeJob(s.at.Job, s.at.Head.Leaf)
}

func (s *story) Load(_ context.Context, jobs, _ []string, _ ...ledger.CallID) (ledger.Records, error) {
	if !slices.Contains(jobs, "job_1") {
		return ledger.Records{}, nil
	}
	entry := ledger.JobEntry{ID: "job_1", Head: s.at.Head, View: s.view}
	if hook := s.onLoad; hook != nil {
		s.onLoad = nil
		hook()
	}
	return ledger.Records{Jobs: map[string]ledger.JobEntry{"job_1": entry}}, nil
}

func (s *story) JobEvents(ctx context.Context, _ string, from int64) ledger.Events {
	events := slices.Clone(s.events[min(max(from, 1), int64(len(s.events))+1)-1:])
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range events {
			s.reads++
			if !yield(e, nil) {
				return
			}
		}
	}
}

// isCorrupt checks that err says that event seq is corrupt.
func isCorrupt(t *testing.T, err error, seq ledger.Seq) {
	t.Helper()
	if c, ok := errors.AsType[*ledger.CorruptError](err); !ok || c.Seq != seq || c.Reason == "" {
		t.Errorf("error %v, want a CorruptError of event %d with a reason", err, seq)
	}
}
