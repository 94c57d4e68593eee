package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/token"
	"gait/ledger"
	"gait/projection"
)

// Bounds on what a completion asks of a ledger, so that it answers at once.
const (
	maxCompletions    = 100
	completionTimeout = 100 * time.Millisecond
)

// shells have a completion script each.
var shells = []string{"bash", "zsh", "fish"}

func completionCommand(a *app) *cobra.Command {
	cmd := exits(&cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes gait commands and job ids in a shell",
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
		_, err = io.WriteString(a.stdout, script) // not through a screen, which would escape its tabs
		return err
	}
	return cmd
}

// saferBash repairs cobra's script for bash. It would run what is typed between
// $( and ), and cut completions at the first colon, which job ids may contain.
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

// setCompletions sets how the arguments and flags of every command are completed.
func setCompletions(a *app, cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		setCompletions(a, sub)
	}
	words := strings.Fields(cmd.Use)
	takesJob := len(words) == 2 && words[1] == "[JOB]" && cmd.Name() != "submit" // submit takes a new id
	switch {
	case takesJob:
		cmd.ValidArgsFunction = completeJob(a)
		completeFlag(cmd, "id", completeJobs(a))
	case len(words) == 1 && cmd.ValidArgs == nil, cmd.Name() == "submit":
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	switch cmd.CommandPath() {
	case "gait pack build":
		completeFlag(cmd, "from", completeJobs(a))
		completeFlag(cmd, "type", oneOf([]string{"job", "range"}))
	case "gait pack verify":
		completeFlag(cmd, "profile", oneOf([]string{"standard", "strict"}))
	case "gait serve":
		completeFlag(cmd, "log-format", oneOf(logFormats))
		completeFlag(cmd, "log-level", oneOf(logLevels))
	case "gait serve token add":
		completeFlag(cmd, "role", oneOf(token.Roles()))
	case "gait job inbox":
		completeFlag(cmd, "waiting-for", oneOf(projection.WaitsForPeople))
	case "gait job list":
		completeFlag(cmd, "status", oneOf(projection.Statuses))
		completeFlag(cmd, "waiting-for", oneOf(projection.WaitsFor))
		completeFlag(cmd, "sort", oneOf(projection.Sorts))
		completeFlag(cmd, "after", completeJobs(a))
	case "gait job submit":
		completeFlag(cmd, "after", completeJobs(a))
	case "gait job lease release":
		completeFlag(cmd, "outcome", oneOf(ledger.LeaseOutcomes))
	case "gait job attempt end":
		completeFlag(cmd, "cause", oneOf(ledger.AttemptCauses))
	case "gait job checkpoint add":
		completeFlag(cmd, "type", oneOf(ledger.CheckpointTypes))
	case "gait job diff":
		cmd.ValidArgsFunction = completeJobs(a)
	case "gait job wait":
		completeFlag(cmd, "for", completeCondition)
	}
}

// completeFlag panics if the command has no such flag: the table above is wrong.
func completeFlag(cmd *cobra.Command, name string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
		panic("gait: " + err.Error())
	}
}

// oneOf completes a value from a fixed list.
func oneOf[S ~string](values []S) cobra.CompletionFunc {
	list := make([]cobra.Completion, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// completeCondition completes --for of job wait. After status= it completes the
// last status of the list.
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

// completeJob completes the id of the one job that a command takes.
func completeJob(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 || cmd.Flags().Changed("id") {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return jobIDs(cmd.Context(), a, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeJobs completes the id of a job.
func completeJobs(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return jobIDs(cmd.Context(), a, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// jobIDs returns the ids of jobs that begin with a text, each with the job's
// status beside it. If the ledger cannot be read at once it returns none, and
// reports no error.
func jobIDs(ctx context.Context, a *app, begun string) []cobra.Completion {
	o, err := a.options()
	if err != nil {
		return nil
	}
	o.LockTimeout, o.Notice, o.Opened = min(o.LockTimeout, completionTimeout), nil, nil
	o.Held = connect.Held(o)
	var ids []cobra.Completion
	err = connect.With(ctx, o, func(r *connect.Ledger) error {
		for entry, err := range r.Log.Jobs(ctx, justBefore(begun)) {
			if err != nil {
				return err
			}
			if !strings.HasPrefix(entry.ID, begun) || len(ids) == maxCompletions {
				return nil
			}
			job, _, _, err := projection.Load(ctx, r.Log, entry.ID)
			if err != nil {
				return err
			}
			ids = append(ids, cobra.CompletionWithDesc(entry.ID, string(job.Status)))
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return ids
}

// justBefore returns a text that sorts before every job id with the prefix, and
// after every other id that does: ids are ASCII without DEL.
func justBefore(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string([]byte{prefix[last] - 1, 0x7f})
}
