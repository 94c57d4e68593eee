// Package signer finds the private key with which a user signs a command, and signs: with
// an OpenSSH private key file, or through ssh-agent, which also reaches the keys of FIDO
// tokens. The private key stays in this process or in the agent.
//
// What is asked for is a [Spec]: FILE, agent, or agent:FINGERPRINT. Without one, [Find]
// looks for one of the keys that the ledger has for the actor: in ssh-agent first, then
// beside the .pub files of ~/.ssh.
//
// A key in an agent is at hand for every program of the same account, an AI agent among
// them, unless it was added with ssh-add -c or is kept by a token, which asks for a touch.
package signer

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// A Signer signs commands with one key.
type Signer interface {
	// Key returns the public key.
	Key() sshkey.Key

	// Sign returns the SSHSIG blob of a message. It may wait for the user, who confirms
	// to an agent or touches a token.
	Sign(message []byte) (blob []byte, err error)
}

// What stands in the way of signing. Keys that are not taken are errors of package sshkey.
var (
	// ErrNoKey says that no private key is where it was looked for.
	ErrNoKey = fault("there is no key to sign with", "sign_key_missing", ledger.CategoryDependency)

	// ErrNoAgent says that no ssh-agent can be reached.
	ErrNoAgent = fault("there is no ssh-agent", "agent_unavailable", ledger.CategoryDependency)

	// ErrAgentKey says that the agent has none of the keys wanted.
	ErrAgentKey = fault("ssh-agent does not have the key", "agent_key_missing", ledger.CategoryDependency)

	// ErrAgentKeys says that the agent has several keys, and nothing says which one.
	ErrAgentKeys = fault("ssh-agent has several keys", "agent_key_ambiguous", ledger.CategoryInvalid)

	// ErrAgentTimeout says that the agent did not answer in time.
	ErrAgentTimeout = ledger.NewError("ssh-agent does not answer", ledger.Fault{Code: "agent_timeout", Category: ledger.CategoryContention, Retryable: true})

	// ErrAgentRefused says that the agent did not sign: its user may have declined.
	ErrAgentRefused = fault("ssh-agent did not sign", "agent_refused", ledger.CategoryPolicy)

	// ErrExposed says that other users can read a private key file.
	ErrExposed = fault("other users can read the private key", "unsafe_key_file", ledger.CategoryUnsafe)

	// ErrOnToken says that a file has only the handle of a key that is on a token.
	ErrOnToken = fault("the key is on a token, which is used through ssh-agent", "key_on_token", ledger.CategoryInvalid)

	// ErrPassphrase says that the passphrase given does not open a key.
	ErrPassphrase = fault("the passphrase is wrong", "wrong_passphrase", ledger.CategoryInvalid)

	// ErrNoPassphrase says that a key needs a passphrase, and none was given.
	ErrNoPassphrase = fault("a passphrase protects the key, and none was given", "passphrase_missing", ledger.CategoryInvalid)
)

func fault(text, code string, category ledger.Category) error {
	return ledger.NewError(text, ledger.Fault{Code: code, Category: category})
}

// A Spec says which key to sign with. The zero Spec leaves it to Find.
type Spec struct {
	File        string // of the private key, or of its public half
	Agent       bool   // a key in ssh-agent
	Fingerprint string // which one, as ssh-add -l shows it; "" if any may be used
}

const agentSpec = "agent"

// Parse reads FILE, agent or agent:FINGERPRINT. A file that is called agent is ./agent.
// "" is the zero Spec.
func Parse(spec string) (Spec, error) {
	if spec == agentSpec {
		return Spec{Agent: true}, nil
	}
	fingerprint, ok := strings.CutPrefix(spec, agentSpec+":")
	if !ok {
		return Spec{File: spec}, nil
	}
	id, ok := strings.CutPrefix(fingerprint, "SHA256:")
	if b, err := base64.RawStdEncoding.Strict().DecodeString(id); !ok || err != nil || len(b) != len(ledger.Hash{}) {
		return Spec{}, fmt.Errorf("%w: %.80q is not a fingerprint as ssh-add -l shows it, SHA256:… with 43 characters", ledger.ErrMalformed, fingerprint)
	}
	return Spec{Agent: true, Fingerprint: fingerprint}, nil
}

// String returns what Parse reads.
func (s Spec) String() string {
	switch {
	case s.Fingerprint != "":
		return agentSpec + ":" + s.Fingerprint
	case s.Agent:
		return agentSpec
	}
	return s.File
}

// IsZero reports whether s names no key.
func (s Spec) IsZero() bool { return s == Spec{} }

// A local signs with a private key in this process.
type local struct {
	key    sshkey.Key
	signer ssh.Signer
}

func (l local) Key() sshkey.Key { return l.key }

func (l local) Sign(message []byte) ([]byte, error) { return sshkey.Sign(l.signer, message) }

// newLocal returns a Signer for a private key as x/crypto/ssh parses it.
func newLocal(private any) (Signer, error) {
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sshkey.ErrUnsupported, err)
	}
	key, err := sshkey.ParseBlob(s.PublicKey().Type(), s.PublicKey().Marshal())
	if err != nil {
		return nil, err
	}
	return local{key: key, signer: s}, nil
}
