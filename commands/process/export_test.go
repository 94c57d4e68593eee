package process

import (
	"testing"
	"time"
)

// SetPatience sets how long a guard's process may take to hear, for one test.
func SetPatience(t *testing.T, d time.Duration) {
	before := patience
	patience = d
	t.Cleanup(func() { patience = before })
}

// GuardPid returns the id of the guard's process.
func (g *Guard) GuardPid() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.warden.cmd.Process.Pid
}
