package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
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
	if errors.Is(err, commands.ErrJobNotFound) {
		return r, err
	}
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

// amendIntent puts the canonical form of an intent in the place of a file that amends one: a
// worker asks for that.
func amendIntent(ctx context.Context, a *app, l *connect.Ledger, r commands.Request) error {
	c, ok := r.Command.(commands.Approve)
	if !ok || len(a.uploads.files) != 1 || a.uploads.files[0].size > ledger.MaxIntent {
		return nil
	}
	job, err := l.Job(ctx, r.JobID)
	if err != nil {
		return err
	}
	at, err := l.Basis(ctx)
	if err != nil {
		return err
	}
	if tool := toolAsked(job, at, c.CheckpointID); tool != "" {
		return canonicalIntent(a.uploads.files[0], tool)
	}
	return nil // it is about something else, or the rules say what is wrong
}

// toolAsked returns the tool that a verdict would be about; "" if it would be about none.
func toolAsked(job projection.Job, at projection.Basis, checkpoint string) string {
	ask, no := projection.VerdictTarget(job, at, projection.Approved, checkpoint)
	if no != nil {
		return ""
	}
	return ask.Tool
}

// canonicalIntent puts the canonical form of an intent for a tool in the place of a file.
func canonicalIntent(f *upload, tool string) error {
	if _, err := f.opened.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f.opened, ledger.MaxIntent+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.file, err)
	}
	intent, err := gate.ParseIntent(b)
	if err != nil {
		return &usageError{code: "invalid_amended", text: fmt.Sprintf("%s takes the place of an intent, and is none: %v", f.file, err), hint: `an intent is JSON like {"tool": "` + tool + `", "arguments": {}}`}
	}
	if intent.Tool() != tool {
		return &usageError{code: "invalid_amended", text: fmt.Sprintf("%s is for the tool %s, and the decision is about %s", f.file, intent.Tool(), tool), hint: "an amended intent is for the same tool; deny it to have none of it"}
	}
	f.opened, f.size = bytes.NewReader(intent.Canonical()), int64(len(intent.Canonical()))
	return nil
}
