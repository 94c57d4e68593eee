package main

import (
	"encoding/base64"
	"strings"

	"gait/ledger"
)

const fingerprintPrefix = "SHA256:"

// fingerprintID returns the id of the key with a fingerprint as ssh-keygen prints it.
func fingerprintID(s string) (id ledger.Hash, ok bool) {
	digits, ok := strings.CutPrefix(s, fingerprintPrefix)
	b, err := base64.RawStdEncoding.Strict().DecodeString(digits)
	if !ok || err != nil || len(b) != len(id) {
		return id, false
	}
	return ledger.Hash(b), true
}

func fingerprintOf(id ledger.Hash) string {
	return fingerprintPrefix + base64.RawStdEncoding.EncodeToString(id[:])
}
