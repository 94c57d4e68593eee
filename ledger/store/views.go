package store

import (
	"errors"
	"fmt"
	"iter"

	"gait/ledger"
)

// viewBatch is how many bytes of views ReplaceViews writes at once.
const viewBatch = 1 << 20

// ReplaceViews throws all cached views away and keeps the ones given. It is
// not all or nothing: after an error or a crash some jobs have no view. Reading
// the log while ranging over views is fine; appending waits.
func (l *Log) ReplaceViews(views iter.Seq2[ledger.JobView, error]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil && !errors.Is(err, ErrNoSigner) {
		return fmt.Errorf("replacing views: %w", err)
	}
	b := l.db.NewBatch()
	defer func() { b.Close() }()
	if err := b.DeleteRange([]byte{prefixView}, after(prefixView), nil); err != nil {
		return fmt.Errorf("replacing views: %w", err)
	}
	for v, err := range views {
		if err != nil {
			return fmt.Errorf("replacing views: %w", err)
		}
		if err := b.Set(viewKey(v.ID), v.View, nil); err != nil {
			return fmt.Errorf("replacing views: %w", err)
		}
		if b.Len() < viewBatch {
			continue
		}
		if err := l.commit(b); err != nil {
			return fmt.Errorf("replacing views: %w", err)
		}
		b.Close()
		b = l.db.NewBatch()
	}
	if err := l.commit(b); err != nil {
		return fmt.Errorf("replacing views: %w", err)
	}
	return nil
}
