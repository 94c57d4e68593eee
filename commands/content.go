package commands

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
)

// A Content keeps the bytes that events name by digest (package ledger/content). An Engine
// asks it about events that name some, and about no others.
type Content interface {
	// ContentKey returns the content key of a job. It is zero if the job's content has no
	// secret.
	ContentKey(job string) (ledger.Hash, error)

	// Check fails with ledger.ErrContentMissing if content that an event names is not kept,
	// or with another error if it is not as the event says. It need not be durable.
	Check(ledger.Event) error

	// Sync makes durable what events name, with the secret of what is named by its digest
	// alone, and fails as Check does. It is called once for the events of a batch, before they
	// are committed.
	Sync(ctx context.Context, events []ledger.Event) error

	// ReadOf returns the bytes of content of a job, durable or not: at most limit, and
	// otherwise it fails.
	ReadOf(job string, digest ledger.Hash, limit int64) ([]byte, error)

	// ReadPlain does so for content that is no job's: a policy.
	ReadPlain(digest ledger.Hash, limit int64) ([]byte, error)

	// EraseOf deletes content of a job, durably. It does nothing if there is none.
	EraseOf(job string, digest ledger.Hash) error
}

// A keepingError says that the content of a batch could not be made durable. Nothing of the
// batch was written.
type keepingError struct{ err error }

func (e *keepingError) Error() string { return e.err.Error() }

func (e *keepingError) Unwrap() error { return e.err }

// keyed returns a payload with the content key of its job, if it is the job's first that
// names content. It fails with ledger.ErrContentSecret if the job has another key than its
// content has now: the digest of an intent would not say any more whether it was allowed.
func (e *Engine) keyed(m basis, job string, p ledger.Payload) (ledger.Payload, error) {
	if e.Content == nil || !ledger.NamesJobContent(p) {
		return p, nil
	}
	key, err := e.Content.ContentKey(job)
	if err != nil {
		return p, fmt.Errorf("the content key of %s: %w", job, err)
	}
	switch m.job.ContentKey {
	case ledger.Hash{}: // it is the first
	case key:
		return p, nil
	default:
		return p, fmt.Errorf("job %s: %w", job, ledger.ErrContentSecret)
	}
	switch named := p.(type) {
	case ledger.CheckpointAdded:
		named.ContentKey = key
		return named, nil
	case ledger.Approved:
		named.ContentKey = key
		return named, nil
	case ledger.GateDecided:
		named.ContentKey = key
		return named, nil
	case ledger.DispatchBlocked:
		named.ContentKey = key
		return named, nil
	case ledger.EffectSettled:
		named.ContentKey = key
		return named, nil
	case ledger.Submitted:
		named.ContentKey = key
		return named, nil
	case ledger.AttemptEnded:
		named.ContentKey = key
		return named, nil
	default: // no other event has one
	}
	panic(fmt.Sprintf("commands: %T has no content key", p))
}

// checkContent fails if content that an event names is not kept.
func (e *Engine) checkContent(event ledger.Event) error {
	if e.Content == nil || !namesContent(event) {
		return nil
	}
	return e.Content.Check(event)
}

func namesContent(event ledger.Event) bool {
	return len(ledger.Contents(event)) > 0 || ledger.NamesJobContent(event.Payload())
}

// keepContent makes durable what the events of the batch name. Its error is a *keepingError.
func (b *batch) keepContent(ctx context.Context) error {
	if b.engine.Content == nil || len(b.naming) == 0 {
		return nil
	}
	if err := b.engine.Content.Sync(ctx, b.naming); err != nil {
		return &keepingError{err}
	}
	return nil
}

// unkept reports whether a call ends with the error of a batch whose content could not be
// made durable. The other calls are decided again: those that name none, and those whose
// content is there although another one was missing.
func (b *batch) unkept(c *call) bool {
	event := c.written().Event
	if !namesContent(event) {
		return false
	}
	return !errors.Is(b.err, ledger.ErrContentMissing) || b.engine.checkContent(event) != nil
}

// erase deletes what the event of a call erases. A call whose event was written before
// deletes it too, since a crash may have come in between, unless the job has changed since:
// it may name that content again.
func (b *batch) erase(c *call) {
	event := c.written().Event
	p, ok := event.Payload().(ledger.ContentErased)
	if !ok || b.engine.Content == nil || c.err != nil || c.request.DryRun {
		return
	}
	if c.result.Replayed && event.Revision() != c.result.Job.Revision {
		return
	}
	if err := b.engine.Content.EraseOf(event.JobID(), p.Digest); err != nil {
		c.result, c.err = Result{}, fmt.Errorf("event %d records it, but the bytes are not deleted yet: %w", event.Seq(), err)
	}
}
