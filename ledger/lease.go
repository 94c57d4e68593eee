package ledger

import (
	"strings"
	"time"
)

// The event types of workers: leases and attempts.
const (
	TypeLeased        Type = "leased"
	TypeLeaseRenewed  Type = "lease_renewed"
	TypeLeaseReleased Type = "lease_released"
	TypeAttemptEnded  Type = "attempt_ended"
)

// Limits of what the events of workers hold.
const (
	MinLeaseTTL = 5              // seconds
	MaxLeaseTTL = 24 * 60 * 60   // seconds
	MaxEpoch    = maxInt         // the greatest epoch of a lease
	MaxAfter    = 16             // jobs that a job waits for
	MaxTotal    = int64(1) << 40 // steps of a job's progress
)

// A LeaseOutcome says how a lease was given back.
type LeaseOutcome string

// The outcomes of leases.
const (
	LeaseDone   LeaseOutcome = "done"    // its holder did what it could do now
	LeaseGaveUp LeaseOutcome = "gave_up" // its holder ends before that: another one may go on
	LeaseLost   LeaseOutcome = "lost"    // someone else says that its holder is gone
)

// LeaseOutcomes lists every outcome of a lease.
var LeaseOutcomes = []LeaseOutcome{LeaseDone, LeaseGaveUp, LeaseLost}

// An AttemptCause says why an attempt ended.
type AttemptCause string

// The causes.
const (
	AttemptExited      AttemptCause = "exited"      // by itself, with an exit code
	AttemptSignaled    AttemptCause = "signaled"    // by a signal that its supervisor did not send
	AttemptAsked       AttemptCause = "asked"       // it asked for a decision, and waits for that
	AttemptTimeout     AttemptCause = "timeout"     // it took longer than an attempt may
	AttemptDeadline    AttemptCause = "deadline"    // all attempts took longer than they may
	AttemptPaused      AttemptCause = "paused"      // the job was paused or blocked, not by the attempt
	AttemptStopped     AttemptCause = "stopped"     // the job had an emergency stop
	AttemptLeaseLost   AttemptCause = "lease_lost"  // the lease ended, and the supervisor lived
	AttemptInterrupted AttemptCause = "interrupted" // its supervisor was told to end
	AttemptNotStarted  AttemptCause = "not_started" // the command could not be started
	AttemptLost        AttemptCause = "lost"        // its supervisor ended without a word
)

// AttemptCauses lists every cause.
var AttemptCauses = []AttemptCause{
	AttemptExited, AttemptSignaled, AttemptAsked, AttemptTimeout, AttemptDeadline, AttemptPaused,
	AttemptStopped, AttemptLeaseLost, AttemptInterrupted, AttemptNotStarted, AttemptLost,
}

// Leased says that a worker has the right to act for the job, until a time. Its epoch is one
// more than that of the lease before.
type Leased struct {
	After  []Hash // for each job that this one waits for, in the order of their ids: leaf hash of the event that completed it
	Epoch  int64  // from 1
	TTL    int64  // in seconds, MinLeaseTTL to MaxLeaseTTL
	Until  time.Time
	Worker string // the name of the process or machine that acts, not of its actor
}

// LeaseRenewed says that the holder of a lease goes on, although it had nothing else to say.
type LeaseRenewed struct {
	Epoch  int64
	TTL    int64 // in seconds
	Until  time.Time
	Worker string
}

// LeaseReleased says that a lease was given back, or taken away.
type LeaseReleased struct {
	Epoch   int64
	Outcome LeaseOutcome
	TTL     int64     // in seconds
	Until   time.Time // as it was
	Worker  string    // as it was
}

// AttemptEnded says how an attempt of a supervised worker ended.
type AttemptEnded struct {
	Number     int64 // counts the job's attempts, from 1
	Cause      AttemptCause
	Exit       *int64  // optional: the exit code, 0 to 255; of a process that died of signal n it is 128 + n
	Log        Content // optional: the end of what it wrote
	ContentKey Hash    // optional: as that of a checkpoint
}

// A StepCount is how far a job has come: Done of Total steps. The zero StepCount says nothing.
type StepCount struct {
	Done  int64 `json:"done"`  // 0 to Total
	Total int64 `json:"total"` // 1 to MaxTotal
}

// Type returns TypeLeased.
func (Leased) Type() Type { return TypeLeased }

// Type returns TypeLeaseRenewed.
func (LeaseRenewed) Type() Type { return TypeLeaseRenewed }

// Type returns TypeLeaseReleased.
func (LeaseReleased) Type() Type { return TypeLeaseReleased }

// Type returns TypeAttemptEnded.
func (AttemptEnded) Type() Type { return TypeAttemptEnded }

func (Leased) sealed()        {}
func (LeaseRenewed) sealed()  {}
func (LeaseReleased) sealed() {}
func (AttemptEnded) sealed()  {}

func (p *Leased) walk(c *coder) {
	c.hashes("after", &p.After, MaxAfter)
	c.int("epoch", &p.Epoch, 1)
	walkTerm(c, &p.TTL, &p.Until, &p.Worker)
}

func (p *LeaseRenewed) walk(c *coder) {
	c.int("epoch", &p.Epoch, 1)
	walkTerm(c, &p.TTL, &p.Until, &p.Worker)
}

func (p *LeaseReleased) walk(c *coder) {
	c.int("epoch", &p.Epoch, 1)
	outcome := string(p.Outcome)
	c.text("outcome", &outcome, required, leaseOutcomeRule)
	p.Outcome = LeaseOutcome(outcome)
	walkTerm(c, &p.TTL, &p.Until, &p.Worker)
}

// walkTerm walks for how long, until when and for whom a lease is.
func walkTerm(c *coder, ttl *int64, until *time.Time, worker *string) {
	c.int("ttl", ttl, MinLeaseTTL)
	if c.err == nil && *ttl > MaxLeaseTTL {
		c.fail("ttl", "%d seconds, at most %d", *ttl, MaxLeaseTTL)
	}
	c.time("until", until, required)
	c.text("worker", worker, required, nameRule)
}

func (p *AttemptEnded) walk(c *coder) {
	cause := string(p.Cause)
	c.text("cause", &cause, required, attemptCauseRule)
	p.Cause = AttemptCause(cause)
	c.hash("content_key", &p.ContentKey, optional)
	walkExit(c, &p.Exit)
	c.optionalContent("log", &p.Log)
	c.int("number", &p.Number, 1)
	if !p.ContentKey.IsZero() && p.Log == (Content{}) {
		c.fail("content_key", "goes with content")
	}
}

// walkExit walks an exit code, absent if nil.
func walkExit(c *coder, v **int64) {
	if c.writing && *v == nil || !c.writing && !c.peek("exit") {
		return
	}
	var n int64
	if *v != nil {
		n = **v
	}
	if c.int("exit", &n, 0); c.err == nil && n > 255 {
		c.fail("exit", "%d is not an exit code", n)
	}
	*v = &n
}

// walkPositive walks an integer, absent if 0.
func walkPositive(c *coder, name string, v *int64) {
	if c.writing && *v != 0 || !c.writing && c.peek(name) {
		c.int(name, v, 1)
	}
}

// walkProgress walks how far a job has come, absent if zero.
func walkProgress(c *coder, v *StepCount) {
	if !c.key("progress", *v != StepCount{}) {
		return
	}
	c.object("progress", func() {
		c.int("done", &v.Done, 0)
		c.int("total", &v.Total, 1)
	})
	switch {
	case c.err != nil:
	case v.Total > MaxTotal:
		c.fail("progress", "%d steps, at most %d", v.Total, MaxTotal)
	case v.Done > v.Total:
		c.fail("progress", "%d of %d steps are done", v.Done, v.Total)
	}
}

// isTraceparent reports whether s is a traceparent of version 00 (W3C Trace Context, section
// 3.2): two digits, the id of a trace, that of a span, and flags, in lower-case hexadecimal,
// with no id all zeros.
func isTraceparent(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 4 || parts[0] != "00" || len(parts[1]) != 32 || len(parts[2]) != 16 || len(parts[3]) != 2 {
		return false
	}
	for _, part := range parts {
		if !hexDigits(part) {
			return false
		}
	}
	return strings.Trim(parts[1], "0") != "" && strings.Trim(parts[2], "0") != ""
}

// hexDigits is the form of lower-case hexadecimal digits.
var hexDigits = chars("0123456789abcdef", "")

var (
	leaseOutcomeRule = textRule{max: 32, form: oneOf(LeaseOutcomes), like: OneOf(LeaseOutcomes)}
	attemptCauseRule = textRule{max: 32, form: oneOf(AttemptCauses), like: OneOf(AttemptCauses)}
	traceRule        = textRule{max: 55, form: isTraceparent, like: "a traceparent of version 00 (W3C Trace Context)"}
)

// Fields of the commands of workers that come from outside.
var (
	FieldWorker = Field{"worker", newNameRule}
	FieldTrace  = Field{"trace", traceRule}
	FieldAfter  = Field{"after", jobIDRule}
)
