package main

import (
	"github.com/spf13/cobra"

	"gait/commands"
)

func submitCommand(a *app) *cobra.Command {
	var flags submitFlags
	cmd := exits(&cobra.Command{
		Use:   "submit [JOB]",
		Short: "Start a job; the first one creates the ledger",
		Long: `Start a job. Without an id it gets a ULID. If there is no ledger yet, this
creates one, with its signing key and an entry among your trusted keys.

Jobs with a label are a queue, from which gait work takes them. One with --after or --not-before
is not leased to a worker before then. Its worker finds --input as a file.`,
		Example: `gait job submit --id job_1
gait job submit --id refunds-7 --identity agent_7 --policy policy.cedar --policy-ref refunds@v3 --label team=payments
gait job submit --label queue=refunds --input refund.json --after refunds-6 --not-before 2h`,
	}, 0, 1, 2, 3, 6, 7, 8)
	flags.add(cmd)
	return lifecycle(a, cmd, func(*cobra.Command) (commands.Submit, error) { return flags.command(a) })
}

// submitFlags are what a new job is, for gait job submit and gait job run.
type submitFlags struct {
	bound  boundFlags
	queue  queueFlags
	labels []string
}

func (s *submitFlags) add(cmd *cobra.Command) {
	s.bound.add(cmd)
	s.queue.add(cmd)
	cmd.Flags().StringArrayVar(&s.labels, "label", nil, "a label key=value; may be given several times")
}

// command returns the command that submits the job.
func (s *submitFlags) command(a *app) (commands.Submit, error) {
	c := commands.Submit{EnvironmentFingerprint: s.bound.environment(), Identity: s.bound.identity, PolicyRef: s.bound.policyRef, ProducerVersion: producerVersion()}
	var err error
	if c.PolicyDigest, err = s.bound.policy(a); err != nil {
		return commands.Submit{}, err
	}
	for _, label := range s.labels {
		l, err := parseLabel(label)
		if err != nil {
			return commands.Submit{}, err
		}
		c.Labels = append(c.Labels, l)
	}
	return c, s.queue.fill(a, &c)
}

func resumeCommand(a *app) *cobra.Command {
	var bound boundFlags
	var allowEnv bool
	var revocations string
	cmd := exits(&cobra.Command{
		Use:   "resume [JOB]",
		Short: "Let a stopped job run again",
		Long: `Let a paused, blocked or waiting job run again. Everything that was asked for must
have been approved; the approvals are used up. A job bound to a policy needs the
current one. If the policy or the environment changed, the event records the old and
the new one. If the actor, or the identity before or now, is in --identity-revocations,
the job is not resumed (identity_revoked), and nothing is recorded.`,
		Example: `gait job resume --id job_1 --actor worker_1 --reason "continue after approval"
gait job resume --id refunds-7 --policy policy.cedar
gait job resume --id job_1 --allow-env-mismatch --reason "moved to the new host"
gait job resume --id job_1 --identity-revocations revoked.json`,
	}, 0, 1, 2, 3, 4, 6, 7, 8)
	bound.add(cmd)
	cmd.Flags().BoolVar(&allowEnv, "allow-env-mismatch", false, "resume although the environment changed; needs --reason")
	cmd.Flags().StringVar(&revocations, "identity-revocations", "", "list of revoked identities, which block the resume: a JSON array, an object with revoked_identities or identities, or one name a line; the event names its digest")
	return lifecycle(a, cmd, func(*cobra.Command) (commands.Resume, error) {
		digest, err := bound.policy(a)
		if err != nil {
			return commands.Resume{}, err
		}
		c := commands.Resume{
			EnvironmentFingerprint: bound.environment(), AllowEnvMismatch: allowEnv, Identity: bound.identity,
			PolicyDigest: digest, PolicyRef: bound.policyRef,
		}
		return c, readRevocations(a, &c, revocations)
	})
}
