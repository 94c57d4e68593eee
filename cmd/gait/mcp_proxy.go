package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/mcp/proxy"
	"gait/commands/process"
	"gait/ledger"
	"gait/ledger/content"
)

// proxyFlags say for which job an MCP proxy asks, and how.
type proxyFlags struct {
	id, name, policy, fingerprint string
	autoResume, askNew            bool
	grace, patience               time.Duration
	desk                          deskFlags
	lease                         leaseFlag
}

func mcpProxyCommand(a *app) *cobra.Command {
	var flags proxyFlags
	cmd := exits(&cobra.Command{
		Use:   "proxy [--policy FILE] [--id JOB] -- SERVER...",
		Short: "Stand before an MCP server, and ask the gate before each call of a tool",
		Long: `Start an MCP server and stand before it: standard input and output are its, but each call of
a tool is first asked of the gate, and does not reach the server unless it is allowed. The client
is told why. Give the client this command in the place of the server's.

The tool TOOL of the server is mcp:NAME/TOOL for the gate, and its target is mcp:NAME. A policy
that permits all that a server does, and asks a person for one tool:

  permit (principal, action, resource == Target::"mcp:fs");
  @gait_verdict("require_approval")
  permit (principal, action == Action::"mcp:fs/write_file", resource);

The job is submitted if it is new: then --policy is needed. With --policy nothing runs once the
job was resumed under another one. The job outlives the session, since what the server said of
its tools is recorded in it. Tools that were not recorded are hidden. One that is described in
another way than before is hidden, and a decision is asked for; when that is approved and the job
resumed, it is there again. Where commands need signatures, the first record needs one as well
(--sign-key); without, the first tools are hidden until they are approved. A call whose outcome is
not known is left open, and the gate blocks it until a person has settled it: gait gate list.

gait exits with 0 when the client closes the connection. Then the server is ended: its input is
closed, SIGTERM after --grace, SIGKILL after as long again. If gait is killed, so is the server.`,
		Example: `gait mcp proxy --policy policy.cedar --name fs -- npx -y @modelcontextprotocol/server-filesystem /srv/data
gait mcp proxy --policy policy.cedar --root /srv/gait/jobs --actor agent_1 --auto-resume -- ./mail-server --stdio
gait mcp proxy --id job_1 --name mail -- python3 mail_server.py`,
	}, 0, 1, 2, 3, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.id, "id", "", "the job's id (default: mcp-NAME)")
	f.StringVar(&flags.name, "name", "", "the server's name for the gate: letters, digits and ._- (default: from the command, if that has one)")
	f.StringVar(&flags.policy, "policy", "", "file with the policy that the job is bound to, and no other; needed if it is new")
	f.StringVar(&flags.fingerprint, "env-fingerprint", "", "fingerprint of the environment (default: of operating system and architecture)")
	f.BoolVar(&flags.autoResume, "auto-resume", false, "resume the job when all that it was stopped for is approved; a pause that nobody approves waits for a person")
	f.BoolVar(&flags.askNew, "ask-new-tools", false, "ask for a decision about tools that are new, too")
	f.DurationVar(&flags.grace, "grace", 10*time.Second, "how long calls may still take when the client has left, and then the server to end")
	f.DurationVar(&flags.patience, "list-timeout", time.Minute, "how long the server may take to list its tools")
	flags.desk.add(cmd)
	flags.lease.add(f)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		out := a.stdout
		a.stdoutFor, a.stdout = "gait mcp proxy", talk{a.stderr} // the client has it alone
		if err := flags.check(cmd, args); err != nil {
			return err
		}
		return flags.run(cmd, a, args, out)
	}
	return cmd
}

// check checks the flags, and that the server can be run.
func (p *proxyFlags) check(cmd *cobra.Command, args []string) error {
	const usage = "gait mcp proxy --policy FILE -- SERVER"
	if cmd.ArgsLenAtDash() != 0 || len(args) == 0 {
		return &usageError{code: "invalid_usage", text: "the command that starts the MCP server comes after --", hint: usage}
	}
	if p.grace < 0 || p.patience <= 0 {
		return &usageError{code: "invalid_usage", text: "--grace is not negative, and --list-timeout more than nothing", hint: helpHint}
	}
	if p.name == "" {
		if p.name = mcpServerName(args); p.name == "" {
			return &usageError{code: "invalid_usage", text: "the command does not say what the MCP server is called: others are started alike", hint: "give its name with --name, such as --name fs"}
		}
	}
	if strings.ContainsAny(p.name, "/:@") || ledger.FieldTool.Check("mcp:"+p.name+"/x") != nil || ledger.FieldJobID.Check("mcp-"+p.name) != nil {
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("%.60q is no name for a server: letters, digits and ._- are", p.name), hint: "give one with --name, such as --name fs"}
	}
	if p.id == "" {
		p.id = "mcp-" + p.name
	}
	_, err := findProgram(args[0])
	return err
}

// runners are programs that run a server that their arguments name.
var runners = []string{"bun", "bunx", "deno", "docker", "exec", "node", "npm", "npx", "pipx", "pnpm", "podman", "python", "python3", "run", "sh", "uv", "uvx", "x"}

// anyServer are names of files and directories that say nothing of the server in them.
var anyServer = []string{"", ".", "..", "__main__", "app", "bin", "build", "cli", "dist", "index", "lib", "main", "mcp", "out", "server", "src", "start", "target"}

// mcpServerName derives the name of a server from the command that starts it: that of the first
// argument that is no option and no program that runs others, without version and ending, or of
// the nearest directory of it if many servers have that name. It is "" if there is none.
func mcpServerName(args []string) string {
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") || slices.Contains(runners, path.Base(arg)) {
			continue
		}
		if strings.ContainsAny(arg, " \n\t") { // a script
			return ""
		}
		parts := strings.Split(arg, "/")
		for i := range slices.Backward(parts) {
			name := parts[i]
			if before, _, versioned := strings.Cut(name, "@"); versioned && before != "" {
				name = before
			}
			if i == len(parts)-1 {
				name = strings.TrimSuffix(name, path.Ext(name))
			}
			if !slices.Contains(anyServer, strings.ToLower(name)) {
				return strings.Map(serverNameRune, name)
			}
		}
		return ""
	}
	return ""
}

// serverNameRune returns what stands for a character in the name of a server.
func serverNameRune(c rune) rune {
	if strings.ContainsRune("._-", c) || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return c
	}
	return '-'
}

// run submits the job if it is new, starts the server and stands before it.
func (p *proxyFlags) run(cmd *cobra.Command, a *app, args []string, out io.Writer) error {
	epoch, err := p.lease.of(&a.surroundings, cmd.Flags(), p.id)
	if err != nil {
		return err
	}
	bound := boundFlags{policyFile: p.policy, fingerprint: p.fingerprint}
	policy, err := bound.policy(a)
	if err == nil {
		err = p.submit(cmd, a, bound)
	}
	if err != nil {
		return err
	}
	d, err := newDesk(a, p.desk)
	if err != nil {
		return err
	}
	a.notice(fmt.Sprintf("MCP server %s stands behind the gate of job %s", p.name, p.id))
	o := proxy.Options{
		Job: p.id, Actor: d.o.Actor, Server: p.name, Lease: epoch, Policy: policy, Fingerprint: bound.environment(), AutoResume: p.autoResume, AskNew: p.askNew,
		Grace: p.grace, Patience: p.patience, Log: func(format string, args ...any) { a.notice(fmt.Sprintf(format, args...)) },
	}
	guard, err := process.NewGuard(guardArgs())
	if err != nil {
		return err
	}
	defer closeGuard(a, guard)
	server, ends, err := startMCPServer(cmd.Context(), a, guard, args)
	if err != nil {
		return err
	}
	ends.ClientIn, ends.ClientOut = a.stdin, out
	err = proxy.Run(cmd.Context(), proxyDesk{d}, o, ends)
	endMCPServer(server, p.grace)
	return err
}

// submit submits the job, unless it is there. One that is there is bound to the policy that is
// given.
func (p *proxyFlags) submit(cmd *cobra.Command, a *app, bound boundFlags) error {
	submit := submitFlags{bound: bound}
	submit.queue.files.limit = content.DefaultLimit
	worker := workerFlags{actor: p.desk.actor, signKey: p.desk.signKey}
	known, err := submit.matches(cmd, a, p.id)
	a.about(p.id)
	switch {
	case err != nil || known:
		return err
	case p.policy == "":
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("job %s is new, and no policy says what its tools may do", p.id), hint: "give one with --policy; gait policy init writes one"}
	}
	_, err = submit.ensure(cmd, a, &worker, p.id)
	return err
}

// startMCPServer starts a server, whose streams it returns. Its environment is that of gait,
// without gait's own variables: it has no part in the job.
func startMCPServer(ctx context.Context, a *app, guard *process.Guard, args []string) (*process.Process, proxy.Ends, error) {
	in, toServer, err := os.Pipe()
	if err != nil {
		return nil, proxy.Ends{}, err
	}
	fromServer, out, err := os.Pipe()
	if err != nil {
		return nil, proxy.Ends{}, errors.Join(err, in.Close(), toServer.Close())
	}
	env := slices.DeleteFunc(slices.Clone(a.environ()), func(v string) bool { return strings.HasPrefix(v, "GAIT_") })
	server, err := guard.Start(ctx, process.Command{Args: args, Env: env, Stdin: in, Stdout: out, Stderr: a.stderr})
	in.Close()
	out.Close()
	if err != nil {
		return nil, proxy.Ends{}, errors.Join(err, toServer.Close(), fromServer.Close())
	}
	return server, proxy.Ends{ServerIn: toServer, ServerOut: fromServer}, nil
}

// endMCPServer ends a server whose input is closed.
func endMCPServer(server *process.Process, grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-server.Done():
	case <-timer.C:
		server.Terminate(grace)
	}
	server.Wait()
}

// A proxyDesk is a desk that keeps what the proxy records.
type proxyDesk struct{ *desk }

// Bring keeps content of a job, and carries out a command that names it.
func (d proxyDesk) Bring(ctx context.Context, r commands.Request, u connect.Upload, name func(*commands.Request, ledger.Content)) (commands.Result, error) {
	return d.do(ctx, r, func(ctx context.Context, l *connect.Ledger, r *commands.Request) error {
		if _, err := u.Bytes.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("reading what is to be kept: %w", err)
		}
		put, err := l.PutContent(ctx, r.JobID, u)
		if err == nil {
			name(r, put.Content)
		}
		return err
	})
}
