package projection_test

import (
	"slices"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// What a job works on and what its attempts wrote are content that the job names.
func TestContentsOfWorkers(t *testing.T) {
	input, log := ledger.Content{Digest: one, Name: "order.json", Size: 3}, ledger.Content{Digest: two, Size: 4}
	s := &story{t: t}
	submitted := submit
	submitted.Input = input
	s.add("boss", submitted)
	s.add("wim", ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptTimeout, Log: log})
	s.add("wim", ledger.AttemptEnded{Number: 2, Cause: ledger.AttemptTimeout})
	all, err := projection.Contents(t.Context(), s, "job_1")
	if err != nil || len(all) != 2 || all[0].Content != input || all[1].Content != log {
		t.Fatalf("contents %+v, %v, want the input and the log", all, err)
	}
	if as := []string{all[0].Uses[0].As, all[1].Uses[0].As}; !slices.Equal(as, []string{projection.AsInput, projection.AsLog}) || len(all[0].Uses)+len(all[1].Uses) != 2 {
		t.Errorf("they are used as %q, want each once", as)
	}
}
