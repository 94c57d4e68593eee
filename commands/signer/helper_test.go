package signer_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"gait/commands/signer"
	"gait/ledger/sshkey"
)

// words is the passphrase of the sealed keys of testdata. All keys there were made for these
// tests by ssh-keygen of OpenSSH 9.2 and by openssl.
const words = "correct horse"

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sshDir makes a directory of files of testdata, with the modes that ssh-keygen gives them.
func sshDir(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		put(t, dir, name, read(t, name))
	}
	return dir
}

func put(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// public returns the key in a .pub file of testdata.
func public(t *testing.T, name string) sshkey.Key {
	t.Helper()
	keys, err := sshkey.ParseKeys(read(t, name+".pub"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	return keys[0]
}

// asked answers with passphrases one after the other, and counts the questions.
func asked(answers ...string) (ask func(string) ([]byte, error), prompts *[]string) {
	prompts = new([]string)
	return func(prompt string) ([]byte, error) {
		*prompts = append(*prompts, prompt)
		if len(*prompts) > len(answers) {
			return nil, errors.New("asked too often")
		}
		return []byte(answers[len(*prompts)-1]), nil
	}, prompts
}

// serve runs an agent on a socket until the test ends.
func serve(t *testing.T, a agent.Agent) (socket string) {
	t.Helper()
	return listen(t, func(conn net.Conn) { _ = agent.ServeAgent(a, conn) })
}

// listen calls handle for each connection to a socket until the test ends.
func listen(t *testing.T, handle func(net.Conn)) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = l.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	return socket
}

// keyring returns an agent that has keys of testdata.
func keyring(t *testing.T, names ...string) agent.Agent {
	t.Helper()
	a := agent.NewKeyring()
	for _, name := range names {
		private, err := ssh.ParseRawPrivateKey(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(agent.AddedKey{PrivateKey: private, Comment: name}); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// signs fails the test unless s signs with the key.
func signs(t *testing.T, s signer.Signer, err error, key sshkey.Key) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	message := []byte("pay 7")
	blob, err := s.Sign(message)
	if err != nil {
		t.Error(err)
		return
	}
	signature, err := sshkey.ParseSignature(blob)
	if err != nil || s.Key() != key || signature.Key() != key || signature.Verify(message) != nil {
		t.Errorf("it signs with %v as %v, %v; want %v", s.Key(), signature.Key(), err, key)
	}
}
