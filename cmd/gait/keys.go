package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "keys",
		Short:   "Show and rotate your ledgers' keys, and say whose you trust",
		Example: "gait keys show > auditor.vkey\ngait keys trust auditor.vkey",
	})
	cmd.AddCommand(a.keysListCommand(), a.keysShowCommand(), a.keysTrustCommand(), a.keysDistrustCommand(), a.keysRotateCommand())
	return cmd
}

// A listedKey is a key as keys list shows it.
type listedKey struct {
	Origin    string      `json:"origin"` // "": any, of a trusted key that names none
	PublicKey string      `json:"public_key"`
	KeyID     ledger.Hash `json:"key_id"`
	Trusted   bool        `json:"trusted"`
	Signing   bool        `json:"signing"` // the private key is here and in use
	Retired   bool        `json:"retired"`
}

func (a *app) listKeys() ([]listedKey, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	own, err := root.Keys(home)
	if err != nil {
		return nil, err
	}
	trusted, err := root.TrustedKeys(home)
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
	return list, nil
}

func (a *app) keysListCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "list",
		Short:   "List the keys you sign with and the keys you trust",
		Example: "gait keys list --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := a.listKeys()
			if err != nil {
				return err
			}
			return a.print(object{"keys": list}, func(s *screen) {
				if len(list) == 0 {
					s.add("no keys yet\n")
					s.next("gait job submit --id job_1, or gait keys trust <FILE>")
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

// word says in a word what a key is for.
func (k listedKey) word() string {
	word := "known"
	switch {
	case k.Retired:
		word = "retired"
	case k.Signing:
		word = "signing"
	}
	if k.Trusted && word == "known" {
		return "trusted"
	}
	if k.Trusted {
		return word + ", trusted"
	}
	return word
}

func (a *app) keysShowCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "show [ORIGIN]",
		Short:   "Print a verifier key, to give to those who check your packs",
		Long:    "Print the verifier key of the ledger here, or of the origin named: one line, to\ngive to those who check your packs.",
		Example: "gait keys show > auditor.vkey\ngait keys show example.com/payments --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := a.keyOf(cmd, args)
			if err != nil {
				return err
			}
			return a.print(object{"key": key}, func(s *screen) { s.add(key.PublicKey + "\n") })
		},
	}, 0, 1, 2, 6, 7, 8)
}

// keyOf finds the key of an origin, or of the ledger here.
func (a *app) keyOf(cmd *cobra.Command, args []string) (listedKey, error) {
	var origin string
	switch len(args) {
	case 0:
		err := a.read(cmd.Context(), func(r *openLedger) error {
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
	list, err := a.listKeys()
	if err != nil {
		return listedKey{}, err
	}
	for _, k := range list {
		if k.Origin == origin {
			return k, nil
		}
	}
	return listedKey{}, &usageError{code: "key_not_found", text: fmt.Sprintf("no key of %s is known here", origin), hint: "gait keys list"}
}
