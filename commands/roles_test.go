package commands_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
)

// The whole table of who may do what. An auditor may issue no command.
func TestRoles(t *testing.T) {
	want := map[string][]string{
		"actor add":      {"admin"},
		"actor revoke":   {"admin"},
		"approve":        {"approver"},
		"authority set":  {"admin"},
		"cancel":         {"operator"},
		"checkpoint add": {"worker"},
		"commit-index":   {"operator"},
		"content erase":  {"operator"},
		"deny":           {"approver"},
		"import":         {"operator"},
		"pause":          {"operator"},
		"resume":         {"operator"},
		"stop":           {"operator"},
		"submit":         {"worker", "operator"},
	}
	got := map[string][]string{}
	for _, r := range everyVerb() {
		for _, role := range commands.Roles() {
			if commands.RowOf(r.Command).MayIssue(role) {
				got[r.Command.Verb()] = append(got[r.Command.Verb()], role)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who may issue a command (-want +got):\n%s", diff)
	}
}
