package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/commands/process"
)

// defaultLockTimeout is the default of --lock-timeout.
const defaultLockTimeout = 10 * time.Second

// gaitCommand builds the command line.
func gaitCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gait",
		Short: "Durable jobs for AI agents, with evidence",
		Long: `gait keeps durable jobs: records of long agent work that survive crashes, wait
for people, stop for reasons anyone can read, and leave evidence that a stranger
can check offline. Every command appends one event to a signed, append-only ledger.

Where a command reads a file, it also reads a pipe, or standard input if the file is -.`,
		Example: `gait job submit --id job_1
gait job checkpoint add --id job_1 --summary "step 1 complete"
gait job status --id job_1
gait pack build --type job --from job_1
gait pack verify ./gait-out/pack_job_1.zip`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error { return checkGlobalFlags(a, cmd, args) },
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetHelpCommand(helpCommand(a))
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		text := err.Error()
		if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
			text = fmt.Sprintf("--%s takes %s, not %.80q", bad.GetFlag().Name, cmp.Or(kinds[bad.GetFlag().Value.Type()], "another kind of value"), bad.GetValue())
		}
		return &usageError{code: "invalid_usage", text: text, hint: helpHint}
	})
	cmd.SetHelpFunc(func(c *cobra.Command, _ []string) { a.helped = printHelp(a, c) })
	cmd.AddCommand(hookCommand(a))
	flags := cmd.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print one JSON object on stdout")
	flags.StringVar(&a.dir, "root", "", "directory of the ledger (env GAIT_ROOT; default ./gait-out/jobs)")
	flags.DurationVar(&a.lockTimeout, "lock-timeout", defaultLockTimeout, "how long to wait for another process that has the ledger open")
	flags.BoolVar(&a.allowNetworkFS, "allow-network-fs", false, "use a ledger on a network file system anyway")
	flags.BoolVar(&a.acceptClock, "accept-clock", false, "write although the clock of the machine that writes is probably wrong")
	flags.BoolVar(&a.requireDaemon, "require-daemon", false, "go through the daemon of gait serve, or fail (env GAIT_DAEMON=require|never|auto)")
	cmd.AddCommand(serveCommand(a), jobCommand(a), ledgerCommand(a), keysCommand(a), contentCommand(a), gateCommand(a), mcpCommand(a), actorCommand(a), authorityCommand(a), packCommand(a), exportCommand(a), policyCommand(a), replayCommand(a), regressCommand(a), reportCommand(a), schemaCommand(a), demoCommand(a, runLine), workCommand(a), doctorCommand(a), completionCommand(a), versionCommand(a))
	setCompletions(a, cmd)
	goThroughURL(cmd)
	return orVersion(a, group(a, cmd))
}

// kinds says which values the flags of a type take.
var kinds = map[string]string{"bool": "true or false", "int": "a whole number", "int64": "a whole number", "duration": "a time such as 10s or 500ms"}

// checkGlobalFlags runs before every command.
func checkGlobalFlags(a *app, cmd *cobra.Command, args []string) error {
	a.running, a.begun = cmd, true
	a.json = a.json && cmd.Flags().Changed("json") // "--json" may also be the value of another flag
	if err := noEmpty(a, cmd, args); err != nil {
		return err
	}
	if err := a.checkRoot(); err != nil {
		return err
	}
	if err := checkURL(a, cmd); err != nil {
		return err
	}
	if a.lockTimeout < 0 {
		return &usageError{code: "invalid_lock_timeout", text: fmt.Sprintf("--lock-timeout %s is negative", a.lockTimeout), hint: "--lock-timeout 0s does not wait"}
	}
	return nil
}

// orVersion makes gait --version the same as gait version.
func orVersion(a *app, cmd *cobra.Command) *cobra.Command {
	asked := cmd.Flags().Bool("version", false, "print the versions of gait, Go and the formats")
	otherwise := cmd.RunE
	cmd.RunE = func(c *cobra.Command, args []string) error {
		version, _, err := c.Find([]string{"version"})
		if err != nil || !*asked || len(args) > 0 {
			return otherwise(c, args)
		}
		a.running = version
		return version.RunE(version, args)
	}
	return cmd
}

// runProcess runs the command line of the process and returns the exit code.
func runProcess(a *app) int {
	if slices.Equal(os.Args[1:], []string{process.GuardArg}) {
		return process.GuardMain(os.Stdin)
	}
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// What is written to a pipe that no process reads any longer fails then, and does not
	// kill the process in the middle of a command.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return runLine(ctx, a, os.Args[1:])
}

// runLine carries out one command line. A panic is a bug in gait: it is reported
// like any other error.
func runLine(ctx context.Context, a *app, args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = endLine(a, a.fail(&panicError{value: p, stack: debug.Stack()}))
		}
	}()
	a.stdout, a.interrupted = checkedOutput{a.stdout}, ctx.Err
	cmd := gaitCommand(a)
	cmd.SetArgs(args)
	a.running, a.json = cmd, asksJSON(args)
	ran, err := cmd.ExecuteContextC(ctx)
	if err == nil {
		err = a.helped
	}
	if !hooks(a.running) && (err != nil && !a.begun || a.running == cmd) {
		a.running = hookIn(ran, args) // its flags or arguments were not accepted, or it was not reached
	}
	if err != nil {
		return endLine(a, a.fail(err))
	}
	return endLine(a, askedHost(&a.console))
}

// asksJSON reports whether the command line asks for JSON, so that an error in
// a flag before --json is JSON too.
func asksJSON(args []string) (asked bool) {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	for _, arg := range args {
		if arg == "--json" {
			asked = true
		} else if value, ok := strings.CutPrefix(arg, "--json="); ok {
			asked, _ = strconv.ParseBool(value)
		}
	}
	return asked
}
