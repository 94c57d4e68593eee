package connect_test

import (
	"testing"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// What waits for a job sees the jobs that it comes after, until a worker has leased it.
func TestLookAtSeesWhatAJobComesAfter(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		do := func(r commands.Request) {
			t.Helper()
			r.Actor = "w"
			if _, err := connect.Do(t.Context(), o, r); err != nil {
				t.Fatal(err)
			}
		}
		look := func() (seen connect.Waited) {
			t.Helper()
			read := o
			read.Mode = root.Read
			err := connect.With(t.Context(), read, func(l *connect.Ledger) (err error) {
				seen, err = connect.LookAt(t.Context(), l, "j2")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return seen
		}
		do(commands.Request{JobID: "j2", Command: commands.Submit{EnvironmentFingerprint: "envfp:a", ProducerVersion: "p", After: []string{"j1"}}})
		if seen := look(); len(seen.After) != 1 || seen.After[0].JobID != "j1" || seen.After[0].Status != projection.Running {
			t.Errorf("a job that comes after j1, which runs, is seen after %+v", seen.After)
		}
		do(commands.Request{JobID: "j1", Command: commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"}})
		if seen := look(); len(seen.After) != 1 || seen.After[0].Status != projection.Completed || seen.After[0].Leaf.IsZero() {
			t.Errorf("a job that comes after j1, which is completed, is seen after %+v", seen.After)
		}
		do(commands.Request{JobID: "j2", Command: commands.LeaseTake{TTL: 60, Worker: "host7"}})
		if seen := look(); seen.After != nil {
			t.Errorf("a job that was leased is seen after %+v", seen.After)
		}
	})
}
