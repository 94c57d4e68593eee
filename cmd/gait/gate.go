package main

import (
	"github.com/spf13/cobra"
)

func gateCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "gate",
		Short: "Ask whether a tool may run, and say what became of it",
		Long: `Ask whether a tool may run, by the policy that its job is bound to, and say what became of
what it did. An allow is a grant: it is for one intent, once, and open until it is settled.`,
		Example: `gait gate eval --id job_1 --tool payments.refund --intent intent.json
gait gate settle --grant GRANT --outcome done
gait gate exec --id job_1 --tool payments.refund --intent intent.json -- ./refund.sh`,
	})
	cmd.AddCommand(gateEvalCommand(a), gateSettleCommand(a), gateExecCommand(a), gateListCommand(a), gateTraceCommand(a))
	return cmd
}
