package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "keys",
		Short:   "Show your ledgers' keys and say whose you trust",
		Example: "gait keys show > auditor.vkey\ngait keys trust auditor.vkey",
	})
	cmd.AddCommand(a.keysListCommand(), a.keysShowCommand(), a.keysTrustCommand())
	return cmd
}

// A listedKey is a key as keys list shows it.
type listedKey struct {
	Origin    string      `json:"origin"`
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
	at := map[ledger.VerifierKey]int{}
	entry := func(key ledger.VerifierKey) *listedKey {
		if _, ok := at[key]; !ok {
			at[key] = len(list)
			list = append(list, listedKey{Origin: key.Name(), PublicKey: key.String(), KeyID: key.ID()})
		}
		return &list[at[key]]
	}
	for _, k := range own {
		e := entry(k.Key)
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
					s.WriteString("no keys yet\n")
					s.next("gait job submit --id job_1, or gait keys trust FILE")
					return
				}
				rows := make([][]any, len(list))
				for i, k := range list {
					rows[i] = []any{k.Origin, k.word(), k.KeyID.String()[:16], k.PublicKey}
				}
				s.table([]any{"origin", "use", "key id", "verifier key"}, rows)
			})
		},
	}, 0, 1, 6)
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
			return a.print(object{"key": key}, func(s *screen) { s.WriteString(key.PublicKey + "\n") })
		},
	}, 0, 1, 2, 6, 8)
}

// keyOf finds the key of an origin, or of the ledger here.
func (a *app) keyOf(cmd *cobra.Command, args []string) (listedKey, error) {
	var origin string
	switch len(args) {
	case 0:
		err := a.read(cmd.Context(), func(r *root.Root) error {
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

func (a *app) keysTrustCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "trust KEY|FILE",
		Short:   "Trust a ledger's key: what it signed verifies from now on",
		Example: "gait keys trust auditor.vkey\ngait keys trust example.com/payments+2f1d6a0c+AX…",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "trust which key?", hint: "gait keys trust FILE"}
			}
			key, err := keyNamed(args[0])
			if err != nil {
				return err
			}
			home, err := a.home()
			if err != nil {
				return err
			}
			added, err := root.Trust(home, key)
			if err != nil {
				return err
			}
			return a.print(object{"public_key": key.String(), "origin": key.Name(), "key_id": key.ID(), "added": added}, func(s *screen) {
				if !added {
					fmt.Fprintf(s, "the key of %s was trusted already\n", s.bold(key.Name()))
					return
				}
				s.done("packs and ledgers signed by %s verify from now on", s.bold(key.Name()))
			})
		},
	}, 0, 1, 6)
}

// keyNamed reads a verifier key from the argument itself or from the file it names.
func keyNamed(arg string) (ledger.VerifierKey, error) {
	if key, err := ledger.ParseVerifierKey(arg); err == nil {
		return key, nil
	}
	if _, err := os.Stat(arg); err != nil {
		return ledger.VerifierKey{}, &usageError{code: "invalid_public_key", text: fmt.Sprintf("%.120q is neither a verifier key nor a file with one", arg), hint: "gait keys show prints a verifier key"}
	}
	return readKey(arg)
}
