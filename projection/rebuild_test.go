package projection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// A shelf is a log of several stories under different names, although all of them
// are about job_1.
type shelf struct {
	*story
	entries []ledger.JobEntry
	err     error // yielded after the entries
}

func (s shelf) Jobs(context.Context, string) iter.Seq2[ledger.JobEntry, error] {
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
	older := bytes.Replace(good, fmt.Appendf(nil, `"version":%d`, projection.Version), []byte(`"version":0`), 1)
	for _, tt := range []struct {
		name           string
		stored         []byte
		same, misleads bool
	}{
		{"the view as it was", good, true, false},
		{"a view that was edited", edited, false, true},
		{"a view of an older version", older, false, false},
		{"no view", nil, false, false},
	} {
		log := shelf{story: s, entries: []ledger.JobEntry{{ID: "job_1", Head: s.at.Head, View: tt.stored}}}
		count := 0
		for got, err := range projection.Rebuild(t.Context(), log) {
			count++
			if err != nil || got.JobID != "job_1" || got.Same() != tt.same || !bytes.Equal(got.Made, good) || !bytes.Equal(got.Stored, tt.stored) {
				t.Errorf("%s: rebuilt %s, same %t (%v), want same %t", tt.name, got.Made, got.Same(), err, tt.same)
			}
			if got.Misleads() != tt.misleads {
				t.Errorf("%s: Misleads = %t", tt.name, got.Misleads())
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
		for _, err := range projection.Rebuild(t.Context(), log) {
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
