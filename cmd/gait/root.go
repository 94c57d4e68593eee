package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/ledger"
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
		PersistentPreRunE: a.begin,
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetHelpCommand(a.helpCommand())
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		text := err.Error()
		if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
			text = fmt.Sprintf("--%s takes %s, not %.80q", bad.GetFlag().Name, cmp.Or(kinds[bad.GetFlag().Value.Type()], "another kind of value"), bad.GetValue())
		}
		return &usageError{code: "invalid_usage", text: text, hint: helpHint}
	})
	cmd.SetHelpFunc(func(c *cobra.Command, _ []string) { a.helped = a.help(c) })
	flags := cmd.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print one JSON object on stdout")
	flags.StringVar(&a.dir, "root", "", "directory of the ledger (env GAIT_ROOT; default ./gait-out/jobs)")
	flags.DurationVar(&a.lockTimeout, "lock-timeout", defaultLockTimeout, "how long to wait for another process that has the ledger open")
	flags.BoolVar(&a.allowNetworkFS, "allow-network-fs", false, "use a ledger on a network file system all the same")
	flags.BoolVar(&a.requireDaemon, "require-daemon", false, "go through the daemon of gait serve, or fail (env GAIT_DAEMON=require|never|auto)")
	cmd.AddCommand(a.serveCommand(), a.jobCommand(), a.ledgerCommand(), a.keysCommand(), a.packCommand(), a.replayCommand(), a.regressCommand(), a.schemaCommand(), a.demoCommand(), a.doctorCommand(), a.completionCommand(), a.versionCommand())
	a.complete(cmd)
	return a.orVersion(group(a, cmd))
}

// kinds says what flags of a type take.
var kinds = map[string]string{"bool": "true or false", "int": "a whole number", "int64": "a whole number", "duration": "a time such as 10s or 500ms"}

// begin comes before every command.
func (a *app) begin(cmd *cobra.Command, _ []string) error {
	a.running, a.begun = cmd, true
	a.json = a.json && cmd.Flags().Changed("json") // not where it is another flag's value
	if err := emptyFlag(cmd); err != nil {
		return err
	}
	if a.lockTimeout < 0 {
		return &usageError{code: "invalid_lock_timeout", text: fmt.Sprintf("--lock-timeout %s is less than nothing", a.lockTimeout), hint: "--lock-timeout 0s does not wait at all"}
	}
	return nil
}

// mayBeEmpty marks flags for which empty means what leaving them out does.
const mayBeEmpty = "empty"

// emptyFlag refuses flags that were given without a value.
func emptyFlag(cmd *cobra.Command) error {
	var name string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, may := f.Annotations[mayBeEmpty]; !may && f.Value.Type() == "string" && f.Value.String() == "" {
			name = f.Name
		}
	})
	if name == "" {
		return nil
	}
	return &usageError{code: "invalid_usage", text: "--" + name + " is empty", hint: "give it a value or leave it out"}
}

// orVersion lets gait --version do what gait version does.
func (a *app) orVersion(cmd *cobra.Command) *cobra.Command {
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

// helpCommand lets gait help COMMAND do what gait COMMAND --help does.
func (a *app) helpCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show what a command does",
		Example: "gait help job resume",
		RunE: func(c *cobra.Command, args []string) error {
			topic, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && topic.HasSubCommands() { // no such command: its group says so
				a.running = topic
				return topic.RunE(topic, rest)
			}
			return a.help(topic)
		},
	}, 0, 1, 6)
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
		e := &usageError{code: "invalid_usage", text: fmt.Sprintf("%s needs a command: %s", c.CommandPath(), strings.Join(names, ", ")), hint: helpHint}
		if len(args) > 0 {
			e.text = fmt.Sprintf("%s has no command %.40q, only: %s", c.CommandPath(), args[0], strings.Join(names, ", "))
			c.SuggestionsMinimumDistance = 2
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
func (a *app) help(cmd *cobra.Command) error {
	a.running = cmd
	text := helpText(cmd)
	return a.print(object{"help": text}, func(s *screen) { s.add(text) })
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

// jobNamed takes a job's id from --id or the one positional argument.
func (a *app) jobNamed(flag string, args []string) (string, error) {
	id := flag
	switch {
	case len(args) > 1:
		return "", &usageError{code: "invalid_usage", text: fmt.Sprintf("one job id is enough, not %d", len(args)), hint: "name one job"}
	case len(args) == 1 && flag != "" && flag != args[0]:
		return "", &usageError{code: "invalid_usage", text: fmt.Sprintf("two job ids: --id %s and %s", flag, args[0]), hint: "name the job once"}
	case len(args) == 1:
		id = args[0]
	}
	a.about(id)
	return id, nil
}

// about notes which job the command is about, for its errors.
func (a *app) about(id string) {
	if ledger.FieldJobID.Check(id) == nil {
		a.jobID = id
	}
}

// existingJob is jobNamed for commands that need one.
func (a *app) existingJob(flag string, args []string) (string, error) {
	id, err := a.jobNamed(flag, args)
	if err == nil && id == "" {
		err = &usageError{code: "invalid_usage", text: "which job? its id is missing", hint: "add --id <JOB>; gait job list shows the jobs there are"}
	}
	return id, err
}
