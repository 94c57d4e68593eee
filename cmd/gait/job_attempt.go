package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/content"
)

func attemptCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "attempt",
		Short: "Say how an attempt of a supervised worker ended",
		Long:  "Say how an attempt of a supervised worker ended. gait job run and gait work say it\nthemselves of the command that they start.",
		Example: `gait job attempt end job_1 --cause exited --exit 3 --log tail.log --lease 2
gait job attempt end job_1 --cause lost --lease 3`,
	})
	cmd.AddCommand(attemptEndCommand(a))
	return cmd
}

func attemptEndCommand(a *app) *cobra.Command {
	var cause string
	var exit, number int64
	files := uploadFlags{limit: content.DefaultLimit}
	cmd := exits(&cobra.Command{
		Use:   "end [JOB]",
		Short: "Record how an attempt ended, with its exit code and the end of its output",
		Long: `Record how an attempt ended, with its exit code and the end of its output, which is kept as
content of the job. Attempts are counted. The event says nothing of the job's status.`,
		Example: "gait job attempt end job_1 --cause exited --exit 3 --log tail.log --lease 2",
	}, 0, 1, 2, 3, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&cause, "cause", "", "why it ended: "+ledger.OneOf(ledger.AttemptCauses)+" (required)")
	f.Int64Var(&exit, "exit", 0, "the exit code; of a process that died of signal n it is 128 + n")
	f.StringVar(&files.log, "log", "", "file with the end of what it wrote, kept beside the ledger as content of the job; - is standard input")
	f.Int64Var(&number, "number", 0, "the number of the attempt (default: the next one; another one is refused)")
	files.addLimit(f)
	return lifecycle(a, cmd, func(cmd *cobra.Command) (c commands.EndAttempt, err error) {
		c = commands.EndAttempt{Cause: ledger.AttemptCause(cause), Number: number}
		switch {
		case cause == "":
			return c, &usageError{code: "invalid_cause", text: "why did it end? --cause is missing", hint: "one of " + ledger.OneOf(ledger.AttemptCauses)}
		case cmd.Flags().Changed("number") && number < 1:
			return c, &usageError{code: "invalid_number", text: fmt.Sprintf("--number %d: attempts count from 1", number), hint: "leave --number out"}
		}
		if cmd.Flags().Changed("exit") {
			c.Exit = &exit
		}
		return c, a.bring(files)
	})
}
