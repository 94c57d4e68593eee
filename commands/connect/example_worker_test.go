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

// A worker acts for a job under a lease. Under gait job run it would find the job and the
// lease in GAIT_JOB and GAIT_LEASE; here it takes the lease itself. Each step asks the gate,
// acts, settles and says how far it is. What another worker writes meanwhile is refused.
func Example_worker() {
	dir, _ := os.MkdirTemp("", "gait")
	defer os.RemoveAll(dir)
	o := connect.Options{Options: root.Options{
		Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"),
		Now: time.Now, Entropy: rand.Reader, Mode: root.Once, Create: true, Actor: "worker_1",
	}}
	if err := connect.With(context.Background(), o, func(l *connect.Ledger) error { return work(context.Background(), l) }); err != nil {
		fmt.Println(err)
	}
	// Output:
	// leased: epoch 1
	// posted 1
	// posted 2
	// another worker: fenced
	// completed, 2 of 2 steps
}

const permitAll = "permit (principal, action, resource);"

// work is the worker.
func work(ctx context.Context, l *connect.Ledger) error {
	policy, err := l.KeepPolicy(ctx, []byte(permitAll))
	if err != nil {
		return err
	}
	do := func(lease int64, c commands.Command) (commands.Result, error) {
		return l.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Lease: lease, Command: c})
	}
	if _, err := do(0, commands.Submit{EnvironmentFingerprint: "envfp:demo", ProducerVersion: "demo/1", PolicyDigest: policy}); err != nil {
		return err
	}
	taken, err := do(0, commands.LeaseTake{TTL: 60, Worker: "demo/1"})
	if err != nil {
		return err
	}
	lease := taken.Job.Lease.Epoch
	fmt.Println("leased: epoch", lease)
	for step := range int64(2) {
		if err := post(ctx, l, lease, step+1); err != nil {
			return err
		}
		c := commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "posted", Progress: ledger.StepCount{Done: step + 1, Total: 2}}
		if _, err := do(lease, c); err != nil {
			return err
		}
	}
	if _, err := do(lease+1, commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "me too"}); err != nil {
		fault, _ := ledger.FaultOf(err)
		fmt.Println("another worker:", fault.Code)
	}
	done, err := do(lease, commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "all posted"})
	if err == nil {
		fmt.Printf("%s, %d of %d steps\n", done.Job.Status, done.Job.Steps.Done, done.Job.Steps.Total)
	}
	return err
}

// post asks the gate for one call, makes it if it is allowed, and says what became of it.
func post(ctx context.Context, l *connect.Ledger, lease, step int64) error {
	answer, _, err := l.Gate(ctx, connect.GateQuestion{
		JobID: "job_1", Actor: "worker_1", Lease: lease, Tool: "book.post", CallID: fmt.Sprint("step-", step),
		Intent: fmt.Appendf(nil, `{"tool": "book.post", "arguments": {"step": %d}}`, step),
	})
	if err != nil {
		return err
	}
	if answer.Verdict != ledger.GateAllow {
		return fmt.Errorf("the gate says %s: %s", answer.Verdict, answer.ReasonCode)
	}
	fmt.Println("posted", step)
	_, err = l.Settle(ctx, connect.Settlement{JobID: "job_1", Actor: "worker_1", Lease: lease, Grant: answer.Grant, Outcome: ledger.EffectDone})
	return err
}
