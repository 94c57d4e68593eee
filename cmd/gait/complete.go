package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// expiresAsBefore returns a request to ask for a decision that expires after a while: if
// its request id was used before, it expires when that was to, so that the same command
// line is the same command.
func expiresAsBefore(ctx context.Context, l *connect.Ledger, r commands.Request) (commands.Request, error) {
	c, asks := r.Command.(commands.AddCheckpoint)
	if !asks || c.ExpiresAt.IsZero() || r.RequestID == "" {
		return r, nil
	}
	found, err := l.Log.Load(ctx, nil, []string{r.RequestID})
	if p, before := found.Requests[r.RequestID].Payload().(ledger.CheckpointAdded); before {
		c.ExpiresAt = p.ExpiresAt
		r.Command = c
	}
	return r, err
}

// expiresAfter reports whether --expires says after what time a decision expires, not when.
func expiresAfter(cmd *cobra.Command) bool {
	f := cmd.Flags().Lookup("expires")
	if f == nil || f.Value.String() == "" {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, f.Value.String())
	return err != nil
}
