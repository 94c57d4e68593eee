package main

import (
	"fmt"
	"strings"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/sshkey"
	"gait/packspec"
)

// adminKeys reads the files with keys that the user knows to be those of first admins.
func (c *console) adminKeys(files []string) ([]packspec.AdminKey, error) {
	var known []packspec.AdminKey
	for _, file := range files {
		text, err := c.readFile(file, sshkey.MaxKeyFile)
		if err != nil {
			return nil, err
		}
		keys, err := sshkey.ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, key := range keys {
			known = append(known, packspec.AdminKey{Key: key, From: file})
		}
	}
	return known, nil
}

// An adminKeyError says that a ledger's first admin is another than the user knows.
type adminKeyError struct{ text string }

func (e *adminKeyError) Error() string { return e.text }

// Fault returns what kind of error it is.
func (*adminKeyError) Fault() ledger.Fault {
	return ledger.Fault{Code: "admin_key_mismatch", Category: ledger.CategoryVerification}
}

// checkFirstAdmin requires, if keys are known, that one of them signed the ledger's first
// authority event.
func checkFirstAdmin(a *app, l *connect.Ledger, known []packspec.AdminKey) error {
	if len(known) == 0 {
		return nil
	}
	for e, err := range l.Log.AuthorityEvents(a.running.Context()) {
		if err != nil {
			return err
		}
		signed, err := authority.KeysOf(e)
		if err != nil {
			return err
		}
		var all []string
		for _, k := range known {
			if len(signed) == 1 && signed[0] == k.Key.ID() {
				return nil
			}
			all = append(all, k.Key.Fingerprint())
		}
		return &adminKeyError{fmt.Sprintf("event %d enrolled the first admin, %s, with a key that is none of %s", e.Seq(), e.Actor(), strings.Join(all, ", "))}
	}
	return &adminKeyError{"no actor is enrolled in this ledger, and so no admin with a key that you know"}
}
