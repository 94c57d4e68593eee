package packspec_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/packspec"
	"gait/packspec/finding"
)

// Every level of a kind's table runs, and so does a level that is added to it.
func TestEveryLevelRuns(t *testing.T) {
	job, key := small(t)
	l := long(t, 4)
	levels := []string{
		finding.LevelContainer, finding.LevelCanonical, finding.LevelChain, finding.LevelInclusion,
		finding.LevelSignature, finding.LevelCosignatures, finding.LevelStateMachine, finding.LevelViews,
		finding.LevelFreshness, finding.LevelActors, finding.LevelCompleteness,
	}
	for _, tt := range []struct {
		kind string
		pack []byte
		o    packspec.Options
	}{
		{"job", job, packspec.Options{Trusted: trusting(key)}},
		{"range", buildRange(t, l, 0, -1), packspec.Options{Trusted: trusting(l.Key)}},
		{"PackSpec v1", v1Pack(t, "signed"), v1Trust(t)},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			if r, err := packspec.Verify(bytes.NewReader(tt.pack), int64(len(tt.pack)), tt.o); err != nil || !r.Verified {
				t.Fatalf("Verify = %+v, %v; want an honest pack", r.Failure, err)
			}
			r, err := packspec.VerifyAlso(bytes.NewReader(tt.pack), int64(len(tt.pack)), tt.o, "added")
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, l := range r.Levels {
				names = append(names, l.Name)
			}
			if diff := cmp.Diff(append(levels, "added"), names); diff != "" {
				t.Errorf("the levels that were checked (-want +got):\n%s", diff)
			}
			if r.Verified || r.Failure == nil || r.Failure.Level != "added" || r.Level("added").Status != finding.Failed {
				t.Errorf("the added level is %+v and the failure %+v; want that it failed", r.Level("added"), r.Failure)
			}
		})
	}
}
