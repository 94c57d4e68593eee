package main

import (
	"context"
	"fmt"

	"gait/commands"
	"gait/ledger"
)

// jobNamed takes a job's id from --id or the one positional argument.
func jobNamed(a *app, flag string, args []string) (string, error) {
	id := flag
	switch {
	case len(args) > 1:
		return "", &usageError{code: "invalid_usage", text: fmt.Sprintf("one job id is enough, not %d", len(args)), hint: "name one job"}
	case len(args) == 1 && flag != "" && flag != args[0]:
		return "", &usageError{code: "invalid_usage", text: fmt.Sprintf("two job ids: --id %s and %s", flag, args[0]), hint: "name the job once"}
	case len(args) == 1:
		id = args[0]
	}
	a.about(id)
	return id, nil
}

// existingJob is jobNamed for commands that need a job.
func existingJob(a *app, flag string, args []string) (string, error) {
	id, err := jobNamed(a, flag, args)
	if err == nil && id == "" {
		err = &usageError{code: "invalid_usage", text: "which job? its id is missing", hint: "add --id JOB; gait job list shows the jobs there are"}
	}
	return id, err
}

// findJob is ledger.FindJob for a job that must be there. If the log cannot be
// read it says that, and not that there is no such job.
func findJob(ctx context.Context, log ledger.EventReader, job string) (ledger.JobHead, error) {
	head, ok, err := ledger.FindJob(ctx, log, job)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %s", commands.ErrJobNotFound, job)
	}
	return head, err
}
