package ledgertest

import (
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
)

// testTagged tests that a log that keeps tags yields those that each job was given last,
// and that what it passes reads the log as of the same moment.
func testTagged(t *testing.T, s *subject) {
	log, ok := s.Log.(ledger.TagReader)
	if !ok {
		t.Skip("this log keeps no tags")
	}
	a, b, later := Submit("job_a"), Submit("job_b"), step("job_a", 1)
	a.Tags = ledger.Tags{State: ledger.TagState{1}, Created: 1, Updated: 1, Fixed: string(ledger.AppendTag(nil, 7))}
	b.Tags = ledger.Tags{State: ledger.TagState{2}, Created: 2, Updated: 2, Fixed: string(ledger.AppendTag(nil, 8))}
	later.Tags = ledger.Tags{State: ledger.TagState{3}, Updated: 3}
	s.add(t, a, b)
	s.add(t, later)
	want := map[string]ledger.Tags{"job_a": {State: ledger.TagState{3}, Created: 1, Updated: 3, Fixed: a.Tags.Fixed}, "job_b": b.Tags}
	for range 2 {
		got, listed := map[string]ledger.Tags{}, 0
		found, err := log.Tagged(t.Context(), func(at ledger.EventReader, jobs iter.Seq[*ledger.TaggedJob]) error {
			for job := range jobs {
				got[job.ID] = job.Tags
			}
			for entry, err := range at.Jobs(t.Context(), "") {
				if _, ok, findErr := ledger.FindJob(t.Context(), at, entry.ID); err != nil || findErr != nil || !ok {
					t.Errorf("what Tagged passes lists job %s, %v, and finds it: %t, %v", entry.ID, err, ok, findErr)
				}
				listed++
			}
			return nil
		})
		if diff := cmp.Diff(want, got); err != nil || !found || listed != len(want) || diff != "" {
			t.Errorf("Tagged = %t, %v, and what it passes lists %d jobs (-want +got):\n%s", found, err, listed, diff)
		}
	}
}
