package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/home"
)

func keysTrustCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:   "trust KEY|FILE",
		Short: "Trust a ledger's key: what it signed verifies from now on",
		Long: `Trust a ledger's key: what it signed verifies from now on. The key, or the file that
holds it, is ` + keyForms + `.
The last two name no ledger: such a key is trusted whatever ledger it signs.`,
		Example: "gait keys trust auditor.vkey\ngait keys trust ~/.ssh/payments.pub\ngait keys trust example.com/payments+2f1d6a0c+AX…",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "trust which key?", hint: "gait keys trust FILE"}
			}
			key, err := a.keyNamed(args[0])
			if err != nil {
				return err
			}
			homeDir, err := a.home()
			if err != nil {
				return err
			}
			added, err := home.Trust(homeDir, key)
			if err != nil {
				return err
			}
			return a.print(object{"public_key": key.String(), "origin": key.Origin(), "key_id": key.ID(), "added": added}, func(s *screen) {
				whose := s.bold(cmp.Or(key.Origin(), key.String()))
				if !added {
					fmt.Fprintf(s, "the key of %s was trusted already\n", whose)
					return
				}
				s.done("packs and ledgers signed by %s verify from now on", whose)
			})
		},
	}, 0, 1, 2, 6, 8)
}

func keysDistrustCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:   "distrust KEYID|ORIGIN|KEY|FILE",
		Short: "Stop trusting a key: nothing it signed verifies from now on",
		Long: `Stop trusting a key: nothing it signed verifies from now on, not even a ledger of
your own, until you trust it again. Name the key by its key id as gait keys list
shows it, by at least 8 digits of that, by the key itself, or by a file with it. If
you name an origin, all of its keys that are known here are distrusted.

Trust in a ledger's key extends to the keys that the ledger was rotated to, but to no
distrusted key, and to none that took over from one. So a key that you never trusted
itself can be distrusted too. A ledger of yours goes on signing with a distrusted key;
gait keys rotate replaces it.`,
		Example: "gait keys distrust 6b2f0a94c1d3e587\ngait keys distrust example.com/payments --json\ngait keys distrust leaked.vkey",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{code: "invalid_usage", text: "distrust which key?", hint: "gait keys list shows the keys you trust"}
			}
			homeDir, err := a.home()
			if err != nil {
				return err
			}
			keys, err := keysNamed(a, homeDir, args[0])
			if err != nil {
				return err
			}
			removed, added, err := home.Distrust(homeDir, keys...)
			if err != nil {
				return err
			}
			return printDistrusted(a, args[0], removed, added)
		},
	}, 0, 1, 2, 6, 8)
}

var keyIDForm = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// keysNamed returns the keys that a name means: a key, given as it is or in a file,
// the keys of an origin, or the key whose id begins with some digits.
func keysNamed(a *app, homeDir, name string) ([]ledger.PublicKey, error) {
	if isFile(name) && !keyIDForm.MatchString(name) {
		key, err := a.readKey(name)
		return []ledger.PublicKey{key}, err
	}
	if key, err := ledger.ParsePublicKeyLine(name); err == nil {
		return []ledger.PublicKey{key}, nil
	}
	known, err := knownKeys(homeDir)
	if err != nil {
		return nil, err
	}
	var named []ledger.PublicKey
	ids := map[ledger.Hash]bool{}
	for _, k := range known {
		if k.Origin() == name || keyIDForm.MatchString(name) && strings.HasPrefix(k.ID().String(), name) {
			named = append(named, k)
			ids[k.ID()] = true
		}
	}
	if keyIDForm.MatchString(name) && len(ids) > 1 {
		return nil, &usageError{code: "key_ambiguous", text: fmt.Sprintf("%s begins the ids of %d keys", name, len(ids)), hint: "give more digits: gait keys list --json"}
	}
	return named, nil
}

// knownKeys returns the keys that the user trusts or signs with, and those to which
// ledgers that the user has seen were rotated.
func knownKeys(homeDir string) ([]ledger.PublicKey, error) {
	known, err := home.TrustedKeys(homeDir)
	if err != nil {
		return nil, err
	}
	rotated, err := home.RotatedKeys(homeDir)
	if err != nil {
		return nil, err
	}
	for _, key := range rotated {
		known = append(known, key.PublicKey())
	}
	own, err := home.Keys(homeDir)
	for _, k := range own {
		known = append(known, k.Key.PublicKey())
	}
	return known, err
}

func printDistrusted(a *app, name string, removed, added []ledger.PublicKey) error {
	if len(removed)+len(added) == 0 {
		return &usageError{code: "key_not_trusted", text: fmt.Sprintf("you trust no key that is %.120q", name), hint: "gait keys list shows the keys you trust"}
	}
	return a.print(object{"removed": keyObjects(removed), "distrusted": keyObjects(added)}, func(s *screen) {
		for _, k := range added {
			s.done("nothing signed by %s verifies from now on", k)
		}
		if len(added) == 0 { // a line of trusted_keys said so before
			s.done("nothing signed by %s verifies, as before", removed[0])
		}
	})
}

func keyObjects(keys []ledger.PublicKey) []object {
	list := make([]object, len(keys))
	for i, k := range keys {
		list[i] = object{"origin": k.Origin(), "public_key": k.String(), "key_id": k.ID()}
	}
	return list
}
