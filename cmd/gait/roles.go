package main

import (
	"slices"
	"strings"

	"gait/commands"
	"gait/ledger"
)

// besides says what a role may do that is no command of package commands.
var besides = map[ledger.Role][]string{
	ledger.RoleAdmin:   {"keys rotate", "ledger move"},
	ledger.RoleAuditor: {"nothing but read"},
}

// roleTable says, for a help text, what each role may do: for a token, or else for an actor.
func roleTable(roles []ledger.Role, token bool) string {
	var b strings.Builder
	for _, role := range roles {
		may := append(commands.VerbsOf(role), besides[role]...)
		if !token { // the ledger writes it itself, for any user who asks
			may = slices.DeleteFunc(may, func(verb string) bool { return verb == commands.CommitIndex{}.Verb() })
		}
		b.WriteString("  " + string(role) + strings.Repeat(" ", len("operator")+3-len(role)) + strings.Join(may, ", ") + "\n")
	}
	return b.String()
}
