package main

import (
	"errors"
	"fmt"
	"os"

	"gait/ledger"
	"gait/ledger/home"
	"gait/packspec"
)

// keyForms lists, for help texts, the forms in which a key is accepted.
const keyForms = "a verifier key, an OpenSSH .pub file (ssh-ed25519) or a PEM public key"

// trustedKeys returns the keys to trust: the one in keyFile, or else those that
// the user trusts. Trust in them extends to no key that the user distrusts.
func trustedKeys(a *app, keyFile string) ([]packspec.TrustedKey, error) {
	if keyFile != "" {
		key, err := a.keyNamed(keyFile)
		if err != nil {
			return nil, err
		}
		return trustFrom(a, keyFile, key)
	}
	homeDir, err := a.home()
	if err != nil {
		return nil, err
	}
	keys, err := home.TrustedKeys(homeDir)
	if err != nil {
		return nil, err
	}
	return trustFrom(a, "trusted_keys", keys...)
}

// trustFrom returns keys that are trusted because of what is in from.
func trustFrom(a *app, from string, keys ...ledger.PublicKey) ([]packspec.TrustedKey, error) {
	var not []ledger.PublicKey
	homeDir, err := a.homeIfAny()
	if err != nil {
		return nil, err
	}
	if homeDir != "" { // without a home, no key was distrusted
		if _, not, err = home.Trusts(homeDir); err != nil {
			return nil, err
		}
	}
	trusted := make([]packspec.TrustedKey, len(keys))
	for i, key := range keys {
		trusted[i] = packspec.TrustedKey{Key: key, From: from, Not: not}
	}
	return trusted, nil
}

// readKey reads a public key from a file.
func (c *console) readKey(name string) (ledger.PublicKey, error) {
	text, err := c.readFile(name, ledger.MaxPublicKeySize)
	if f, _ := ledger.FaultOf(err); f.Code == codeEmptyFile {
		return ledger.PublicKey{}, badKey(name, ledger.ErrNoKey)
	}
	if err != nil {
		return ledger.PublicKey{}, err
	}
	key, err := ledger.ParsePublicKey(text)
	return key, badKey(name, err)
}

// keyShownHint says where a public key comes from that a user is to be given.
const keyShownHint = "A ledger's key is printed where the ledger is written, there: gait keys show"

// badKey returns an error that says what is wrong with a key the user named.
func badKey(name string, err error) error {
	if err == nil {
		return nil
	}
	e := &usageError{code: "invalid_public_key", text: fmt.Sprintf("%s: %v", name, err), hint: "give " + keyForms + ". " + keyShownHint}
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

// keyNamed reads a public key from the argument itself or from the file it names.
func (c *console) keyNamed(arg string) (ledger.PublicKey, error) {
	key, err := ledger.ParsePublicKeyLine(arg)
	if err == nil {
		return key, nil
	}
	if isFile(arg) {
		return c.readKey(arg)
	}
	if errors.Is(err, ledger.ErrWeakKey) || errors.Is(err, ledger.ErrIsPrivate) {
		return key, badKey("the argument", err)
	}
	return key, &usageError{code: "invalid_public_key", text: fmt.Sprintf("%.120q is neither a public key nor a file with one", arg), hint: keyShownHint}
}

// isFile reports whether an argument that may be a key names a file, or standard input.
func isFile(arg string) bool {
	_, err := os.Stat(arg)
	return arg == fromStdin || err == nil
}

// trustedIn returns the file by which the user trusts the key that signs a
// ledger, or an earlier key that handed the ledger on to it.
func trustedIn(keys ledger.Keyring, trusted []packspec.TrustedKey, given string) (from string, err error) {
	by, other, ended := packspec.TrustedBy(keys, trusted)
	if by != nil {
		return by.From, nil
	}
	no := &untrustedError{key: keys.Current().String(), given: given}
	if !ended.IsZero() {
		no.ended = ended.String()
	}
	if other != nil {
		no.other = other.Key.String()
	}
	return "", no
}
