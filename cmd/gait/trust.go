package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

// keyForms says, for help, in which forms a key is taken.
const keyForms = "a verifier key, an OpenSSH .pub file (ssh-ed25519) or a PEM public key"

// trusted returns the keys that count: the one of the file, or the user's own.
func (a *app) trusted(keyFile string) ([]packspec.TrustedKey, error) {
	if keyFile != "" {
		key, err := keyNamed(keyFile)
		if err != nil {
			return nil, err
		}
		return []packspec.TrustedKey{{Key: key, From: keyFile}}, nil
	}
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	keys, err := root.TrustedKeys(home)
	if err != nil {
		return nil, err
	}
	trusted := make([]packspec.TrustedKey, len(keys))
	for i, key := range keys {
		trusted[i] = packspec.TrustedKey{Key: key, From: "trusted_keys"}
	}
	return trusted, nil
}

// readKey reads a public key from a file.
func readKey(name string) (ledger.PublicKey, error) {
	text, err := readFile(name, ledger.MaxPublicKeySize)
	if err != nil {
		return ledger.PublicKey{}, err
	}
	key, err := ledger.ParsePublicKey(text)
	return key, badKey(name, err)
}

// badKey makes what is wrong with a key the user named an error about it.
func badKey(name string, err error) error {
	if err == nil {
		return nil
	}
	e := &usageError{code: "invalid_public_key", text: fmt.Sprintf("%s: %v", name, err), hint: "give " + keyForms + "; gait keys show prints a verifier key"}
	for _, named := range []struct {
		mistake error
		code    string
	}{
		{ledger.ErrNoKey, "empty_public_key"},
		{ledger.ErrManyKeys, "doubled_public_key"},
		{ledger.ErrWeakKey, "weak_public_key"},
		{ledger.ErrIsPrivate, "private_key_given"},
	} {
		if errors.Is(err, named.mistake) {
			e.code = named.code
		}
	}
	return e
}

func (a *app) keysTrustCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:   "trust KEY|FILE",
		Short: "Trust a ledger's key: what it signed verifies from now on",
		Long: `Trust a ledger's key: what it signed verifies from now on. The key, or the file that
holds it, is ` + keyForms + `.
The last two name no ledger: such a key is trusted whatever ledger it signs.`,
		Example: "gait keys trust auditor.vkey\ngait keys trust ~/.ssh/payments.pub\ngait keys trust example.com/payments+2f1d6a0c+AX…",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "trust which key?", hint: "gait keys trust <FILE>"}
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

// keyNamed reads a public key from the argument itself or from the file it names.
func keyNamed(arg string) (ledger.PublicKey, error) {
	key, err := ledger.ParsePublicKeyLine(arg)
	if err == nil {
		return key, nil
	}
	if _, missing := os.Stat(arg); missing == nil {
		return readKey(arg)
	}
	if errors.Is(err, ledger.ErrWeakKey) || errors.Is(err, ledger.ErrIsPrivate) {
		return key, badKey("the argument", err)
	}
	return key, &usageError{code: "invalid_public_key", text: fmt.Sprintf("%.120q is neither a public key nor a file with one", arg), hint: "gait keys show prints a verifier key"}
}

func (a *app) keysDistrustCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:   "distrust KEYID|ORIGIN|KEY|FILE",
		Short: "Trust a key no longer: nothing it signed verifies from now on",
		Long: `Trust a key no longer: nothing it signed verifies from now on, not even a ledger of
your own, until it is trusted again. Name the key by its key id as gait keys list
shows it, or by at least 8 digits of it, or by the key itself or a file with it; or name an origin,
all keys of which are distrusted. Where a ledger's key was rotated, what a later key
signed verifies as long as an earlier one is trusted: distrust that one too. Signing is
not affected: gait keys rotate.`,
		Example: "gait keys distrust 6b2f0a94c1d3e587\ngait keys distrust example.com/payments --json",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{code: "invalid_usage", text: "distrust which key?", hint: "gait keys list shows the keys you trust"}
			}
			home, err := a.home()
			if err != nil {
				return err
			}
			name := args[0]
			if _, err := os.Stat(name); err == nil && !keyIDForm.MatchString(name) {
				key, err := readKey(name)
				if err != nil {
					return err
				}
				name = key.String()
			}
			match, err := trustedAs(home, name)
			if err != nil {
				return err
			}
			removed, err := root.Distrust(home, match)
			if err != nil {
				return err
			}
			return a.printDistrusted(home, args[0], removed)
		},
	}, 0, 1, 2, 6, 8)
}

var keyIDForm = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// trustedAs returns what is meant by the name of a trusted key. The digits of a
// key id must be those of one key alone.
func trustedAs(home, name string) (func(ledger.PublicKey) bool, error) {
	keys, err := root.TrustedKeys(home)
	if err != nil {
		return nil, err
	}
	ids := map[ledger.Hash]bool{}
	for _, k := range keys {
		if strings.HasPrefix(k.ID().String(), name) {
			ids[k.ID()] = true
		}
	}
	if keyIDForm.MatchString(name) && len(ids) > 1 {
		return nil, &usageError{code: "key_ambiguous", text: fmt.Sprintf("%s begins the ids of %d keys you trust", name, len(ids)), hint: "give more digits: gait keys list --json"}
	}
	// The same key can be there twice, for a ledger and for any: both go, or what
	// it signed would go on verifying.
	named := map[ledger.Hash]bool{}
	for _, k := range keys {
		if k.Origin() == name || k.String() == name || keyIDForm.MatchString(name) && ids[k.ID()] {
			named[k.ID()] = true
		}
	}
	return func(k ledger.PublicKey) bool { return named[k.ID()] }, nil
}

func (a *app) printDistrusted(home, name string, removed []ledger.PublicKey) error {
	if len(removed) == 0 {
		return &usageError{code: "key_not_trusted", text: fmt.Sprintf("you trust no key that is %.120q", name), hint: "gait keys list shows the keys you trust"}
	}
	list, still := make([]object, len(removed)), make([][]ledger.PublicKey, len(removed))
	for i, k := range removed {
		var err error
		if still[i], err = root.HandedOn(home, k); err != nil {
			return err
		}
		list[i] = object{"origin": k.Origin(), "public_key": k.String(), "key_id": k.ID(), "verifies_through": keyTexts(still[i])}
	}
	return a.print(object{"removed": list}, func(s *screen) {
		for i, k := range removed {
			if len(still[i]) == 0 {
				s.done("nothing signed by %s verifies from now on", k)
				continue
			}
			fmt.Fprintf(s, "%s %s is distrusted, but what it signed still verifies: you trust an earlier key, which handed the ledger on to it\n", s.yellow("!"), k)
			for _, earlier := range still[i] {
				s.next("gait keys distrust " + earlier.ID().String()[:16])
			}
		}
	})
}

func keyTexts(keys []ledger.PublicKey) []string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.String()
	}
	return texts
}
