package main

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

// leaseTTL is how long a lease lives after an event of its holder, if that does not say.
const leaseTTL = time.Minute

func leaseCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "lease",
		Short: "Take, keep, give back and show the right to act for a job",
		Long: `Take, keep, give back and show the lease of a job: the right of one worker to act for it.
gait job run and gait work do all of this for the command that they start.

A lease has an epoch, one more than that of the lease before. While it lives, what a worker
writes names the epoch, with --lease or in GAIT_LEASE: a command that names an older one is
fenced (exit 3), and so is one of a worker that names none. Each event of the holder keeps the
lease alive; without one it ends at its time, and it ends when the job stops running.`,
		Example: `gait job lease take job_1 --worker host7 --json
gait job lease show job_1
gait job lease release job_1 --actor operator_1`,
	})
	cmd.AddCommand(leaseTakeCommand(a), leaseRenewCommand(a), leaseReleaseCommand(a), leaseShowCommand(a))
	return cmd
}

// seconds returns a duration that a flag gives as whole seconds.
func seconds(flag string, d time.Duration) (int64, error) {
	n := int64(d / time.Second)
	if d%time.Second != 0 || n < ledger.MinLeaseTTL || n > ledger.MaxLeaseTTL {
		return 0, &usageError{code: "invalid_ttl", text: fmt.Sprintf("%s %s is not whole seconds, from %ds to %dh", flag, d, ledger.MinLeaseTTL, ledger.MaxLeaseTTL/3600), hint: flag + " 60s"}
	}
	return n, nil
}

func leaseTakeCommand(a *app) *cobra.Command {
	var flags writeFlags
	var worker string
	ttl := leaseTTL
	cmd := exits(&cobra.Command{
		Use:   "take [JOB]",
		Short: "Take the lease of a job that runs and is due",
		Long: `Take the lease of a job that runs and is due, if no other lease of it lives, and if what it
waits for is completed. The output has the epoch, which each command under the lease names:
--lease, or GAIT_LEASE. What another lease left open at the gate is unknown from then on: it
must be settled first. A refusal is not recorded.`,
		Example: `gait job lease take job_1 --worker host7
export GAIT_LEASE=$(gait job lease take job_1 --json | jq .job.lease.epoch)`,
	}, 0, 1, 2, 3, 6, 7, 8)
	cmd.Flags().DurationVar(&ttl, "lease-ttl", ttl, "how long the lease lives after an event of yours, 5s to 24h")
	cmd.Flags().StringVar(&worker, "worker", "", "the name of the process or machine that acts (default: of this machine)")
	cmd = lifecycleWith(a, cmd, &flags, func(*cobra.Command) (c commands.LeaseTake, err error) {
		c.Worker = cmp.Or(worker, workerName(os.Hostname))
		c.TTL, err = seconds("--lease-ttl", ttl)
		return c, err
	})
	flags.lease.hide(cmd.Flags())
	return cmd
}

func leaseRenewCommand(a *app) *cobra.Command {
	var ttl time.Duration
	cmd := exits(&cobra.Command{
		Use:   "renew [JOB]",
		Short: "Keep a lease alive, with nothing else to say",
		Long: `Keep the lease alive that --lease or GAIT_LEASE names, with nothing else to say. Every other
event of its holder does so too.`,
		Example: "gait job lease renew job_1 --lease 3\ngait job lease renew job_1 --lease 3 --lease-ttl 10m",
	}, 0, 1, 2, 3, 6, 7, 8)
	cmd.Flags().DurationVar(&ttl, "lease-ttl", 0, "how long the lease lives from now on after an event of yours, 5s to 24h (default: as it was)")
	return lifecycle(a, cmd, func(cmd *cobra.Command) (c commands.LeaseRenew, err error) {
		if cmd.Flags().Changed("lease-ttl") {
			c.TTL, err = seconds("--lease-ttl", ttl)
		}
		return c, err
	})
}

func leaseReleaseCommand(a *app) *cobra.Command {
	var flags writeFlags
	var outcome string
	var epoch int64
	cmd := exits(&cobra.Command{
		Use:   "release [JOB]",
		Short: "Give a lease back, or take it away from a worker that is gone",
		Long: `Give a lease back: its holder names it with --lease or in GAIT_LEASE, and says with --outcome
whether it did what it could do now (done), or ends before that (gave_up). Another
actor, an operator, says that its holder is gone (lost), so that other workers need not wait
until it ends.`,
		Example: `gait job lease release job_1 --lease 3 --outcome gave_up
gait job lease release job_1 --actor operator_1
gait job lease release job_1 --epoch 3 --outcome lost --actor operator_1`,
	}, 0, 1, 2, 3, 6, 7, 8)
	cmd.Flags().StringVar(&outcome, "outcome", "", ledger.OneOf(ledger.LeaseOutcomes)+" (default: done if a lease is named, and lost otherwise)")
	cmd.Flags().Int64Var(&epoch, "epoch", 0, "with lost: the epoch of the lease that is meant, if another one may have been taken")
	cmd = lifecycleWith(a, cmd, &flags, func(cmd *cobra.Command) (commands.LeaseRelease, error) {
		c := commands.LeaseRelease{Outcome: ledger.LeaseOutcome(outcome), Epoch: epoch}
		if outcome == "" {
			id, err := jobNamed(a, flags.id, cmd.Flags().Args())
			if err != nil {
				return c, err
			}
			named, err := flags.lease.of(&a.surroundings, cmd.Flags(), id)
			if err != nil {
				return c, err
			}
			if c.Outcome = ledger.LeaseLost; named != 0 {
				c.Outcome = ledger.LeaseDone
			}
		}
		flags.lease.none = c.Outcome == ledger.LeaseLost // it is another's lease
		return c, nil
	})
	return cmd
}

func leaseShowCommand(a *app) *cobra.Command {
	var id string
	cmd := exits(&cobra.Command{
		Use:     "show [JOB]",
		Short:   "Show the newest lease of a job: who acts for it, and until when",
		Example: "gait job lease show job_1\ngait job lease show --id job_1 --json",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := existingJob(a, id, args)
		if err != nil {
			return err
		}
		var job projection.Job
		var now judging
		err = a.read(cmd.Context(), func(r *connect.Ledger) (err error) {
			if job, err = r.Job(cmd.Context(), id); err == nil {
				now, err = judgingOf(cmd.Context(), r, job)
			}
			return err
		})
		if err != nil {
			return err
		}
		return a.print(object{"job_id": id, "job": now.view(job)}, func(s *screen) {
			if job.Lease == nil {
				s.add("job " + id + " was never leased\n")
				return
			}
			fmt.Fprintf(s, "%s  %s\n", s.bold(id), s.status(job.Status))
			s.fields([2]string{"lease", leaseText(job.Lease, now.Reading)}, [2]string{"attempts", attemptsText(job)})
		})
	}
	return cmd
}
