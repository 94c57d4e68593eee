package projection_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/ledger"
	"gait/projection"
)

// somePayload draws a payload that may or may not be allowed next.
func somePayload(t *rapid.T, s *story) ledger.Payload {
	j := s.at.Job
	target := rapid.SampledFrom(targets(j)).Draw(t, "target")
	id := rapid.SampledFrom([]string{"", target.DecisionID(), target.DecisionID(), "cp_0001"}).Draw(t, "id")
	switch rapid.IntRange(0, 9).Draw(t, "payload") {
	case 0:
		return ledger.Refused{Command: "pause", Exit: 6, Refusal: "invalid_transition"}
	case 1, 2:
		return ledger.Approved{CheckpointID: id, Reason: "r", Target: target.Target}
	case 3:
		return ledger.Denied{CheckpointID: id, Reason: "r", Target: target.Target}
	case 4, 5:
		p := s.resumed()
		if rapid.Bool().Draw(t, "policy") {
			p.CurrentPolicyDigest, p.CurrentPolicyRef, p.PolicyChanged = two, "policy v2", rapid.Bool().Draw(t, "changed")
		}
		return p
	case 6:
		return ledger.Paused{Hold: rapid.Bool().Draw(t, "hold")}
	case 7:
		return rapid.SampledFrom([]ledger.Payload{ledger.Stopped{}, ledger.Cancelled{}, submit, ledger.Paused{}, ledger.Paused{}}).Draw(t, "rare")
	}
	kind := rapid.SampledFrom([]ledger.CheckpointType{progress, decision, decision, ledger.CheckpointBlocked, ledger.CheckpointCompleted}).Draw(t, "type")
	p := ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(j.Checkpoints + 1), CheckpointType: kind, Summary: "s", Late: j.Late(kind)}
	if kind == decision {
		p.RequiredAction = "decide"
	}
	return p
}

func targets(j projection.Job) []projection.Ask {
	asks := append(slices.Clone(j.Decisions), projection.Ask{Target: two})
	if j.Stop != nil {
		asks = append(asks, *j.Stop)
	}
	return asks
}

// Next is pure, Apply agrees with it, and neither shares memory.
func TestNextIsPure(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &story{t: t}
		s.add("boss", ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Labels: []ledger.Label{{Key: "k", Value: "v"}}})
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			actor := rapid.SampledFrom([]string{"worker_1", "reviewer"}).Draw(rt, "actor")
			nextIsPure(rt, s, actor, somePayload(rt, s))
		}
		got, err := projection.Fold(s.JobEvents(rt.Context(), "job_1", 1), s.at.Head, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(s.at.Job, got); diff != "" {
			rt.Fatalf("folding again gives another job:\n%s", diff)
		}
	})
}

func nextIsPure(t *rapid.T, s *story, actor string, p ledger.Payload) {
	before := s.at.Job
	frozen := text(t, before)
	draft := s.draft(actor, p)
	next, no := projection.Next(before, projection.Fact{At: draft.Time, Actor: actor, Payload: p})
	applied, err := projection.Apply(before, s.seal(draft), nil, projection.Call{})
	if !bytes.Equal(text(t, before), frozen) {
		t.Fatalf("Next or Apply of %s changed the job it was given", p.Type())
	}
	if (no == nil) != (err == nil) {
		t.Fatalf("%s: Next says %v, Apply says %v", p.Type(), no, err)
	}
	if no != nil {
		if !bytes.Equal(text(t, next), frozen) || no.Code == "" || no.Reason == "" {
			t.Fatalf("a refused %s gives another job, or a refusal without a code and a sentence: %+v", p.Type(), no)
		}
		return
	}
	grows(t, before, applied, p)
	for _, j := range []projection.Job{next, applied, before.Clone()} {
		scribble(&j)
	}
	if !bytes.Equal(text(t, before), frozen) {
		t.Fatalf("a job shares memory with the one before %s", p.Type())
	}
	s.add(actor, p)
	if kept := text(t, s.at.Job); !bytes.Equal(kept, text(t, s.at.Job.Clone())) {
		t.Fatal("a clone is another job")
	}
}

func grows(t *rapid.T, before, after projection.Job, p ledger.Payload) {
	revision := before.Revision + 1
	if p.Type() == ledger.TypeRefused {
		revision = before.Revision
		if after.Status != before.Status || after.Updated != before.Updated {
			t.Fatalf("a refusal changed the job")
		}
	}
	if after.Revision != revision || after.JobSeq != before.JobSeq+1 {
		t.Fatalf("%s led to revision %d, job_seq %d, want %d, %d", p.Type(), after.Revision, after.JobSeq, revision, before.JobSeq+1)
	}
	if before.Status.Final() && revision != before.Revision {
		t.Fatalf("%s changed a job that is %s", p.Type(), before.Status)
	}
	if p.Type() == ledger.TypeResumed && (len(before.Unsettled()) > 0 || len(after.Decisions) > 0 || after.Stop != nil) {
		t.Fatal("a resume passed by what is not settled, or kept it")
	}
}

func text(t *rapid.T, j projection.Job) []byte {
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scribble overwrites everything that a job points to.
func scribble(j *projection.Job) { clearBehind(reflect.ValueOf(j).Elem()) }

func clearBehind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			clearBehind(field)
		}
	case reflect.Slice:
		for i := range v.Cap() {
			clearBehind(v.Slice(0, v.Cap()).Index(i))
			v.Slice(0, v.Cap()).Index(i).SetZero()
		}
	case reflect.Pointer:
		if !v.IsNil() {
			clearBehind(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Map:
		panic("a job holds a map: clear and fill it here too")
	}
}

// fillIn puts a value behind each nil pointer and into each empty slice of a job.
func fillIn(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fillIn(field)
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fillIn(v.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fillIn(v.Elem())
	case reflect.String:
		if v.Len() == 0 {
			v.SetString("x")
		}
	}
}

// A new slice or pointer in Job needs a line in Clone.
func TestCloneCopiesEverything(t *testing.T) {
	j, want := full(t).at.Job, full(t).at.Job
	for _, job := range []*projection.Job{&j, &want} {
		fillIn(reflect.ValueOf(job).Elem())
	}
	clone := j.Clone()
	scribble(&clone)
	if diff := cmp.Diff(want, j); diff != "" {
		t.Errorf("a clone shares memory (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(projection.Job{}, (projection.Job{}).Clone()); diff != "" {
		t.Errorf("the clone of nothing (-want +got):\n%s", diff)
	}
	view := j.StatusView()
	view.LastCheckpoint.Summary, view.OpenDecisions[0].Summary, view.SafetyInvariants[0], view.Labels["team"] = "x", "x", "x", "x"
	usable := j.UsableApprovals(projection.Basis{})
	usable[0] = two
	unsettled := j.Unsettled()
	unsettled[0].Actor = "x"
	if diff := cmp.Diff(want, j); diff != "" {
		t.Errorf("a view shares memory with its job (-want +got):\n%s", diff)
	}
}

// Two folds that continue from one prefix do not affect each other.
func TestTwoFoldsFromOnePrefix(t *testing.T) {
	s := full(t)
	left, right, before := s.at, s.at, s.encoded()
	ask, no := projection.VerdictTarget(s.at.Job, projection.Basis{}, projection.Approved, "cp_0002")
	if no != nil {
		t.Fatal(no)
	}
	approval := s.seal(s.draft("reviewer", ledger.Approved{CheckpointID: "cp_0002", Reason: "r", Target: ask.Target}))
	if err := left.Add(approval); err != nil {
		t.Fatal(err)
	}
	if err := right.Add(s.seal(s.draft("boss", ledger.Stopped{}))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.encoded(), before) {
		t.Error("the prefix changed")
	}
	if got := right.Job.Decisions[1].Verdict; got != projection.Denied || left.Job.Decisions[1].Verdict != projection.Approved {
		t.Errorf("verdicts are %s and %s, want approved and denied", left.Job.Decisions[1].Verdict, got)
	}
}

func TestRefusalExits(t *testing.T) {
	tests := map[projection.RefusalCode]int64{
		projection.InvalidTransition: 6, projection.NothingToApprove: 6, projection.AlreadyDecided: 6, projection.CheckpointRequired: 6,
		projection.DecisionNotOpen: 6, projection.TooManyDecisions: 6, projection.SelfApproval: 3, projection.PolicyRequired: 3,
		projection.IdentityMismatch: 3, projection.EnvironmentMismatch: 3, projection.ApprovalRequired: 4,
		projection.SignatureRequired: 3, projection.SignatureInvalid: 3, projection.RoleRequired: 3, projection.Revoked: 3,
		projection.SubjectChanged: 3, projection.CommandExpired: 3, projection.CommandUsed: 3, projection.DecisionExpired: 4, projection.QuorumPending: 4,
		projection.EffectsUnsettled: 4, projection.GrantNotFound: 6,
	}
	for code, want := range tests {
		if got := ledger.RefusalExit(string(code)); got != want {
			t.Errorf("%s exits %d, want %d", code, got, want)
		}
	}
}

func TestUpdatedIsOfTheLastChange(t *testing.T) {
	s := tell(t)
	s.add("worker_1", ledger.Paused{})
	when := s.at.Job.Updated
	s.add("worker_1", ledger.Refused{Command: "pause", Exit: 6, Refusal: "invalid_transition"})
	if got := s.at.Job.Updated; got != when || when != ledger.FormatTime(epoch.Add(time.Second)) {
		t.Errorf("updated at %s after a refusal, want %s", got, when)
	}
}

// Changing a payload after Next does not change the job.
func TestNextKeepsNothingOfThePayload(t *testing.T) {
	labels := []ledger.Label{{Key: "k", Value: "v"}}
	p := ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Labels: labels}
	j, no := projection.Next(projection.Job{}, projection.Fact{At: epoch, Actor: "boss", Payload: p})
	if no != nil {
		t.Fatal(no)
	}
	labels[0].Value = "x"
	if got := j.Labels[0].Value; got != "v" {
		t.Errorf("the job's label became %q with the payload's, want v", got)
	}
}
