package compliance_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"gait/ledger"
	"gait/projection/compliance"
)

// wire returns the wire form of the SSH key of an actor.
func wire(name string) []byte {
	const kind = "ssh-ed25519"
	key := sha256.Sum256([]byte(name))
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(kind))), kind...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(key))), key[:]...)
}

func authorizedKey(name string) string {
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(wire(name))
}

// What is in force at the end counts, and not what once was.
func TestAuthorityInForce(t *testing.T) {
	enrolled := func(name string, roles ...ledger.Role) fact {
		return fact{payload: ledger.ActorEnrolled{Actor: name, Keys: []string{authorizedKey(name)}, Roles: roles}}
	}
	first := enrolled("boss", ledger.RoleAdmin)
	approver := enrolled("rev", ledger.RoleApprover)
	mode := func(m ledger.Mode) fact { return fact{payload: ledger.AuthoritySet{Admins: 1, Mode: m}} }
	revoked := fact{payload: ledger.ActorRevoked{Actor: "rev", Reason: "left"}}
	oneKey := fact{payload: ledger.ActorRevoked{Actor: "rev", Key: sha256.Sum256(wire("rev")), Reason: "lost"}}
	for _, tt := range []struct {
		name    string
		facts   []fact
		present string // of the controls below
	}{
		{"nobody", nil, ""},
		{"enrolled", []fact{first, approver}, "CC6.2"},
		{"verdicts are signed", []fact{first, approver, mode(ledger.ModeVerdicts)}, "CC6.2 CC6.3"},
		{"all are signed", []fact{first, approver, mode(ledger.ModeAll)}, "CC6.1 CC6.2 CC6.3"},
		{"not any more", []fact{first, approver, mode(ledger.ModeAll), mode(ledger.ModeClaims)}, "CC6.2"},
		{"the approver is revoked", []fact{first, approver, mode(ledger.ModeAll), revoked}, "CC6.1 CC6.2"},
		{"the approver's only key is revoked", []fact{first, approver, mode(ledger.ModeAll), oneKey}, "CC6.1 CC6.2"},
		{"and enrolled again", []fact{first, approver, mode(ledger.ModeAll), revoked, approver}, "CC6.1 CC6.2 CC6.3"},
		{"with another role", []fact{first, approver, mode(ledger.ModeAll), enrolled("rev", ledger.RoleOperator)}, "CC6.1 CC6.2"},
	} {
		r := reportOf(compliance.SOC2, history(t, tt.facts...))
		var present []string
		for _, id := range []string{"CC6.1", "CC6.2", "CC6.3"} {
			if findingOf(t, r, id).Status == compliance.Present {
				present = append(present, id)
			}
		}
		if got := strings.Join(present, " "); got != tt.present {
			t.Errorf("%s: present are %q, want %q", tt.name, got, tt.present)
		}
	}
}
