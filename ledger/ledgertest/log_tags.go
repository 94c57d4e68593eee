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
		got := map[string]ledger.Tags{}
		found, err := log.Tagged(t.Context(), func(at ledger.EventReader, jobs iter.Seq[*ledger.TaggedJob]) error {
			for job := range jobs {
				got[job.ID] = job.Tags
			}
			for id := range want {
				if _, ok, err := ledger.FindJob(t.Context(), at, id); err != nil || !ok {
					t.Errorf("what Tagged passes finds job %s: %t, %v", id, ok, err)
				}
			}
			return nil
		})
		if diff := cmp.Diff(want, got); err != nil || !found || diff != "" {
			t.Errorf("Tagged = %t, %v (-want +got):\n%s", found, err, diff)
		}
	}
}
