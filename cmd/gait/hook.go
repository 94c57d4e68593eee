package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/ask"
	"gait/commands/connect"
	"gait/commands/daemon"
	"gait/commands/hook"
	"gait/ledger"
	"gait/projection"
)

// hookTimeout is the default of --timeout. It has to be less than the host's own, after which
// the tool runs.
const hookTimeout = 20 * time.Second

func hookCommand(a *app) *cobra.Command {
	cmd := group(a, hooking(&cobra.Command{
		Use:   "hook",
		Short: "Answer a host that runs agents: may this tool run?",
		Long: `Answer a host that runs agents, such as Claude Code or Codex: may this tool run, and what became
of it. The host runs the command before and after each call, and says on standard input
which it is. The gate of the job answers. Whatever goes wrong, the answer is no.

gait doctor --host HOST says what fails open in the settings of a host.`,
	}))
	cmd.AddCommand(hookHostCommand(a, hook.ClaudeCode, "Claude Code"), hookHostCommand(a, hook.Codex, "Codex"), hookHostCommand(a, hook.Generic, "any other host, in gait's own form"))
	return cmd
}

// hookFlags say for which job, and as whom, a host's tools are asked about.
type hookFlags struct {
	host         hook.Host
	id           string
	timeout      time.Duration
	doneIfFailed []string
	lease        leaseFlag
	desk         deskFlags
}

func hookHostCommand(a *app, host hook.Host, name string) *cobra.Command {
	flags := hookFlags{host: host}
	cmd := hooking(&cobra.Command{
		Use:   string(host),
		Short: "Answer " + name,
		Long: `Answer ` + name + `. The job is that of --id, or of GAIT_JOB, which gait job run sets: an operator has
submitted it with a policy. The ledger is that of --root or GAIT_ROOT, an absolute path, or of
GAIT_URL. What the gate does not allow, the host does not run. After a call its grant is
settled: done with what the tool returned; unknown if it was interrupted or goes on in the
background, or if it failed, unless --done-if-failed names the tool.

It ends with 0 or 2 and no other code, also if its flags are wrong or it cannot be asked.
If it is missing or ended by force, the host sees another code, so its settings end the command
with more: examples/integrations has settings to copy.`,
		Example: "gait hook " + string(host) + " < call.json\ngait hook " + string(host) + " --id job_1 --actor worker_1 --done-if-failed Bash,Read < call.json",
		Args:    noArgs,
	})
	f := cmd.Flags()
	f.StringVar(&flags.id, "id", "", "the job's id (env GAIT_JOB)")
	f.DurationVar(&flags.timeout, "timeout", hookTimeout, "answer no after this time: less than the host waits, since it runs the tool then")
	f.StringSliceVar(&flags.doneIfFailed, "done-if-failed", nil, "tools whose failure is known to be their end, so that it settles them as done: NAME,…")
	flags.lease.add(f)
	flags.desk.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return flags.run(cmd, a) }
	return cmd
}

// run answers one call.
func (h *hookFlags) run(cmd *cobra.Command, a *app) error {
	a.json = false // the host's form is the only one
	if h.timeout <= 0 || h.timeout > time.Hour {
		return &usageError{code: "invalid_timeout", text: fmt.Sprintf("--timeout %s is no time from 1ns to 1h", h.timeout), hint: helpHint}
	}
	if readsTerminal(a.stdin) {
		return &usageError{code: "invalid_usage", text: "a host runs this command, and says on standard input what it asks", hint: helpHint}
	}
	// Signals end the context and no more: the process says no itself.
	signal.Notify(make(chan os.Signal, 1), endings()...)
	ctx, cancel := context.WithTimeout(cmd.Context(), h.timeout)
	defer cancel()
	defer time.AfterFunc(h.timeout+time.Second, func() { endHook(a) }).Stop()
	b, err := readCall(ctx, a.stdin)
	if err != nil {
		return err
	}
	call, err := h.host.Parse(b)
	if err != nil {
		return err
	}
	a.hookEvent = call.Event
	job := cmp.Or(h.id, a.getenv(jobVariable))
	if job == "" {
		return &usageError{code: "invalid_usage", text: "no job is named: neither --id nor GAIT_JOB", hint: "add --id JOB to the hook, or start the host with GAIT_JOB set"}
	}
	a.about(job)
	if err := h.checkNamed(a); err != nil {
		return err
	}
	lease, err := h.lease.of(&a.surroundings, cmd.Flags(), job)
	if err != nil {
		return err
	}
	d, err := newDesk(a, h.desk)
	if err != nil {
		return err
	}
	answer, err := h.answer(ctx, d, job, lease, call)
	if err != nil {
		return err
	}
	return a.tellHost(h.host, answer)
}

// answer asks the gate, or says what became of a call.
func (h *hookFlags) answer(ctx context.Context, d *desk, job string, lease int64, call hook.Call) (hook.Answer, error) {
	if call.Event != hook.Before {
		return h.settle(ctx, d, job, lease, call)
	}
	q := connect.GateQuestion{
		JobID: job, Tool: call.Tool, Intent: call.Intent(), CallID: call.CallID, Once: call.CallID == "", Lease: lease, AcceptClock: d.acceptClock,
		Facts: commands.GateFacts{EnvironmentFingerprint: new(boundFlags).environment()},
	}.Named()
	said, _ := d.Ask(ctx, q)
	a := hook.Answer{Event: call.Event, ReasonCode: said.ReasonCode, JobID: job, Tool: call.Tool, CallID: q.CallID, CheckpointID: said.CheckpointID}
	if ask.Allows(said, call.Tool, q.CallID) {
		a.OK, a.Grant = true, said.Grant
		return a, nil
	}
	a.Reason = ask.Words(said)
	if said.CheckpointID != "" {
		a.Reason += " The decision is " + said.CheckpointID + " of job " + job + "."
	}
	return a, nil
}

// settle says what became of a call that the gate allowed.
func (h *hookFlags) settle(ctx context.Context, d *desk, job string, lease int64, call hook.Call) (hook.Answer, error) {
	grant, same, err := grantOf(ctx, d, job, call)
	if err != nil {
		return hook.Answer{}, err
	}
	s := connect.Settlement{JobID: job, Grant: grant.ID, Lease: lease, Outcome: ledger.EffectDone, Result: bytes.NewReader(call.Result()), MediaType: "application/json"}
	switch why, ended := h.host.Doubt(call); {
	case !same:
		s.Reason = "it ran with other arguments than the gate allowed"
	case !ended || !slices.Contains(h.doneIfFailed, call.Tool):
		s.Reason = why
	}
	if s.Reason != "" {
		s.Outcome, s.Result = ledger.EffectUnknown, nil
	}
	if _, err := d.Settle(ctx, s); err != nil {
		return hook.Answer{}, err
	}
	a := hook.Answer{OK: true, Event: call.Event, JobID: job, Tool: call.Tool, CallID: call.CallID, Grant: grant.ID}
	if !same {
		a.OK, a.ReasonCode = false, "other_arguments"
		a.Reason = "It ran with other arguments than were allowed: something between changed them. Stop: a person has to find out what it did. (other_arguments)"
	}
	return a, nil
}

// Why nothing is settled: a host tells of a call that is not open, or of one of which it is not known
// what became, which is for a person to find out and not for a host to take back.
var (
	errNoGrant = ledger.NewError("no grant of this call is open: it was settled before, or the gate was not asked", ledger.Fault{Code: "no_open_grant", Category: ledger.CategoryInvalid})
	errUnknown = ledger.NewError("it is not known what became of this call, and a person finds out", ledger.Fault{Code: "no_open_grant", Category: ledger.CategoryInvalid})
)

// checkNamed refuses a ledger that is in the host's current directory: an agent can change that, and
// another ledger has other policies.
func (h *hookFlags) checkNamed(a *app) error {
	named := a.dir != "" || a.getenv("GAIT_ROOT") != ""
	switch {
	case !named && a.getenv(urlVariable) != "", named && filepath.IsAbs(a.rootDir()):
		return nil
	case named:
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("the ledger %.200q is in the host's current directory: a hook takes an absolute path alone", a.rootDir()), hint: "add --root with the absolute path of the ledger to the hook, or start the host with GAIT_ROOT set to it"}
	}
	return &usageError{code: "invalid_usage", text: "no ledger is named: neither --root nor GAIT_ROOT", hint: "add --root with the absolute path of the ledger to the hook, or start the host with GAIT_ROOT set to it"}
}

// grantOf returns the open grant of a call, and whether it was given for what the host says it ran.
func grantOf(ctx context.Context, d *desk, job string, call hook.Call) (grant projection.Grant, same bool, err error) {
	err = d.Read(ctx, func(l *connect.Ledger) error {
		j, err := l.Job(ctx, job)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(j.Grants, func(g projection.Grant) bool { return g.CallID == call.CallID && g.Tool == call.Tool })
		if i < 0 {
			return errNoGrant
		}
		if grant = j.Grants[i]; grant.Unknown {
			return errUnknown
		}
		kept, err := l.KeptContent(ctx, job, grant.Intent.Digest)
		if err != nil {
			return err
		}
		defer kept.Close()
		allowed, err := io.ReadAll(io.LimitReader(kept, ledger.MaxIntent+1))
		if err != nil {
			return err
		}
		ran, _, _ := daemon.IntentBytes(call.Intent())
		same = bytes.Equal(allowed, ran)
		return nil
	})
	return grant, same, err
}

// readCall reads what the host says, until it has said all or ctx ends.
func readCall(ctx context.Context, from io.Reader) ([]byte, error) {
	type read struct {
		b   []byte
		err error
	}
	done := make(chan read, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- read{err: &panicError{value: p}}
			}
		}()
		b, err := io.ReadAll(io.LimitReader(from, hook.MaxInput+1))
		done <- read{b, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && !errors.As(r.err, new(*panicError)) {
			return nil, &hook.InputError{Problem: r.err.Error()}
		}
		return r.b, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("reading what the host says: %w", ctx.Err())
	}
}
