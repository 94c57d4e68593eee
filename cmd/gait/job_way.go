package main

import (
	"context"

	"gait/commands/connect"
	"gait/projection"
)

// noticeWay says what a person does about a job that waits for people. If it cannot be read, or
// goes on by itself, nothing is said.
func (j *leasedJob) noticeWay(ctx context.Context) {
	var is projection.Job
	err := j.Read(ctx, func(l *connect.Ledger) (err error) {
		is, err = l.Job(ctx, j.id)
		return err
	})
	if err != nil {
		return
	}
	if way := wayOn(is); way != "" {
		j.notice("the way on: " + j.here(way))
	}
}

// wayOn returns the command with which a person helps a job that waits on; "" if there is none.
func wayOn(j projection.Job) string {
	switch j.WaitingFor() {
	case projection.WaitsForEffects:
		return "gait gate list " + j.ID
	case projection.WaitsForResume:
		return toResume(j.ID, !j.PolicyDigest.IsZero())
	case projection.WaitsForDecision, projection.WaitsForHold, projection.WaitsForReversal:
		return "gait job inbox"
	}
	return ""
}
