package worker

import (
	"slices"
	"time"
)

// An Outcome says why Run returned.
type Outcome string

// The outcomes.
const (
	Completed   Outcome = "completed"
	Failed      Outcome = "failed"
	Cancelled   Outcome = "cancelled"
	Stopped     Outcome = "stopped"     // by an emergency stop
	Paused      Outcome = "paused"      // or blocked, by another than its worker
	Waiting     Outcome = "waiting"     // for a decision that its worker asked for, or for grants to be settled
	LeaseLost   Outcome = "lease_lost"  // the lease ended by time, or since someone else said so
	Interrupted Outcome = "interrupted" // the context is done; the lease was given back
	Left        Outcome = "left"        // the command exited with 0, and Options.NoComplete leaves the job running
	NotStarted  Outcome = "not_started" // the command cannot be started, for the reason in the error. The lease was given back
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{Completed, Failed, Cancelled, Stopped, Paused, Waiting, LeaseLost, Interrupted, Left, NotStarted}

// AskedExit is the exit code of a worker that has asked for a decision and ends until there is one.
const AskedExit = 75

// TimeoutExit is the exit code that Options.RetryOn and NoRetryOn give an attempt that took too long.
const TimeoutExit = 124

// Options say how Run runs a job. Now is required; the zero value of each other field works.
type Options struct {
	Grace    time.Duration // how long a child has to end after it was asked to; also, after it asked for a decision, until it is asked to
	Timeout  time.Duration // how long an attempt may take; 0: for ever
	Deadline time.Duration // how long all attempts of one call of Run may take, with the pauses between them, but not waits for people; 0: for ever

	Retries   int   // how many attempts that failed are followed by another. Those that were lost before have failed, too
	RetryOn   []int // exit codes after which to try again; empty: all. A timeout counts as TimeoutExit, a signal as 128 and its number
	NoRetryOn []int // exit codes after which not to

	NoComplete    bool // leave the job running when the command exits with 0
	WaitForPeople bool // go on after a decision, a pause or a settlement, instead of returning
	AutoResume    bool // resume the job once all that it was stopped for is approved. What is not approved, like most pauses, waits for a person

	Backoff Backoff
	Rand    func() float64 // from 0 to 1, for the jitter; nil: no jitter
	Now     func() time.Time
	Log     func(format string, args ...any) // what happens, in words; nil: nowhere
	Waits   func()                           // called each time a wait for people begins; nil: nothing is
}

// A Backoff is how long to pause before the attempt after one that failed: a random part of
// Base, which doubles with each failure, up to Max. The part is random so that workers that
// failed together do not come back together.
type Backoff struct {
	Base time.Duration // 0: 1s
	Max  time.Duration // 0: 60s
}

// pause returns how long to pause after a number of failures, from 1, for the part p.
func (b Backoff) pause(failures int, p float64) time.Duration {
	longest, most := b.Base, b.Max
	if longest <= 0 {
		longest = time.Second
	}
	if most <= 0 {
		most = time.Minute
	}
	for ; failures > 1 && longest < most; failures-- {
		longest *= 2
	}
	return time.Duration(p * float64(min(longest, most)))
}

// again reports whether an attempt that ended with an exit code may be followed by another one.
func (o *Options) again(code int) bool {
	return !slices.Contains(o.NoRetryOn, code) && (len(o.RetryOn) == 0 || slices.Contains(o.RetryOn, code))
}

func (o *Options) part() float64 {
	if o.Rand == nil {
		return 1
	}
	return o.Rand()
}

func (o *Options) logf(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}
