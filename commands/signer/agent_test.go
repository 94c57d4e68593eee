package signer_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"gait/commands/signer"
	"gait/ledger"
	"gait/ledger/sshkey"
)

func is(want sshkey.Key) func(sshkey.Key) bool {
	return func(k sshkey.Key) bool { return k == want }
}

func TestFromAgent(t *testing.T) {
	socket := serve(t, keyring(t, "rsa", "open", "p384", "ec"))
	for _, name := range []string{"open", "ec"} {
		s, err := signer.FromAgent(t.Context(), socket, is(public(t, name)))
		signs(t, s, err, public(t, name))
	}
	_, err := signer.FromAgent(t.Context(), socket, is(public(t, "sealed")))
	if !errors.Is(err, signer.ErrAgentKey) {
		t.Fatalf("a key that it does not have: %v, want ErrAgentKey", err)
	}
	for _, want := range []string{public(t, "open").Fingerprint() + " (ssh-ed25519)", public(t, "ec").Fingerprint(), "(ssh-rsa)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// A changedAgent answers otherwise than the one inside.
type changedAgent struct {
	agent.Agent
	sign func(key ssh.PublicKey, data []byte) (*ssh.Signature, error)
}

func (a changedAgent) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return a.sign(key, data)
}

func TestFromAgentRefuses(t *testing.T) {
	open := public(t, "open")
	limits := signer.Options{AnswerTime: 50 * time.Millisecond, SignTime: 50 * time.Millisecond}
	silent := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	babbling := listen(t, func(conn net.Conn) { _, _ = conn.Write([]byte("\xff\xff\xff\xffHTTP/1.1 400")) })
	strange := listen(t, func(conn net.Conn) { _, _ = conn.Write([]byte("\x00\x00\x00\x05\x0c\xff\xff\xff\xff")) })
	for _, tt := range []struct {
		name, socket string
		want         error
		code         string
	}{
		{"no agent", "", signer.ErrNoAgent, "agent_unavailable"},
		{"an agent that ended", filepath.Join(t.TempDir(), "gone"), signer.ErrNoAgent, "agent_unavailable"},
		{"another program", babbling, signer.ErrNoAgent, "agent_unavailable"},
		{"4,294,967,295 keys", strange, signer.ErrNoAgent, "agent_unavailable"},
		{"one that does not answer", silent, signer.ErrAgentTimeout, "agent_timeout"},
		{"one without keys", serve(t, keyring(t)), signer.ErrAgentKey, "agent_key_missing"},
	} {
		limits.AgentSocket = tt.socket
		s, err := signer.Find(t.Context(), signer.Spec{Agent: true, Fingerprint: open.Fingerprint()}, limits)
		fault, _ := ledger.FaultOf(err)
		if !errors.Is(err, tt.want) || fault.Code != tt.code || s != nil {
			t.Errorf("%s: %v, %v (%s); want %v (%s)", tt.name, s, err, fault.Code, tt.want, tt.code)
		}
	}
}

func TestAgentThatDoesNotSign(t *testing.T) {
	open, message := public(t, "open"), []byte("m")
	inside := keyring(t, "open", "ec")
	held := make(chan struct{})
	defer close(held)
	for _, tt := range []struct {
		name string
		sign func(ssh.PublicKey, []byte) (*ssh.Signature, error)
		want error
		code string
	}{
		{"its user declines", func(ssh.PublicKey, []byte) (*ssh.Signature, error) {
			return nil, errors.New("declined")
		}, signer.ErrAgentRefused, "agent_refused"},
		{"the token is not touched", func(ssh.PublicKey, []byte) (*ssh.Signature, error) {
			<-held
			return nil, errors.New("too late")
		}, signer.ErrAgentTimeout, "agent_timeout"},
		{"it signs something else", func(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			return inside.Sign(key, append(data, 0))
		}, sshkey.ErrSignature, "signature_invalid"},
		{"it signs with another key", func(_ ssh.PublicKey, data []byte) (*ssh.Signature, error) {
			keys, err := inside.List()
			if err != nil {
				return nil, err
			}
			return inside.Sign(keys[1], data)
		}, sshkey.ErrSignature, "signature_invalid"},
	} {
		o := signer.Options{AgentSocket: serve(t, changedAgent{inside, tt.sign}), SignTime: 200 * time.Millisecond}
		s, err := signer.Find(t.Context(), signer.Spec{Agent: true, Fingerprint: open.Fingerprint()}, o)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		blob, err := s.Sign(message)
		if fault, _ := ledger.FaultOf(err); !errors.Is(err, tt.want) || fault.Code != tt.code || blob != nil {
			t.Errorf("%s: Sign = %x, %v (%s); want %v (%s)", tt.name, blob, err, fault.Code, tt.want, tt.code)
		}
	}
}

// An interrupted command does not wait for the agent.
func TestAgentIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	socket := listen(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	if _, err := signer.FromAgent(ctx, socket, is(public(t, "open"))); !errors.Is(err, context.Canceled) {
		t.Errorf("FromAgent = %v, want context.Canceled", err)
	}
}
