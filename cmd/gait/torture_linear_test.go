package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/commandstest"
	"gait/commands/daemon"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// TestTortureSocketIsLinearizable has many clients share jobs through the socket
// of the built gait: their answers are those of a ledger that carries out one
// request after another.
func TestTortureSocketIsLinearizable(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	const clients, each = 8, 60
	for seed := range uint64(ledgertest.Times(3, 1)) {
		s := newDaemonRun(t)
		s.start()
		client := &daemon.Client{HTTP: s.http}
		h := commandstest.History{Now: func() time.Time { return time.Now().UTC() }}
		var wait sync.WaitGroup
		for n := range clients {
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			wait.Go(func() {
				for range each {
					h.Do(n, commandstest.Request(random.IntN, n), func(r commands.Request) (commands.Result, error) {
						result, err := client.Do(t.Context(), r)
						return result, typed(err)
					})
				}
			})
		}
		wait.Wait()
		kinds := map[string]int{}
		for _, op := range h.Operations() {
			kinds[commandstest.Kind(op)]++
		}
		if !h.Linearizable() {
			t.Errorf("seed %d: the answers are of no order of the requests: %v", seed, kinds)
		}
		t.Logf("seed %d: %v", seed, kinds)
		if code := s.end(15); code != 0 {
			t.Errorf("exit %d", code)
		}
	}
}

// typed returns the engine's error that a daemon's error stands for.
func typed(err error) error {
	said, ok := errors.AsType[*daemon.Error](err)
	if !ok {
		return err
	}
	switch said.Kind.Code {
	case "job_not_found":
		return commands.ErrJobNotFound
	case "job_exists":
		return commands.ErrJobExists
	case "lease_held", "invalid_transition": // with an event it would be a refusal
		return &commands.UnrecordedError{Refusal: &projection.Refusal{Code: projection.RefusalCode(said.Kind.Code), Reason: said.Text}}
	case "state_conflict":
		var stale commands.RevisionError
		_, at, _ := strings.Cut(said.Text, "is at revision ")
		if _, bad := fmt.Sscan(strings.ReplaceAll(at, ",", " "), &stale.Found); bad == nil {
			return &stale
		}
	}
	return err
}
