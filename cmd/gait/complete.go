package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// datedAsBefore returns a request with a time that the command line gives as a while from now:
// when a decision expires, or a job may begin. If its request id was used before, it is the time
// of then, so that the same command line is the same command.
func datedAsBefore(ctx context.Context, l *connect.Ledger, r commands.Request) (commands.Request, error) {
	if r.RequestID == "" {
		return r, nil
	}
	if c, asks := r.Command.(commands.AddCheckpoint); asks && !c.ExpiresAt.IsZero() {
		p, before, err := payloadBefore[ledger.CheckpointAdded](ctx, l, r.RequestID)
		if before {
			c.ExpiresAt = p.ExpiresAt
			r.Command = c
		}
		return r, err
	}
	if c, begins := r.Command.(commands.Submit); begins && !c.NotBefore.IsZero() {
		p, before, err := payloadBefore[ledger.Submitted](ctx, l, r.RequestID)
		if before {
			c.NotBefore = p.NotBefore
			r.Command = c
		}
		return r, err
	}
	return r, nil
}

// payloadBefore returns what a request id led to before, if it led to an event of that type.
func payloadBefore[P ledger.Payload](ctx context.Context, l *connect.Ledger, requestID string) (p P, ok bool, err error) {
	found, err := l.Log.Load(ctx, nil, []string{requestID})
	p, ok = found.Requests[requestID].Payload().(P)
	return p, ok, err
}

// datedAfter reports whether a flag of a command gives a time as a while from now.
func datedAfter(cmd *cobra.Command) bool {
	for _, name := range []string{"expires", "not-before"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Value.String() != "" {
			_, err := time.Parse(time.RFC3339Nano, f.Value.String())
			return err != nil
		}
	}
	return false
}
