// Package commands decides. Each command is a value with its arguments. Deciding
// is pure: from a job's state and a command follows one payload or one refusal,
// by the rules of package projection. The Engine does the rest, the same for
// every command: it reads the job, decides, seals the event, and appends it if
// the ledger is still as it was when it was read; otherwise it starts again. The
// commands of many goroutines share one append and one sync.
//
//	engine := &commands.Engine{Log: log, Now: time.Now, Entropy: rand.Reader}
//	result, err := engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Pause{}})
//
// A refusal is an event too: it changes no state and no revision, and Do returns
// it as a *RefusedError with its receipt.
//
// # The table of commands
//
// Each command has a file: its type, its rules, and its Row, which says what
// holds for all commands of its verb, such as whether it begins a job, or is about
// the ledger itself. There is no switch over the types of commands. A new command needs its file here, and
// its flags and a place in its group in cmd/gait; docs/add-an-event.md has the
// steps, and what fails if one is forgotten.
package commands
