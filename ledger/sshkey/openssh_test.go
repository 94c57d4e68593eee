package sshkey_test

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gait/ledger/sshkey"
)

// need returns the path of a tool. Without it the test is skipped, or fails in CI.
func need(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("there is no %s, which .ci/run installs", tool)
		}
		t.Skipf("there is no %s", tool)
	}
	return path
}

// keygen runs ssh-keygen with an input, and returns what it prints.
func keygen(t *testing.T, in []byte, env []string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(need(t, "ssh-keygen"), args...)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("ssh-keygen %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, err
}

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// token builds the token of testdata, and returns the environment in which OpenSSH uses it.
func tokenEnv(t *testing.T) []string {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes long to build a token")
	}
	need(t, "ssh-keygen")
	need(t, "cc")
	library := filepath.Join(t.TempDir(), "token.so")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", library, "main.go")
	build.Dir = filepath.Join("testdata", "token")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the token: %v\n%s", err, out)
	}
	return []string{"SSH_SK_PROVIDER=" + library, "LD_LIBRARY_PATH="}
}

// What ssh-keygen makes with fresh keys, we read and verify.
func TestSSHKeygenSignsForUs(t *testing.T) {
	for _, kind := range [][]string{{"-t", "ed25519"}, {"-t", "ecdsa", "-b", "256"}} {
		signedBySSHKeygen(t, nil, kind...)
	}
}

func TestSSHKeygenSignsForUsOnAToken(t *testing.T) {
	env := tokenEnv(t)
	for _, kind := range []string{"ed25519-sk", "ecdsa-sk"} {
		signedBySSHKeygen(t, env, "-t", kind)
	}
}

func signedBySSHKeygen(t *testing.T, env []string, kind ...string) {
	t.Helper()
	path, message := filepath.Join(t.TempDir(), "key"), []byte("pay 7\n")
	if _, err := keygen(t, nil, env, append(kind, "-q", "-N", "", "-C", "a comment", "-f", path)...); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sshkey.ParseKeys(public)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := keygen(t, nil, nil, "-l", "-f", path+".pub")
	if err != nil || !strings.Contains(string(shown), " "+keys[0].Fingerprint()+" ") {
		t.Errorf("ssh-keygen -l = %s, %v; want %s", shown, err, keys[0].Fingerprint())
	}
	file, err := keygen(t, message, env, "-q", "-Y", "sign", "-n", sshkey.Namespace, "-f", path)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := sshkey.ParseArmored(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sshkey.ParseSignature(blob)
	if err != nil || s.Key() != keys[0] || s.Verify(message) != nil {
		t.Errorf("%v: %v, Verify = %v", kind, err, s.Verify(message))
	}
	if private, err := os.ReadFile(path); err != nil || !strings.Contains(parseErr(private), "secret") {
		t.Errorf("ParseKeys of a private key = %q, want that it must stay secret", parseErr(private))
	}
}

func parseErr(file []byte) string {
	_, err := sshkey.ParseKeys(file)
	return fmt.Sprint(err)
}

// What we sign, ssh-keygen verifies with the allowed signers that we write; nothing else.
func TestSSHKeygenVerifiesOurs(t *testing.T) {
	message := []byte("pay 7\n")
	for name, signer := range map[string]ssh.Signer{
		"Ed25519": edSigner(t, 1), "ECDSA": ecSigner(t, 1),
		"Ed25519 on a token": newToken(t, sshkey.TypeTokenEd25519), "ECDSA on a token": newToken(t, sshkey.TypeTokenECDSA),
	} {
		blob, err := sshkey.Sign(signer, message)
		if err != nil {
			t.Fatal(err)
		}
		key, err := sshkey.ParseBlob(signer.PublicKey().Type(), signer.PublicKey().Marshal())
		if err != nil {
			t.Fatal(err)
		}
		allowed, err := sshkey.FormatAllowedSigners([]sshkey.AllowedSigner{
			{Comments: []string{"from event 3"}, Principals: []string{"ann"}, Key: key},
			{Principals: []string{"bob"}, Key: mustKey(t, keyLine(9))},
		})
		if err != nil {
			t.Fatal(err)
		}
		list, sig := write(t, "allowed", allowed), write(t, "sig", sshkey.Armor(blob))
		verify := func(actor, namespace string, message []byte) error {
			_, err := keygen(t, message, nil, "-Y", "verify", "-f", list, "-I", actor, "-n", namespace, "-s", sig)
			return err
		}
		if err := verify("ann", sshkey.Namespace, message); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if verify("bob", sshkey.Namespace, message) == nil || verify("ann", "file", message) == nil || verify("ann", sshkey.Namespace, message[1:]) == nil {
			t.Errorf("%s: ssh-keygen verifies it for another actor, purpose or message", name)
		}
	}
}

// ssh-keygen takes the lines that we take.
func TestSSHKeygenReadsAllowedSigners(t *testing.T) {
	message := []byte("m")
	blob, err := sshkey.Sign(edSigner(t, 1), message)
	if err != nil {
		t.Fatal(err)
	}
	sig := write(t, "sig", sshkey.Armor(blob))
	for options, want := range map[string]bool{
		"": true, `namespaces="gait-command" `: true, `namespaces="git,gait-command" `: true,
		`valid-after="20200101Z" `: true, `valid-before="20200101000000Z" `: false,
		`valid-after="202001010000Z",namespaces="gait-command",valid-before="30000101Z" `: true,
	} {
		text := []byte("bob,ann " + options + keyLine(1) + " comment\n")
		if _, err := sshkey.ParseAllowedSigners(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		_, err := keygen(t, message, nil, "-Y", "verify", "-f", write(t, "allowed", text), "-I", "ann", "-n", sshkey.Namespace, "-s", sig)
		if (err == nil) != want {
			t.Errorf("ssh-keygen with options %q: %v, want verified: %t", options, err, want)
		}
	}
}

// A private key that ssh-keygen reads signs through it as it signs through us.
func TestSignAgreesWithSSHKeygen(t *testing.T) {
	message := []byte("m")
	for _, private := range []crypto.PrivateKey{edPrivate(1), ecPrivate(t, 1)} {
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			t.Fatal(err)
		}
		path := write(t, "key", pem.EncodeToMemory(block))
		theirs, err := keygen(t, message, nil, "-q", "-Y", "sign", "-n", sshkey.Namespace, "-f", path)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := sshkey.Sign(signer, message)
		if err != nil {
			t.Fatal(err)
		}
		if signer.PublicKey().Type() == sshkey.TypeEd25519 && !bytes.Equal(theirs, sshkey.Armor(ours)) {
			t.Errorf("ssh-keygen wrote\n%sand we\n%s", theirs, sshkey.Armor(ours))
		}
	}
}
