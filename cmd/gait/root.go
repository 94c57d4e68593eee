package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// defaultLockTimeout is how long a command waits for another process.
const defaultLockTimeout = 10 * time.Second

// command builds the command line.
func (a *app) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gait",
		Short: "Durable jobs for AI agents, with evidence",
		Long: `gait keeps durable jobs: records of long agent work that survive crashes, wait
for people, stop for reasons anyone can read, and leave evidence that a stranger
can check offline. Every command appends one event to a signed, append-only ledger.`,
		Example: `gait job submit --id job_1
gait job checkpoint add --id job_1 --summary "step 1 complete"
gait job status --id job_1
gait pack build --type job --from job_1
gait pack verify ./gait-out/pack_job_1.zip`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) { a.running = cmd },
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		a.running = c
		return &usageError{code: "invalid_usage", text: err.Error(), hint: c.CommandPath() + " --help"}
	})
	cmd.SetHelpFunc(a.help)
	flags := cmd.PersistentFlags()
	flags.BoolVar(&a.json, "json", a.json, "print one JSON object on stdout")
	flags.StringVar(&a.dir, "root", "", "directory of the ledger (env GAIT_ROOT; default ./gait-out/jobs)")
	flags.DurationVar(&a.lockTimeout, "lock-timeout", defaultLockTimeout, "how long to wait for another process that has the ledger open")
	flags.BoolVar(&a.allowNetworkFS, "allow-network-fs", false, "use a ledger on a network file system all the same")
	cmd.AddCommand(a.jobCommand(), a.ledgerCommand(), a.keysCommand(), a.packCommand(), a.doctorCommand(), a.versionCommand())
	group(a, cmd)
	return cmd
}

// group makes a command that only holds others: called by itself, or with a
// word it does not know, it says what it takes.
func group(a *app, cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(c *cobra.Command, args []string) error {
		var names []string
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				names = append(names, sub.Name())
			}
		}
		e := &usageError{code: "invalid_usage", text: fmt.Sprintf("%s needs a command: %s", c.CommandPath(), strings.Join(names, ", ")), hint: c.CommandPath() + " --help"}
		if len(args) > 0 {
			e.text = fmt.Sprintf("%s has no command %.40q, only: %s", c.CommandPath(), args[0], strings.Join(names, ", "))
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				e.hint = c.CommandPath() + " " + near[0]
			}
		}
		return e
	}
	return cmd
}

// exits notes the exit codes a command can give, for its help.
func exits(cmd *cobra.Command, codes ...int) *cobra.Command {
	var list []string
	for _, code := range codes {
		list = append(list, strconv.Itoa(code))
	}
	cmd.Annotations = map[string]string{"exits": strings.Join(list, " ")}
	return cmd
}

// help prints a command's help: what it does, its flags, examples, exit codes.
func (a *app) help(cmd *cobra.Command, _ []string) {
	a.running = cmd
	text := helpText(cmd)
	if a.json {
		_ = a.print(object{"help": text}, nil) // a closed stdout has nobody to tell
		return
	}
	fmt.Fprint(a.stdout, text)
}

func helpText(cmd *cobra.Command) string {
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", about, cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	if flags := cmd.LocalNonPersistentFlags().FlagUsages(); flags != "" {
		b.WriteString("\nFlags:\n" + flags)
	}
	b.WriteString("\nEverywhere:\n" + cmd.Root().PersistentFlags().FlagUsages())
	if cmd.Example != "" {
		b.WriteString("\nExamples:\n")
		for line := range strings.Lines(cmd.Example) {
			b.WriteString("  " + line)
		}
		b.WriteString("\n")
	}
	b.WriteString("\nExit codes:\n")
	for _, code := range exitCodesOf(cmd) {
		fmt.Fprintf(&b, "  %d  %s\n", code, meanings[code])
	}
	return b.String()
}

func exitCodesOf(cmd *cobra.Command) []int {
	var codes []int
	for _, word := range strings.Fields(cmd.Annotations["exits"]) {
		if code, err := strconv.Atoi(word); err == nil {
			codes = append(codes, code)
		}
	}
	if codes == nil {
		codes = slices.Sorted(maps.Keys(meanings))
	}
	return codes
}

// jobID takes a job's id from --id or the one positional argument.
func jobID(flag string, args []string) (string, error) {
	switch {
	case len(args) > 1:
		return "", &usageError{code: "invalid_usage", text: fmt.Sprintf("one job id is enough, not %d", len(args)), hint: "name one job"}
	case len(args) == 1 && flag != "" && flag != args[0]:
		return "", &usageError{code: "invalid_usage", text: fmt.Sprintf("two job ids: --id %s and %s", flag, args[0]), hint: "name the job once"}
	case len(args) == 1:
		return args[0], nil
	}
	return flag, nil
}

// existingJobID is jobID for commands that need one.
func existingJobID(flag string, args []string) (string, error) {
	id, err := jobID(flag, args)
	if err == nil && id == "" {
		err = &usageError{code: "invalid_usage", text: "which job? its id is missing", hint: "add --id JOB; gait job list shows the jobs there are"}
	}
	return id, err
}
