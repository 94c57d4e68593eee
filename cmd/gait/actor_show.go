package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
)

func actorListCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "list",
		Short:   "List the actors that were ever enrolled",
		Example: "gait actor list\ngait actor list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []shownActor{}
			err := a.read(cmd.Context(), func(l *connect.Ledger) error {
				now, err := authorityNow(cmd.Context(), l)
				for _, actor := range now.Actors() {
					list = append(list, shownActorOf(actor))
				}
				return err
			})
			if err != nil {
				return err
			}
			return a.print(object{"actors": list}, func(s *screen) {
				if len(list) == 0 {
					s.add("no actors are enrolled: names are claims\n")
					s.next("gait actor add NAME --key FILE.pub --role admin")
					return
				}
				rows := make([][]any, len(list))
				for i, actor := range list {
					rows[i] = []any{actor.Name, roleText(actor.Roles), len(actor.Keys), actor.standing(), fmt.Sprintf("event %d", actor.Since)}
				}
				s.table([]any{"actor", "roles", "keys", "standing", "since"}, rows)
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}

func actorShowCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "show NAME",
		Short:   "Show an actor's roles and keys",
		Example: "gait actor show cfo",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "show which actor?", hint: "gait actor list"}
			}
			var actor shownActor
			err := a.read(cmd.Context(), func(l *connect.Ledger) error {
				now, err := authorityNow(cmd.Context(), l)
				if err != nil {
					return err
				}
				found, known := now.Actor(args[0])
				if !known {
					return actorNotFound(now, args[0])
				}
				actor = shownActorOf(found)
				return nil
			})
			if err != nil {
				return err
			}
			return a.print(object{"actor": actor}, func(s *screen) {
				fmt.Fprintf(s, "%s  %s, since event %d\n", s.bold(actor.Name), actor.standing(), actor.Since)
				s.fields([2]string{"roles", roleText(actor.Roles)})
				for _, k := range actor.Keys {
					name := "key"
					if k.Revoked {
						name = "revoked key"
					}
					s.fields([2]string{name, k.Type + " " + k.Fingerprint})
				}
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}

func allowedSignersCommand(a *app) *cobra.Command {
	var out string
	cmd := exits(&cobra.Command{
		Use:   "allowed-signers",
		Short: "Print the file by which ssh-keygen verifies the actors' signatures",
		Long: `Print the allowed signers file by which ssh-keygen verifies the actors' signatures over
commands, with every key that was ever enrolled. Comments say from and to which event of
the ledger a key counts: ssh-keygen does not know the ledger, so compare with the event's
place yourself, or let gait pack verify do it.`,
		Example: `gait actor allowed-signers > signers
ssh-keygen -Y verify -f signers -I cfo -n gait-command -s command.sig < command`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&out, "out", "", "file to write instead; "+outForms)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var text []byte
		err := a.read(cmd.Context(), func(l *connect.Ledger) (err error) {
			text, err = allowedSigners(cmd.Context(), l)
			return err
		})
		if err != nil {
			return err
		}
		return printAllowedSigners(a, out, text)
	}
	return cmd
}
