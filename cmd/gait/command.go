package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// group makes a command that only holds subcommands. Run by itself, or with an
// unknown word, it fails and lists them.
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

// exits records the exit codes that a command can return, for its help.
func exits(cmd *cobra.Command, codes ...int) *cobra.Command {
	var list []string
	for _, code := range codes {
		list = append(list, strconv.Itoa(code))
	}
	cmd.Annotations = map[string]string{"exits": strings.Join(list, " ")}
	return cmd
}

func exitCodesOf(cmd *cobra.Command) []int {
	var codes []int
	for word := range strings.FieldsSeq(cmd.Annotations["exits"]) {
		if code, err := strconv.Atoi(word); err == nil {
			codes = append(codes, code)
		}
	}
	if codes == nil {
		codes = slices.Sorted(maps.Keys(meanings))
	}
	return codes
}

// noArgs refuses arguments that a command does not take.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes no argument, such as %.40q", cmd.CommandPath(), args[0]), hint: cmd.CommandPath() + " --help"}
}

func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes one file, not %d", cmd.CommandPath(), len(args)), hint: helpHint}
	}
	return nil
}

// noEmpty refuses flags, arguments and variables of gait's own that have no value. A
// script whose variable was empty must not stop, list or pack something else than it
// meant, nor begin a job or a ledger of no name.
func noEmpty(a *app, cmd *cobra.Command, args []string) error {
	if cmd.Name() == cobra.ShellCompRequestCmd || cmd.Name() == cobra.ShellCompNoDescRequestCmd {
		return nil // what is being typed may be empty
	}
	name := ""
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if isEmpty(f.Value) {
			name = "--" + f.Name
		}
	})
	for i, arg := range args {
		if arg == "" {
			name = fmt.Sprintf("argument %d of %s", i+1, cmd.CommandPath())
		}
	}
	if name != "" {
		return &usageError{code: "invalid_usage", text: name + " is empty", hint: "give it a value or leave it out"}
	}
	for _, name := range variables {
		if a.environ != nil && slices.Contains(a.environ(), name+"=") {
			return &usageError{code: "invalid_usage", text: name + " is set and empty", hint: "give it a value, or: unset " + name}
		}
	}
	return nil
}

// variables are the environment variables of gait's own that name something.
var variables = []string{"GAIT_ACTOR", "GAIT_HOME", leaseVariable, "GAIT_ROOT", "GAIT_SIGN_KEY"}

// isEmpty reports whether a flag was given an empty text, or a list with one.
func isEmpty(v pflag.Value) bool {
	if list, ok := v.(pflag.SliceValue); ok {
		all := list.GetSlice()
		return len(all) == 0 || slices.Contains(all, "")
	}
	return v.Type() == "string" && v.String() == ""
}
