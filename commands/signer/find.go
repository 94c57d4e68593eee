package signer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gait/ledger/sshkey"
)

// maxPublicFiles bounds how many .pub files of a directory are read.
const maxPublicFiles = 256

// Options says where keys are looked for.
type Options struct {
	AgentSocket string       // what SSH_AUTH_SOCK has; "": there is no agent
	SSHDir      string       // ~/.ssh; "": there is none
	Enrolled    []sshkey.Key // the keys that the ledger has for the actor

	// Passphrase asks the user for a passphrase. nil: there is no terminal.
	Passphrase func(prompt string) ([]byte, error)

	// AnswerTime and SignTime, if not 0, replace the constants of that name.
	AnswerTime, SignTime time.Duration
}

// enrolled reports whether a key is one of the actor's.
func (o Options) enrolled(k sshkey.Key) bool { return slices.Contains(o.Enrolled, k) }

// Find returns a Signer for the key that spec names. The spec agent means a key of the actor
// or, if none is enrolled, the only key that the agent has.
//
// For the zero Spec it looks for an enrolled key: in ssh-agent, then for a .pub file in
// o.SSHDir with a private key beside it. ErrNoKey says where it looked.
func Find(ctx context.Context, spec Spec, o Options) (Signer, error) {
	switch {
	case spec.File != "":
		return FromFile(ctx, spec.File, o)
	case spec.Fingerprint != "":
		return fromAgent(ctx, o, func(k sshkey.Key) bool { return k.Fingerprint() == spec.Fingerprint })
	case spec.Agent && len(o.Enrolled) == 0:
		return theOnly(ctx, o)
	case spec.Agent:
		return fromAgent(ctx, o, o.enrolled)
	case len(o.Enrolled) == 0:
		return nil, ErrNoKey
	}
	s, agentErr := fromAgent(ctx, o, o.enrolled)
	if agentErr == nil || ctx.Err() != nil {
		return s, agentErr
	}
	s, err := fromDir(ctx, o)
	if !errors.Is(err, ErrNoKey) {
		return s, err
	}
	var want []string
	for _, k := range o.Enrolled {
		want = append(want, k.Fingerprint())
	}
	return nil, fmt.Errorf("%w: the actor's keys are %s; %s; and %s", ErrNoKey, strings.Join(want, ", "), agentErr.Error(), err.Error())
}

// fromDir looks in o.SSHDir for the private half of an enrolled key, in the order of the
// files' names. An error with a file that has such a key counts only if no other has one.
func fromDir(ctx context.Context, o Options) (Signer, error) {
	if o.SSHDir == "" {
		return nil, fmt.Errorf("%w: there is no ~/.ssh", ErrNoKey)
	}
	entries, err := os.ReadDir(o.SSHDir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	var first error
	read := 0
	for _, entry := range entries {
		path := filepath.Join(o.SSHDir, entry.Name())
		private, named := strings.CutSuffix(path, publicSuffix)
		if !named || read == maxPublicFiles {
			continue
		}
		read++
		key, ok := enrolledIn(path, o)
		if !ok {
			continue
		}
		s, err := beside(ctx, private, key, o)
		if err == nil {
			return s, nil
		}
		if first == nil && !errors.Is(err, fs.ErrNotExist) {
			first = err
		}
	}
	if first != nil {
		return nil, first
	}
	return nil, fmt.Errorf("%w beside a .pub file in %s", ErrNoKey, o.SSHDir)
}

// enrolledIn returns the enrolled key in a .pub file, if that is what it holds. People keep
// other files in that directory, so what cannot be read is no error.
func enrolledIn(path string, o Options) (sshkey.Key, bool) {
	b, err := readKeyFile(path)
	if err != nil {
		return sshkey.Key{}, false
	}
	keys, err := sshkey.ParseKeys(b)
	if err != nil || len(keys) != 1 || !o.enrolled(keys[0]) {
		return sshkey.Key{}, false
	}
	return keys[0], true
}
