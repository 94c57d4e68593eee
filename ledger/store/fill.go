package store

import (
	"context"
	"iter"

	"gait/ledger"
)

// flushParts is after how many parts of a new ledger the pages of its index are written.
const flushParts = 8

// fill writes the events of a new ledger in parts, as an import does, and then the
// checkpoint that makes it one.
func (l *Log) fill(ctx context.Context, first ledger.Event, rest iter.Seq2[ledger.Entry, error]) error {
	f := filler{log: l}
	if err := f.part(ctx, ledger.Entry{Event: first}); err != nil {
		return err
	}
	if err := l.inherit(ctx); err != nil {
		return err
	}
	var part []ledger.Entry
	for e, err := range entriesOf(rest) {
		if err != nil {
			return err
		}
		if part = append(part, e); len(part) < importBatch {
			continue
		}
		if err := f.part(ctx, part...); err != nil {
			return err
		}
		part = part[:0]
	}
	if len(part) > 0 {
		if err := f.part(ctx, part...); err != nil {
			return err
		}
	}
	return f.sign(ctx)
}

// entriesOf returns rest, or no entries if it is nil.
func entriesOf(rest iter.Seq2[ledger.Entry, error]) iter.Seq2[ledger.Entry, error] {
	if rest == nil {
		return func(func(ledger.Entry, error) bool) {}
	}
	return rest
}

// A filler writes the parts of a new ledger.
type filler struct {
	log   *Log
	parts int
}

// part writes entries that follow those before. There is no checkpoint yet.
func (f *filler) part(ctx context.Context, entries ...ledger.Entry) error {
	p := newPlan(f.log, nil)
	defer p.Discard()
	for _, e := range entries {
		if err := p.add(ctx, e); err != nil {
			return err
		}
	}
	if err := p.applyEntries(ctx); err != nil {
		return err
	}
	var pages []Row
	if f.parts++; f.parts%flushParts == 0 {
		pages = p.index.flush(p.head.Size)
	}
	st := p.state(nil)
	if err := p.commitPart(ctx, st, pages); err != nil {
		return err
	}
	if pages != nil {
		st.index.tree.Durable()
	}
	return nil
}

// sign writes the pages that are left, and the checkpoint over all events.
func (f *filler) sign(ctx context.Context) error {
	p := newPlan(f.log, nil)
	defer p.Discard()
	pages := p.index.flush(p.head.Size)
	st, err := p.sign()
	if err != nil {
		return err
	}
	return p.commitPart(ctx, st, pages)
}
