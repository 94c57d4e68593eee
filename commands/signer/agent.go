package signer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"gait/ledger/sshkey"
)

// How long an agent may take.
const (
	// AnswerTime is how long an agent may take to say which keys it has.
	AnswerTime = 10 * time.Second

	// SignTime is how long an agent may take to sign. Its user may have to confirm, or to
	// touch a token.
	SignTime = 2 * time.Minute
)

// FromAgent returns a Signer for the key in ssh-agent that want takes; of several the first
// one in the agent's order. socket is what SSH_AUTH_SOCK has. ctx ends signing, too.
func FromAgent(ctx context.Context, socket string, want func(sshkey.Key) bool) (Signer, error) {
	return fromAgent(ctx, Options{AgentSocket: socket}, want)
}

func fromAgent(ctx context.Context, o Options, want func(sshkey.Key) bool) (Signer, error) {
	held, err := o.held(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(held, func(h heldKey) bool { return !h.key.IsZero() && want(h.key) }); i >= 0 {
		return inAgent{ctx: ctx, options: o, key: held[i].key}, nil
	}
	return nil, missing(held)
}

// theOnly returns a Signer for the only key in the agent that can be used.
func theOnly(ctx context.Context, o Options) (Signer, error) {
	held, err := o.held(ctx)
	if err != nil {
		return nil, err
	}
	usable := slices.DeleteFunc(slices.Clone(held), func(h heldKey) bool { return h.key.IsZero() })
	switch len(usable) {
	case 0:
		return nil, missing(held)
	case 1:
		return inAgent{ctx: ctx, options: o, key: usable[0].key}, nil
	}
	return nil, fmt.Errorf("%w, so name one as agent:FINGERPRINT: %s", ErrAgentKeys, list(usable))
}

// missing returns an error that says what the agent has instead of the key wanted.
func missing(held []heldKey) error {
	if len(held) == 0 {
		return fmt.Errorf("%w: it has none at all, or is locked", ErrAgentKey)
	}
	return fmt.Errorf("%w: it has %s", ErrAgentKey, list(held))
}

// A heldKey is a key that an agent has.
type heldKey struct {
	key         sshkey.Key // the zero Key if gait takes none of its type
	typ         string
	fingerprint string
}

func list(held []heldKey) string {
	var keys []string
	for _, h := range held {
		keys = append(keys, h.fingerprint+" ("+h.typ+")")
	}
	return strings.Join(keys, ", ")
}

// held asks the agent for its keys.
func (o Options) held(ctx context.Context) (held []heldKey, err error) {
	err = o.ask(ctx, cmp.Or(o.AnswerTime, AnswerTime), func(a agent.Agent) error {
		keys, err := a.List()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoAgent, err)
		}
		for _, k := range keys {
			h := heldKey{typ: printable(k.Format), fingerprint: ssh.FingerprintSHA256(k)}
			if key, err := sshkey.ParseBlob(k.Format, k.Blob); err == nil {
				h.key = key
			}
			held = append(held, h)
		}
		return nil
	})
	return held, err
}

// printable returns the type of a key as an agent says it, without what a terminal would obey.
func printable(typ string) string {
	quoted := fmt.Sprintf("%.60q", typ)
	return quoted[1 : len(quoted)-1]
}

// ask connects to the agent and calls f. If that takes longer than limit, or ctx ends, the
// connection is closed.
func (o Options) ask(ctx context.Context, limit time.Duration, f func(agent.Agent) error) error {
	if o.AgentSocket == "" {
		return fmt.Errorf("%w: SSH_AUTH_SOCK names none", ErrNoAgent)
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(timed, "unix", o.AgentSocket)
	if err == nil {
		end := sync.OnceFunc(func() { _ = conn.Close() }) // nothing is lost with it
		defer end()
		defer context.AfterFunc(timed, end)()
		err = f(agent.NewClient(struct {
			io.Reader
			io.Writer
		}{conn, conn})) // without a Close, the client starts no goroutine
	} else {
		err = fmt.Errorf("%w at %s: %w", ErrNoAgent, o.AgentSocket, err)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("asking ssh-agent: %w", ctx.Err())
	case errors.Is(timed.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w within %v", ErrAgentTimeout, limit)
	}
	return err
}

// An inAgent signs through an agent. It connects again to sign, so that it holds nothing open.
type inAgent struct {
	ctx     context.Context // of the command that is signed
	options Options
	key     sshkey.Key
}

func (s inAgent) Key() sshkey.Key { return s.key }

func (s inAgent) Sign(message []byte) (blob []byte, err error) {
	public, err := ssh.ParsePublicKey(s.key.Blob())
	if err != nil {
		return nil, err
	}
	err = s.options.ask(s.ctx, cmp.Or(s.options.SignTime, SignTime), func(a agent.Agent) (err error) {
		blob, err = sshkey.Sign(agentSigner{agent: a, public: public}, message)
		return err
	})
	return blob, err
}

// An agentSigner is a key in an agent as x/crypto/ssh has signers.
type agentSigner struct {
	agent  agent.Agent
	public ssh.PublicKey
}

func (s agentSigner) PublicKey() ssh.PublicKey { return s.public }

func (s agentSigner) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	signature, err := s.agent.Sign(s.public, data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAgentRefused, err)
	}
	return signature, nil
}
