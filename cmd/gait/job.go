package main

import (
	"github.com/spf13/cobra"
)

func jobCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "job",
		Short: "Issue lifecycle commands and read what became of a job",
		Example: `gait job submit --id job_1
gait job list --status paused`,
	})
	cmd.AddCommand(submitCommand(a), runCommand(a), checkpointCommand(a), pauseCommand(a), approveCommand(a), denyCommand(a),
		resumeCommand(a), cancelCommand(a), stopCommand(a), statusCommand(a), inspectCommand(a), jobDiffCommand(a), listCommand(a), inboxCommand(a),
		eventsCommand(a), watchCommand(a), waitCommand(a), leaseCommand(a), attemptCommand(a))
	return cmd
}
