package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

func (a *app) jobCommand() *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "job",
		Short: "Issue lifecycle commands and read what became of a job",
		Example: `gait job submit --id job_1
gait job list --status paused`,
	})
	cmd.AddCommand(a.submitCommand(), a.checkpointCommand(), a.pauseCommand(), a.approveCommand(), a.denyCommand(),
		a.resumeCommand(), a.cancelCommand(), a.stopCommand(), a.statusCommand(), a.inspectCommand(), a.jobDiffCommand(), a.listCommand(),
		a.eventsCommand(), a.watchCommand(), a.waitCommand())
	return cmd
}

// showStatus prints a job at a glance. stopped is the event that stopped it, if any.
func showStatus(s *screen, j projection.Job, stopped ledger.Event) {
	fmt.Fprintf(s, "%s  %s\n", s.bold(j.ID), s.status(j.Status))
	stop := j.StopReason
	if stop == projection.StopNone {
		stop = ""
	}
	since, why := "", reasonOf(stopped)
	if cp, ok := stopped.Payload.(ledger.CheckpointAdded); ok {
		why = cp.Summary
	}
	if stopped.Payload != nil {
		since = ledger.FormatTime(stopped.Time) + " by " + stopped.Actor
	}
	last := ""
	if cp := j.LastCheckpoint; cp != nil {
		last = fmt.Sprintf(", last %s %s: %s", cp.ID, cp.Type, cp.Summary)
	}
	from := ""
	if was := j.Imported; was != nil {
		from = fmt.Sprintf("by %s from a pack %s: %d checkpoints and %d approvals are its claims", was.Actor, was.PackSHA256[:16], was.Checkpoints, was.Approvals)
	}
	s.fields([2]string{"imported", from}, [2]string{"revision", fmt.Sprint(j.Revision)}, [2]string{"stop reason", stop}, [2]string{"since", since}, [2]string{"reason", why}, [2]string{"reason code", j.ReasonCode},
		[2]string{"checkpoints", fmt.Sprint(j.Checkpoints) + last},
		[2]string{"approvals", fmt.Sprint(j.Approvals)}, [2]string{"refusals", fmt.Sprint(j.Refusals)},
		[2]string{"identity", j.Identity}, [2]string{"policy", policyOf(j)}, [2]string{"created", j.Created}, [2]string{"updated", j.Updated}, [2]string{"waiting for", waitingFor(j)})
	for _, a := range j.Decisions {
		if a.Verdict != projection.Approved && !j.Status.Final() {
			state := "open"
			if a.Verdict == projection.Denied {
				state = "denied by " + a.VerdictBy
			}
			fmt.Fprintf(s, "  %s %s %s: %s — %s (asked by %s)\n", s.yellow("?"), a.CheckpointID, state, a.Summary, a.RequiredAction, a.Actor)
		}
	}
}

func policyOf(j projection.Job) string {
	switch {
	case j.PolicyDigest == "":
		return j.PolicyRef
	case j.PolicyRef == "":
		return "sha256 " + j.PolicyDigest
	}
	return j.PolicyRef + " (sha256 " + j.PolicyDigest + ")"
}

// waitingFor says in words what has to come next.
func waitingFor(j projection.Job) string {
	switch j.WaitingFor() {
	case "worker":
		return "the worker's next checkpoint"
	case "decision":
		return "a decision"
	case "reversal":
		return "a new verdict on what was denied"
	case "resume":
		return "a resume"
	case "cancel":
		return "nothing but a cancel"
	}
	return ""
}

// nextCommand proposes what to do with the job now.
func nextCommand(j projection.Job) string {
	id := "--id " + j.ID
	switch j.WaitingFor() {
	case "worker":
		return "gait job checkpoint add " + id + ` --summary "what was done"`
	case "decision", "reversal":
		open := j.Unsettled()
		if len(open) > 1 {
			id += " --checkpoint " + open[0].DecisionID()
		}
		return "gait job approve " + id + " --actor <NAME> --reason <WHY>"
	case "resume":
		return projection.ResumeCommand(j)
	case "cancel":
		return "gait job cancel " + id
	}
	return "gait pack build --type job --from " + j.ID
}
