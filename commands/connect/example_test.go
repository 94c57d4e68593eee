package connect_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
)

// A program submits a job, completes it, and prints the job's events as they come. It is
// the same program if a daemon serves the ledger, and prints the same.
func Example() {
	dir, _ := os.MkdirTemp("", "gait")
	defer os.RemoveAll(dir)
	for _, mode := range []connect.Daemon{connect.Never, connect.Require} {
		o := connect.Options{Daemon: mode, Options: root.Options{
			Dir: filepath.Join(dir, string(mode)), Home: filepath.Join(dir, "home"),
			Now: time.Now, Entropy: rand.Reader, Mode: root.Once, Create: true, Actor: "worker_1",
		}}
		if mode == connect.Require { // as gait serve does, in another process
			daemon, err := serve(context.Background(), o)
			if err != nil {
				fmt.Println(err)
				return
			}
			defer daemon.kill() //nolint:errcheck // the example is over
		}
		fmt.Println("daemon:", mode)
		if err := completeJob(context.Background(), o); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// daemon: never
	// 1 submitted
	// 2 checkpoint_added
	// daemon: require
	// 1 submitted
	// 2 checkpoint_added
}

// completeJob is the program.
func completeJob(ctx context.Context, o connect.Options) error {
	submit := commands.Submit{EnvironmentFingerprint: "envfp:demo", ProducerVersion: "demo/1"}
	done := commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "all done"}
	for _, c := range []commands.Command{submit, done} {
		if _, err := connect.Do(ctx, o, commands.Request{JobID: "job_1", Actor: "worker_1", Command: c}); err != nil {
			return err
		}
	}
	for e, err := range connect.Events(ctx, o, "job_1", 0) {
		if err != nil {
			return err
		}
		fmt.Println(e.Seq(), e.Type())
		if e.JobSeq() == 2 {
			break
		}
	}
	return nil
}
