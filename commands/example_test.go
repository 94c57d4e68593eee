package commands_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/root"
	"gait/ledger/store"
)

// A program keeps jobs without a daemon. Its workers share one engine, which
// writes the events of several workers with one sync. A follower sees each event
// when it is durable.
func ExampleEngine_concurrent() {
	dir, err := os.MkdirTemp("", "gait")
	check(err)
	defer os.RemoveAll(dir)
	ctx := context.Background()
	r, err := root.Open(ctx, root.Options{
		Dir: filepath.Join(dir, "root"), Home: filepath.Join(dir, "home"), Mode: root.Write, Create: true, Actor: "os:ada",
		Now: time.Now, Entropy: rand.Reader, Fatal: func(err error) { log.Fatal(err) },
	})
	check(err)
	defer r.Close()
	engine := &commands.Engine{Log: r.Log, Now: time.Now, Entropy: rand.Reader}

	const workers, steps = 8, 3
	followed := make(chan int)
	go func() { followed <- follow(ctx, r.Log, workers*(1+steps)) }()

	var wait sync.WaitGroup
	for i := range workers {
		wait.Go(func() {
			job, worker := fmt.Sprintf("job_%d", i), fmt.Sprintf("worker_%d", i)
			_, err := engine.Do(ctx, commands.Request{
				JobID: job, Actor: worker,
				Command: commands.Submit{EnvironmentFingerprint: "envfp:1", ProducerVersion: "1.0.0"},
			})
			check(err)
			for range steps {
				result, err := engine.Do(ctx, commands.Request{
					JobID: job, Actor: worker,
					Command: commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "one more step is complete"},
				})
				check(err) // from here on the event is durable, and the receipt proves it
				_, err = r.Log.ProofIn(ctx, result.Receipt.Checkpoint, result.Receipt.Seq)
				check(err)
			}
		})
	}
	wait.Wait()
	fmt.Println("events followed:", <-followed)
	// Output: events followed: 32
}

// follow counts the events of jobs as they are appended, until there are n.
func follow(ctx context.Context, l *store.Log, n int) (seen int) {
	next := ledger.Seq(1) // event 0 belongs to no job
	for seen < n {
		check(l.Wait(ctx, int64(next)))
		for e, err := range l.Events(ctx, next) {
			check(err)
			next = e.Seq() + 1
			seen++
		}
	}
	return seen
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
