package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"gait/ledger"
)

// checkHintPrinted checks the hint in what a command printed with --json.
func checkHintPrinted(running *cobra.Command, printed []byte) error {
	lines := bytes.Split(bytes.TrimSpace(printed), []byte("\n"))
	var said struct{ Hint string }
	if last := lines[len(lines)-1]; json.Valid(last) {
		if err := json.Unmarshal(last, &said); err != nil {
			return err
		}
	}
	return checkHint(running, said.Hint)
}

var hintPart = regexp.MustCompile(`(^|[ ;:(])gait( [a-z][a-z-]*)*($|[ ,;:)])|--[a-z][a-z-]*`) // no part of a path

// checkHint fails if a hint names a command that there is not, or a flag that neither the
// command before it in the hint has nor the one that failed.
func checkHint(running *cobra.Command, hint string) error {
	named := running
	for _, part := range hintPart.FindAllString(hint, -1) {
		part = strings.Trim(part, " ,;:()")
		flag, isFlag := strings.CutPrefix(part, "--")
		if isFlag {
			if !hasFlag(named, flag) && !hasFlag(running, flag) {
				return fmt.Errorf("the hint %q names %s, which neither %s nor %s has", hint, part, running.CommandPath(), named.CommandPath())
			}
			continue
		}
		found, rest, err := running.Root().Find(strings.Fields(part)[1:])
		if err != nil || found.HasSubCommands() && found.HasParent() && len(rest) > 0 {
			return fmt.Errorf("the hint %q names a command that there is not: %s, %w", hint, part, err)
		}
		named = found
	}
	return nil
}

func hasFlag(cmd *cobra.Command, name string) bool {
	return name == "help" || cmd.Flags().Lookup(name) != nil || cmd.InheritedFlags().Lookup(name) != nil
}

// The check of hints finds what it is for.
func TestCheckHint(t *testing.T) {
	root := gaitCommand(newApp(os.Exit))
	commit, _, err := root.Find([]string{"ledger", "commit-index"})
	if err != nil {
		t.Fatal(err)
	}
	for hint, want := range map[string]bool{
		"":                                                true,
		"wait: --lock-timeout 9s":                         true,
		"try again with the same --request-id":            false,
		"gait job pause --id a --request-id r":            true,
		"gait ledger info --no-such-flag":                 false,
		"gait ledger no-such-command":                     false,
		"in /a/gait-out: gait ledger no-such-command":     false,
		"gait ledger retire --root x/gait-out --reason X": true,
		"if you know why: gait ledger retire --reason X":  true,
	} {
		if err := checkHint(commit, hint); (err == nil) != want {
			t.Errorf("the hint %q: %v", hint, err)
		}
	}
}

// A pasted hint works on the ledger that the command line named, here, and on none there.
func TestWithRoot(t *testing.T) {
	for hint, want := range map[string]string{
		"gait job list":                                    "gait job list --root 'a b'",
		"gait keys list":                                   "gait keys list",
		"gait ledger verify --root c":                      "gait ledger verify --root c",
		"gait ledger init; gait job list --root c":         "gait ledger init --root 'a b'; gait job list --root c",
		"gait ledger backup; there: gait ledger restore F": "gait ledger backup --root 'a b'; there: gait ledger restore F",
		"then there: gait ledger move --to K":              "then there: gait ledger move --to K",
		"there: gait ledger cosign, gait pack build":       "there: gait ledger cosign, gait pack build",
		"there: gait keys new O; gait ledger move --to K":  "there: gait keys new O; gait ledger move --root 'a b' --to K",
	} {
		if got := withRoot("a b", hint); got != want {
			t.Errorf("withRoot(%q) = %q, want %q", hint, got, want)
		}
	}
}

// The directory comes after the whole name of a command, of each that works on a ledger.
func TestWithRootOfEachCommand(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		name := cmd.CommandPath()
		got := withRoot("d", name)
		ofLedger := strings.HasPrefix(name, "gait job ") || strings.HasPrefix(name, "gait ledger ")
		if !cmd.HasSubCommands() && (ofLedger || got != name) && got != name+" --root d" {
			t.Errorf("withRoot(%q) = %q", name, got)
		}
	}
	visit(gaitCommand(newApp(os.Exit)))
}

// If the outcome of a command is unknown, the hint is one that this command can follow.
func TestHowToRepeat(t *testing.T) {
	a := newApp(os.Exit)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		a.running = cmd
		f := classify(ledger.ErrOutcomeUnknown)
		if hint := a.pasteable(ledger.ErrOutcomeUnknown, f.hint); hint == againHint || checkHint(cmd, hint) != nil {
			t.Errorf("%s: the hint %q: %v", cmd.CommandPath(), hint, checkHint(cmd, hint))
		}
	}
	root := gaitCommand(a)
	visit(root)
	for _, name := range append(onceOnly, "gait keys rotate") {
		if cmd, _, err := root.Find(strings.Fields(name)[1:]); err != nil || cmd.CommandPath() != name {
			t.Errorf("there is no %s: %v", name, err)
		}
	}
}
