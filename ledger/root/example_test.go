package root_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"gait/commands"
	"gait/ledger/root"
)

// A program embeds gait by opening a root and passing its log to an engine.
func Example() {
	dir, err := os.MkdirTemp("", "gait")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	r, err := root.Open(ctx, root.Options{Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"), Actor: "app", Now: time.Now, Entropy: rand.Reader, Mode: root.Write, Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	engine := &commands.Engine{Log: r.Log, Now: time.Now, Entropy: rand.Reader}
	for _, c := range []commands.Command{commands.Submit{EnvironmentFingerprint: "prod", ProducerVersion: "app/1"}, commands.Pause{}} {
		result, err := engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Command: c})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Job.ID, result.Job.Status, "at revision", result.Receipt.Revision)
	}
	// Output:
	// job_1 running at revision 1
	// job_1 paused at revision 2
}
