package worker

import (
	"context"
	"time"

	"gait/commands/process"
	"gait/ledger"
	"gait/projection"
)

// A Job is one job on a ledger, to its supervisor. Methods may be called at the same time.
type Job interface {
	Seen
	Leased
	Told
}

// Seen is how a job is read.
type Seen interface {
	// Look returns the job's state now.
	Look(ctx context.Context) (State, error)

	// Watch calls visit with the job's state at once, and again after each change, until visit
	// returns true or ctx is done. Between the calls it holds nothing open. It need not know
	// whether the job is approved.
	Watch(ctx context.Context, visit func(State) (done bool)) error
}

// Leased is how a job's lease is held. Each method returns the job's state after its event. Renew and
// Release name the newest lease that Take got, and fail with the fault code fenced if it has ended.
type Leased interface {
	// Take takes the lease. If the lease before ended by time, and its attempt without a word,
	// it also says that the attempt was lost. If the job does not run, it writes nothing and
	// returns the job's state with Holder false, without an error. It alone says how many
	// attempts were lost.
	Take(ctx context.Context) (State, error)

	// Renew keeps the lease for another TTL.
	Renew(ctx context.Context) (State, error)

	// Release gives the lease back: done or gave_up.
	Release(ctx context.Context, outcome ledger.LeaseOutcome) (State, error)
}

// Told is how a job is told what became of its work. Each method returns the job's state after its
// event, names the newest lease that Take got, except Resume, which names none, and fails with the
// fault code fenced if that lease has ended.
type Told interface {
	// EndAttempt says how an attempt ended. exit is nil if no process was started; tail is the
	// end of what it wrote. It is taken of a lease that has ended by time, too.
	EndAttempt(ctx context.Context, cause ledger.AttemptCause, exit *process.Exit, tail []byte) (State, error)

	// Complete says that the job is done.
	Complete(ctx context.Context, summary string) (State, error)

	// Fail says that the job has failed. tail is the end of what its last attempt wrote.
	Fail(ctx context.Context, summary string, tail []byte) (State, error)

	// Resume resumes a job that is approved, and no other.
	Resume(ctx context.Context) (State, error)
}

// A State is what a supervisor has to know of its job.
type State struct {
	JobSeq     int64 // events so far: of two states, the one with more is newer
	Status     projection.Status
	Approved   bool          // it does not run, and all that it was stopped for was approved: it waits for nothing but a resume
	Asked      bool          // it stopped running since its worker asked for a decision, with a checkpoint or through the gate
	OpenGrants int           // its grants that are open or unknown
	Attempts   int64         // that have ended
	Lost       int           // of these, how many up to the last one were lost; perhaps not more than Options.Retries and one
	Epoch      int64         // of the newest lease; 0 if there was none
	TTL        time.Duration // of the newest lease
	Until      time.Time     // when the newest lease ends, by the ledger's clock
	Left       bool          // the newest lease ended since the job stopped running; perhaps it runs again
	Holder     bool          // the newest lease is the one that Take got, and was not released, or ended by the job's status. Whether Until has passed does not matter
}

// A Launcher starts the command of an attempt.
type Launcher interface {
	// Start starts attempt number n under the lease of s. ctx bounds the start alone.
	Start(ctx context.Context, s State, n int64) (Child, error)
}

// A Child is a running attempt. *process.Process is one.
type Child interface {
	Wait() process.Exit            // until it has ended; may be called again
	Terminate(grace time.Duration) // begins its end: asks it to end, and kills it after grace. Does not wait
	Expire(in time.Duration)       // has it killed then, even if the supervisor is frozen, unless Expire is called again
	Tail() []byte                  // the end of what it wrote
}
