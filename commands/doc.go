// Package commands decides. Each command is a value with its arguments; deciding
// is pure: a job's state and the command give one payload or one refusal, by the
// rules of package projection. The Engine does the rest, the same for every
// command: read the job, decide, seal the event, append it where the ledger was
// when it was read, and start again where the ledger has moved on. The commands
// of many goroutines share one append and one sync.
//
//	engine := &commands.Engine{Log: log, Now: time.Now, Entropy: rand.Reader}
//	result, err := engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Pause{}})
//
// A refusal is an event too: it changes no state and no revision, and Do returns
// it as a *RefusedError with its receipt.
package commands
