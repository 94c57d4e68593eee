package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
)

// BenchmarkDaemon writes checkpoints through the socket of the built gait, on a
// job for each connection.
func BenchmarkDaemon(b *testing.B) {
	for _, connections := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(connections), func(b *testing.B) { benchDaemon(b, connections) })
	}
}

func benchDaemon(b *testing.B, connections int) {
	g := newGait(b)
	d := g.serve("--json")
	var said struct{ Path string }
	if err := json.Unmarshal([]byte(d.ready), &said); err != nil {
		b.Fatal(err)
	}
	clients := make([]*daemon.Client, connections)
	do := func(n int, c commands.Command) {
		r := commands.Request{JobID: fmt.Sprint("job_", n), Actor: "worker_1", Command: c}
		if _, err := clients[n].Do(b.Context(), r); err != nil {
			b.Error(err)
		}
	}
	for n := range clients {
		clients[n] = &daemon.Client{HTTP: &http.Client{Transport: daemon.Transport(socket{path: said.Path, uid: os.Getuid()}.dial)}, NoJobs: true}
		do(n, commands.Submit{EnvironmentFingerprint: "envfp:prod", ProducerVersion: "bench/1"})
	}
	took := make([][]time.Duration, connections)
	each := b.N/connections + 1
	b.ResetTimer()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for range each {
				began := time.Now()
				do(n, commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "a step was done, and this says which one it was"})
				took[n] = append(took[n], time.Since(began))
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "commands/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}
