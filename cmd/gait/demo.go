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
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A lineRunner carries out one command line and returns the exit code.
type lineRunner func(ctx context.Context, a *app, args []string) int

// demoHome returns the directory of the demo's own keys; the user's are not touched.
func demoHome() (string, error) { return filepath.Abs(filepath.Join("gait-out", "home")) }

// demoCommand plays a job with run, which carries out one command line.
func demoCommand(a *app, run lineRunner) *cobra.Command {
	return exits(&cobra.Command{
		Use:   "demo",
		Short: "Play a job from submit to a verified pack and a test, in an empty directory",
		Long: `Play a job in the current directory: an agent's refund, with a decision, a pause and a
crash; its pack, which is verified, then tampered with; and a test made of it. All
files are in ./gait-out and ./regress, the keys too: your own keys are not used.`,
		Example: "mkdir try && cd try && gait demo",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return playDemo(cmd.Context(), a, run) },
	}, 0, 1, 6, 8)
}

// A demoStep is a command of the demo, and the sentence shown before it.
type demoStep struct {
	say  string
	args []string
	exit int
	do   func(context.Context) error // instead of a command
	line string                      // what to show for it
}

// A playedStep is a step of the demo as JSON shows it.
type playedStep struct {
	Say     string `json:"say"`
	Command string `json:"command"`
	Exit    int    `json:"exit"`
}

func playDemo(ctx context.Context, a *app, run lineRunner) error {
	for _, name := range []string{"gait-out", "regress"} {
		if _, err := a.outPath("cd", name); err != nil {
			return err
		}
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return &unsafeError{code: "would_overwrite", text: name + " is there already", hint: "mkdir try && cd try && gait demo"}
		}
	}
	keys, err := demoHome()
	if err != nil {
		return err
	}
	steps := []playedStep{}
	for _, step := range demoSteps(a, keys) {
		done, err := playStep(ctx, a, run, step, keys)
		if err != nil {
			return err
		}
		steps = append(steps, done)
	}
	return a.print(object{"steps": steps, "path": "gait-out"}, func(s *screen) {
		s.add("\n")
		s.done("that was a job with evidence: the ledger is in gait-out/jobs, its pack in gait-out, its test in regress")
		fmt.Fprintf(s, "%s GAIT_HOME=%s gait job list\n", s.bold("look around:"), quoted(keys))
	})
}

func demoSteps(a *app, keys string) []demoStep {
	job := func(words ...string) []string { return append([]string{"job"}, words...) }
	const pack = "gait-out/pack_refund_17.zip"
	changed := filepath.Join("gait-out", "tampered.zip")
	crash := job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-2", "--request-id", "step-2", "--summary", "bank details verified")
	return []demoStep{
		{say: "An agent begins a job. The first one makes the ledger and its key.", args: job("submit", "--id", "refund_17", "--actor", "agent@worker-1", "--label", "team=payments")},
		{say: "It records its progress, and asks before it moves money.", args: job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-1", "--summary", "order 17 looked up")},
		{args: job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-1", "--type", "decision-needed", "--summary", "refund is 900 EUR", "--required-action", "approve the refund")},
		{say: "It cannot continue by itself, and cannot approve its own request.", args: job("resume", "--id", "refund_17", "--actor", "agent@worker-1"), exit: exitApproval},
		{args: job("approve", "--id", "refund_17", "--actor", "agent@worker-1", "--reason", "looks fine to me"), exit: exitPolicy},
		{say: "An operator pauses it, which settles nothing; a reviewer approves.", args: job("pause", "--id", "refund_17", "--actor", "operator_1", "--reason", "lunch")},
		{args: job("approve", "--id", "refund_17", "--actor", "reviewer_1", "--reason", "receipt checked")},
		{args: job("resume", "--id", "refund_17", "--actor", "agent@worker-2")},
		{say: "The worker is killed in the middle of a step.", line: spelt(crash) + "   # kill -9", do: func(ctx context.Context) error { return demoCrash(ctx, keys, crash) }},
		{say: "Another worker tries again with the same request id: the step is recorded once, however far the first one came.", args: crash},
		{args: job("checkpoint", "add", "--id", "refund_17", "--actor", "agent@worker-2", "--type", "completed", "--summary", "900 EUR refunded")},
		{say: "What happened, and who did it:", args: job("inspect", "--id", "refund_17")},
		{say: "Evidence for an outsider: the events' exact bytes, with a proof that they are in the signed tree.", args: []string{"pack", "build", "--from", "refund_17"}},
		{args: []string{"pack", "verify", pack}},
		{say: "The recorded job becomes a test.", args: []string{"regress", "init", "--from", "refund_17", "--name", "refund", "--why", "the demo"}},
		{args: []string{"regress", "run"}},
		{say: "An attacker changes 900 EUR to 100 EUR in a copy of the pack.", line: "sed 's/900 EUR/100 EUR/' " + pack + " > " + changed, do: func(context.Context) error {
			b, err := os.ReadFile(pack)
			if err != nil {
				return err
			}
			return os.WriteFile(changed, bytes.ReplaceAll(b, []byte("900 EUR"), []byte("100 EUR")), 0o600)
		}},
		{args: []string{"pack", "verify", changed}, exit: exitVerify},
	}
}

// playStep carries out a step and shows it as it would look in a shell.
func playStep(ctx context.Context, a *app, run lineRunner, step demoStep, keys string) (playedStep, error) {
	done := playedStep{Say: step.say, Command: step.line, Exit: step.exit}
	if step.do == nil {
		done.Command = spelt(step.args)
	}
	s := a.screen()
	if step.say != "" {
		fmt.Fprintf(s, "\n%s\n", s.bold(step.say))
	}
	fmt.Fprintf(s, "%s %s\n", s.dim("$"), s.yellow(done.Command))
	demoShow(a, s.String())
	if step.do != nil {
		if err := step.do(ctx); err != nil {
			return done, fmt.Errorf("the demo: %s: %w", done.Command, err)
		}
		return done, nil
	}
	var out bytes.Buffer
	sub := &app{
		console: console{stdout: &out, stderr: &out, surroundings: surroundings{getenv: demoEnv(a, keys)}},
		now:     a.now, entropy: a.entropy, exit: a.exit,
	}
	code := run(ctx, sub, step.args)
	demoShow(a, out.String())
	if code != step.exit {
		return done, fmt.Errorf("the demo: %s exits %d, and should have %d: %s", done.Command, code, step.exit, out.String())
	}
	return done, nil
}

// spelt writes a command as it is typed in a shell.
func spelt(args []string) string {
	words := []string{"gait"}
	for _, word := range args {
		words = append(words, quoted(word))
	}
	return strings.Join(words, " ")
}

func demoShow(a *app, text string) {
	if !a.json {
		_, _ = a.stdout.Write([]byte(text)) // if this fails, printing the result fails too
	}
}

// demoEnv returns the environment with GAIT_HOME set to the demo's own keys.
func demoEnv(a *app, keys string) func(name string) string {
	return func(name string) string {
		switch name {
		case "GAIT_HOME":
			return keys
		case "GAIT_ROOT", "GAIT_ACTOR", leaseVariable, traceVariable, urlVariable, "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS":
			return ""
		}
		return a.getenv(name)
	}
}

// demoCrash starts this program with a command, and kills it.
func demoCrash(ctx context.Context, keys string, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	worker := exec.CommandContext(ctx, self, args...)
	worker.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GAIT_HOME", "GAIT_ROOT", "GAIT_ACTOR", leaseVariable, traceVariable, urlVariable}, name)
	}), "GAIT_HOME="+keys)
	if err := worker.Start(); err != nil {
		return err
	}
	time.Sleep(15 * time.Millisecond)
	if err := worker.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = worker.Wait() // it was killed, or had finished before
	return nil
}
