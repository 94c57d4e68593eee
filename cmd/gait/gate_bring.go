package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/gate"
	"gait/ledger"
)

// bringGate keeps a policy that a job is to be bound to, and what an evaluation brings, and
// returns the request that names it.
func bringGate(ctx context.Context, a *app, l *connect.Ledger, r commands.Request, printed bool) (commands.Request, error) {
	if len(a.policy) > 0 && !r.DryRun {
		if _, err := l.KeepPolicy(ctx, a.policy); err != nil {
			return r, fmt.Errorf("keeping the policy: %w", err)
		}
	}
	return withIntent(ctx, a, l, r, printed)
}

// withIntent keeps what an evaluation brings, and returns the request that names it.
func withIntent(ctx context.Context, a *app, l *connect.Ledger, r commands.Request, printed bool) (commands.Request, error) {
	c, ok := r.Command.(commands.GateEval)
	if !ok || a.asking == nil {
		return r, nil
	}
	if a.asking.policy != nil {
		c.Policy = sha256.Sum256(a.asking.policy)
		if err := bringPolicy(ctx, a, l, r, c.Policy); err != nil {
			return r, err
		}
	}
	if a.asking.intent == nil {
		c.Problem = gate.CodeIntentTooLarge
		r.Command = c
		return r, r.Check()
	}
	keep := connect.KeepNamed
	switch {
	case r.DryRun:
		keep, r.ContentLater = connect.KeepNot, true
	case printed:
		keep = connect.KeepNow
	}
	put, err := l.PutContent(ctx, r.JobID, connect.Upload{Bytes: bytes.NewReader(a.asking.intent), Keep: keep, Limit: ledger.MaxIntent})
	if err != nil {
		return r, fmt.Errorf("keeping the intent: %w", err)
	}
	c.Intent = put.Content
	r.Command = c
	return r, r.Check()
}

// bringPolicy keeps the bytes of the policy that a job is bound to, if the ledger does not
// have them. Another policy is not kept: the gate blocks.
func bringPolicy(ctx context.Context, a *app, l *connect.Ledger, r commands.Request, given ledger.Hash) error {
	job, err := l.Job(ctx, r.JobID)
	if err != nil || r.DryRun || job.PolicyDigest != given {
		return err
	}
	_, err = l.KeepPolicy(ctx, a.asking.policy)
	return err
}
