package daemon_test

import (
	"errors"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/projection"
)

// Every refusal has a hint for HTTP, and the facts that a caller needs to make a
// hint of its own.
func TestRefusalsHaveHints(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"), commands.Request{JobID: "j1", Actor: "worker_1", Command: commands.AddCheckpoint{
		Type: ledger.CheckpointDecisionNeeded, Summary: "which way?", RequiredAction: "decide",
	}})
	for _, r := range []commands.Request{
		{JobID: "j1", Actor: "worker_1", Command: commands.Approve{}, Reason: "mine"},
		{JobID: "j1", Actor: "worker_1", Command: commands.Resume{EnvironmentFingerprint: "envfp:prod"}},
		{JobID: "j1", Actor: "worker_1", Command: commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"}},
	} {
		_, err := s.client.Do(t.Context(), r)
		no, ok := errors.AsType[*commands.RefusedError](err)
		if !ok || no.Refusal.Details.JobID != "j1" || no.Refusal.Details.Status != projection.DecisionNeeded {
			t.Errorf("%s: %v, want a refusal with the job and its status", r.Command.Verb(), err)
		}
	}
}

// No hint of the interface is a command line: the caller may have no shell.
func TestHintsAreNoCommandLines(t *testing.T) {
	for code, hint := range daemon.Hints(projection.Details{JobID: "j1", Status: projection.Running}) {
		if strings.Contains(hint, "gait ") || strings.Contains(hint, "--") || hint == "" {
			t.Errorf("the hint of %s is %q", code, hint)
		}
	}
}
