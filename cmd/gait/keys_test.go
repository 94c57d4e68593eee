package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// keyFormsCmd writes a verifier key as other tools keep it, key.pub (OpenSSH)
// and key.pem, and a file too large to be a key, big.pub: keyforms VKEY
func keyFormsCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keyforms VKEY")
	}
	parts := strings.SplitN(args[0], "+", 3)
	material, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	ts.Check(err)
	public := material[1:]
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(public))
	ts.Check(err)
	wire := append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), public...)
	for name, text := range map[string]string{
		"key.pub": "ssh-ed25519 " + base64.StdEncoding.EncodeToString(wire) + " ada@example\n",
		"key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"big.pub": args[0] + "\n" + strings.Repeat("#\n", 16<<10),
	} {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}
