package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/token"
	"gait/ledger"
	"gait/ledger/home"
)

func serveTokenCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "token",
		Short: "Admit others to the daemon, each as one actor in one role",
		Long: `Admit others to the daemon, each as one actor in one role. A token is for a client at
the address of gait serve --listen: another user of this machine or, with TLS, of another
one. Who holds it may read the ledger, and what its role may do as its actor:

` + roleTable(tokenRoles(), true) + `
A client proves that it has the token, and does not send it. Before that it verifies
that the ledger's key has signed the daemon's challenge, so its user must trust that
key: gait keys trust.`,
		Example: "gait serve token add --actor reviewer_1 --role approver --out reviewer_1.token\ngait serve token list\ngait serve token revoke 9f86d081884c",
	})
	cmd.AddCommand(serveTokenAddCommand(a), serveTokenListCommand(a), serveTokenRevokeCommand(a))
	return cmd
}

// tokenRoles returns the roles that a token may have, least first.
func tokenRoles() []ledger.Role {
	return []ledger.Role{ledger.RoleAuditor, ledger.RoleWorker, ledger.RoleOperator, ledger.RoleApprover}
}

// A listedToken is a token as it is shown. Its secret is not kept.
type listedToken struct {
	ID        string `json:"token_id"`
	Actor     string `json:"actor"`
	Role      string `json:"role"`
	CreatedAt string `json:"created_at"`
}

func listToken(t home.Token) listedToken {
	return listedToken{ID: t.ID, Actor: t.Actor, Role: t.Role, CreatedAt: ledger.FormatTime(t.Created)}
}

func serveTokenAddCommand(a *app) *cobra.Command {
	var actor, role, out string
	cmd := exits(&cobra.Command{
		Use:   "add",
		Short: "Make a token for an actor, and print it once",
		Long: `Make a token for an actor, and print it once: only its public half is kept, so it cannot
be shown again. A daemon that runs admits its holder from now on. Give it to its holder
in a file that only the holder can read, for GAIT_TOKEN_FILE.`,
		Example: `gait serve token add --actor reviewer_1 --role approver --out reviewer_1.token
gait serve token add --actor worker_1 --role worker --json
export GAIT_URL=http://127.0.0.1:7070 GAIT_TOKEN_FILE=reviewer_1.token`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&actor, "actor", "", "the only actor whose commands the token may send (required)")
	f.StringVar(&role, "role", "", "what its holder may do: "+ledger.OneOf(token.Roles())+" (required)")
	f.StringVar(&out, "out", "", "file to write the token to instead, which is not overwritten; "+outForms)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if actor == "" || role == "" {
			return &usageError{code: "invalid_usage", text: "a token is for one actor in one role: --actor and --role are required", hint: "--actor reviewer_1 --role approver"}
		}
		if err := token.CheckRole(role); err != nil {
			return &usageError{code: "invalid_role", text: err.Error(), hint: "--role " + ledger.OneOf(token.Roles())}
		}
		if err := ledger.FieldActor.Check(actor); err != nil {
			return err
		}
		return addToken(cmd, a, actor, role, out)
	}
	return cmd
}

func addToken(cmd *cobra.Command, a *app, actor, role, out string) error {
	var at outFile
	if out != "" {
		var err error
		if at, err = a.newSecret(out); err != nil {
			return err
		}
	}
	return withTokens(cmd, a, func(homeDir string, l *connect.Ledger) error {
		if err := l.Writable(); err != nil {
			return err
		}
		t, err := token.New(a.entropy, l.Log.Origin(), role, actor)
		if err == nil && out != "" {
			err = writePrivate(at, []byte(t.Text()+"\n"))
		}
		if err != nil {
			return fmt.Errorf("making the token: %w", err)
		}
		kept := home.Token{ID: t.ID(), Actor: actor, Role: role, Key: t.Public(), Created: a.now().UTC()}
		if err := home.AddToken(homeDir, l.Log.Origin(), kept); err != nil {
			return err
		}
		fields := object{"origin": l.Log.Origin(), "admits": listToken(kept), "public_key": l.Log.Keys().Current().String()}
		if out != "" {
			fields["path"] = out
		} else {
			fields["token"] = t.Text()
		}
		return a.print(fields, func(s *screen) {
			s.done("made token %s for %s, %s", s.bold(kept.ID), actor, role)
			if out != "" {
				s.fields([2]string{"file", out})
			} else {
				s.fields([2]string{"token", t.Text()}, [2]string{"", "it is not kept, and cannot be shown again"})
			}
			s.fields([2]string{"its holder", "trusts the ledger's key, once: gait keys trust " + l.Log.Keys().Current().String()})
		})
	})
}

// withTokens opens the ledger to read, and passes on the home in which its daemon looks
// for tokens.
func withTokens(cmd *cobra.Command, a *app, f func(homeDir string, l *connect.Ledger) error) error {
	homeDir, err := a.home()
	if err != nil {
		return err
	}
	return a.read(cmd.Context(), func(l *connect.Ledger) error {
		by, served := l.Served()
		if served && by.Home != connect.Absolute(homeDir) {
			return &unsafeError{code: "other_home", text: fmt.Sprintf("the daemon of this root, process %d, looks for tokens in %s, not in %s", by.PID, by.Home, homeDir), hint: "GAIT_HOME=" + quoted(by.Home) + " " + cmd.CommandPath() + " …"}
		}
		return f(homeDir, l)
	})
}

func serveTokenListCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "list",
		Short:   "List the tokens that the daemon accepts",
		Example: "gait serve token list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withTokens(cmd, a, func(homeDir string, l *connect.Ledger) error {
				all, err := home.Tokens(homeDir, l.Log.Origin())
				if err != nil {
					return err
				}
				list, rows := make([]listedToken, len(all)), make([][]any, len(all))
				for i, t := range all {
					list[i] = listToken(t)
					rows[i] = []any{t.ID, t.Actor, t.Role, list[i].CreatedAt}
				}
				return a.print(object{"origin": l.Log.Origin(), "tokens": list}, func(s *screen) {
					if len(list) == 0 {
						s.add("no tokens yet\n")
						s.next("gait serve token add --actor NAME --role " + ledger.OneOf(token.Roles()))
						return
					}
					s.table([]any{"id", "actor", "role", "made"}, rows)
				})
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}

func serveTokenRevokeCommand(a *app) *cobra.Command {
	cmd := exits(&cobra.Command{
		Use:     "revoke ID",
		Short:   "Accept a token no more, at once",
		Long:    "Accept a token no more. A daemon that runs refuses its next request, and ends the\nstreams of events that its holder follows.",
		Example: "gait serve token revoke 9f86d081884c",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "revoke which token?", hint: "gait serve token list"}
			}
			return withTokens(cmd, a, func(homeDir string, l *connect.Ledger) error {
				removed, err := home.RemoveToken(homeDir, l.Log.Origin(), args[0])
				if err != nil {
					return err
				}
				return a.print(object{"origin": l.Log.Origin(), "revoked": listToken(removed)}, func(s *screen) {
					s.done("token %s of %s, %s, is accepted no more", s.bold(removed.ID), removed.Actor, removed.Role)
				})
			})
		},
	}, 0, 1, 2, 6, 7, 8)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}
