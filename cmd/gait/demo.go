package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// demoHome is where the demo keeps its keys, so that the user's are left alone.
var demoHome = filepath.Join("gait-out", "home")

func (a *app) demoCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:   "demo",
		Short: "Play a job from submit to a verified pack and a test, in an empty directory",
		Long: `Play a job in the directory at hand: an agent's refund, with a decision, a pause and a
crash; its pack, verified, and tampered with; and a test made of it. All of it lies
under ./gait-out and ./regress afterwards, the keys too: yours are left alone.`,
		Example: "mkdir try && cd try && gait demo",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context()) },
	}, 0, 1, 6, 8)
}

// A demoStep is a command of the demo, and what is said before it.
type demoStep struct {
	say  string
	args []string
	exit int
	do   func(context.Context) error // instead of a command
	line string                      // what to show for it
}

// A demoDone is a step as JSON shows it.
type demoDone struct {
	Say     string `json:"say"`
	Command string `json:"command"`
	Exit    int    `json:"exit"`
}

func (a *app) demo(ctx context.Context) error {
	for _, name := range []string{"gait-out", "regress"} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return &unsafeError{code: "would_overwrite", text: name + " is there already", hint: "mkdir try && cd try && gait demo"}
		}
	}
	steps := []demoDone{}
	for _, step := range a.demoSteps() {
		done, err := a.demoStep(ctx, step)
		if err != nil {
			return err
		}
		steps = append(steps, done)
	}
	return a.print(object{"steps": steps, "path": "gait-out"}, func(s *screen) {
		s.add("\n")
		s.done("that was a job with evidence: the ledger is in gait-out/jobs, its pack beside it, its test in regress")
		fmt.Fprintf(s, "%s GAIT_HOME=%s gait job list\n", s.bold("look around:"), demoHome)
	})
}

func (a *app) demoSteps() []demoStep {
	job := func(words ...string) []string { return append([]string{"job"}, words...) }
	const pack = "gait-out/pack_refund_17.zip"
	changed := filepath.Join("gait-out", "tampered.zip")
	crash := job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-2", "--request-id", "step-2", "--summary", "bank details verified")
	return []demoStep{
		{say: "An agent begins a job. The first one makes the ledger and its key.", args: job("submit", "--id", "refund_17", "--actor", "agent@worker-1", "--label", "team=payments")},
		{say: "It records its progress, and asks before it moves money.", args: job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-1", "--summary", "order 17 looked up")},
		{args: job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-1", "--type", "decision-needed", "--summary", "refund is 900 EUR", "--required-action", "approve the refund")},
		{say: "It cannot go on by itself, and cannot approve its own request.", args: job("resume", "--id", "refund_17", "--actor", "agent@worker-1"), exit: exitApproval},
		{args: job("approve", "--id", "refund_17", "--actor", "agent@worker-1", "--reason", "looks fine to me"), exit: exitPolicy},
		{say: "An operator pauses it, which launders nothing; a reviewer approves.", args: job("pause", "--id", "refund_17", "--actor", "operator_1", "--reason", "lunch")},
		{args: job("approve", "--id", "refund_17", "--actor", "reviewer_1", "--reason", "receipt checked")},
		{args: job("resume", "--id", "refund_17", "--actor", "agent@worker-2")},
		{say: "The worker is killed in the middle of a step.", line: spelt(crash) + "   # kill -9", do: func(ctx context.Context) error { return a.demoCrash(ctx, crash) }},
		{say: "Another one tries again with the same request id: it is done once, whatever the first got to.", args: crash},
		{args: job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-2", "--type", "completed", "--summary", "900 EUR refunded")},
		{say: "What happened, and who said what:", args: job("inspect", "--id", "refund_17")},
		{say: "Evidence for a stranger: the events' exact bytes, with the proof that they are in the signed tree.", args: []string{"pack", "build", "--from", "refund_17"}},
		{args: []string{"pack", "verify", pack}},
		{say: "And yesterday's job is today's test.", args: []string{"regress", "init", "--from", "refund_17", "--name", "refund", "--why", "the demo"}},
		{args: []string{"regress", "run"}},
		{say: "Somebody changes 900 EUR to 100 EUR in a copy of the pack.", line: "sed 's/900 EUR/100 EUR/' " + pack + " > " + changed, do: func(context.Context) error {
			b, err := os.ReadFile(pack)
			if err != nil {
				return err
			}
			return os.WriteFile(changed, bytes.ReplaceAll(b, []byte("900 EUR"), []byte("100 EUR")), 0o600)
		}},
		{args: []string{"pack", "verify", changed}, exit: exitVerify},
	}
}

// demoStep carries out a step and shows it as it would look in a shell.
func (a *app) demoStep(ctx context.Context, step demoStep) (demoDone, error) {
	done := demoDone{Say: step.say, Command: step.line, Exit: step.exit}
	if step.do == nil {
		done.Command = spelt(step.args)
	}
	s := a.screen()
	if step.say != "" {
		fmt.Fprintf(s, "\n%s\n", s.bold(step.say))
	}
	fmt.Fprintf(s, "%s %s\n", s.dim("$"), s.yellow(done.Command))
	a.demoShow(s.String())
	if step.do != nil {
		if err := step.do(ctx); err != nil {
			return done, fmt.Errorf("the demo: %s: %w", done.Command, err)
		}
		return done, nil
	}
	var out bytes.Buffer
	sub := &app{stdout: &out, stderr: &out, getenv: a.demoEnv, now: a.now, entropy: a.entropy, exit: a.exit}
	code := sub.run(ctx, step.args)
	a.demoShow(out.String())
	if code != step.exit {
		return done, fmt.Errorf("the demo: %s exits %d, and should have %d: %s", done.Command, code, step.exit, out.String())
	}
	return done, nil
}

// spelt spells a command as a shell reads it.
func spelt(args []string) string {
	words := []string{"gait"}
	for _, word := range args {
		words = append(words, quoted(word))
	}
	return strings.Join(words, " ")
}

func (a *app) demoShow(text string) {
	if !a.json {
		_, _ = a.stdout.Write([]byte(text)) // what cannot be shown fails when the end cannot
	}
}

// demoEnv is the environment, with a home of the demo's own.
func (a *app) demoEnv(name string) string {
	switch name {
	case "GAIT_HOME":
		return demoHome
	case "GAIT_ROOT", "GAIT_ACTOR", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS":
		return ""
	}
	return a.getenv(name)
}

// demoCrash starts this program for a command, and kills it.
func (a *app) demoCrash(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	worker := exec.CommandContext(ctx, self, args...)
	worker.Env = append(os.Environ(), "GAIT_HOME="+demoHome, "GAIT_ROOT=", "GAIT_ACTOR=")
	if err := worker.Start(); err != nil {
		return err
	}
	time.Sleep(15 * time.Millisecond)
	if err := worker.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = worker.Wait() // killed, or done before
	return nil
}
