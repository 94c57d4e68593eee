package connect

import (
	"context"
	"time"

	"gait/commands/daemon"
)

// Garbage is a file of content that no event names, or whose bytes an event says were
// erased.
type Garbage = daemon.Garbage

// CollectContent removes the content that no event names and that is older than age, and
// what a crash has left of content that was erased. If dry is set, it removes nothing. It
// reads the whole ledger, and returns what it has removed, or would remove.
func (l *Ledger) CollectContent(ctx context.Context, age time.Duration, dry bool) ([]Garbage, error) {
	if l.readOnly {
		return nil, ErrReadOnly
	}
	if l.daemon != nil {
		return l.daemon.Collect(ctx, age, dry)
	}
	return daemon.Collect(ctx, l.Log, l.root.Content(), age, dry)
}
