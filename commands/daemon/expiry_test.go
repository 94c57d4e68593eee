package daemon_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
)

// A job's status says what its verdicts count for now: an approval of a decision that has
// expired since is none.
func TestJobIsJudgedAsOfNow(t *testing.T) {
	s := serve(t)
	past := s.do(t, submit("first")).Event.Time().Add(time.Hour) // of the engine's clock, which is behind the server's
	for job, expires := range map[string]time.Time{"past": past, "later": time.Now().Add(time.Hour)} {
		s.do(t, submit(job), commands.Request{JobID: job, Actor: "worker_1", Command: commands.AddCheckpoint{
			Type: ledger.CheckpointDecisionNeeded, Summary: "pay", RequiredAction: "approve", ExpiresAt: expires.UTC().Truncate(time.Millisecond),
		}}, commands.Request{JobID: job, Actor: "reviewer_1", Command: commands.Approve{}})
	}
	for job, want := range map[string]string{"past": `"waiting_for":"reversal"`, "later": `"waiting_for":"resume"`} {
		if code, b, _ := s.get(t, http.MethodGet, "/v1/job?id="+job, ""); code != http.StatusOK || !strings.Contains(string(b), want) {
			t.Errorf("%s: %d %s, want %s", job, code, b, want)
		}
	}
}
