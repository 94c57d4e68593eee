package sshkey_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"gait/ledger/sshkey"
)

// A blob that is read has one spelling, is of our namespace, and the library that it is
// read with says the same of it.
func FuzzParseSignature(f *testing.F) {
	for _, name := range []string{"ed25519.sha512", "ed25519.sha256", "ecdsa.sha512", "ecdsa.sha256", "ed25519-sk.sha512", "ecdsa-sk.sha256", "no-touch", "ed25519.file", "rsa"} {
		f.Add(blobOf(f, name+".sig"))
	}
	message := read(f, "message")
	f.Fuzz(func(t *testing.T, blob []byte) {
		s, err := sshkey.ParseSignature(blob)
		if err != nil {
			if !errors.Is(err, sshkey.ErrSignature) {
				t.Errorf("ParseSignature = %v, want ErrSignature", err)
			}
			return
		}
		if w := takeApart(t, blob); !bytes.Equal(ssh.Marshal(w), blob) || w.Reserved != "" || w.Namespace != sshkey.Namespace || !bytes.Equal(s.Blob(), blob) {
			t.Errorf("%x has another spelling", blob)
		}
		if again, err := sshkey.ParseArmored(sshkey.Armor(blob)); err != nil || !bytes.Equal(again, blob) {
			t.Errorf("armored, it is %x, %v", again, err)
		}
		if key, err := sshkey.ParseKey(s.Key().String()); err != nil || key != s.Key() {
			t.Errorf("its key %v reads as %v, %v", s.Key(), key, err)
		}
		if s.Verify(message) == nil {
			theirs, err := sshsig.ParseSignature(blob)
			if err != nil || sshsig.Verify(bytes.NewReader(message), theirs, theirs.PublicKey, theirs.HashAlgorithm, sshkey.Namespace) != nil {
				t.Errorf("%x verifies here alone", blob)
			}
		}
	})
}

// Keys that are read are different, of known types, and read back the same.
func FuzzParseKeys(f *testing.F) {
	for _, name := range []string{"ed25519.pub", "ecdsa.pub", "ed25519-sk.pub", "ecdsa-sk.pub", "rsa.pub"} {
		f.Add(read(f, name))
	}
	f.Add([]byte("# c\n\n" + keyLine(1) + "\r\n" + keyLine(2)))
	f.Fuzz(func(t *testing.T, file []byte) {
		keys, err := sshkey.ParseKeys(file)
		if err != nil {
			return
		}
		var lines []byte
		for _, key := range keys {
			lines = append(lines, key.String()+"\n"...)
			if _, err := ssh.ParsePublicKey(key.Blob()); err != nil {
				t.Errorf("%v: x/crypto/ssh does not read it: %v", key, err)
			}
		}
		if again, err := sshkey.ParseKeys(lines); err != nil || !slices.Equal(again, keys) || len(keys) == 0 {
			t.Errorf("%v reads as %v, %v", keys, again, err)
		}
	})
}

// Allowed signers that are read are written so that they read the same, and none of
// their names is a pattern.
func FuzzAllowedSigners(f *testing.F) {
	for _, options := range []string{"", `namespaces="gait-command" `, `valid-after="20260101Z",valid-before="20270101000000Z" `, "cert-authority "} {
		f.Add([]byte("# c\nann,bob " + options + keyLine(1) + " comment\n"))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		signers, err := sshkey.ParseAllowedSigners(file)
		if err != nil {
			return
		}
		for _, s := range signers {
			for _, name := range s.Principals {
				if name == "" || bytes.ContainsAny([]byte(name), "*?!,\" \t\r\n") {
					t.Errorf("the name %q", name)
				}
			}
		}
		b, err := sshkey.FormatAllowedSigners(signers)
		if err != nil {
			t.Fatal(err)
		}
		again, err := sshkey.ParseAllowedSigners(b)
		if err != nil || diff(signers, again) != "" {
			t.Errorf("%s reads as %v, %v", b, again, err)
		}
	})
}
