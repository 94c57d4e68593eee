package main

import (
	"errors"

	"gait/commands"
	"gait/commands/daemon"
	"gait/projection"
)

// A hintMaker returns what to do next about an error.
type hintMaker func(err error) string

// say returns a hint that is the same for every error with the code.
func say(text string) hintMaker { return func(error) string { return text } }

// ofDetails makes a hint from the facts that an error carries, in this process
// or in a daemon's answer.
func ofDetails(of func(projection.Details) string) hintMaker {
	return func(err error) string {
		if said, ok := errors.AsType[*daemon.Error](err); ok {
			return of(said.Details)
		}
		return of(commands.DetailsOf(err))
	}
}

// toApprove returns the command that approves what a job waits for. checkpoint
// names the decision if there are several.
func toApprove(job, checkpoint string) string {
	command := "gait job approve --id " + job
	if checkpoint != "" {
		command += " --checkpoint " + checkpoint
	}
	return command + ` --actor NAME --reason "WHY"`
}
