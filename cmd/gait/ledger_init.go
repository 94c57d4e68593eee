package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
)

func initCommand(a *app) *cobra.Command {
	var origin string
	var admin firstAdmin
	cmd := exits(&cobra.Command{
		Use:   "init",
		Short: "Create a ledger, its signing key and its trust entry",
		Long: `Create a ledger, its signing key and its trust entry. job submit does it too, if there
is none; use init to choose the ledger's name, and to begin a new one on purpose where
another one was lost: job submit does not, since its jobs would be forgotten.

With --admin it also writes the command that enrolls the ledger's first admin, for the
holder of that key to sign:

  ssh-keygen -Y sign -n gait-command -f KEY FILE
  gait actor add --command FILE --signature FILE.sig`,
		Example: "gait ledger init\ngait ledger init --origin example.com/payments --root /var/lib/gait/jobs\ngait ledger init --admin ~/.ssh/id_ed25519.pub --admin-name alice --print-command enroll.json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	admin.add(cmd)
	cmd.Flags().StringVar(&origin, "origin", "", "the ledger's name in every checkpoint, like example.com/payments (default gait.local/ULID)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if origin != "" {
			if err := ledger.FieldOrigin.Check(origin); err != nil {
				return err
			}
		}
		if err := admin.check(a); err != nil {
			return err
		}
		o, err := a.options()
		if err != nil {
			return err
		}
		if err := ledger.FieldActor.Check(o.Actor); err != nil {
			return err
		}
		o.Mode, o.Create, o.Begin, o.Origin = root.Write, true, true, origin
		return connect.With(cmd.Context(), o, func(r *connect.Ledger) error {
			if !r.Created {
				return &unsafeError{code: "ledger_exists", text: fmt.Sprintf("%s holds the ledger %s already", a.rootDir(), r.Log.Origin()), hint: "use it, or another directory with --root"}
			}
			c, _ := r.Log.Checkpoint()
			fields := object{"origin": c.Origin, "public_key": r.Log.Keys().Current().String(), "tree_size": c.Size, "root": c.Root, "path": a.rootDir()}
			next, err := admin.command(a, c.Origin, fields)
			if err != nil {
				return err
			}
			return a.print(fields, func(s *screen) {
				s.done("ledger %s", s.bold(c.Origin))
				s.fields([2]string{"directory", a.rootDir()}, [2]string{"public key", r.Log.Keys().Current().String()})
				s.next(next)
			})
		})
	}
	return cmd
}
