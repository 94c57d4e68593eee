package main

import "github.com/spf13/cobra"

func policyCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "policy",
		Short: "Write, check and test the policies by which the gate decides",
		Long: `Write, check and test the policies by which the gate decides whether a tool may run. A
policy is a file in Cedar; a job is bound to one by job submit --policy FILE. These
commands but replay read files alone, and no ledger.`,
		Example: `gait policy init --profile coding
gait policy check policy.cedar
gait policy test policy_test
gait policy replay --policy new.cedar --since 24h`,
	})
	cmd.AddCommand(policyInitCommand(a), policyCheckCommand(a), policyTestCommand(a), policyReplayCommand(a))
	return cmd
}
