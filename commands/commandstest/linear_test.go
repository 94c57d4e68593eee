package commandstest_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"gait/commands"
	"gait/commands/commandstest"
	"gait/ledger/ledgertest"
)

// Many clients share jobs of a ledger on Pebble. They get the answers of a ledger
// that carries out one request after another.
func TestEngineIsLinearizable(t *testing.T) {
	const clients, each = 8, 40
	counts := map[string]int{}
	for seed := range uint64(6) {
		l := ledgertest.New(t)
		engine := &commands.Engine{Log: l.Log, Now: ledgertest.Now, Entropy: ledgertest.Entropy(seed)}
		h := commandstest.History{Now: ledgertest.Now}
		var wait sync.WaitGroup
		for client := range clients {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			wait.Go(func() {
				for range each {
					h.Do(client, commandstest.Request(rng.IntN, client), func(r commands.Request) (commands.Result, error) {
						return engine.Do(context.Background(), r)
					})
				}
			})
		}
		wait.Wait()
		if !h.Linearizable() {
			t.Errorf("seed %d: no order of the requests gives these answers", seed)
		}
		if swap := swapped(h.Operations()); porcupine.CheckOperations(h.Model(), swap) {
			t.Errorf("seed %d: the model takes two answers that were swapped", seed)
		}
		for _, op := range h.Operations() {
			counts[commandstest.Kind(op)]++
		}
		ledgertest.Check(t, l.Log)
	}
	for _, kind := range []string{"written", "refused", "refused before", "replayed", "stale revision", "no such job", "job exists", "invalid_transition"} {
		if counts[kind] == 0 {
			t.Errorf("no request was %s", kind)
		}
	}
	t.Logf("answers: %v", counts)
}

// swapped swaps two answers of one client about one job, each of which wrote an
// event.
func swapped(ops []porcupine.Operation) []porcupine.Operation {
	for i := range ops {
		for j := range ops[:i] {
			x, y := &ops[i], &ops[j]
			if x.ClientId == y.ClientId && commandstest.Kind(*x) == "written" && commandstest.Kind(*y) == "written" &&
				x.Input.(commands.Request).JobID == y.Input.(commands.Request).JobID {
				x.Output, y.Output = y.Output, x.Output
				return ops
			}
		}
	}
	return ops
}

// The model finds a ledger that answers with a state older than a former answer.
func TestModelFindsStaleAnswers(t *testing.T) {
	l := ledgertest.New(t)
	engine := &commands.Engine{Log: l.Log, Now: ledgertest.Now, Entropy: ledgertest.Entropy(1)}
	do := func(r commands.Request) (commands.Result, error) { return engine.Do(context.Background(), r) }
	stale := int64(7)
	submit := commands.Request{JobID: "job_1", Actor: "a", Command: commands.Submit{EnvironmentFingerprint: "envfp:here", ProducerVersion: "test"}}
	pause := commands.Request{JobID: "job_1", Actor: "a", Command: commands.Pause{}, IfRevision: &stale}
	for name, last := range map[string]func(commands.Request) (commands.Result, error){
		"the revision before": func(commands.Request) (commands.Result, error) {
			return commands.Result{}, &commands.RevisionError{JobID: "job_1", Want: stale, Found: 0}
		},
		"no job": func(commands.Request) (commands.Result, error) { return commands.Result{}, commands.ErrJobNotFound },
		"the answer before": func(r commands.Request) (commands.Result, error) {
			for e, err := range l.Log.JobEvents(t.Context(), r.JobID, 1) {
				return commands.Result{Event: e, Replayed: true}, err
			}
			return commands.Result{}, nil
		},
	} {
		job := "job_" + strings.ReplaceAll(name, " ", "_")
		submit.JobID, pause.JobID = job, job
		var h commandstest.History
		if _, err := h.Do(0, submit, do); err != nil {
			t.Fatal(err)
		}
		h.Do(1, pause, do)
		if !h.Linearizable() {
			t.Fatal("the model refuses true answers")
		}
		h.Do(1, pause, last)
		if h.Linearizable() {
			t.Errorf("the model takes %s for an answer", name)
		}
	}
}
