package main

import (
	"context"

	"gait/commands/connect"
	"gait/projection"
)

// A judging is what a job is shown by: its verdicts, leases and times are judged on a basis. The
// zero judging shows it as it was recorded.
type judging struct {
	projection.Basis

	// after is the jobs that the job comes after, if they have a say in what it waits for; nil
	// if they were not looked up.
	after []projection.Dependency
}

// judgingOf returns what a job of a ledger is shown by now.
func judgingOf(ctx context.Context, l *connect.Ledger, j projection.Job) (at judging, err error) {
	if at.Basis, err = l.Basis(ctx); err == nil && j.Awaits() {
		at.after, err = projection.Dependencies(ctx, l.Log, j)
	}
	return at, err
}

// waiting says what a job waits for: one of projection.WaitsFor.
func (at judging) waiting(j projection.Job) string {
	if at.after == nil {
		return j.WaitingForAt(at.Basis)
	}
	return j.WaitingWith(at.Basis, at.after)
}

// view returns the bounded view of a job.
func (at judging) view(j projection.Job) projection.StatusView {
	if at.after == nil {
		return j.StatusViewAt(at.Basis)
	}
	return j.StatusViewWith(at.Basis, at.after)
}
