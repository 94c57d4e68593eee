package main

import (
	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger/content"
)

// constant builds a command that takes no arguments of its own.
func constant[C commands.Command](c C) func(*cobra.Command) (C, error) {
	return func(*cobra.Command) (C, error) { return c, nil }
}

func pauseCommand(a *app) *cobra.Command {
	var hold bool
	cmd := exits(&cobra.Command{
		Use:   "pause [JOB]",
		Short: "Pause a job until it is resumed",
		Long: "Pause a job until it is resumed. With --hold it cannot be resumed before an actor\nother than the one who paused it approves the pause: gait job approve. A job that is\n" +
			"paused already can be put on hold too.",
		Example: `gait job pause --id job_1 --reason "waiting for the maintenance window"
gait job pause --id job_1 --hold --reason "until the audit is done"
gait job pause job_1 --if-revision 4 --json`,
	}, 0, 1, 2, 3, 6, 7, 8)
	cmd.Flags().BoolVar(&hold, "hold", false, "only an approval by another actor lifts the pause")
	return lifecycle(a, cmd, func(*cobra.Command) (commands.Pause, error) { return commands.Pause{Hold: hold}, nil })
}

func stopCommand(a *app) *cobra.Command {
	var flags writeFlags
	var all stopAll
	cmd := exits(&cobra.Command{
		Use:   "stop [JOB]",
		Short: "Stop a job in an emergency: it can only be cancelled afterwards",
		Long: `Stop a job in an emergency: it can only be cancelled afterwards, and the gate blocks every
tool of it from then on. If the clock is probably wrong, it is stopped as of the last event.

With --all every job with the labels given is stopped. All jobs of the ledger are looked at,
each as the ledger's index proves it. If it is interrupted, run it again with the --request-id
that it printed: no job is stopped twice.`,
		Example: `gait job stop --id job_1 --reason "it pays the wrong account"
gait job stop --all --label team=payments --reason "the bank reports fraud"
gait job stop --all --label '*' --dry-run`,
	}, 0, 1, 2, 3, 6, 7, 8)
	all.add(cmd)
	cmd = lifecycleWith(a, cmd, &flags, constant(commands.Stop{}))
	one := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case all.all:
			return all.run(cmd, a, &flags, args)
		case len(all.labels) > 0:
			return &usageError{code: "invalid_usage", text: "--label goes with --all", hint: "add --all to stop all jobs with that label"}
		}
		return one(cmd, args)
	}
	return cmd
}

func cancelCommand(a *app) *cobra.Command {
	return lifecycle(a, exits(&cobra.Command{
		Use:     "cancel [JOB]",
		Short:   "End a job for good",
		Example: `gait job cancel --id job_1 --reason "no longer needed"`,
	}, 0, 1, 2, 3, 6, 7, 8), constant(commands.Cancel{}))
}

func approveCommand(a *app) *cobra.Command {
	return verdictCommand(a, "approve", "approved", "validated input", "Approve the open decision, or the pause or block a job is in",
		"Approve an open decision of a job, or, when none is open, the pause, hold or block it\nis in. The actor who asked for it cannot approve it, nor can the job's own identity. A\nresume uses the approval up.",
		true, func(id string) commands.Approve { return commands.Approve{CheckpointID: id} })
}

func denyCommand(a *app) *cobra.Command {
	return verdictCommand(a, "deny", "denied", "the receipt is missing", "Deny the open decision, or the pause or block a job is in",
		"Deny an open decision of a job, or, when none is open, the pause or block it is in.\nThe job stays blocked until an approval of the same thing, or, in a ledger with actors,\nuntil a decision is approved that takes its place (--replaces).",
		false, func(id string) commands.Deny { return commands.Deny{CheckpointID: id} })
}

func verdictCommand[C commands.Command](a *app, verb, word, why, short, long string, amends bool, build func(checkpoint string) C) *cobra.Command {
	var checkpoint string
	var consider considerFlags
	files := uploadFlags{limit: content.DefaultLimit}
	codes := []int{0, 1, 2, 3, 6, 7, 8}
	if verb == "approve" {
		codes = []int{0, 1, 2, 3, 4, 6, 7, 8} // a decision that has expired
	}
	cmd := exits(&cobra.Command{
		Use: verb + " [JOB]", Short: short, Long: long + "\n\n" + considerText,
		Example: "gait job " + verb + ` --id job_1 --actor reviewer_1 --reason "` + why + `"` +
			"\ngait job " + verb + " job_1 --actor reviewer_1 --checkpoint cp_0002" +
			"\ngait job " + verb + " job_1 --actor reviewer_1 --show --expect DIGEST",
	}, codes...)
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "the decision, such as cp_0002; needed when several are open")
	consider.add(cmd)
	if amends {
		cmd.Flags().StringVar(&files.amend, "amend", "", "file with what is approved in the place of the subject; the subject stays on record")
		files.addLimit(cmd.Flags())
	}
	cmd = lifecycle(a, cmd, func(cmd *cobra.Command) (c C, err error) {
		if !cmd.Flags().Changed("actor") && a.getenv("GAIT_ACTOR") == "" && a.tokenActor() == "" {
			return c, &usageError{code: "invalid_actor", text: "who gives the verdict? --actor is missing", hint: "add --actor NAME"}
		}
		if a.considering, err = consider.considering(a); err != nil {
			return c, err
		}
		return build(checkpoint), a.bring(files)
	})
	cmd.Flags().Lookup("actor").Usage = "who gives the verdict (required, here or as env GAIT_ACTOR; with a token its actor)"
	cmd.Flags().Lookup("reason").Usage += ` (default "` + word + `")`
	return cmd
}
