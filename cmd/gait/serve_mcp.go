package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/daemon"
	"gait/commands/gate"
	"gait/commands/mcp"
	"gait/ledger"
	"gait/ledger/root"
)

// Where a daemon serves MCP, and the header in which a client of its socket names its actor.
const (
	mcpPath     = "/mcp"
	actorHeader = "Gait-Actor"
)

// serveTokens are the tokens that clients of --listen send.
type serveTokens struct{ own, agents string }

// serveTokensIn reads the tokens of a daemon, and makes those that are not there.
func serveTokensIn(a *app, flags serveFlags) (t serveTokens, err error) {
	if flags.tokenFile != "" {
		t.own, err = tokenIn(a, "--token-file", flags.tokenFile)
	}
	if err == nil && flags.mcpTokenFile != "" {
		t.agents, err = tokenIn(a, "--mcp-token-file", flags.mcpTokenFile)
	}
	if err == nil && t.own != "" && t.own == t.agents {
		err = &unsafeError{code: "token_path", text: "--token-file and --mcp-token-file hold the same token, which admits to everything", hint: "name two files: agents get the second one alone"}
	}
	return t, err
}

// furtherOf returns the other interfaces that a daemon serves.
func furtherOf(a *app, r *root.Root, flags serveFlags) (map[string]http.Handler, error) {
	if !flags.servesMCP() {
		return nil, nil
	}
	var policy []byte
	var err error
	if flags.mcpPolicy != "" {
		if policy, err = a.readFile(flags.mcpPolicy, gate.MaxPolicy); err != nil {
			return nil, err
		}
		noteUnreadable(a, flags.mcpPolicy, policy)
	}
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	o.Dir, o.Mode, o.Opened, o.Daemon = r.Dir, root.Once, nil, connect.Require // the commands of this daemon, and of no other
	return map[string]http.Handler{mcpPath: mcp.Handler(func(q *http.Request) (mcp.Options, error) {
		actor, err := mcpActor(q, flags.mcpActor)
		if err != nil {
			return mcp.Options{}, err
		}
		approve := approveLine(a)
		if _, remote := daemon.HolderOf(q.Context()); remote {
			approve = nil // the paths of this machine are none of theirs
		}
		return mcp.Options{
			Desk: &claimDesk{app: a, o: o, actor: actor, admits: func(r commands.Request) error { return daemon.MayIssue(q.Context(), r) }}, Actor: actor,
			Version: moduleVersion(), Policy: policy, Approve: approve,
			Here:  commands.Surroundings{EnvironmentFingerprint: new(boundFlags).environment(), ProducerVersion: producerVersion()},
			NewID: func() (string, error) { return ledger.NewULID(a.now(), a.entropy) },
		}, nil
	})}, nil
}

// mcpActor returns who acts in a request: the holder of its token or, at the socket, whom it names, else
// standIn. The user's own token is refused: who holds it can approve, as anyone.
func mcpActor(q *http.Request, standIn string) (string, error) {
	named := q.Header.Get(actorHeader)
	if daemon.ByBearer(q.Context()) {
		return "", fmt.Errorf("%w: the one of --token-file is yours, and with it an agent could approve what it asks for: give it the one of gait serve --mcp-token-file FILE", daemon.ErrPath)
	}
	if h, ok := daemon.HolderOf(q.Context()); ok {
		if named != "" && named != h.Actor {
			return "", fmt.Errorf("%w: it is for %s, not for %.130q", daemon.ErrActor, h.Actor, named)
		}
		return h.Actor, nil
	}
	actor := cmp.Or(named, standIn)
	if err := ledger.FieldActor.Check(actor); err != nil {
		return "", &commands.InvalidError{Err: err}
	}
	return actor, nil
}

// A claimDesk is a desk of a daemon for one request. It signs nothing: the keys that are at hand are
// not those of the client.
type claimDesk struct {
	*app

	o      connect.Options
	actor  string
	admits func(commands.Request) error
}

// Do carries a command out.
func (d *claimDesk) Do(ctx context.Context, r commands.Request) (commands.Result, error) {
	return d.Bring(ctx, r, func(context.Context, *connect.Ledger, *commands.Request) error { return nil })
}

// Bring carries a command out, with what it names.
func (d *claimDesk) Bring(ctx context.Context, r commands.Request, bring func(context.Context, *connect.Ledger, *commands.Request) error) (result commands.Result, err error) {
	r.Actor = d.actor
	if err := d.admits(r); err != nil {
		return result, err
	}
	if r.RequestID, err = ledger.NewULID(d.now(), d.entropy); err != nil {
		return result, err
	}
	err = connect.Retry(ctx, d.o, func(l *connect.Ledger) (err error) {
		r := r
		if err := bring(ctx, l, &r); err != nil {
			return err
		}
		result, err = l.Do(ctx, r)
		return err
	})
	return result, err
}

// Ask asks the gate whether a tool may run. Whatever goes wrong, the answer is a block.
func (d *claimDesk) Ask(ctx context.Context, q connect.GateQuestion) (commands.GateAnswer, commands.Result) {
	q.Actor = d.actor
	q = q.Named()
	var result commands.Result
	err := d.admits(q.Request(ledger.Content{}, gate.CodeIntentUnreadable))
	if err == nil {
		q.RequestID, err = ledger.NewULID(d.now(), d.entropy)
	}
	if err == nil {
		err = connect.Retry(ctx, d.o, func(l *connect.Ledger) (err error) {
			_, result, err = l.Gate(ctx, q)
			return err
		})
	}
	return commands.AnswerOf(result, err), result
}

// Settle says what became of a grant.
func (d *claimDesk) Settle(ctx context.Context, s connect.Settlement) (result commands.Result, err error) {
	s.Actor = d.actor
	if err := d.admits(commands.Request{JobID: s.JobID, Actor: d.actor, Command: commands.GateSettle{Grant: s.Grant, Outcome: s.Outcome}}); err != nil {
		return result, err
	}
	if s.RequestID, err = ledger.NewULID(d.now(), d.entropy); err != nil {
		return result, err
	}
	err = connect.Retry(ctx, d.o, func(l *connect.Ledger) (err error) {
		if s.Result != nil {
			if _, err := s.Result.Seek(0, 0); err != nil {
				return fmt.Errorf("reading what the tool answered: %w", err)
			}
		}
		result, err = l.Settle(ctx, s)
		return err
	})
	return result, err
}

// Read calls f with the ledger at one state.
func (d *claimDesk) Read(ctx context.Context, f func(*connect.Ledger) error) error {
	o := d.o
	o.Mode = root.Read
	return connect.Retry(ctx, o, f)
}
