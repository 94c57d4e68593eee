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
// # Signed commands
//
// A request is a claim of its actor, unless it is Signed: then it has the text of an
// authority.Command that says exactly what the request says, and the signatures of actors
// over the text. A client makes one in these steps, and the engine never sees a private key:
//
//	result, used, err := commands.Outcome(ctx, log, request) // did this request id lead to something before?
//	request, err = commands.FillVerdict(request, job)        // a verdict names what it is about
//	text, err := commands.SignText(request, origin, now, 0)
//	request.Signed = &commands.Signed{Text: text, Sigs: [][]byte{signature}}
//
// ParseSigned makes a request of a text that was signed elsewhere. Do verifies the signatures
// in the goroutine of its caller. Then, in the order in which commands are decided: a request
// id that was used answers with its first outcome, the times of the command are compared with
// the clock's reading, the authority in force says whether the actor may do this, and the
// rules whether it may follow. The event carries the text and the signatures, and each reader
// checks it in the same way.
//
// A signed command is carried out once. The event that it leads to uses its request id up, also
// if it is refused. If an error wrote no event, such as an *authority.Denial, the command can
// be sent again until it expires.
//
// # The gate
//
// A worker asks the gate before a tool acts, and says afterwards what became of it:
//
//	answer := commands.AnswerOf(engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Command: eval}))
//	if answer.Verdict == ledger.GateAllow {
//		// … the tool runs, once; then a GateSettle names answer.Grant
//	}
//
// Package gate decides. The engine reads what it decides on: the intent, in the goroutine of the
// caller; the policy that the job is bound to, which it keeps parsed; and the newest event about
// the call, durable or not. It puts them into the Moment as a GateInput, so that Decide stays
// pure. AnswerOf is the only reader of the outcome: every error, and all that is no event of
// the gate with a receipt, is a block.
//
// A request id that was answered with an allow gets that again for a minute, while the job runs,
// the grant is open and no other is unknown, if the same key signed. Otherwise Do fails with an
// *UnrepeatedError: the caller cannot tell whether the tool ran.
//
// # Leases
//
// A supervised worker takes the lease of a job, names its epoch in each request, and gives it back:
//
//	led, err := engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.LeaseTake{TTL: 60, Worker: "host_1"}})
//	epoch := led.Job.Lease.Epoch
//	_, err = engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Lease: epoch, Command: step})
//	_, err = engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Lease: epoch, Command: commands.LeaseRelease{Outcome: ledger.LeaseDone}})
//
// Each event of the holder makes the lease last for its TTL again. A LeaseRenew does nothing else,
// and is for a worker that has nothing to say for half of that time. A lease is judged by the
// reading of the event that is decided, so that a clock which is set can end it early, and never
// lets two of them live. What names an older epoch is refused as fenced.
//
// Before a lease is given, the engine reads the jobs that the job waits for, durable or not, into
// the Moment, so that Decide stays pure. Many workers ask for the same lease, and one gets it: a
// refusal of a LeaseTake is an event only if it was signed, and else an *UnrecordedError. The
// request digest covers neither lease nor trace: a retry under a newer lease is the same command.
//
// # The table of commands
//
// Each command has a file: its type, its rules, and its Row, which says what
// holds for all commands of its verb, such as whether it begins a job, or is about
// the ledger itself. There is no switch over the types of commands. A new command needs its file here, and
// its flags and a place in its group in cmd/gait; docs/add-an-event.md has the
// steps, and what fails if one is forgotten.
package commands
