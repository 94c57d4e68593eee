package commands

import (
	"fmt"

	"gait/ledger"
)

// A Request is a command for one job by one actor, or for the ledger itself.
type Request struct {
	JobID   string // for Submit, empty: the engine makes a ULID
	Actor   string // empty if the command's row names one
	Reason  string // optional
	Command Command

	Lease int64  // the epoch of the lease that the actor holds, or says it holds; 0: it names none
	Trace string // optional: a traceparent (W3C Trace Context)

	RequestID  string // optional: makes the command idempotent
	IfRevision *int64 // optional: the only revision to act on
	DryRun     bool   // decide, and write nothing

	// ContentLater says of a dry run that the content which the command names is kept later.
	// It means nothing otherwise.
	ContentLater bool

	// AcceptClock says to write although the engine's clock is probably wrong.
	AcceptClock bool

	Signed *Signed // nil if the actor is a claim

	moment Moment // what it is decided at
}

// Check returns an *InvalidError if the request is not well formed. It does not
// depend on the ledger. Do calls it first.
func (r Request) Check() error {
	if err := r.check(); err != nil {
		return &InvalidError{Err: err}
	}
	return nil
}

func (r Request) check() error {
	if r.Command == nil {
		panic("commands: a request without a command")
	}
	row := r.Command.row()
	if row.OfLedger {
		return checkAll(r.checkOfLedger(row), r.checkLease(row), row.check(r.Command, r), r.checkSigned())
	}
	errs := []error{
		ledger.FieldActor.Check(r.Actor), checkOptional(ledger.FieldReason, r.Reason),
		checkOptional(ledger.FieldRequestID, r.RequestID), r.checkLease(row),
	}
	if !row.OptionalJobID || r.JobID != "" {
		errs = append(errs, ledger.FieldJobID.Check(r.JobID))
	}
	switch {
	case r.IfRevision == nil:
	case row.BeginsJob:
		errs = append(errs, &ledger.FieldError{Field: "if_revision", Problem: "a job that begins here has none"})
	case *r.IfRevision < 0:
		errs = append(errs, &ledger.FieldError{Field: "if_revision", Problem: fmt.Sprintf("%d is not a revision", *r.IfRevision)})
	}
	if row.ReasonElsewhere != "" && r.Reason != "" { // it would be lost
		errs = append(errs, &ledger.FieldError{Field: "reason", Problem: "the event has no place for one; " + row.ReasonElsewhere})
	}
	return checkAll(append(errs, row.check(r.Command, r), r.checkSigned())...)
}

// checkOfLedger checks that a command about the ledger has nothing that only commands
// for jobs have. If the row names the actor, the event follows from the ledger alone, and
// the request has no reason and no id either.
func (r Request) checkOfLedger(row *Row) error {
	given := func(field string, is bool) error {
		if !is {
			return nil
		}
		return &ledger.FieldError{Field: field, Problem: row.Verb + " is about the ledger itself, and takes none"}
	}
	errs := []error{given("job_id", r.JobID != "")}
	if row.Actor == "" {
		errs = append(errs, ledger.FieldActor.Check(r.Actor), checkOptional(ledger.FieldReason, r.Reason), checkOptional(ledger.FieldRequestID, r.RequestID))
	} else {
		errs = append(errs, given("actor", r.Actor != ""), given("reason", r.Reason != ""), given("request_id", r.RequestID != ""))
	}
	return checkAll(append(errs, given("if_revision", r.IfRevision != nil))...)
}

// checkLease checks the lease and the trace. What begins a job, or is about the ledger, is
// under no lease.
func (r Request) checkLease(row *Row) error {
	switch {
	case r.Lease < 0, r.Lease > ledger.MaxEpoch:
		return &ledger.FieldError{Field: "lease", Problem: fmt.Sprintf("%d is not the epoch of a lease", r.Lease)}
	case r.Lease > 0 && (row.BeginsJob || row.OfLedger):
		return &ledger.FieldError{Field: "lease", Problem: row.Verb + " is under none"}
	}
	return checkOptional(ledger.FieldTrace, r.Trace)
}

// actor returns the actor of the request's events.
func (r Request) actor() string {
	if a := r.Command.row().Actor; a != "" {
		return a
	}
	return r.Actor
}

// Fill returns the request with what its caller left out taken from s.
func (r Request) Fill(s Surroundings) Request {
	r.Command = r.Command.row().fill(r.Command, s)
	return r
}
