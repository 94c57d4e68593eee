package authority_test

import (
	"errors"
	"os"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
	"gait/ledger/sshkey"
)

// forFiles returns a signature that ssh-keygen made for namespace file.
func forFiles(t *testing.T) []byte {
	t.Helper()
	armored, err := os.ReadFile("../sshkey/testdata/ed25519.file.sig")
	if err != nil {
		t.Fatal(err)
	}
	blob, err := sshkey.ParseArmored(armored)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestVerifyCommand(t *testing.T) {
	key := at.Key(t, "vera")
	text := []byte(pauseText)
	good := key.Sign(t, text)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-1] ^= 1
	for _, tt := range []struct {
		name string
		text []byte
		sigs [][]byte
		want authority.Code
	}{
		{"a signature", text, [][]byte{good}, ""},
		{"no signature", text, nil, authority.SignatureRequired},
		{"one of another text", append([]byte(" "), text...), [][]byte{good}, authority.SignatureInvalid},
		{"a bit of it changed", text, [][]byte{flipped}, authority.SignatureInvalid},
		{"one that does not count beside one that does", text, [][]byte{good, flipped}, authority.SignatureInvalid},
		{"one for namespace file", text, [][]byte{forFiles(t)}, authority.SignatureInvalid},
		{"no SSHSIG", text, [][]byte{[]byte("SSHSIG")}, authority.SignatureInvalid},
		{"too many", text, make([][]byte, ledger.MaxCommandSigs+1), authority.SignatureInvalid},
	} {
		keys, err := authority.VerifyCommand(tt.text, tt.sigs)
		if tt.want == "" {
			if err != nil || len(keys) != 1 || keys[0] != key.ID() {
				t.Errorf("%s: VerifyCommand = %v, %v", tt.name, keys, err)
			}
			continue
		}
		if no, denied := errors.AsType[*authority.Denial](err); !denied || no.Code != tt.want || keys != nil {
			t.Errorf("%s: VerifyCommand = %v, %v, want %s", tt.name, keys, err, tt.want)
		}
	}
}

// TestVerifySignatures checks that an event with a signature of other bytes, by another key
// or for another purpose is corrupt.
func TestVerifySignatures(t *testing.T) {
	c := newJob(t)
	s := now(t, c.Ledger)
	plan := at.Plan{Actor: "vera", JobID: "job_1", Payload: approved, Signers: []at.Signer{c.vera}}
	honest := c.Seal(plan)
	for _, tt := range []struct {
		name  string
		draft func(*ledger.Draft)
		check string // what Check says; "": it passes, since it does no cryptography
	}{
		{"a signature of another command", func(d *ledger.Draft) {
			other := plan
			other.JobID = "job_2"
			d.CommandSigs = c.Seal(other).CommandSigs()
		}, ""},
		{"a signature by another key", func(d *ledger.Draft) { d.CommandSigs = at.Sigs(t, d.Command, c.wim) }, "signature_invalid"},
		{"a signature for namespace file", func(d *ledger.Draft) { d.CommandSigs = ledger.SortedSigs([][]byte{forFiles(t)}) }, "not for namespace"},
	} {
		edited := plan
		edited.EditDraft = tt.draft
		e := c.Seal(edited)
		_, err := s.Check(e)
		if tt.check != "" {
			wantCorrupt(t, tt.name, err, e, tt.check)
			continue
		}
		if err != nil {
			t.Errorf("%s: Check = %v, and it does no cryptography", tt.name, err)
		}
		wantCorrupt(t, tt.name, authority.VerifySignatures(e), e, "signature 1")
	}
	if err := authority.VerifySignatures(honest); err != nil {
		t.Errorf("VerifySignatures = %v", err)
	}
	if err := authority.VerifySignatures(c.Claim("agent", "job_1", progress)); err != nil {
		t.Errorf("VerifySignatures of a claim = %v", err)
	}
}
