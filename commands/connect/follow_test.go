package connect

import (
	"testing"
	"time"
)

// TestPauses looks again soon after something happened, and never too seldom.
func TestPauses(t *testing.T) {
	var p pauses
	for i, want := range []time.Duration{10, 20, 40, 80, 100, 100} {
		if got := p.next(); got != want*time.Millisecond {
			t.Errorf("pause %d while nothing happens is %s, want %s", i, got, want*time.Millisecond)
		}
	}
}
