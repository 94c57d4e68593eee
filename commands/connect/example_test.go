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
	"gait/ledger/root"
)

// A program submits a job and follows it until it is completed. It need not know
// whether a daemon serves the ledger.
func Example() {
	dir, _ := os.MkdirTemp("", "gait")
	defer os.RemoveAll(dir)
	ctx, o := context.Background(), connect.Options{Options: root.Options{
		Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"), Now: time.Now, Entropy: rand.Reader, Mode: root.Once, Create: true, Actor: "worker_1",
	}}
	for _, c := range []commands.Command{
		commands.Submit{EnvironmentFingerprint: "envfp:demo", ProducerVersion: "demo/1"},
		commands.AddCheckpoint{Type: "completed", Summary: "all done"},
	} {
		if _, err := connect.Do(ctx, o, commands.Request{JobID: "job_1", Actor: "worker_1", Command: c}); err != nil {
			fmt.Println(err)
		}
	}
	for e, err := range connect.Events(ctx, o, "job_1", 0) {
		if err != nil {
			fmt.Println(err)
		}
		if fmt.Println(e.Seq(), e.Type()); err != nil || e.JobSeq() == 2 {
			break
		}
	}
	// Output:
	// 1 submitted
	// 2 checkpoint_added
}
