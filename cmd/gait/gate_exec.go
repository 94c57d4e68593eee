package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
)

// killAfter is how long the command of gait gate exec has to end after it was told to.
const killAfter = 10 * time.Second

func gateExecCommand(a *app) *cobra.Command {
	var flags gateFlags
	var intentToStdin bool
	cmd := exits(&cobra.Command{
		Use:   "exec --id JOB --tool TOOL --intent FILE -- COMMAND...",
		Short: "Run a command if the gate allows it, and settle its grant",
		Long: `Ask the gate, as gait gate eval does, and run a command only if the answer is allow. Then settle
the grant by how the command ended: done if it exits with 0, and unknown otherwise, since part
of the work may have been done. If --not-done-exit says with which exit code the command ends
when it did nothing, that is not_done; the gate's policy sees it too. If the command ran and
did not exit with 0, gait exits with 1: with --json, ended says how the command ended.

If gait is killed while the command runs, the grant stays open. The command finds the grant in
GAIT_GRANT, the job in GAIT_JOB and, with --intent-to-stdin, the intent on its standard input:
a command that reads there what it is to do cannot do something else than was allowed. With
--json what it prints goes to standard error.`,
		Example: `gait gate exec --id job_1 --tool payments.refund --intent intent.json -- ./refund.sh
gait gate exec --id job_1 --tool payments.refund --intent intent.json --call-id call_17 --not-done-exit 75 --intent-to-stdin -- ./refund.sh`,
	}, exitOK, exitIO, exitPolicy, exitApproval)
	flags.add(cmd)
	f := cmd.Flags()
	f.Int64Var(&flags.notDoneExit, "not-done-exit", 0, "the exit code with which the command says that nothing was done, 1 to 255")
	f.BoolVar(&intentToStdin, "intent-to-stdin", false, "give the command the intent, as the gate has decided about it, on its standard input")
	f.StringVar(&flags.signing.key, "sign-key", "", "sign with this key: its file, agent, or agent:FINGERPRINT (env GAIT_SIGN_KEY)")
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.ArgsLenAtDash() != 0 || len(args) == 0 {
			return &usageError{code: "invalid_usage", text: "the command to run comes after --", hint: "gait gate exec --id JOB --tool TOOL --intent FILE -- COMMAND"}
		}
		flags.signing.validFor = commands.SignedFor
		if flags.notDoneExit < 0 || flags.notDoneExit > 255 || cmd.Flags().Changed("not-done-exit") && flags.notDoneExit == 0 {
			return &usageError{code: "invalid_usage", text: fmt.Sprintf("--not-done-exit %d is not from 1 to 255", flags.notDoneExit), hint: helpHint}
		}
		path, err := findProgram(args[0]) // nothing is asked for what cannot run
		if err != nil {
			return err
		}
		result, answer, err := flags.ask(cmd, a)
		if err != nil {
			return err
		}
		e := &execution{app: a, flags: &flags, result: result, answer: answer}
		if intentToStdin {
			e.stdin = a.asking.intent
		}
		return e.run(cmd.Context(), path, args)
	}
	return answering(cmd)
}

// An execution is a command that the gate has allowed.
type execution struct {
	*app

	flags  *gateFlags
	result commands.Result
	answer commands.GateAnswer
	stdin  []byte // what the command reads; nil: what gait would read
}

// reason says in words how the command ended.
func (e ending) reason() string {
	if e.NotStarted != "" {
		return "the command could not be started: " + e.NotStarted
	}
	if e.Signal != "" {
		return "the command was ended by the signal " + e.Signal
	}
	return "the command ended with exit " + strconv.Itoa(e.Exit)
}

// run runs the command and settles the grant. An error of it is a *toolError, whose exit code
// is exitIO, so that it is no answer of the gate: the command ran.
func (e *execution) run(ctx context.Context, path string, args []string) error {
	end := e.start(ctx, path, args)
	settled, err := e.settle(context.WithoutCancel(ctx), end)
	if err != nil {
		return &toolError{code: "effect_not_settled", text: fmt.Sprintf("%s, but its grant %s is still open: %v", end.reason(), e.answer.Grant, err), grant: e.answer.Grant, tool: e.answer.Tool, end: end}
	}
	if end.Outcome != ledger.EffectDone {
		return &toolError{code: "tool_failed", text: fmt.Sprintf("%s: %s is settled as %s", end.reason(), e.answer.Grant, end.Outcome), grant: e.answer.Grant, tool: e.answer.Tool, end: end}
	}
	fields := object{"job_id": settled.Job.ID, "job": e.judged.view(settled.Job), "receipt": receiptOf(settled), "ended": end}
	addAnswer(fields, e.answer)
	if e.json {
		if err := e.writeObject(e.success(fields)); err != nil {
			return &toolError{code: "output_failed", text: fmt.Sprintf("%s, and its grant is settled, but: %v", end.reason(), err), grant: e.answer.Grant, tool: e.answer.Tool, end: end}
		}
		return nil
	}
	e.notice("done: grant " + e.answer.Grant + " is settled, event " + strconv.FormatInt(int64(settled.Receipt.Seq), 10))
	return nil
}

// start runs the command to its end.
func (e *execution) start(ctx context.Context, path string, args []string) ending {
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.app.stdin, e.stdoutOfChild(), e.stderr
	if e.stdin != nil {
		cmd.Stdin = bytes.NewReader(e.stdin)
	} else if e.stdinRead {
		cmd.Stdin = nil
	}
	cmd.Env = append(slices.Clone(e.environ()), "GAIT_GRANT="+e.answer.Grant, "GAIT_JOB="+e.result.Job.ID)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	end := ending{Outcome: ledger.EffectUnknown, Exit: -1}
	if err := cmd.Start(); err != nil {
		end.NotStarted = err.Error()
		if e.flags.notDoneExit > 0 {
			end.Outcome = ledger.EffectNotDone
		}
		return end
	}
	err := cmd.Wait()
	if cmd.ProcessState != nil {
		end.Exit = cmd.ProcessState.ExitCode()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			end.Signal = status.Signal().String()
		}
	}
	switch {
	case err == nil && end.Exit == 0:
		end.Outcome = ledger.EffectDone
	case e.flags.notDoneExit > 0 && int64(end.Exit) == e.flags.notDoneExit:
		end.Outcome = ledger.EffectNotDone
	}
	return end
}

// settle says on the ledger how the command ended.
func (e *execution) settle(ctx context.Context, end ending) (commands.Result, error) {
	requestID, err := ledger.NewULID(e.now(), e.entropy)
	if err != nil {
		return commands.Result{}, err
	}
	r := commands.Request{
		JobID: e.result.Job.ID, Actor: e.result.Event.Actor(), Lease: e.result.Event.Lease(), RequestID: requestID,
		Command: commands.GateSettle{Grant: e.answer.Grant, Outcome: end.Outcome},
	}
	if end.Outcome != ledger.EffectDone {
		r.Reason = end.reason()
	}
	e.asking = nil
	e.written.Store(nil)
	e.writing.Store(false)
	return issue(ctx, e.app, order{Request: r, signing: e.flags.signing})
}

func (e *toolError) fields() object { return object{"grant": e.grant, "ended": e.end, "tool": e.tool} }
