package main

import "github.com/spf13/cobra"

func actorCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "actor",
		Short: "Say who signs with which key, and in which role",
		Long: `Say who signs with which key, and in which role. An actor who is enrolled signs each
command with an SSH key, so that nobody else can act under that name. Without actors,
names are claims.`,
		Example: `gait actor add alice --key ~/.ssh/id_ed25519.pub --role admin
gait actor add cfo --key cfo.pub --role approver --actor alice
gait actor list`,
	})
	cmd.AddCommand(actorAddCommand(a), actorListCommand(a), actorShowCommand(a), actorRevokeCommand(a), allowedSignersCommand(a))
	return cmd
}
