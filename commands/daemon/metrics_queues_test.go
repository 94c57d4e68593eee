package daemon_test

import (
	"net/http"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
)

// The metrics count the jobs of the queues that workers asked for, and their attempts.
func TestQueueMetrics(t *testing.T) {
	s := serve(t)
	s.do(t, queued("j1", "refunds"), queued("j2", "refunds"), queued("j3", "refunds"), queued("j4", "other"), take("j2", 60))
	metrics := func() string {
		_, text, _ := s.get(t, http.MethodGet, "/metrics", "")
		return string(text)
	}
	if strings.Contains(metrics(), "gait_jobs_") {
		t.Error("there are metrics of queues for which no worker asked")
	}
	s.candidates(t, ofQueue("refunds", 1), "j1")
	end := func(cause ledger.AttemptCause) commands.Request {
		return under(1, commands.Request{JobID: "j2", Actor: "worker_1", Command: commands.EndAttempt{Cause: cause}})
	}
	s.do(t, end(ledger.AttemptExited), end(ledger.AttemptExited), end(ledger.AttemptLeaseLost))
	text := metrics()
	for _, want := range []string{
		`gait_jobs_claimed{queue="queue=refunds"} 1`, `gait_jobs_waiting{queue="queue=refunds"} 2`, `gait_job_oldest_waiting_seconds{queue="queue=refunds"} `,
		`gait_attempt_retries_total{queue="queue=refunds"} 2`, `gait_lease_losses_total{queue="queue=refunds"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	if strings.Contains(text, `"queue=other"`) {
		t.Error("there are metrics of a queue for which no worker asked")
	}
}
