package main

import "github.com/spf13/cobra"

func policyCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "policy",
		Short: "Write, check and test the policies by which the gate decides",
		Long: `Write, check and test the policies by which the gate decides whether a tool may run. A
policy is a file in Cedar; a job is bound to one by job submit --policy FILE. These
commands but replay read files alone, and no ledger.

A policy sees:
  principal            Actor::"NAME" in Role::"ROLE"; principal.proven (Bool),
                       principal.roles (Set of String): a key in force signed
  action, resource     Action::"TOOL", Target::"TARGET" ("" if the intent has none)
  context.arguments    of the intent: check with has before you use a field
  context.job          id, status, environment_fingerprint, submitted_by (String); labels
                       (a record); checkpoints, approvals, refusals, allows, blocks,
                       open_grants, unknown_grants (Long); cleared (Bool: this intent
                       was approved); identity, policy_ref (String, if there are any)
  context.environment  fingerprint (String) and not_done_exit (Long), if the worker says so
  context.time         a datetime

Annotations of a policy:
  @id("NAME")                          its name; without it policy0, policy1 and so on
  @gait_verdict("require_approval")    of a permit: ask first (or allow, the default)
  @gait_approvers("a, role:approver")  who may approve; these four go with require_approval
  @gait_quorum("2")                    how many must approve: 2 to 16
  @gait_expires("24h")                 how long the decision can be used: 1m to 720h
  @gait_action("TEXT")                 what must be decided, in words
  @gait_record("target, arguments.a")  fields of the intent that events show`,
		Example: `gait policy init --profile coding
gait policy check policy.cedar
gait policy test policy_test
gait policy replay --policy new.cedar --since 24h`,
	})
	cmd.AddCommand(policyInitCommand(a), policyCheckCommand(a), policyTestCommand(a), policyReplayCommand(a))
	return cmd
}
