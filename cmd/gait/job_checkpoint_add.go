package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
)

// A decisionFlags says who decides, until when and about what.
type decisionFlags struct {
	approvers []string
	quorum    int64
	expires   string
	replaces  string
}

func (f *decisionFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.approvers, "approvers", nil, "who may decide: actors, or role:NAME for all of a role; repeatable, or several with commas")
	fl.Int64Var(&f.quorum, "quorum", 0, "how many actors must approve, 2 to 16 (default 1)")
	fl.StringVar(&f.expires, "expires", "", "when the decision expires: after a duration such as 24h, or at a time such as 2027-01-31T18:00:00Z")
	fl.StringVar(&f.replaces, "replaces", "", "the decision that this one takes the place of, such as cp_0003; pause for a pause or hold that was denied")
}

// fill adds what the flags say to a checkpoint.
func (f *decisionFlags) fill(c *commands.AddCheckpoint, now time.Time) (err error) {
	for _, list := range f.approvers {
		c.Approvers = append(c.Approvers, strings.Split(list, ",")...)
	}
	c.Quorum, c.Replaces = f.quorum, f.replaces
	if c.Quorum == 1 {
		c.Quorum = 0 // one is what no quorum stands for
	}
	if f.expires != "" {
		c.ExpiresAt, err = momentOf("--expires", f.expires, now, "24h")
	}
	return err
}

func checkpointAddCommand(a *app) *cobra.Command {
	var kind, summary, action, steps string
	var decision decisionFlags
	var files uploadFlags
	cmd := exits(&cobra.Command{
		Use:   "add [JOB]",
		Short: "Record progress, ask for a decision, or say how the job ended",
		Long: `Record a checkpoint: plan or progress; decision-needed, which waits for a person;
blocked; completed or failed, which end the job.

A decision can say who decides, how many must agree, and until when. One that expired,
or was denied in a ledger with actors, is lifted only by another that --replaces it.

What is decided about can be a file: --subject. It is kept beside the ledger, under a
digest that the event names and that says nothing of the bytes; the approver is shown it,
and approves that digest. Files of a checkpoint are kept in the same way: --attach,
--state. gait content reads and erases them.`,
		Example: `gait job checkpoint add --id job_1 --summary "step 1 complete"
gait job checkpoint add --id job_1 --summary "step 3 complete" --progress 3/14
gait job checkpoint add --id job_1 --type decision-needed --summary "refund is 900 EUR" --required-action "approve the refund"
gait job checkpoint add --id job_1 --type decision-needed --summary "refund is 9000 EUR" --required-action "approve it" --approvers cfo,role:approver --quorum 2 --expires 24h
gait job checkpoint add --id job_1 --type decision-needed --summary "new prices" --required-action "approve them" --subject prices.json
gait job checkpoint add --id job_1 --summary "step 2 complete" --attach report.pdf --attach run.log:log --state state.json
gait job checkpoint add --id job_1 --type completed --summary "all refunds sent"`,
	}, 0, 1, 2, 3, 4, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&kind, "type", string(ledger.CheckpointProgress), "plan, progress, decision-needed, blocked, completed or failed")
	f.StringVar(&summary, "summary", "", "what happened, at most 512 bytes (required)")
	f.StringVar(&action, "required-action", "", "what must be decided (required with decision-needed)")
	f.StringVar(&steps, "progress", "", "how far the job has come, DONE/TOTAL steps, such as 3/14")
	decision.add(cmd)
	files.add(cmd)
	return lifecycle(a, cmd, func(*cobra.Command) (commands.AddCheckpoint, error) {
		if summary == "" {
			return commands.AddCheckpoint{}, &usageError{code: "invalid_summary", text: "what happened? --summary is missing", hint: `add --summary "step 1 complete"`}
		}
		c := commands.AddCheckpoint{Type: ledger.CheckpointType(kind), Summary: summary, RequiredAction: action}
		if err := decision.fill(&c, a.now()); err != nil {
			return c, err
		}
		if steps != "" {
			var err error
			if c.Progress, err = parseSteps(steps); err != nil {
				return c, err
			}
		}
		if files.subject != "" && c.Type != ledger.CheckpointDecisionNeeded {
			return c, &usageError{code: "invalid_subject", text: "--subject is what is decided about, and " + kind + " asks for no decision", hint: "add --type decision-needed, or name the file with --attach"}
		}
		return c, a.bring(files)
	})
}
