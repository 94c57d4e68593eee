package main

import (
	"bufio"
	"fmt"
	"strings"

	"gait/commands"
	"gait/ledger/sshkey"
)

// confirmFirst asks at the terminal whether an actor is to be a ledger's first admin.
func confirmFirst(a *app, add commands.AddActor) error {
	tty, err := openTTY()
	if err != nil {
		return &usageError{
			code: "confirmation_missing", text: fmt.Sprintf("%s would be the ledger's first admin, and there is no terminal to confirm it at", add.Actor),
			hint: "run it at a terminal, or add --bootstrap, which the event then says",
		}
	}
	defer tty.Close()
	s := a.screenOn(tty)
	fmt.Fprintf(s, "%s will be the first admin of this ledger, with these keys:\n", add.Actor)
	for _, line := range add.Keys {
		if key, err := sshkey.ParseKey(line); err == nil {
			fmt.Fprintf(s, "  %s %s\n", key.Type(), key.Fingerprint())
		}
	}
	s.add("Admins say who may do what. This cannot be undone. Go on? Type yes: ")
	if _, err := tty.WriteString(s.String()); err != nil {
		return err
	}
	answer, err := bufio.NewReader(tty).ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "yes" {
		return &usageError{code: "not_confirmed", text: "it was not confirmed, and nothing was written", hint: "run it again and type yes"}
	}
	return nil
}
