package main

import (
	"github.com/spf13/cobra"
)

func regressCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "regress",
		Short: "Make a recorded job a test, and run such tests",
		Long: `Make a recorded job a test, and run such tests. A fixture is a folder with the job's
pack, what is expected of it, and regress.yaml, which says what to compare.`,
		Example: "gait regress init --from job_1 --name refund --why \"approved twice in May\"\ngait regress run",
	})
	cmd.AddCommand(regressInitCommand(a), regressRunCommand(a), regressUpdateCommand(a))
	return cmd
}
