package projection_test

import (
	"bytes"
	"errors"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// renames returns a step that renames one type of checkpoint to another.
func renames(from, to string, was, is ledger.CheckpointType) projection.Step {
	return projection.Step{From: from, To: to, Payload: func(p ledger.Payload) ledger.Payload {
		if c, ok := p.(ledger.CheckpointAdded); ok && c.CheckpointType == was {
			c.CheckpointType = is
			return c
		}
		return p
	}}
}

// withSteps replaces the steps until the test ends.
func withSteps(t *testing.T, steps ...projection.Step) {
	before := projection.SetSteps(steps)
	t.Cleanup(func() { projection.SetSteps(before) })
}

// The steps are applied in order, each to the result of the one before, and change
// neither the event's bytes nor its hash.
func TestUpcastTakesEachStep(t *testing.T) {
	newest := ledger.EventSchemaVersion
	for _, tt := range []struct {
		name  string
		steps []projection.Step
		want  projection.Status
	}{
		{"both apply, in order", []projection.Step{
			renames("1.0.0", "1.0.9", ledger.CheckpointProgress, ledger.CheckpointBlocked),
			renames("1.0.9", newest, ledger.CheckpointBlocked, ledger.CheckpointFailed),
		}, projection.Failed},
		{"what the second would have to do first", []projection.Step{
			renames("1.0.0", "1.0.9", ledger.CheckpointBlocked, ledger.CheckpointFailed),
			renames("1.0.9", newest, ledger.CheckpointProgress, ledger.CheckpointBlocked),
		}, projection.Blocked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tell(t)
			e := s.seal(s.draft("worker_1", ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: progress, Summary: "s"}))
			raw, leaf := bytes.Clone(e.Bytes()), e.LeafHash()
			withSteps(t, tt.steps...)
			if err := s.at.Add(e); err != nil {
				t.Fatal(err)
			}
			if got := s.at.Job.Status; got != tt.want {
				t.Errorf("the job is %s, want %s", got, tt.want)
			}
			if !bytes.Equal(e.Bytes(), raw) || e.LeafHash() != leaf || s.at.Head.Leaf != leaf {
				t.Errorf("the event's hash became %s and the job's head %s, want %s", e.LeafHash(), s.at.Head.Leaf, leaf)
			}
			if got := e.Payload().(ledger.CheckpointAdded).CheckpointType; got != progress {
				t.Errorf("the event's type of checkpoint became %s", got)
			}
		})
	}
}

// An event of a version from which no step leads on is an error.
func TestUpcastMissesAStep(t *testing.T) {
	for name, steps := range map[string][]projection.Step{
		"no step":                nil,
		"no first step":          {{From: "1.0.9", To: ledger.EventSchemaVersion}},
		"no last step":           {{From: "1.0.0", To: "1.0.9"}},
		"steps out of order":     {{From: "1.0.9", To: ledger.EventSchemaVersion}, {From: "1.0.0", To: "1.0.9"}},
		"no step in the middle":  {{From: "1.0.0", To: "1.0.5"}, {From: "1.0.9", To: ledger.EventSchemaVersion}},
		"a step past the newest": {{From: "1.0.0", To: ledger.EventSchemaVersion}, {From: ledger.EventSchemaVersion, To: "9.0.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			e := s.seal(s.draft("worker_1", ledger.Paused{}))
			before := s.at
			withSteps(t, steps...)
			if err := s.at.Add(e); !errors.Is(err, ledger.ErrUnsupportedVersion) {
				t.Errorf("Add = %v, want ErrUnsupportedVersion", err)
			}
			if s.at.Head != before.Head || s.at.Job.Status != before.Job.Status {
				t.Error("an event that was not folded changed the job")
			}
		})
	}
}

// The steps lead from every version to the newest.
func TestStepsLeadToTheNewest(t *testing.T) {
	steps := projection.SetSteps(nil)
	projection.SetSteps(steps)
	at := "1.0.0"
	for _, s := range steps {
		if s.From != at {
			t.Errorf("after %s comes a step from %s", at, s.From)
		}
		at = s.To
	}
	if at != ledger.EventSchemaVersion {
		t.Errorf("the steps end at %s, want %s", at, ledger.EventSchemaVersion)
	}
}
