package projection_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/ledger"
	"gait/projection"
)

// continuedForm is a continued job that runs.
func continuedForm() ledger.Continued {
	return ledger.Continued{
		Origin: "gait.test/before", Size: 40, Root: one, Leaf: two, JobSeq: 9, Revision: 7, Status: "running", StopReason: "none", StatusReasonCode: "resumed",
		CreatedAt: epoch, ProducerVersion: "gait/0.1", EnvironmentFingerprint: env, Checkpoints: 3, Approvals: 2, Refusals: 2,
		Proof: ledger.Content{Digest: one},
	}
}

// stoppedForm is a continued job that is stopped.
func stoppedForm(status, stop string) ledger.Continued {
	p := continuedForm()
	p.Status, p.StopReason, p.StatusReasonCode = status, stop, status
	return p
}

// continues begins a job as another ledger left it.
func continues(t testing.TB, p ledger.Continued) *story {
	s := &story{t: t}
	s.add("operator", p)
	return s
}

// asksAgain adds a decision that is asked for again.
func (s *story) asksAgain(actor string) ledger.Hash {
	return s.add(actor, ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(s.at.Job.Checkpoints + 1), CheckpointType: decision, Continues: two,
		Summary: "again", RequiredAction: "decide",
	})
}

// refuses requires that a payload cannot follow.
func (s *story) refuses(actor string, p ledger.Payload) *projection.Refusal {
	s.t.Helper()
	_, no := projection.Next(s.at.Job, projection.Fact{At: epoch, Actor: actor, Payload: p})
	if no == nil {
		s.t.Errorf("%s by %s follows in a job that is %s", p.Type(), actor, s.at.Job.Status)
	}
	return no
}

func TestContinued(t *testing.T) {
	p := continuedForm()
	p.Identity, p.Labels, p.PolicyDigest, p.PolicyRef = "agent_7", []ledger.Label{{Key: "k", Value: "v"}}, one, "policy v1"
	s := continues(t, p)
	want := projection.Job{
		ID: "job_1", Status: "running", StopReason: "none", ReasonCode: "resumed", Revision: 1, JobSeq: 1, Created: ledger.FormatTime(epoch), Updated: ledger.FormatTime(epoch),
		ProducerVersion: "gait/0.1", EnvironmentFingerprint: env, Identity: "agent_7", Labels: p.Labels, PolicyDigest: one, PolicyRef: "policy v1",
		Checkpoints: 3, Approvals: 2, Refusals: 2,
		Continued: &projection.Continued{
			Actor: "operator", ContinuedAt: ledger.FormatTime(epoch), Origin: "gait.test/before", Size: 40, Leaf: two.String(), JobSeq: 9, Revision: 7, Proof: one.String(),
		},
	}
	if diff := cmp.Diff(want, s.at.Job); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.checkpoint(progress)
	if got := s.at.Job.LastCheckpoint.ID; got != "cp_0004" {
		t.Errorf("the next checkpoint is %s, want cp_0004", got)
	}
	s.refuses("operator", p)
}

// A job that was leased there has a lease here that has ended, and the next one counts on. What
// it comes after, when it is due and what it works on stay.
func TestContinuedLease(t *testing.T) {
	begun := ledger.Submitted{
		EnvironmentFingerprint: env, ProducerVersion: "gait/test", After: []string{"job_0"}, NotBefore: epoch, Input: subject, ContentKey: two,
	}
	s := &story{t: t}
	s.add("boss", begun)
	s.add("worker_1", ledger.Leased{After: []ledger.Hash{one}, Epoch: 1, TTL: ledger.MaxLeaseTTL, Until: s.inADay(), Worker: "host-1"})
	s.attempts(1)
	s.progressUnder(1)
	after, p := continueStory(t, s)
	if p.Epoch != 1 || p.Attempts != 1 || p.Input != subject || !p.NotBefore.Equal(epoch) || len(p.After) != 1 {
		t.Errorf("the job is continued by %+v", p)
	}
	j := after.at.Job
	if diff := cmp.Diff(&projection.Lease{Epoch: 1, Ended: projection.LeaseLeft}, j.Lease); diff != "" || j.Attempts != 1 || j.WaitingFor() != "lease" {
		t.Errorf("%d attempts, waiting for %s, the lease (-want +got):\n%s", j.Attempts, j.WaitingFor(), diff)
	}
	if no := fencedUnder(after, 1); no == nil || no.Code != projection.Fenced {
		t.Errorf("the worker goes on under the lease of the ledger before: %v", no)
	}
	after.add("worker_2", ledger.Leased{After: []ledger.Hash{two}, Epoch: 2, TTL: ledger.MaxLeaseTTL, Until: after.inADay(), Worker: "host-2"})
	again, p := continueStory(t, after)
	if p.Epoch != 2 || again.at.Job.Epoch() != 2 {
		t.Errorf("continued again, the job has lease %d, want 2", again.at.Job.Epoch())
	}
	proof, _, _ := proofOf(t, s)
	for count, holds := range map[int64]bool{0: false, 1: true, 9: true} {
		_, p := continueStory(t, s)
		if p.Epoch = count; (proof.Check("job_1", p) == nil) != holds {
			t.Errorf("continued after lease %d, the proof holds: %t, want %t", count, !holds, holds)
		}
	}
	if key := again.at.Job.ContentKey; !key.IsZero() {
		t.Errorf("the job has the content key %s before an event here has one", key)
	}
}

// fencedUnder returns why worker_1 records no progress under a lease.
func fencedUnder(s *story, lease int64) *projection.Refusal {
	p := ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(s.at.Job.Checkpoints + 1), CheckpointType: progress, Summary: "s"}
	_, no := projection.Next(s.at.Job, projection.Fact{At: epoch, Actor: "worker_1", Lease: lease, Payload: p})
	return no
}

// Decisions are asked for again before anything else happens, and change no status.
func TestContinuedAsksAgain(t *testing.T) {
	for status, stop := range map[string]string{"paused": "paused_by_user", "decision_needed": "decision_needed", "blocked": "blocked"} {
		p := stoppedForm(status, stop)
		p.Decisions = 2
		s := continues(t, p)
		for range 2 {
			s.refuses("reviewer", ledger.Approved{Reason: "r", Target: s.at.Head.Leaf})
			s.refuses("worker_1", s.resumed())
			s.refuses("boss", ledger.Cancelled{})
			s.refuses("boss", ledger.Stopped{})
			s.refuses("worker_1", ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(s.at.Job.Checkpoints + 1), CheckpointType: progress, Late: true, Summary: "s"})
			s.add("worker_1", ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition"})
			s.asksAgain("worker_1")
		}
		j := s.at.Job
		if string(j.Status) != status || string(j.StopReason) != stop || len(j.Decisions) != 2 || j.Continued.Unasked != 0 || j.WaitingFor() != "decision" {
			t.Errorf("a %s job is %s for %s with %d decisions, waiting for %s", status, j.Status, j.StopReason, len(j.Decisions), j.WaitingFor())
		}
		s.refuses("worker_1", ledger.CheckpointAdded{CheckpointID: "cp_0006", CheckpointType: decision, Continues: two, Summary: "s", RequiredAction: "a"})
		s.refuses("worker_1", s.resumed())
		s.refuses("worker_1", ledger.Approved{Reason: "r", CheckpointID: "cp_0004", Target: j.Decisions[0].Target})
		s.add("reviewer", ledger.Approved{Reason: "r", CheckpointID: "cp_0004", Target: j.Decisions[0].Target})
		s.add("reviewer", ledger.Approved{Reason: "r", CheckpointID: "cp_0005", Target: j.Decisions[1].Target})
		s.add("worker_1", s.resumed())
		s.checkpoint(decision) // the job goes on as any other
	}
}

// What waited for an approval waits for one here, by another actor than the one who
// asked for it and the one who imported it.
func TestContinuedHold(t *testing.T) {
	for status, stop := range map[string]string{"paused": "paused_by_user", "decision_needed": "decision_needed", "blocked": "decision_denied"} {
		p := stoppedForm(status, stop)
		p.Hold, p.StoppedBy, p.ImportedBy = true, "ann", "ivo"
		if p.Status == "decision_needed" {
			p.Decisions = 1
		}
		s := continues(t, p)
		if p.Decisions > 0 {
			s.asksAgain("worker_1")
			s.refuses("ivo", ledger.Approved{Reason: "r", CheckpointID: "cp_0004", Target: s.at.Job.Decisions[0].Target})
			s.add("reviewer", ledger.Approved{Reason: "r", CheckpointID: "cp_0004", Target: s.at.Job.Decisions[0].Target})
		}
		hold := s.events[0].LeafHash()
		if got := s.at.Job.OnHold(projection.Basis{}); got == nil || got.Actor != "ann" || got.Target != hold.String() || s.at.Job.WaitingFor() != "hold" {
			t.Errorf("a %s job has the hold %+v and waits for %s", status, got, s.at.Job.WaitingFor())
		}
		if no := s.refuses("worker_1", s.resumed()); no.Code != projection.ApprovalRequired {
			t.Errorf("a resume past the hold is refused as %s", no.Code)
		}
		for _, actor := range []string{"ann", "ivo"} {
			if no := s.refuses(actor, ledger.Approved{Reason: "r", Target: hold}); no.Code != projection.SelfApproval {
				t.Errorf("an approval by %s is refused as %s", actor, no.Code)
			}
		}
		s.add("operator", ledger.Approved{Reason: "r", Target: hold})
		s.add("worker_1", s.resumed())
	}
}

func TestContinuedWithoutHold(t *testing.T) {
	s := continues(t, stoppedForm("paused", "paused_by_user"))
	if j := s.at.Job; j.OnHold(projection.Basis{}) != nil || j.WaitingFor() != "resume" || j.Stop.Actor != "operator" || j.Stop.Kind != projection.KindPause {
		t.Errorf("a paused job waits for %s, its stop is %+v", j.WaitingFor(), j.Stop)
	}
	s.refuses("operator", ledger.Approved{Reason: "r", Target: s.at.Head.Leaf}) // who asked
	s.add("worker_1", s.resumed())
}

func TestContinuedRefuses(t *testing.T) {
	for name, change := range map[string]func(*ledger.Continued){
		"no such status":                  func(p *ledger.Continued) { p.Status = "asleep" },
		"a status of another stop reason": func(p *ledger.Continued) { p.StopReason = "blocked" },
		"no such reason code":             func(p *ledger.Continued) { p.StatusReasonCode = "because" },
		"the reason code of an event":     func(p *ledger.Continued) { p.StatusReasonCode = "imported" },
		"decisions of a running job":      func(p *ledger.Continued) { p.Decisions = 1 },
		"a hold of a running job":         func(p *ledger.Continued) { p.Hold = true },
		"who stopped a running job":       func(p *ledger.Continued) { p.StoppedBy = "ann" },
		"decision_needed without any":     func(p *ledger.Continued) { *p = stoppedForm("decision_needed", "decision_needed") },
		"a denial of nothing":             func(p *ledger.Continued) { *p = stoppedForm("blocked", "decision_denied") },
		"decisions of a stopped job":      func(p *ledger.Continued) { *p = stoppedForm("emergency_stopped", "emergency_stopped"); p.Decisions = 1 },
		"a hold of a completed job":       func(p *ledger.Continued) { *p = stoppedForm("completed", "completed"); p.Hold = true },
		"who stopped a job with decisions only": func(p *ledger.Continued) {
			*p = stoppedForm("decision_needed", "decision_needed")
			p.Decisions, p.StoppedBy = 1, "ann"
		},
	} {
		p := continuedForm()
		change(&p)
		if p.StatusReasonCode == "emergency_stopped" {
			p.StatusReasonCode = "emergency_stop_preempted"
		}
		_, no := projection.Next(projection.Job{}, projection.Fact{At: epoch, Actor: "operator", Payload: p})
		if no == nil || no.Code != projection.InvalidTransition {
			t.Errorf("%s: %v, want a refusal", name, no)
		}
	}
}

// continueStory continues a job, and returns it in the ledger that does so.
func continueStory(t testing.TB, s *story) (*story, ledger.Continued) {
	t.Helper()
	proof, tree, key := proofOf(t, s)
	text, err := proof.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p, again, err := projection.Continue(s.at.Job, s.events[0], proof.Event, tree, ledger.Content{Digest: sha256.Sum256(text), Size: int64(len(text))})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := projection.ParseContinuedProof(text)
	if err == nil {
		err = errors.Join(parsed.Check("job_1", p), parsed.Open(key.PublicKey()))
	}
	if err != nil {
		t.Fatalf("the proof of a job that is %s after %s: %v", s.at.Job.Status, proof.Event.Type(), err)
	}
	after := continues(t, p)
	for _, a := range again {
		after.add(a.Actor, a.Payload)
	}
	return after, p
}

// Whatever a job has been through, it stands in the next ledger as it stood, is bound as
// it was, and waits for no less.
func TestContinueKeepsTheState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &story{t: t}
		s.add("boss", ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Identity: "agent_7", Labels: []ledger.Label{{Key: "k", Value: "v"}}})
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			p := somePayload(rt, s)
			actor := rapid.SampledFrom([]string{"worker_1", "reviewer"}).Draw(rt, "actor")
			if _, no := projection.Next(s.at.Job, projection.Fact{At: epoch, Actor: actor, Payload: p}); no == nil {
				s.add(actor, p)
			}
		}
		after, _ := continueStory(t, s)
		twice, _ := continueStory(t, after)
		for _, next := range []*story{after, twice} {
			keepsState(rt, s.at.Job, next)
		}
	})
}

func keepsState(t *rapid.T, was projection.Job, next *story) {
	if by := projection.SubmittedBy(next.events[0]); by != "boss" {
		t.Fatalf("it was submitted by %q, want boss", by)
	}
	j := next.at.Job
	bindings := func(j projection.Job) []any {
		return []any{j.Status, j.StopReason, j.ReasonCode, j.Created, j.ProducerVersion, j.EnvironmentFingerprint, j.PolicyDigest, j.PolicyRef, j.Identity, j.Labels, j.Approvals, j.Refusals}
	}
	if diff := cmp.Diff(bindings(was), bindings(j)); diff != "" {
		t.Fatalf("the job is another one (-before +after):\n%s", diff)
	}
	stopped := was.Status == projection.PausedStatus || was.Status == projection.DecisionNeeded || was.Status == projection.Blocked
	if want := len(was.Decisions); stopped && (len(j.Decisions) != want || j.Continued.Unasked != 0) {
		t.Fatalf("%d decisions are asked for again, want %d", len(j.Decisions), want)
	}
	if len(was.Unsettled()) > 0 && stopped && len(j.Unsettled()) == 0 {
		t.Fatal("what waited for a verdict no longer does")
	}
	for i, a := range was.Decisions {
		if b := (ledger.CheckpointAdded{}); stopped {
			if b = next.events[1+i].Payload().(ledger.CheckpointAdded); b.Summary != a.Summary || next.events[1+i].Actor() != a.Actor {
				t.Fatalf("decision %s is asked for again as %+v by %s", a.CheckpointID, b, next.events[1+i].Actor())
			}
		}
	}
}

// A denial, a hold and what an import claims need an approval in the next ledger.
func TestContinueNeedsApprovals(t *testing.T) {
	held := func(s *story) { s.add("boss", ledger.Paused{Hold: true}) }
	for name, given := range map[string]func(*story){
		"a hold":                 held,
		"a hold that was lifted": func(s *story) { held(s); s.verdict(projection.Approved, "reviewer") },
		"a pause that was denied": func(s *story) {
			paused(s)
			s.verdict(projection.Denied, "reviewer")
		},
		"a denial that was reversed": func(s *story) {
			paused(s)
			s.verdict(projection.Denied, "reviewer")
			s.verdict(projection.Approved, "reviewer_2")
		},
		"an approved decision": decided,
		"a denied decision":    func(s *story) { asked(s); s.verdict(projection.Denied, "reviewer") },
	} {
		s := tell(t)
		given(s)
		after, p := continueStory(t, s)
		if len(after.at.Job.Unsettled()) != 1 {
			t.Errorf("%s: %d asks are open in the next ledger, want 1: %+v", name, len(after.at.Job.Unsettled()), p)
		}
		if no := after.refuses("worker_1", after.resumed()); no.Code != projection.ApprovalRequired {
			t.Errorf("%s: a resume is refused as %s", name, no.Code)
		}
	}
}

// An import does not always say who asked; who imported may not approve.
func TestContinueOfAnImport(t *testing.T) {
	s := &story{t: t}
	s.add("ivo", ledger.Imported{
		CreatedAt: epoch, EnvironmentFingerprint: env, PackID: one, PackSHA256: two, ProducerVersion: "other/1", Revision: 5, Status: "paused", StopReason: "paused_by_user",
		StatusReasonCode: "paused", StoppedAt: epoch, StoppedBy: "Ann B.", UpdatedAt: epoch,
		Checkpoints: []ledger.ImportedCheckpoint{
			{CheckpointType: decision, CreatedAt: epoch, Open: true, RequiredAction: "a", Summary: "which?"},
			{Actor: "Bob C.", CheckpointType: decision, CreatedAt: epoch, Open: true, RequiredAction: "a", Summary: "when?"},
		},
	})
	after, p := continueStory(t, s)
	if p.ImportedBy != "ivo" || p.StoppedBy != "Ann B." || after.events[1].Actor() != "ivo" || after.events[2].Actor() != "claimed:Bob%20C." {
		t.Errorf("asked again by %s and %s: %+v", after.events[1].Actor(), after.events[2].Actor(), p)
	}
	no := after.refuses("ivo", ledger.Approved{Reason: "r", CheckpointID: "cp_0004", Target: after.at.Job.Decisions[1].Target})
	if no.Code != projection.SelfApproval || !strings.Contains(no.Reason, "who imported the job") {
		t.Errorf("an approval by the importer is refused as %s: %s", no.Code, no.Reason)
	}
}
