package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpCommand makes gait help COMMAND the same as gait COMMAND --help.
func helpCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show what a command does",
		Example: "gait help job resume",
		RunE: func(c *cobra.Command, args []string) error {
			topic, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && topic.HasSubCommands() { // there is no such command: its group reports that
				a.running = topic
				return topic.RunE(topic, rest)
			}
			return printHelp(a, topic)
		},
	}, 0, 1, 6)
}

// printHelp prints a command's help: what it does, its flags, examples, exit codes.
func printHelp(a *app, cmd *cobra.Command) error {
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
		fmt.Fprintf(&b, "  %d  %s\n", code, meaningOf(cmd, code))
	}
	return b.String()
}

// meaningOf says what an exit code of a command means.
func meaningOf(cmd *cobra.Command, code int) string {
	if hooks(cmd) {
		return hookMeanings[code]
	}
	return meanings[code]
}
