package main

import (
	"context"
	"errors"
	"testing"

	"gait/commands"
	"gait/ledger"
)

// unread is a log that cannot be read, for its context has ended.
type unread struct{ ledger.EventReader }

func (unread) Load(ctx context.Context, _, _ []string, _ ...ledger.CallID) (ledger.Records, error) {
	return ledger.Records{}, ctx.Err()
}

// TestAnUnreadLogHidesNoJob looks for a job in a log that cannot be read: an
// interrupted pack build must not say that the job does not exist.
func TestAnUnreadLogHidesNoJob(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := findJob(ctx, unread{}, "job_1")
	if !errors.Is(err, context.Canceled) || errors.Is(err, commands.ErrJobNotFound) {
		t.Errorf("a log that cannot be read fails with %v", err)
	}
}
