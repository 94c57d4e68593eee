package signer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gait/commands/signer"
	"gait/ledger"
	"gait/ledger/sshkey"
)

func TestFromFile(t *testing.T) {
	dir := sshDir(t, "open", "ec", "pkcs8", "sealed", "sealed-pem")
	for name, key := range map[string]sshkey.Key{"open": public(t, "open"), "ec": public(t, "ec"), "sealed": public(t, "sealed"), "sealed-pem": public(t, "sealed-pem")} {
		ask, prompts := asked(words)
		path := filepath.Join(dir, name)
		s, err := signer.FromFile(t.Context(), path, signer.Options{Passphrase: ask})
		signs(t, s, err, key)
		want := strings.HasPrefix(name, "sealed")
		if got := len(*prompts) == 1 && strings.Contains((*prompts)[0], path); got != want {
			t.Errorf("%s: asked %q, want to be asked: %t", name, *prompts, want)
		}
	}
	s, err := signer.FromFile(t.Context(), filepath.Join(dir, "pkcs8"), signer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	signs(t, s, err, s.Key())
}

func TestFromFileAsksThreeTimes(t *testing.T) {
	path := filepath.Join(sshDir(t, "sealed"), "sealed")
	for _, tt := range []struct {
		name    string
		answers []string
		want    error
		code    string
		asks    int
	}{
		{"right at last", []string{"no", "nor that", words}, nil, "", 3},
		{"wrong each time", []string{"no", "nor that", "nor this", words}, signer.ErrPassphrase, "wrong_passphrase", 3},
		{"nothing typed", []string{""}, signer.ErrNoPassphrase, "passphrase_missing", 1},
	} {
		ask, prompts := asked(tt.answers...)
		s, err := signer.FromFile(t.Context(), path, signer.Options{Passphrase: ask})
		fault, _ := ledger.FaultOf(err)
		if !errors.Is(err, tt.want) || len(*prompts) != tt.asks || err != nil && fault.Code != tt.code {
			t.Errorf("%s: FromFile = %v, %v (%s) after %d questions; want %v after %d", tt.name, s, err, fault.Code, len(*prompts), tt.want, tt.asks)
		}
		if len(*prompts) > 1 && !strings.Contains((*prompts)[1], "wrong") {
			t.Errorf("%s: the second question is %q", tt.name, (*prompts)[1])
		}
	}
	if _, err := signer.FromFile(t.Context(), path, signer.Options{}); !errors.Is(err, signer.ErrNoPassphrase) {
		t.Errorf("without a terminal: %v, want ErrNoPassphrase", err)
	}
	gone := errors.New("the terminal went away")
	_, err := signer.FromFile(t.Context(), path, signer.Options{Passphrase: func(string) ([]byte, error) { return nil, gone }})
	if !errors.Is(err, gone) {
		t.Errorf("with an error of the terminal: %v", err)
	}
}

func TestFromFileRefuses(t *testing.T) {
	dir := sshDir(t, "open", "rsa", "p384", "token", "pkcs8-sealed")
	exposed := put(t, dir, "exposed", read(t, "open"))
	if err := os.Chmod(exposed, 0o640); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	block := string(read(t, "open"))
	for _, tt := range []struct {
		name, path string
		want       error
		code       string
	}{
		{"no file", filepath.Join(dir, "none"), signer.ErrNoKey, "sign_key_missing"},
		{"a directory", dir, ledger.ErrMalformed, "malformed"},
		{"a pipe", pipe, ledger.ErrMalformed, "malformed"},
		{"another text", put(t, dir, "text", []byte("hello\n")), ledger.ErrMalformed, "malformed"},
		{"nothing", put(t, dir, "empty", nil), sshkey.ErrNoKeys, "empty_public_key"},
		{"a large file", put(t, dir, "large", []byte(block+strings.Repeat("\n", 64<<10))), ledger.ErrMalformed, "malformed"},
		{"a broken key", put(t, dir, "broken", []byte(block[:len(block)/2])), ledger.ErrMalformed, "malformed"},
		{"a key of PuTTY", put(t, dir, "putty", []byte("PuTTY-User-Key-File-3: ssh-ed25519\n")), ledger.ErrMalformed, "malformed"},
		{"an encrypted PKCS #8", filepath.Join(dir, "pkcs8-sealed"), ledger.ErrMalformed, "malformed"},
		{"open to the group", exposed, signer.ErrExposed, "unsafe_key_file"},
		{"RSA", filepath.Join(dir, "rsa"), sshkey.ErrUnsupported, "unsupported_key"},
		{"P-384", filepath.Join(dir, "p384"), sshkey.ErrUnsupported, "unsupported_key"},
		{"the handle of a token", filepath.Join(dir, "token"), signer.ErrOnToken, "key_on_token"},
		{"two public keys", put(t, dir, "two.pub", append(read(t, "open.pub"), read(t, "ec.pub")...)), ledger.ErrManyKeys, "malformed"},
		{"a certificate", put(t, dir, "cert.pub", []byte("ssh-ed25519-cert-v01@openssh.com AAAA\n")), sshkey.ErrCertificate, "certificate_unsupported"},
		{"a public key alone", put(t, dir, "ec.pub", read(t, "ec.pub")), signer.ErrNoAgent, "agent_unavailable"},
		{"a public key beside another private one", put(t, dir, "open.pub", read(t, "ec.pub")), ledger.ErrMalformed, "malformed"},
	} {
		s, err := signer.FromFile(t.Context(), tt.path, signer.Options{})
		fault, _ := ledger.FaultOf(err)
		if !errors.Is(err, tt.want) || fault.Code != tt.code || s != nil {
			t.Errorf("%s: FromFile = %v, %v (%s); want %v (%s)", tt.name, s, err, fault.Code, tt.want, tt.code)
		}
	}
}

func TestFromFilePublicHalf(t *testing.T) {
	dir := sshDir(t, "open", "open.pub", "ec.pub", "token", "token.pub", "sealed")
	s, err := signer.FromFile(t.Context(), filepath.Join(dir, "open.pub"), signer.Options{})
	signs(t, s, err, public(t, "open"))

	agent := signer.Options{AgentSocket: serve(t, keyring(t, "open", "ec"))}
	s, err = signer.FromFile(t.Context(), filepath.Join(dir, "ec.pub"), agent)
	signs(t, s, err, public(t, "ec"))

	_, err = signer.FromFile(t.Context(), filepath.Join(dir, "token.pub"), agent)
	if !errors.Is(err, signer.ErrAgentKey) || !errors.Is(err, signer.ErrOnToken) {
		t.Errorf("a token that the agent does not have: %v", err)
	}

	// No passphrase is asked for to see that two files do not belong together.
	ask, prompts := asked(words)
	_, err = signer.FromFile(t.Context(), put(t, dir, "sealed.pub", read(t, "open.pub")), signer.Options{Passphrase: ask})
	if !errors.Is(err, ledger.ErrMalformed) || len(*prompts) > 0 || !strings.Contains(err.Error(), public(t, "sealed").Fingerprint()) {
		t.Errorf("a public key beside another sealed one: %v after %d questions", err, len(*prompts))
	}
}

// As in ssh, the mode of a file that belongs to another user does not matter.
func TestFromFileOfAnotherOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := put(t, t.TempDir(), "key", read(t, "open"))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := signer.FromFile(t.Context(), path, signer.Options{}); !errors.Is(err, signer.ErrExposed) {
		t.Errorf("of mode 644: %v, want ErrExposed", err)
	}
	if err := os.Chown(path, 1, 1); err != nil {
		t.Fatal(err)
	}
	s, err := signer.FromFile(t.Context(), path, signer.Options{})
	signs(t, s, err, public(t, "open"))
}
