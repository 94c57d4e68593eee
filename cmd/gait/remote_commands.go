package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/connect"
)

// rootOnly are the commands that need a ledger's own files, and so its root.
var rootOnly = []string{
	"gait serve", "gait serve token add", "gait serve token list", "gait serve token revoke", "gait doctor", "gait keys rotate",
	"gait ledger init", "gait ledger import", "gait ledger backup", "gait ledger restore", "gait ledger move", "gait ledger retire",
}

// checkURL refuses commands that cannot be carried out through GAIT_URL.
func checkURL(a *app, cmd *cobra.Command) error {
	if !a.usesURL() || !slices.Contains(rootOnly, cmd.CommandPath()) {
		return nil
	}
	return &connect.NoRootError{URL: a.getenv(urlVariable)}
}

// goThroughURL adds to all commands that can be carried out through GAIT_URL the exit code of
// a token that is not accepted, or has another role.
func goThroughURL(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		goThroughURL(sub)
	}
	path := cmd.CommandPath()
	ofLedger := strings.HasPrefix(path, "gait job ") || strings.HasPrefix(path, "gait ledger ") || slices.Contains([]string{"gait keys show", "gait keys export", "gait pack build", "gait regress init"}, path)
	codes := exitCodesOf(cmd)
	if !ofLedger || slices.Contains(rootOnly, path) || cmd.HasSubCommands() || slices.Contains(codes, exitPolicy) {
		return
	}
	exits(cmd, slices.Sorted(slices.Values(append(codes, exitPolicy)))...)
}
