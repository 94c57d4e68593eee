package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// explain explains what the gate would answer now: it decides on the same facts, and writes
// nothing.
func explain(ctx context.Context, a *app, r commands.Request, q *gateQuestion) (gate.Explanation, error) {
	var explained gate.Explanation
	err := a.read(ctx, func(l *connect.Ledger) error {
		in, err := inputOf(ctx, l, r, q)
		explained = gate.Explain(in)
		return err
	})
	return explained, err
}

// inputOf reads what a decision about a request is made on.
func inputOf(ctx context.Context, l *connect.Ledger, r commands.Request, q *gateQuestion) (gate.Input, error) {
	c, ok := r.Command.(commands.GateEval)
	if !ok {
		return gate.Input{}, nil
	}
	in := gate.Input{Tool: c.Tool, CallID: c.CallID, Actor: r.Actor, Facts: ledger.GateFacts{EnvironmentFingerprint: c.Facts.EnvironmentFingerprint, NotDoneExit: c.Facts.NotDoneExit}}
	if in.Intent, in.IntentErr = gate.ParseIntent(q.intent); q.intent == nil {
		in.IntentErr = &gate.Error{Code: gate.CodeIntentTooLarge, Reason: fmt.Sprintf("it has more than %d bytes", ledger.MaxIntent)}
	}
	job, err := l.Job(ctx, r.JobID)
	if err != nil {
		return in, err
	}
	in.Job = &job
	if in.Basis, err = l.Basis(ctx); err != nil {
		return in, err
	}
	if actor, enrolled := in.Basis.Authority.Actor(r.Actor); enrolled && len(actor.Keys) > 0 {
		in.Keys = []ledger.Hash{actor.Keys[0].ID()} // as if it had signed
	}
	if q.intent != nil {
		put, err := l.PutContent(ctx, r.JobID, connect.Upload{Bytes: bytes.NewReader(q.intent), Keep: connect.KeepNot, Limit: ledger.MaxIntent})
		if err != nil {
			return in, err
		}
		in.Digest = put.Digest
	}
	if in.Call, err = callOf(ctx, l, r.JobID, c.CallID); err != nil {
		return in, err
	}
	in.Policy, in.PolicyErr = boundPolicy(ctx, l, job, q)
	return in, nil
}

// callOf returns the newest state of a call.
func callOf(ctx context.Context, l *connect.Ledger, job, call string) (projection.Call, error) {
	if call == "" {
		return projection.Call{}, nil
	}
	id := ledger.CallID{Job: job, Call: call}
	found, err := l.Log.Load(ctx, nil, nil, id)
	return projection.CallIn(found.Calls[id]), err
}

// boundPolicy returns the policy that a job is bound to, as the ledger keeps it or as it is
// given.
func boundPolicy(ctx context.Context, l *connect.Ledger, job projection.Job, q *gateQuestion) (*gate.Policy, error) {
	if job.PolicyDigest.IsZero() {
		return nil, nil
	}
	if len(q.policy) > 0 {
		return gate.ParsePolicy(q.policy)
	}
	b, err := l.ReadPolicy(ctx, job.PolicyDigest)
	if err != nil {
		return nil, err
	}
	return gate.ParsePolicy(b)
}

// withExplanation adds an explanation to an answer that is not allow.
func withExplanation(e *gateError, explained *gate.Explanation) {
	if explained == nil {
		return
	}
	if e.more == nil {
		e.more = object{}
	}
	e.more["explanation"] = explanationObject(explained)
	s := &screen{}
	showExplanation(s, explained)
	e.text = s.String()
}

func explanationObject(x *gate.Explanation) object {
	return object{"words": x.Words, "policies": append([]gate.PolicyResult{}, x.Policies...)}
}

func showExplanation(s *screen, x *gate.Explanation) {
	if x == nil {
		return
	}
	s.add("policies:\n")
	for _, p := range x.Policies {
		word := "does not apply"
		switch {
		case p.Error != "":
			word = "cannot be evaluated: " + plain(p.Error)
		case p.Applies:
			word = "applies: " + p.Verdict
		}
		s.add(fmt.Sprintf("  %s  %s, line %d: %s\n", plain(p.ID), p.Effect, p.Line, word))
		if len(p.Why) > 0 && !p.Applies {
			s.add("      since this is not so: " + plain(strings.Join(p.Why, "; ")) + "\n")
		}
	}
	if len(x.Policies) == 0 {
		s.add("  none could be asked: " + plain(x.Words) + "\n")
	}
}
