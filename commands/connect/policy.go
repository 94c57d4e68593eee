package connect

import (
	"context"

	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/content"
)

// MaxPolicy is how many bytes a policy that is kept has at most.
const MaxPolicy = daemon.MaxPolicy

// KeepPolicy keeps a policy beside the ledger, durably, and returns its digest. That binds no
// job to it: submit and resume do. It fails with a *content.TooLargeError if the policy has
// more than MaxPolicy bytes, and with ErrReadOnly.
func (l *Ledger) KeepPolicy(ctx context.Context, b []byte) (ledger.Hash, error) {
	if l.readOnly {
		return ledger.Hash{}, ErrReadOnly
	}
	if l.daemon != nil {
		return l.daemon.client.PutPolicy(ctx, b)
	}
	if len(b) > MaxPolicy {
		return ledger.Hash{}, &content.TooLargeError{Limit: MaxPolicy}
	}
	kept, err := l.root.Content().Put(b)
	return kept.Digest, err
}

// ReadPolicy returns the bytes of a policy that is kept, compared with the digest. It fails
// with a *content.MissingError if none is kept, and with a *content.DamagedError if it was
// changed; a daemon's errors have the same codes.
func (l *Ledger) ReadPolicy(ctx context.Context, digest ledger.Hash) ([]byte, error) {
	if l.daemon != nil {
		return l.daemon.client.ReadPolicy(ctx, digest)
	}
	return l.root.Content().Read(digest, MaxPolicy)
}
