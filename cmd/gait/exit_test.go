package main

import (
	"crypto/rand"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger/ledgertest"
)

// An engine that takes nobody more says so, and the caller may try again.
func TestBusyIsRetryable(t *testing.T) {
	engine := &commands.Engine{Log: ledgertest.New(t).Log, Now: time.Now, Entropy: rand.Reader, MaxWaiting: -1}
	_, err := engine.Do(t.Context(), commands.Request{JobID: "job_1", Actor: "w", Command: commands.Pause{}})
	if got := classify(err); got.code != "busy" || got.category != "state_contention" || got.exit != exitIO || !got.retryable {
		t.Errorf("%v is reported as %+v, want busy, state_contention, exit 1, retryable", err, got)
	}
}
