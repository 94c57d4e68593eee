package projection

import (
	"testing"

	"pgregory.net/rapid"

	"gait/ledger"
)

// A job's view is what Canonical writes, and where that fails there is none.
func TestEncodeJobIsCanonical(t *testing.T) {
	small := rapid.Int64Range(-3, 1<<53)
	failed, written := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := cached{Job: rapid.Make[Job]().Draw(t, "job"), Leaf: rapid.Make[ledger.Hash]().Draw(t, "leaf"), Version: Version}
		j := &c.Job
		j.Imported = nil
		if rapid.Bool().Draw(t, "imported") {
			j.Imported = &Import{}
		}
		if rapid.IntRange(0, 5).Draw(t, "numbers that fit") > 0 {
			j.Revision, j.JobSeq, j.Checkpoints, j.Approvals, j.Refusals = 1, small.Draw(t, "seq"), 2, 1<<53-1, 0
			for i := range j.Decisions {
				j.Decisions[i].JobSeq, j.Decisions[i].VerdictSeq = 3, small.Draw(t, "verdict")
			}
			if j.Stop != nil {
				j.Stop.JobSeq, j.Stop.VerdictSeq = small.Draw(t, "stop"), 0
			}
			if j.LastRefusal != nil {
				j.LastRefusal.Exit = 4
			}
		}
		want, wrong := Canonical(c)
		got, err := c.appendTo(nil)
		if string(got) != string(want) || (err == nil) != (wrong == nil) {
			t.Fatalf("%#v\nis written  %s, %v\nCanonical = %s, %v", c, got, err, want, wrong)
		}
		if err != nil {
			failed++
		} else {
			written++
		}
	})
	if failed == 0 || written == 0 {
		t.Errorf("%d jobs were written and %d refused, want some of both", written, failed)
	}
}
