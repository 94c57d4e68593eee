package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/home"
)

func keysCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "keys",
		Short:   "Show, make, rotate and carry your ledgers' keys, and choose which keys you trust",
		Example: "gait keys show > auditor.vkey\ngait keys trust auditor.vkey",
	})
	cmd.AddCommand(keysListCommand(a), keysShowCommand(a), keysTrustCommand(a), keysDistrustCommand(a), keysRotateCommand(a), keysNewCommand(a), keysExportCommand(a), keysImportCommand(a), keysRemoveCommand(a))
	return cmd
}

// A listedKey is a key as keys list shows it.
type listedKey struct {
	Origin    string      `json:"origin"` // "" if the key is trusted for any ledger
	PublicKey string      `json:"public_key"`
	KeyID     ledger.Hash `json:"key_id"`
	Trusted   bool        `json:"trusted"`
	Signing   bool        `json:"signing"` // the private key is here, and in use
	Retired   bool        `json:"retired"`

	// Distrusted says that nothing it signed verifies, whatever key it took over from.
	Distrusted bool `json:"distrusted"`
}

func listKeys(a *app) ([]listedKey, error) {
	homeDir, err := a.home()
	if err != nil {
		return nil, err
	}
	own, err := home.Keys(homeDir)
	if err != nil {
		return nil, err
	}
	trusted, not, err := home.Trusts(homeDir)
	if err != nil {
		return nil, err
	}
	list := []listedKey{}
	at := map[ledger.PublicKey]int{}
	entry := func(key ledger.PublicKey) *listedKey {
		if _, ok := at[key]; !ok {
			at[key] = len(list)
			list = append(list, listedKey{Origin: key.Origin(), PublicKey: key.String(), KeyID: key.ID()})
		}
		return &list[at[key]]
	}
	for _, k := range own {
		e := entry(k.Key.PublicKey())
		e.Signing, e.Retired = !k.Retired, k.Retired
	}
	for _, key := range trusted {
		entry(key).Trusted = true
	}
	for _, key := range not {
		known := false
		for i := range list {
			if list[i].KeyID == key.ID() {
				list[i].Distrusted, known = true, true
			}
		}
		if !known {
			entry(key).Distrusted = true
		}
	}
	return list, nil
}

func keysListCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "list",
		Short:   "List the keys you sign with, and those you trust or distrust",
		Example: "gait keys list --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := listKeys(a)
			if err != nil {
				return err
			}
			return a.print(object{"keys": list}, func(s *screen) {
				if len(list) == 0 {
					s.add("no keys yet\n")
					s.next("gait job submit --id job_1, or gait keys trust FILE")
					return
				}
				rows := make([][]any, len(list))
				for i, k := range list {
					rows[i] = []any{cmp.Or(k.Origin, "any"), k.word(), k.KeyID.String()[:16], k.PublicKey}
				}
				s.table([]any{"origin", "use", "key id", "public key"}, rows)
			})
		},
	}, 0, 1, 2, 6, 8)
}

// word says what a key is used for.
func (k listedKey) word() string {
	word := "known"
	switch {
	case k.Retired:
		word = "retired"
	case k.Signing:
		word = "signing"
	}
	trust := ""
	switch {
	case k.Trusted:
		trust = "trusted"
	case k.Distrusted:
		trust = "distrusted"
	}
	switch {
	case trust == "":
		return word
	case word == "known":
		return trust
	}
	return word + ", " + trust
}

func keysShowCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "show [ORIGIN]",
		Short:   "Print a verifier key, to give to those who check your packs",
		Long:    "Print the verifier key of the ledger here, or of the origin named: one line, to\ngive to those who check your packs.",
		Example: "gait keys show > auditor.vkey\ngait keys show example.com/payments --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keyOf(a, cmd, args)
			if err != nil {
				return err
			}
			return a.print(object{"key": key}, func(s *screen) { s.add(key.PublicKey + "\n") })
		},
	}, 0, 1, 2, 6, 7, 8)
}

// keyOf finds the key of an origin, or else that of this ledger.
func keyOf(a *app, cmd *cobra.Command, args []string) (listedKey, error) {
	var origin string
	switch len(args) {
	case 0:
		err := a.read(cmd.Context(), func(r *connect.Ledger) error {
			origin = r.Log.Origin()
			return nil
		})
		if err != nil {
			return listedKey{}, err
		}
	case 1:
		origin = args[0]
	default:
		return listedKey{}, &usageError{code: "invalid_usage", text: "one origin is enough", hint: "gait keys list"}
	}
	list, err := listKeys(a)
	if err != nil {
		return listedKey{}, err
	}
	text := fmt.Sprintf("no key of %s is known here", origin)
	for _, k := range list {
		switch {
		case k.Origin != origin:
		case k.Distrusted && !k.Signing: // not one to give to others
			text = fmt.Sprintf("the only key of %s that is known here is one that you distrust", origin)
		default:
			return k, nil
		}
	}
	return listedKey{}, &usageError{code: "key_not_found", text: text, hint: "gait keys list"}
}
