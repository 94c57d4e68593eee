package commands_test

import (
	"testing"

	"gait/commands"
	"gait/ledger"
)

// The ids of a run follow from the run and the job alone, and must not change: a run that was
// interrupted goes on with them.
func TestStopRequestID(t *testing.T) {
	const want = "stop-vezsltswt6v2rovv7b4csb6sjzejjdohktfrapu5paqah2k7vavq"
	if got := commands.StopRequestID("run_1", "job_1"); got != want {
		t.Errorf("StopRequestID = %s, want %s", got, want)
	}
	seen := map[string][2]string{}
	for _, names := range [][2]string{{"run_1", "job_1"}, {"run_1", "job_2"}, {"run_2", "job_1"}, {"", "run_1job_1"}, {"run_1job_1", ""}, {"run", "_1job_1"}} {
		id := commands.StopRequestID(names[0], names[1])
		if other, twice := seen[id]; twice {
			t.Errorf("%q and %q have one request id", names, other)
		}
		seen[id] = names
		if err := ledger.FieldRequestID.Check(id); err != nil {
			t.Errorf("%s is no request id: %v", id, err)
		}
	}
}

// A run that is begun again stops no job twice.
func TestStopAgain(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	stop := by("boss", commands.Stop{})
	stop.RequestID = commands.StopRequestID("run_1", "job_1")
	first := b.must(stop)
	size := b.size()
	if again := b.must(stop); !again.Replayed || again.Event.LeafHash() != first.Event.LeafHash() || b.size() != size {
		t.Errorf("the stop again: replayed %t, %d events more", again.Replayed, b.size()-size)
	}
}
