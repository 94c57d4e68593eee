package commands

import (
	"crypto/sha256"
	"fmt"
	"time"

	"gait/ledger"
	"gait/projection"
)

// A Request is a command for one job by one actor.
type Request struct {
	JobID   string // for Submit, empty: the engine makes a ULID
	Actor   string
	Reason  string // optional
	Command Command

	RequestID  string // optional: makes the command idempotent
	IfRevision *int64 // optional: the only revision to act on
	DryRun     bool   // decide, and write nothing

	at time.Time // what the engine's clock read
}

// Check returns an *InvalidError where the request is not well formed, whatever
// the ledger holds. Do begins with it.
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
	_, submit := r.Command.(Submit)
	errs := []error{ledger.FieldActor.Check(r.Actor), checkOptional(ledger.FieldReason, r.Reason),
		checkOptional(ledger.FieldRequestID, r.RequestID)}
	if !submit || r.JobID != "" {
		errs = append(errs, ledger.FieldJobID.Check(r.JobID))
	}
	if resume, ok := r.Command.(Resume); ok && resume.AllowEnvMismatch && r.Reason == "" {
		errs = append(errs, &ledger.FieldError{Field: "reason", Problem: "--allow-env-mismatch needs one"})
	}
	switch {
	case r.IfRevision == nil:
	case begins(r.Command):
		errs = append(errs, &ledger.FieldError{Field: "if_revision", Problem: "a job that begins here has none"})
	case *r.IfRevision < 0:
		errs = append(errs, &ledger.FieldError{Field: "if_revision", Problem: fmt.Sprintf("%d is not a revision", *r.IfRevision)})
	}
	return checkAll(append(errs, r.checkReason(), r.Command.check())...)
}

// checkReason refuses a reason where the event has no place for it: it would be
// lost.
func (r Request) checkReason() error {
	where := "say it in the summary"
	if _, submit := r.Command.(Submit); submit {
		where = "say it in a label"
	} else if _, adds := r.Command.(AddCheckpoint); !adds {
		return nil
	}
	if r.Reason == "" {
		return nil
	}
	return &ledger.FieldError{Field: "reason", Problem: "the event has no place for one; " + where}
}

// digest is the SHA-256 of the canonical command: verb, job, actor and
// arguments, no time. The id of a job the engine names is not part of it.
func (r Request) digest() (ledger.Hash, error) {
	arguments := r.Command
	if c, ok := arguments.(Submit); ok {
		c.Labels = c.sortedLabels()
		arguments = c
	}
	b, err := projection.Canonical(map[string]any{
		"actor": r.Actor, "arguments": arguments, "job_id": r.JobID, "reason": r.Reason, "verb": r.Command.Verb(),
	})
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("digest of the command: %w", err)
	}
	return sha256.Sum256(b), nil
}
