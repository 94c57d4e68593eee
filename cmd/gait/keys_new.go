package main

import (
	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/home"
)

func keysNewCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:   "new ORIGIN",
		Short: "Make a key for a ledger that is to be moved here",
		Long: `Make a key for a ledger that is to be moved here from another machine, and print its
verifier key: one line, for gait ledger move there. It signs nothing before the ledger is
here (gait ledger restore). Run again, it prints the key that it made before.`,
		Example: "gait keys new example.com/payments > here.vkey\ngait keys new example.com/payments --json",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "a key for which ledger? Name its origin", hint: "its origin is shown where the ledger is, there: gait ledger info"}
			}
			return newKey(a, args[0])
		},
	}, 0, 1, 2, 6, 8)
}

func newKey(a *app, origin string) error {
	homeDir, err := a.home()
	if err != nil {
		return err
	}
	if err := ledger.FieldOrigin.Check(origin); err != nil {
		return err
	}
	fresh, err := ledger.GenerateKey(a.entropy, origin)
	if err != nil {
		return err
	}
	key, made, err := home.AddNextKey(homeDir, fresh)
	if err != nil {
		return err
	}
	public := key.VerifierKey()
	fields := object{"origin": origin, "public_key": public.String(), "key_id": public.ID(), "added": made}
	return a.print(fields, func(s *screen) { s.add(public.String() + "\n") })
}
