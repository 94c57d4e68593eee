package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/ask"
	"gait/commands/connect"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/root"
)

// A desk carries out, as one actor, what adapters ask for. Any number of goroutines may use it.
type desk struct {
	*app

	o       connect.Options
	signing signing
	creates bool // a job that is submitted makes the ledger, if there is none
}

var _ ask.Desk = (*desk)(nil)

// deskFlags say as whom an adapter acts.
type deskFlags struct{ actor, signKey string }

func (d *deskFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&d.actor, "actor", "", "who acts (env GAIT_ACTOR; default os:LOGIN)")
	f.StringVar(&d.signKey, "sign-key", "", "sign with this key: its file, agent, or agent:FINGERPRINT (env GAIT_SIGN_KEY)")
}

func newDesk(a *app, flags deskFlags) (*desk, error) {
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	o.Mode, o.Opened, o.Actor = root.Once, nil, a.actor(flags.actor)
	return &desk{app: a, o: o, signing: signing{key: flags.signKey, validFor: commands.SignedFor}}, nil
}

// Do carries a command out, once: it has a request id, so that it can be sent again.
func (d *desk) Do(ctx context.Context, r commands.Request) (commands.Result, error) {
	return d.do(ctx, r, nil)
}

// do carries a command out. bring fills in what the request names of the ledger; it may be nil.
func (d *desk) do(ctx context.Context, r commands.Request, bring func(context.Context, *connect.Ledger, *commands.Request) error) (result commands.Result, err error) {
	if r.Actor == "" {
		r.Actor = d.o.Actor
	}
	if r.RequestID == "" {
		if r.RequestID, err = ledger.NewULID(d.now(), d.entropy); err != nil {
			return result, err
		}
	}
	o := d.o
	o.Create = d.creates && commands.RowOf(r.Command).CreatesLedger
	err = connect.Retry(ctx, o, func(l *connect.Ledger) (err error) {
		r := r
		if bring != nil {
			if err := bring(ctx, l, &r); err != nil {
				return err
			}
		}
		result, err = d.issueOn(ctx, l, r)
		return err
	})
	return result, err
}

// issueOn signs a request, if its actor has a key, and carries it out.
func (d *desk) issueOn(ctx context.Context, l *connect.Ledger, r commands.Request) (commands.Result, error) {
	ready, answer, err := d.prepare(ctx, l, order{Request: r, signing: d.signing})
	switch {
	case err != nil:
		return commands.Result{}, err
	case answer != nil:
		return *answer, nil
	}
	return l.Do(ctx, ready)
}

// Ask asks the gate whether a tool may run. Whatever goes wrong, the answer is a block.
func (d *desk) Ask(ctx context.Context, q connect.GateQuestion) (commands.GateAnswer, commands.Result) {
	if q.Actor == "" {
		q.Actor = d.o.Actor
	}
	if q.Trace == "" {
		q.Trace = traceFor(&d.surroundings, commands.GateEval{})
	}
	q = q.Named()
	var result commands.Result
	var err error
	if q.RequestID == "" {
		q.RequestID, err = ledger.NewULID(d.now(), d.entropy)
	}
	if err == nil {
		err = connect.Retry(ctx, d.o, func(l *connect.Ledger) (err error) {
			result, err = d.askOn(ctx, l, q)
			return err
		})
	}
	return commands.AnswerOf(result, err), result
}

// askOn asks in one request, unless the actor signs what it asks.
func (d *desk) askOn(ctx context.Context, l *connect.Ledger, q connect.GateQuestion) (commands.Result, error) {
	now, err := authorityNow(ctx, l)
	if err != nil {
		return commands.Result{}, err
	}
	actor, enrolled := now.Actor(q.Actor)
	spec, err := d.signKey(d.signing)
	if err != nil {
		return commands.Result{}, err
	}
	if spec.IsZero() && (!enrolled || len(actor.Keys) == 0) {
		_, result, err := l.Gate(ctx, q)
		return result, err
	}
	kept, media, problem := daemon.IntentBytes(q.Intent)
	r := q.Request(ledger.Content{}, problem)
	if problem == "" {
		if err := q.Check(); err != nil { // before anything is kept
			return commands.Result{}, err
		}
		put, err := l.PutContent(ctx, q.JobID, connect.Upload{MediaType: media, Bytes: bytes.NewReader(kept), Limit: ledger.MaxIntent})
		if err != nil {
			return commands.Result{}, fmt.Errorf("keeping the intent: %w", err)
		}
		r = q.Request(put.Content, "")
	}
	return d.issueOn(ctx, l, r)
}

// Settle says what became of a grant, and keeps the result.
func (d *desk) Settle(ctx context.Context, s connect.Settlement) (commands.Result, error) {
	c := commands.GateSettle{Grant: s.Grant, Outcome: s.Outcome}
	r := commands.Request{JobID: s.JobID, Actor: s.Actor, Reason: s.Reason, RequestID: s.RequestID, Lease: s.Lease, Trace: s.Trace, Command: c}
	if s.Result == nil {
		return d.Do(ctx, r)
	}
	return d.do(ctx, r, func(ctx context.Context, l *connect.Ledger, r *commands.Request) error {
		if _, err := s.Result.Seek(0, 0); err != nil {
			return fmt.Errorf("reading what the tool answered: %w", err)
		}
		put, err := l.PutContent(ctx, s.JobID, connect.Upload{MediaType: s.MediaType, Bytes: s.Result})
		if err != nil {
			return fmt.Errorf("keeping what the tool answered: %w", err)
		}
		c.Result = put.Content
		r.Command = c
		return nil
	})
}

// Read calls f with the ledger at one state.
func (d *desk) Read(ctx context.Context, f func(*connect.Ledger) error) error {
	o := d.o
	o.Mode = root.Read
	return connect.Retry(ctx, o, f)
}
