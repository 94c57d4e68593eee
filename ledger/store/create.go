package store

import (
	"context"
	"fmt"
	"iter"

	"gait/ledger"
)

// Create makes a ledger in a table without rows, and leaves the table open. first
// is its event 0, sealed; o.Signer must hold the key it names. Open then opens the
// ledger and learns its checkpoint: Create does not call o.Published. If first names
// request ids that were used before, o.Inherited must yield them.
func Create(ctx context.Context, t Table, first ledger.Event, o Options) error {
	return CreateFrom(ctx, t, first, nil, o)
}

// CreateFrom is Create for a ledger that begins with more than its event 0: rest are the
// events that follow, sealed, each with the view of its job. One checkpoint is signed,
// after the last; before it is written the rows are those of no ledger, and Open fails.
// rest may be nil. An error of it ends the work.
func CreateFrom(ctx context.Context, t Table, first ledger.Event, rest iter.Seq2[ledger.Entry, error], o Options) error {
	if err := create(ctx, t, first, rest, o); err != nil {
		return fmt.Errorf("creating a ledger: %w", err)
	}
	return nil
}

func create(ctx context.Context, t Table, first ledger.Event, rest iter.Seq2[ledger.Entry, error], o Options) error {
	if o.ReadOnly {
		return ErrReadOnly
	}
	if o.Signer == nil {
		return ErrNoSigner
	}
	keys, err := ledger.NewKeyring(first)
	if err != nil {
		return misfit(err)
	}
	if err := checkSigner(o.Signer, keys.Current()); err != nil {
		return err
	}
	l := newLog(t, &state{keys: keys, index: emptyIndex(), tags: tagsRecord{state: tagsWhole}, inherits: inheritanceOf(first)}, o)
	if l.now.Load().macs, err = l.macsOf(keys.Current()); err != nil {
		return err
	}
	if err := l.writable(); err != nil {
		return err
	}
	if rest == nil && l.now.Load().inherits.requests == nil {
		_, err = l.append(ctx, []ledger.Entry{{Event: first}}, handover{})
		return err
	}
	return l.fill(ctx, first, rest)
}
