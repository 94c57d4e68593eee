package signer_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gait/commands/signer"
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

// sshAgent runs ssh-agent until the test ends, and returns its socket and the environment
// in which ssh-add finds it.
func sshAgent(t *testing.T, env []string, args ...string) (socket string, environ []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	cmd := exec.Command(need(t, "ssh-agent"), append(args, "-D", "-a", socket)...)
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for range 500 {
		if conn, err := net.Dial("unix", socket); err == nil { //nolint:noctx // it is there or not
			_ = conn.Close()
			return socket, append(env, "SSH_AUTH_SOCK="+socket)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("ssh-agent does not listen")
	return "", nil
}

func run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(need(t, name), args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func TestSSHAgent(t *testing.T) {
	dir := sshDir(t, "open", "ec", "rsa")
	socket, env := sshAgent(t, nil)
	enrolled := []sshkey.Key{public(t, "sealed"), public(t, "ec")}
	if _, err := signer.Find(t.Context(), signer.Spec{}, signer.Options{AgentSocket: socket, Enrolled: enrolled}); !errors.Is(err, signer.ErrNoKey) {
		t.Errorf("an empty agent: %v, want ErrNoKey", err)
	}
	run(t, env, "ssh-add", "-q", filepath.Join(dir, "open"), filepath.Join(dir, "ec"), filepath.Join(dir, "rsa"))
	s, err := signer.Find(t.Context(), signer.Spec{}, signer.Options{AgentSocket: socket, Enrolled: enrolled})
	signs(t, s, err, public(t, "ec"))
	s, err = signer.FromAgent(t.Context(), socket, is(public(t, "open")))
	signs(t, s, err, public(t, "open"))
	run(t, env, "ssh-add", "-q", "-D")
	if err == nil {
		if _, err := s.Sign([]byte("m")); !errors.Is(err, signer.ErrAgentRefused) {
			t.Errorf("Sign with a key that was taken out = %v, want ErrAgentRefused", err)
		}
	}
}

// A key that was added with ssh-add -c signs only if the user confirms it each time.
func TestSSHAgentAsksItsUser(t *testing.T) {
	dir := sshDir(t, "open")
	for answer, want := range map[string]bool{"true": true, "false": false} {
		ask := put(t, dir, "ask-"+answer, fmt.Appendf(nil, "#!/bin/sh\nexec %s\n", answer))
		if err := os.Chmod(ask, 0o700); err != nil {
			t.Fatal(err)
		}
		socket, env := sshAgent(t, []string{"SSH_ASKPASS=" + ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:9"})
		run(t, env, "ssh-add", "-q", "-c", filepath.Join(dir, "open"))
		s, err := signer.FromAgent(t.Context(), socket, is(public(t, "open")))
		if want {
			signs(t, s, err, public(t, "open"))
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sign([]byte("m")); !errors.Is(err, signer.ErrAgentRefused) {
			t.Errorf("Sign that the user declines = %v, want ErrAgentRefused", err)
		}
	}
}

// The keys of a token sign through ssh-agent; the token is that of ledger/sshkey.
func TestSSHAgentWithAToken(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long to build a token")
	}
	need(t, "cc")
	dir := t.TempDir()
	library := filepath.Join(dir, "token.so")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", library, "main.go")
	build.Dir = filepath.Join("..", "..", "ledger", "sshkey", "testdata", "token")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the token: %v\n%s", err, out)
	}
	socket, env := sshAgent(t, []string{"SSH_SK_PROVIDER=" + library}, "-P", library)
	for _, kind := range []string{"ed25519-sk", "ecdsa-sk"} {
		path := filepath.Join(dir, "id_"+kind)
		run(t, env, "ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path)
		run(t, env, "ssh-add", "-q", path)
		b, err := os.ReadFile(path + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		keys, err := sshkey.ParseKeys(bytes.TrimSpace(b))
		if err != nil || !keys[0].OnToken() {
			t.Fatal(keys, err)
		}
		o := signer.Options{AgentSocket: socket, SSHDir: dir, Enrolled: keys}
		for _, spec := range []signer.Spec{{}, {File: path + ".pub"}, {Agent: true, Fingerprint: keys[0].Fingerprint()}} {
			s, err := signer.Find(t.Context(), spec, o)
			signs(t, s, err, keys[0])
		}
		if _, err := signer.FromFile(t.Context(), path, o); !errors.Is(err, signer.ErrOnToken) {
			t.Errorf("FromFile of a token's handle = %v, want ErrOnToken", err)
		}
	}
}
