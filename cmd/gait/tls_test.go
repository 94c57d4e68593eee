package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A certifier signs certificates.
type certifier struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// tlsCertCmd makes a certifier, and a certificate of it for 127.0.0.1 and localhost:
// tlscert DIR. It writes ca.pem, cert.pem and key.pem.
func tlsCertCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tlscert DIR")
	}
	ts.Check(writeCertificates(ts.MkAbs(args[0])))
}

func writeCertificates(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var of certifier
	for i, name := range []string{"ca", "cert"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: i == 0, BasicConstraintsValid: true, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		if i == 0 {
			c.KeyUsage = x509.KeyUsageCertSign
			of = certifier{c, key}
		}
		der, err := x509.CreateCertificate(rand.Reader, c, of.cert, &key.PublicKey, of.key)
		if err != nil {
			return err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// The flags of an encrypted address are checked before anything is opened.
func TestServeFlags(t *testing.T) {
	for _, tt := range []struct {
		flags serveFlags
		want  string
	}{
		{serveFlags{listen: "127.0.0.1:0"}, ""},
		{serveFlags{listen: "127.0.0.1:0", tokenFile: "t"}, ""},
		{serveFlags{listen: "0.0.0.0:0", tokenFile: "t"}, "not_loopback"},
		{serveFlags{listen: "0.0.0.0:0"}, "not_loopback"},
		{serveFlags{listen: "0.0.0.0:0", cert: "c", key: "k"}, ""},
		{serveFlags{listen: "[::]:0", cert: "c", key: "k", tokenFile: "t"}, "not_loopback"},
		{serveFlags{listen: "127.0.0.1:0", cert: "c", key: "k", tokenFile: "t"}, ""},
		{serveFlags{listen: "127.0.0.1:0", cert: "c"}, "invalid_usage"},
		{serveFlags{listen: "127.0.0.1:0", key: "k"}, "invalid_usage"},
		{serveFlags{cert: "c", key: "k"}, "invalid_usage"},
		{serveFlags{tokenFile: "t"}, "invalid_usage"},
		{serveFlags{mcp: true, mcpActor: "a"}, ""},
		{serveFlags{listen: "127.0.0.1:0", mcpTokenFile: "t", mcpActor: "a"}, ""},
		{serveFlags{listen: "0.0.0.0:0", mcpTokenFile: "t", mcpActor: "a"}, "not_loopback"},
		{serveFlags{listen: "0.0.0.0:0", cert: "c", key: "k", mcpTokenFile: "t", mcpActor: "a"}, ""},
		{serveFlags{mcpTokenFile: "t", mcpActor: "a"}, "invalid_usage"},
		{serveFlags{mcp: true, mcpActor: "a b"}, "invalid_usage"},
		{serveFlags{mcp: true, mcpActor: "a", systemd: true}, "invalid_usage"},
	} {
		tt.flags.log.format, tt.flags.maxContent = "text", 1
		got := ""
		if err := tt.flags.check(); err != nil {
			got = classify(err).Code
		}
		if got != tt.want {
			t.Errorf("check of %+v = %q, want %q", tt.flags, got, tt.want)
		}
	}
}

// Clients that know no TLS 1.3 are refused.
func TestOnlyTLS13(t *testing.T) {
	dir := t.TempDir()
	if err := writeCertificates(dir); err != nil {
		t.Fatal(err)
	}
	config, err := serveFlags{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}.tlsConfig()
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		here, there := net.Pipe()
		go func() {
			_ = tls.Server(there, config).Handshake()
			_ = there.Close()
		}()
		err := tls.Client(here, &tls.Config{MaxVersion: version, InsecureSkipVerify: true}).Handshake()
		if (err == nil) != want {
			t.Errorf("with %s: %v", tls.VersionName(version), err)
		}
		here.Close()
	}
}
