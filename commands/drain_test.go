package commands_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"

	"gait/commands"
	"gait/ledger/ledgertest"
)

// TestDrainWaitsForCallersThatLeft closes the log right after callers whose
// contexts have ended were answered: nothing may still be reading or writing it.
func TestDrainWaitsForCallersThatLeft(t *testing.T) {
	for range 50 {
		log := ledgertest.New(t)
		e := &commands.Engine{Log: log.Log, Now: ledgertest.Now, Entropy: rand.Reader}
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i := range 8 {
			callers.Go(func() {
				_, err := e.Do(ctx, commands.Request{JobID: fmt.Sprint("job_", i), Actor: "w", Command: commands.Submit{EnvironmentFingerprint: "envfp:x", ProducerVersion: "test"}})
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		cancel()
		callers.Wait()
		e.Drain()
		e.Drain()
		if err := log.Log.Close(); err != nil {
			t.Fatalf("closing: %v", err)
		}
	}
}
