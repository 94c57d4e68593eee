package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
)

// gateFlags say what a worker wants a tool to do.
type gateFlags struct {
	id, actor, tool, intent, policy, callID, fingerprint string
	notDoneExit                                          int64
	dryRun, explain, once                                bool
	signing                                              signing
	lease                                                leaseFlag
}

func (g *gateFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&g.id, "id", "", "the job's id (required)")
	f.StringVar(&g.tool, "tool", "", "the tool that is to run (required)")
	f.StringVar(&g.intent, "intent", "", `file with what it is to do: JSON like {"tool": "payments.refund", "arguments": {"amount": 12.5}, "target": "acct/7"}; - is standard input (required)`)
	f.StringVar(&g.callID, "call-id", "", "your name for this call, never used before in the job: so a call that was done is not done again, however late you ask")
	f.BoolVar(&g.once, "once", false, "name the call after its intent, in the place of --call-id: the job does exactly this once")
	f.StringVar(&g.policy, "policy", "", "file with the policy that the job is bound to; needed only if the ledger does not keep its bytes")
	f.StringVar(&g.fingerprint, "env-fingerprint", "", "fingerprint of the worker's environment (default: of operating system and architecture)")
	f.StringVar(&g.actor, "actor", "", "who asks (env GAIT_ACTOR; default os:LOGIN)")
	g.lease.add(f)
}

// request makes the request of an evaluation, without the intent. Each one has an id of its
// own, so that an answer that was lost can be asked for again by this process alone.
func (g *gateFlags) request(a *app, flags *pflag.FlagSet) (commands.Request, error) {
	for _, f := range []struct{ flag, value, says string }{{"--id", g.id, "which job asks"}, {"--tool", g.tool, "for what tool"}, {"--intent", g.intent, "what it is to do"}} {
		if f.value == "" {
			return commands.Request{}, &usageError{code: "invalid_usage", text: f.flag + " is missing: " + f.says, hint: helpHint}
		}
	}
	if g.once && g.callID != "" {
		return commands.Request{}, &usageError{code: "invalid_usage", text: "--once and --call-id both name the call", hint: "leave one of them out"}
	}
	a.about(g.id)
	lease, err := g.lease.of(&a.surroundings, flags, g.id)
	if err != nil {
		return commands.Request{}, err
	}
	requestID, err := ledger.NewULID(a.now(), a.entropy)
	if err != nil {
		return commands.Request{}, err
	}
	bound := boundFlags{fingerprint: g.fingerprint}
	c := commands.GateEval{Tool: g.tool, CallID: g.callID, Facts: commands.GateFacts{EnvironmentFingerprint: bound.environment(), NotDoneExit: g.notDoneExit}}
	return commands.Request{JobID: g.id, Actor: a.actor(g.actor), Lease: lease, RequestID: requestID, Command: c, DryRun: g.dryRun}, nil
}

// question reads the files of an evaluation.
func (g *gateFlags) question(a *app) (q gateQuestion, err error) {
	in, err := a.openInput(g.intent, 0)
	if err != nil {
		return q, err
	}
	defer in.close()
	b, err := io.ReadAll(io.LimitReader(in, ledger.MaxIntent+1))
	switch {
	case err != nil:
		return q, in.failed(err)
	case len(b) == 0:
		return q, in.empty()
	case len(b) <= ledger.MaxIntent:
		q.intent = b
		if intent, err := gate.ParseIntent(b); err == nil {
			q.intent, q.canonical = intent.Canonical(), true
		}
	}
	if g.policy != "" {
		q.policy, err = a.readFile(g.policy, gate.MaxPolicy)
	}
	return q, err
}

// ask asks the gate, and returns the answer: an error unless that is allow.
func (g *gateFlags) ask(cmd *cobra.Command, a *app) (commands.Result, commands.GateAnswer, error) {
	ctx := cmd.Context()
	if g.signing.given() {
		result, err := issue(ctx, a, order{Request: commands.Request{Command: commands.GateEval{}, DryRun: g.dryRun}, signing: g.signing})
		answer, err := answered(result, err)
		return result, answer, err
	}
	r, err := g.request(a, cmd.Flags())
	var q gateQuestion
	if err == nil {
		q, err = g.question(a)
	}
	if err != nil {
		answer, err := answered(commands.Result{}, err)
		return commands.Result{}, answer, err
	}
	if c, ok := r.Command.(commands.GateEval); ok && g.once && q.canonical {
		c.CallID = gate.OnceID(q.intent)
		r.Command = c
	}
	a.asking = &q
	if g.explain || g.dryRun {
		explained, err := explain(ctx, a, r, &q)
		if err != nil {
			answer, err := answered(commands.Result{}, err)
			return commands.Result{}, answer, err
		}
		if a.explanation = &explained; g.dryRun {
			err := dryAnswer(a, r, explained.Decision)
			return commands.Result{}, err.answer, err
		}
	}
	result, err := issue(ctx, a, order{Request: r, signing: g.signing})
	if printed, ok := isPrinted(err); ok {
		return result, commands.GateAnswer{}, printed
	}
	answer, err := answered(result, err)
	return result, answer, err
}

// dryAnswer is the answer to a dry run: a block, which says what the answer would be.
func dryAnswer(a *app, r commands.Request, d gate.Decision) *gateError {
	e := &gateError{
		answer: commands.GateAnswer{Verdict: ledger.GateBlock, ReasonCode: d.ReasonCode, Detail: d.Detail, DeterminedBy: d.DeterminedBy, Unsettled: d.Grants},
		more:   object{"dry_run": true, "would": object{"verdict": d.Verdict, "reason_code": d.ReasonCode}},
	}
	if d.Verdict != ledger.GateBlock {
		e.answer.ReasonCode = commands.CodeDryRun
		e.answer.Detail = fmt.Sprintf("with --dry-run nothing is allowed; the answer would be %s (%s)", d.Verdict, d.ReasonCode)
	}
	return e
}

func gateEvalCommand(a *app) *cobra.Command {
	var flags gateFlags
	cmd := exits(&cobra.Command{
		Use:   "eval",
		Short: "Ask whether a tool may do something now",
		Long: `Ask whether a tool may do something now, by the policy that the job is bound to. The answer is

  allow              exit 0: the tool may do exactly this, once. Then: gait gate settle
  require_approval   exit 4: a decision was asked for; after an approval and a resume, ask again
  block              exit 3: it may not; so does every error, whatever it is

Run the tool only on exit 0. Each answer is an event of the job. A grant is open until it is
settled: if you do not know any more whether the tool ran, the gate blocks the same call, or
the same intent, until someone found out.

With --dry-run nothing is written and nothing is allowed: the exit code is never 0.
With --explain the answer says which policies matched, and why others did not.`,
		Example: `gait gate eval --id job_1 --tool payments.refund --intent intent.json --json
gait gate eval --id job_1 --tool payments.refund --intent intent.json --call-id call_17
gait gate eval --id job_1 --tool payments.refund --intent intent.json --once
gait gate eval --id job_1 --tool payments.refund --intent - --explain --dry-run < intent.json`,
		Args: noArgs,
	}, exitOK, exitPolicy, exitApproval)
	flags.add(cmd)
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "decide, show the answer, write nothing and allow nothing")
	cmd.Flags().BoolVar(&flags.explain, "explain", false, "say which policies matched, and why others did not")
	flags.signing.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if flags.signing.given() {
			if err := flags.signing.alone(cmd, args); err != nil {
				return err
			}
		}
		result, answer, err := flags.ask(cmd, a)
		if printed, ok := isPrinted(err); ok {
			if err := a.printCommand(printed); err != nil {
				return err
			}
			return &silentBlock{}
		}
		if e, ok := isGateError(err); ok && flags.explain {
			withExplanation(e, a.explanation)
		}
		if err != nil {
			return err
		}
		return printAllow(a, result, answer)
	}
	return answering(cmd)
}

// printAllow prints the answer allow.
func printAllow(a *app, result commands.Result, answer commands.GateAnswer) error {
	fields := object{"job_id": result.Job.ID, "job": a.judged.view(result.Job), "receipt": receiptOf(result)}
	addAnswer(fields, answer)
	if a.explanation != nil {
		fields["explanation"] = explanationObject(a.explanation)
	}
	return a.print(fields, func(s *screen) {
		again := ""
		if answer.Repeated {
			again = ", as answered before"
		}
		s.done("%s %s may run, once %s", s.bold(result.Job.ID), answer.Tool, s.dim(fmt.Sprintf("(event %d, revision %d%s)", result.Receipt.Seq, result.Receipt.Revision, again)))
		s.fields([2]string{"grant", answer.Grant}, [2]string{"because", because(answer)})
		showExplanation(s, a.explanation)
		s.next("gait gate settle --grant " + answer.Grant + " --outcome done --actor " + quoted(result.Event.Actor()))
	})
}

// because says in a few words why the gate answered as it did.
func because(answer commands.GateAnswer) string {
	var text strings.Builder
	text.WriteString(answer.ReasonCode)
	for i, id := range answer.DeterminedBy {
		if i == 0 {
			text.WriteString(", by ")
		} else {
			text.WriteString(", ")
		}
		text.WriteString(id)
	}
	return text.String()
}
