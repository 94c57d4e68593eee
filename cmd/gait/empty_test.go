package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/commands/hook"
	"gait/ledger/ledgertest"
)

// No command takes an empty text for a flag, an argument or a variable: it never means
// all, or a new one.
func TestNothingIsEmpty(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		line := strings.Fields(cmd.CommandPath())[1:]
		words, takesWords := wordsOf(cmd)
		try := func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "json" { // refused before the rest is read
				return
			}
			wantEmptyUsage(t, nil, slices.Concat(line, []string{"--" + f.Name + "="}, words), "--"+f.Name)
			if f.NoOptDefVal == "" { // other flags take no word of their own
				wantEmptyUsage(t, nil, slices.Concat(line, []string{"--" + f.Name, ""}, words), "--"+f.Name)
			}
		}
		cmd.LocalFlags().VisitAll(try)
		cmd.InheritedFlags().VisitAll(try)
		if takesWords {
			wantEmptyUsage(t, nil, slices.Concat(line, words[:len(words)-1], []string{""}), "is empty")
		} else {
			wantEmptyUsage(t, nil, append(line, ""), "")
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(gaitCommand(new(app)))
	for _, name := range variables {
		wantEmptyUsage(t, []string{name + "="}, []string{"job", "list"}, name)
	}
	// The lists among the flags are as empty with one empty value.
	wantEmptyUsage(t, nil, []string{"job", "submit", "--label", "a=b", "--label", ""}, "--label")
	wantEmptyUsage(t, nil, []string{"job", "list", "--label", ""}, "--label")
	wantEmptyUsage(t, nil, []string{"regress", "init", "--compare", ""}, "--compare")
	wantEmptyUsage(t, nil, []string{"regress", "init", "--compare", "all,"}, "--compare")
	wantEmptyUsage(t, nil, []string{"regress", "run", "--candidate", "x", "--match", "job="}, "--match")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("a command with an empty text made %v, %v", left, err)
	}
}

// wordsOf returns as many arguments as a command asks for, or one if it takes one, and
// whether it takes any.
func wordsOf(cmd *cobra.Command) ([]string, bool) {
	for _, words := range [][]string{{"x"}, {"x", "x"}} {
		if cmd.Args == nil || cmd.ValidateArgs(words) == nil {
			return words, true
		}
	}
	return nil, false
}

// wantEmptyUsage requires that a command line is invalid usage, and that the error names
// what is empty.
func wantEmptyUsage(t *testing.T, env, args []string, name string) {
	t.Helper()
	var out, talk bytes.Buffer
	home := filepath.Join(t.TempDir(), "none")
	a := &app{
		console: console{stdout: &out, stderr: &talk, surroundings: surroundings{
			getenv:  func(name string) string { return map[string]string{"GAIT_HOME": home}[name] },
			environ: func() []string { return env },
		}},
		now: time.Now, entropy: ledgertest.Entropy(1),
		exit: func(code int) { t.Fatalf("%q ends the process with %d", args, code) },
	}
	code := runLine(t.Context(), a, append([]string{"--json"}, args...))
	var e struct {
		Text string `json:"error"`
		Code string `json:"error_code"`
		Hint string `json:"hint"`

		Verdict    string `json:"verdict"`
		ReasonCode string `json:"reason_code"`
	}
	if said := talk.String(); code == hook.ExitDeny && args[0] == "hook" && strings.Contains(said, "(invalid_usage)") && strings.Contains(said, name) {
		return // a host is answered on stderr
	}
	err := json.Unmarshal(out.Bytes(), &e)
	if code == exitPolicy && e.Verdict == "block" { // an answer of the gate, for which every error is a block
		code, e.Code = exitInvalid, e.ReasonCode
	}
	if err != nil || code != exitInvalid || e.Code != "invalid_usage" || !strings.Contains(e.Text, name) || e.Hint == "" {
		t.Errorf("gait %q exits %d with %s%s, want 6, invalid_usage that names %q, and a hint", args, code, out.Bytes(), talk.Bytes(), name)
	}
}
