package projection_test

import (
	"bytes"
	"errors"
	"iter"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// A shelf is a log of several stories under names of their own, all of which
// tell of job_1.
type shelf struct {
	*story
	entries []ledger.JobEntry
	err     error // comes after the entries
}

func (s shelf) Jobs(string) iter.Seq2[ledger.JobEntry, error] {
	return func(yield func(ledger.JobEntry, error) bool) {
		for _, e := range s.entries {
			if !yield(e, nil) {
				return
			}
		}
		if s.err != nil {
			yield(ledger.JobEntry{}, s.err)
		}
	}
}

func TestRebuild(t *testing.T) {
	s := full(t)
	good := s.view
	edited := bytes.Replace(good, []byte("tea"), []byte("tee"), 1)
	edited = bytes.Replace(edited, []byte(`"refusal_count":1`), []byte(`"refusal_count":0`), 1)
	for _, tt := range []struct {
		name   string
		stored []byte
		same   bool
	}{{"the view as it was", good, true}, {"a view that was edited", edited, false}, {"no view", nil, false}} {
		log := shelf{story: s, entries: []ledger.JobEntry{{ID: "job_1", Head: s.at.Head, View: tt.stored}}}
		count := 0
		for got, err := range projection.Rebuild(log) {
			count++
			if err != nil || got.JobID != "job_1" || got.Same() != tt.same || !bytes.Equal(got.Made, good) || !bytes.Equal(got.Stored, tt.stored) {
				t.Errorf("%s: rebuilt %s, same %t (%v), want same %t", tt.name, got.Made, got.Same(), err, tt.same)
			}
		}
		if count != 1 {
			t.Errorf("%s: %d jobs rebuilt, want 1", tt.name, count)
		}
	}
}

func TestRebuildStopsAtAnError(t *testing.T) {
	s := full(t)
	good := ledger.JobEntry{ID: "job_1", Head: s.at.Head}
	bad := good
	bad.Head.Leaf = two
	cause := errors.New("disk on fire")
	for name, log := range map[string]shelf{
		"a job that does not hold": {story: s, entries: []ledger.JobEntry{good, bad, good}},
		"a log that breaks off":    {story: s, entries: []ledger.JobEntry{good}, err: cause},
	} {
		var errs []error
		for _, err := range projection.Rebuild(log) {
			errs = append(errs, err)
		}
		if len(errs) != 2 || errs[0] != nil || errs[1] == nil {
			t.Errorf("%s: %v, want one job and an error", name, errs)
		}
		_, corrupt := errors.AsType[*ledger.CorruptError](errs[len(errs)-1])
		if !corrupt && !errors.Is(errs[len(errs)-1], cause) {
			t.Errorf("%s: %v", name, errs)
		}
	}
}
