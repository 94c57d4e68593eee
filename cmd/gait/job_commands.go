package main

import (
	"github.com/spf13/cobra"

	"gait/commands"
)

// lifecycle makes a lifecycle command: its own flags were added to cmd, and
// build gives the command they say.
func (a *app) lifecycle(cmd *cobra.Command, build func(*cobra.Command) (commands.Command, error)) *cobra.Command {
	var flags writeFlags
	flags.add(cmd)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := build(cmd)
		if err != nil {
			return err
		}
		r, err := flags.request(a, cmd, args, c)
		if err != nil {
			return err
		}
		return a.do(cmd.Context(), r)
	}
	return cmd
}

// withoutReason makes a lifecycle command whose event has no place for a reason.
// The flag is known all the same, so that the refusal can say where to put it.
func (a *app) withoutReason(cmd *cobra.Command, build func(*cobra.Command) (commands.Command, error)) *cobra.Command {
	cmd = a.lifecycle(cmd, build)
	cmd.Flags().Lookup("reason").Hidden = true
	return cmd
}

// constant builds a command that takes no arguments of its own.
func constant(c commands.Command) func(*cobra.Command) (commands.Command, error) {
	return func(*cobra.Command) (commands.Command, error) { return c, nil }
}

func (a *app) pauseCommand() *cobra.Command {
	return a.lifecycle(exits(&cobra.Command{
		Use:   "pause [JOB]",
		Short: "Pause a job until somebody resumes it",
		Example: `gait job pause --id job_1 --reason "waiting for the maintenance window"
gait job pause job_1 --if-revision 4 --json`,
	}, 0, 1, 2, 6, 7, 8), constant(commands.Pause{}))
}

func (a *app) stopCommand() *cobra.Command {
	return a.lifecycle(exits(&cobra.Command{
		Use:     "stop [JOB]",
		Short:   "Stop a job in an emergency: it can only be cancelled afterwards",
		Example: `gait job stop --id job_1 --reason "it pays the wrong account"`,
	}, 0, 1, 2, 6, 7, 8), constant(commands.Stop{}))
}

func (a *app) cancelCommand() *cobra.Command {
	return a.lifecycle(exits(&cobra.Command{
		Use:     "cancel [JOB]",
		Short:   "End a job for good",
		Example: `gait job cancel --id job_1 --reason "no longer needed"`,
	}, 0, 1, 2, 6, 7, 8), constant(commands.Cancel{}))
}

func (a *app) approveCommand() *cobra.Command {
	return a.verdict("approve", "approved", "Approve the open decision, or the pause or block a job is in",
		"Approve an open decision of a job, or, when none is open, the pause or block it is\nin. Not by who asked for it, nor by the job's own identity. A resume uses it up.",
		func(id string) commands.Command { return commands.Approve{CheckpointID: id} })
}

func (a *app) denyCommand() *cobra.Command {
	return a.verdict("deny", "denied", "Deny the open decision, or the pause or block a job is in",
		"Deny an open decision of a job, or, when none is open, the pause or block it is in.\nThe job stays blocked until an approval of the same thing.",
		func(id string) commands.Command { return commands.Deny{CheckpointID: id} })
}

func (a *app) verdict(verb, word, short, long string, build func(checkpoint string) commands.Command) *cobra.Command {
	var checkpoint string
	cmd := exits(&cobra.Command{
		Use: verb + " [JOB]", Short: short, Long: long,
		Example: "gait job " + verb + ` --id job_1 --actor reviewer_1 --reason "validated input"` +
			"\ngait job " + verb + " job_1 --actor reviewer_1 --checkpoint cp_0002",
	}, 0, 1, 2, 3, 6, 7, 8)
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "the decision, such as cp_0002; needed when several are open")
	cmd = a.lifecycle(cmd, func(cmd *cobra.Command) (commands.Command, error) {
		if !cmd.Flags().Changed("actor") && a.getenv("GAIT_ACTOR") == "" {
			return nil, &usageError{code: "invalid_actor", text: "who gives the verdict? --actor is missing", hint: "add --actor <NAME>"}
		}
		return build(checkpoint), nil
	})
	cmd.Flags().Lookup("actor").Usage = "who gives the verdict (required, here or as env GAIT_ACTOR)"
	cmd.Flags().Lookup("reason").Usage += ` (default "` + word + `")`
	return cmd
}
