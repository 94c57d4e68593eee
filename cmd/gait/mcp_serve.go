package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/gate"
	"gait/commands/mcp"
	"gait/ledger"
)

// mcpServeFlags say for whom an MCP server acts, and what it offers.
type mcpServeFlags struct {
	id, policy, page string
	desk             deskFlags
}

func mcpServeCommand(a *app) *cobra.Command {
	var flags mcpServeFlags
	cmd := exits(&cobra.Command{
		Use:   "serve [--id JOB]",
		Short: "Offer a ledger to an agent over MCP, on standard input and output",
		Long: `Serve one client of the Model Context Protocol (2025-11-25 and 2026-07-28) on standard input and
output. Its tools are

  job_submit job_status checkpoint_add ask_decision gate_check effect_settle job_complete

None approves, denies or resumes, settles what is not known, names a policy or an actor: an agent
gets no means to approve itself. It acts as --actor, never as you: without a name as mcp_agent. A job that it submits is bound to --policy; without it the gate
blocks every tool of the job. With --id, or in a worker of gait job run, the server is for that
job alone, and submits none.

Where a person decides is shown by elicitation in URL mode: --page, or, without it, the command to
paste. For a client that declares io.modelcontextprotocol/tasks, a job is a task, which outlives
the server. Resources are gait://jobs/JOB, its events and its content.

gait exits with 0 when the client closes the connection.`,
		Example: `gait mcp serve --policy policy.cedar --actor agent_1
gait mcp serve --id job_1 --root /srv/gait/jobs --actor agent_1
gait job run --id job_1 --policy policy.cedar -- my-agent --mcp "gait mcp serve"`,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.id, "id", "", "the only job that the server is for (env GAIT_JOB; default: any)")
	f.StringVar(&flags.policy, "policy", "", "file with the policy that a job which is submitted is bound to")
	f.StringVar(&flags.page, "page", "", "URL of the page where decisions are made (default: none)")
	flags.desk.add(cmd)
	f.Lookup("actor").Usage = "who acts: the agent, never you (env GAIT_ACTOR; default " + agentActor + ")"
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		out := a.stdout
		a.stdoutFor, a.stdout = "gait mcp serve", talk{a.stderr} // the client has it alone
		flags.desk.actor = a.agent(flags.desk.actor)
		d, err := newDesk(a, flags.desk)
		if err != nil {
			return err
		}
		d.creates = true
		o, err := flags.options(a, mcpDesk{d}, d.o.Actor)
		if err != nil {
			return err
		}
		return mcp.Serve(cmd.Context(), o, a.stdin, out)
	}
	return cmd
}

// agent returns the actor of an agent, as actor does, but never the one who runs it.
func (s *surroundings) agent(flag string) string {
	return cmp.Or(flag, s.getenv("GAIT_ACTOR"), s.tokenActor(), agentActor)
}

// options returns what a server offers to an actor.
func (m *mcpServeFlags) options(a *app, d mcp.Desk, actor string) (o mcp.Options, err error) {
	o = mcp.Options{
		Desk: d, Actor: actor, Version: moduleVersion(), JobID: m.id, Page: m.page,
		Here:    commands.Surroundings{EnvironmentFingerprint: new(boundFlags).environment(), ProducerVersion: producerVersion()},
		NewID:   func() (string, error) { return ledger.NewULID(a.now(), a.entropy) },
		Approve: approveLine(a),
	}
	if o.JobID == "" {
		o.JobID = a.getenv(jobVariable)
	}
	if o.JobID != "" {
		if err := ledger.FieldJobID.Check(o.JobID); err != nil {
			return o, &commands.InvalidError{Err: err}
		}
		a.about(o.JobID)
	}
	if m.page != "" {
		if u, err := url.Parse(m.page); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return o, &usageError{code: "invalid_usage", text: fmt.Sprintf("--page takes a URL that begins with https:// or http://, not %.80q", m.page), hint: helpHint}
		}
	}
	if _, err := a.leaseFor(o.JobID); err != nil { // it is read once more for each job
		return o, err
	}
	o.Lease = func(job string) int64 {
		epoch, err := a.leaseFor(job)
		if err != nil {
			return 0
		}
		return epoch
	}
	if m.policy != "" {
		o.Policy, err = a.readFile(m.policy, gate.MaxPolicy)
		noteUnreadable(a, m.policy, o.Policy)
	}
	return o, err
}

// approveLine returns the command with which a person approves a decision of a job.
func approveLine(a *app) func(job, checkpoint string) string {
	at := ""
	if a.getenv("GAIT_URL") == "" {
		at = " --root " + quoted(connect.Absolute(a.rootDir()))
	}
	return func(job, checkpoint string) string {
		return "gait job approve --id " + job + " --checkpoint " + checkpoint + at + " --show --actor NAME"
	}
}

// An mcpDesk is a desk for an MCP server.
type mcpDesk struct{ *desk }

// Bring carries a command out, with what it names.
func (d mcpDesk) Bring(ctx context.Context, r commands.Request, bring func(context.Context, *connect.Ledger, *commands.Request) error) (commands.Result, error) {
	return d.do(ctx, r, bring)
}
