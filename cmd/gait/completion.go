package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

// Bounds of what a completion asks a ledger for: nobody waits for it.
const (
	maxCompletions    = 100
	completionTimeout = 100 * time.Millisecond
)

// shells have a completion script each.
var shells = []string{"bash", "zsh", "fish"}

func (a *app) completionCommand() *cobra.Command {
	cmd := exits(&cobra.Command{
		Use:   "completion SHELL",
		Short: "Print what lets a shell complete gait commands, job ids included",
		Long: `Print a script for bash, zsh or fish that completes commands, flags, their values and
the ids of the jobs there are. The one for bash needs the package bash-completion.`,
		Example: `source <(gait completion bash)
gait completion zsh > "${fpath[1]}/_gait"
gait completion fish > ~/.config/fish/completions/gait.fish`,
		ValidArgs: shells,
	}, 0, 1, 6)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return &usageError{code: "invalid_usage", text: fmt.Sprintf("for which shell? one name, not %d", len(args)), hint: "gait completion " + ledger.OneOf(shells)}
		}
		script, err := completionScript(cmd.Root(), args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.print(object{"shell": args[0], "script": script}, nil)
		}
		_, err = io.WriteString(a.stdout, script) // with its tabs, which a screen would show
		return err
	}
	return cmd
}

// saferBash mends the script for bash, which would run what is typed between
// $( and ), and cut what it lists at the first colon, which job ids may have.
var saferBash = strings.NewReplacer(
	`$(eval "${requestComp}" 2>/dev/null)`, `$("${words[0]/#\~/${HOME}}" __complete "${args[@]}" 2>/dev/null)`,
	`out=${out%%:*}`, `out=${out%:*}`)

func completionScript(gait *cobra.Command, shell string) (string, error) {
	var b bytes.Buffer
	var err error
	switch shell {
	case "bash":
		err = gait.GenBashCompletionV2(&b, true)
		return saferBash.Replace(b.String()), err
	case "zsh":
		err = gait.GenZshCompletion(&b)
	case "fish":
		err = gait.GenFishCompletion(&b, true)
	default:
		err = &usageError{code: "invalid_shell", text: fmt.Sprintf("there is no completion for %.40q", shell), hint: "gait completion " + ledger.OneOf(shells)}
	}
	return b.String(), err
}

// complete says for every command how its arguments and flags are completed.
func (a *app) complete(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		a.complete(sub)
	}
	words := strings.Fields(cmd.Use)
	takesJob := len(words) == 2 && words[1] == "[JOB]" && cmd.Name() != "submit" // which makes a new id
	switch {
	case takesJob:
		cmd.ValidArgsFunction = a.completeJob
		completeFlag(cmd, "id", a.completeJobs)
	case len(words) == 1 && cmd.ValidArgs == nil, cmd.Name() == "submit":
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	switch cmd.CommandPath() {
	case "gait pack build":
		completeFlag(cmd, "from", a.completeJobs)
		completeFlag(cmd, "type", oneOf([]string{"job", "range"}))
	case "gait pack verify":
		completeFlag(cmd, "profile", oneOf([]string{"standard", "strict"}))
	case "gait job list":
		completeFlag(cmd, "status", oneOf(projection.Statuses))
		completeFlag(cmd, "after", a.completeJobs)
	case "gait job checkpoint add":
		completeFlag(cmd, "type", oneOf(ledger.CheckpointTypes))
	case "gait job diff":
		cmd.ValidArgsFunction = a.completeJobs
	case "gait job wait":
		completeFlag(cmd, "for", completeCondition)
	}
}

// completeFlag panics where the command has no such flag: the table above is wrong.
func completeFlag(cmd *cobra.Command, name string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
		panic("gait: " + err.Error())
	}
}

// oneOf completes one of a few values.
func oneOf[S ~string](values []S) cobra.CompletionFunc {
	list := make([]cobra.Completion, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// completeCondition completes what job wait waits for: the last of its
// statuses, where it has begun with them.
func completeCondition(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, ok := strings.CutPrefix(begun, "status=")
	if !ok {
		directive := cobra.ShellCompDirectiveNoFileComp
		if strings.HasPrefix("status=", begun) {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return []cobra.Completion{"status=", "decided", "approved"}, directive
	}
	before := "status=" + list[:strings.LastIndexByte(list, ',')+1]
	var values []cobra.Completion
	for _, status := range projection.Statuses {
		values = append(values, before+string(status))
	}
	return values, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeJob completes the one job that a command takes.
func (a *app) completeJob(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 || cmd.Flags().Changed("id") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeJobs(cmd, args, begun)
}

// completeJobs completes the id of a job, with its status beside it. Where the
// ledger cannot be read at once there is none, and nothing is said of it.
func (a *app) completeJobs(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	a.stderr, a.lockTimeout = io.Discard, min(a.lockTimeout, completionTimeout)
	var ids []cobra.Completion
	err := a.read(cmd.Context(), func(r *openLedger) error {
		for entry, err := range r.Log.Jobs(justBefore(begun)) {
			if err != nil {
				return err
			}
			if !strings.HasPrefix(entry.ID, begun) || len(ids) == maxCompletions {
				return nil
			}
			job, _, _, err := projection.Load(r.Log, entry.ID)
			if err != nil {
				return err
			}
			ids = append(ids, cobra.CompletionWithDesc(entry.ID, string(job.Status)))
		}
		return nil
	})
	if err != nil {
		ids = nil
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// justBefore returns what is less than every job id with a prefix, and greater
// than every id before those: ids are ASCII without DEL.
func justBefore(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string([]byte{prefix[last] - 1, 0x7f})
}
