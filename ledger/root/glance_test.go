package root_test

import (
	"testing"

	"gait/ledger/root"
)

// TestGlance sees from outside that a ledger was written, and not that it was read.
func TestGlance(t *testing.T) {
	u := newUser(t)
	if _, err := root.GlanceAt(u.Dir); err == nil {
		t.Error("there is no ledger to look at")
	}
	u.made(2)
	look := func() root.Glance {
		t.Helper()
		g, err := root.GlanceAt(u.Dir)
		must(t, err)
		return g
	}
	before := look()
	shut(t, u.open(readOnly))
	if !before.Same(look()) {
		t.Error("reading looks like writing")
	}
	u.made(3)
	if before.Same(look()) {
		t.Error("writing is not seen")
	}
	if (root.Glance{}).Same(root.Glance{}) {
		t.Error("what was not looked at is the same")
	}
}
