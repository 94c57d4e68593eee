package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// buildBytes is how many bytes one commit of a build writes, about, and buildRows how
// many rows it removes. After buildStep events it is written how far the build is.
const (
	buildBytes = 4 << 20
	buildRows  = 4096
	buildStep  = 1 << 16
)

// build gives an old ledger its index. From the first commit on the rows are those of
// format 2 with a record that says that the index is not complete, and how far the
// events were read: a build that was interrupted goes on there. If the ledger is
// damaged, the record says so, and the index stays incomplete.
func (l *Log) build(ctx context.Context, o Options) error {
	b := builder{log: l, progress: o.Progress, step: o.buildStep}
	if b.progress == nil {
		b.progress = func(string, int64, int64) error { return nil }
	}
	if b.step == 0 {
		b.step = buildStep
	}
	err := b.begin(ctx)
	if err == nil && o.Defer {
		return nil
	}
	if err == nil {
		err = b.complete(ctx)
	}
	if _, damaged := errors.AsType[*ledger.CorruptError](err); damaged || isMismatch(err) {
		return b.refuse(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("building the index: %w", err)
	}
	if o.Views == nil {
		return nil
	}
	return l.ReplaceViews(ctx, o.Views(ctx, l))
}

type builder struct {
	log      *Log
	progress func(phase string, done, total int64) error
	step     int64 // after how many events it is written how far the build is
}

// begin makes the rows those of format 2.
func (b *builder) begin(ctx context.Context) error {
	st := *b.log.now.Load()
	if !st.old {
		return nil
	}
	c := b.log.change()
	r := buildProgress{}.record(st.keys.Origin())
	c.Put = []Row{{keyFormat, []byte(format2)}, {keyRecord, r.encode(st.macs)}, {keyUpper, st.last.encodeUpper(st.head.Size)}}
	if err := b.log.commit(ctx, c); err != nil {
		return err
	}
	st.old, st.index = false, index{state: ledger.IndexBuilding}
	b.log.advance(&st)
	return nil
}

// complete verifies the ledger, and writes the index and its record.
func (b *builder) complete(ctx context.Context) error {
	v, err := b.verify(ctx)
	if err != nil {
		return err
	}
	if err := b.write(ctx, v.index.Dirty()); err != nil {
		return err
	}
	for _, prefix := range []byte{prefixPartial, prefixView} {
		if err := b.remove(ctx, prefix); err != nil {
			return err
		}
	}
	st := *b.log.now.Load()
	st.index = index{
		state: ledger.IndexProved, tree: mpt.At(v.index.Root()), jobs: v.done.jobs, committed: v.done.committed,
		flushed: st.head.Size, pages: v.index.Root(),
	}
	return b.put(ctx, &st, st.index.record(st.keys.Origin(), st.head.Size, st.checkpoint.Root))
}

// write writes pages. They say nothing before the record names them.
func (b *builder) write(ctx context.Context, pages []mpt.Row) error {
	c, size := b.log.change(), 0
	for i, page := range pages {
		c.Put = append(c.Put, Row{page.Page.AppendKey([]byte{prefixPage}), page.Bytes})
		if size += len(page.Bytes); size < buildBytes && i < len(pages)-1 {
			continue
		}
		if err := b.progress("writing pages", int64(i+1), int64(len(pages))); err != nil {
			return err
		}
		if err := b.log.commit(ctx, c); err != nil {
			return err
		}
		c, size = b.log.change(), 0
	}
	return nil
}

// remove removes all rows with a prefix.
func (b *builder) remove(ctx context.Context, prefix byte) error {
	from := []byte{prefix}
	for more := true; more; {
		c := b.log.change()
		for more && len(c.Remove) < buildRows {
			var rows []Row
			var err error
			if rows, more, err = b.log.read.Scan(ctx, from, after(prefix), lastPage, false); err != nil {
				return err
			}
			for _, row := range rows {
				c.Remove = append(c.Remove, row.Key)
				from = append(bytes.Clone(row.Key), 0)
			}
		}
		if len(c.Remove) == 0 {
			continue
		}
		if err := b.log.commit(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// refuse records that a damaged ledger gets no index, so that not every open reads all
// of it again to find that out.
func (b *builder) refuse(ctx context.Context, why error) error {
	st := *b.log.now.Load()
	r := record{state: recordRefused, tree: emptyTree.Root(), index: mpt.EmptyRoot, pages: mpt.EmptyRoot, origin: st.keys.Origin(), seq: -1, reason: why.Error()}
	if damage, ok := errors.AsType[*ledger.CorruptError](why); ok {
		r.seq, r.reason = damage.Seq, damage.Reason
		switch {
		case damage.Err != nil && damage.Reason == "":
			r.reason = damage.Err.Error()
		case damage.Err != nil:
			r.reason = fmt.Sprintf("%s: %v", damage.Reason, damage.Err)
		}
	}
	st.index = index{state: ledger.IndexRefused, err: refused(r)}
	return b.put(ctx, &st, r)
}

// put commits the record that ends a build, and makes st the log's state.
func (b *builder) put(ctx context.Context, st *state, r record) error {
	c := b.log.change()
	c.Put = []Row{{keyRecord, r.encode(st.macs)}}
	for row, err := range scanPages(ctx, b.log.read, []byte{prefixBuild}, after(prefixBuild), 1) {
		if err != nil {
			return err
		}
		c.Remove = append(c.Remove, row.Key)
	}
	if err := b.log.commit(ctx, c); err != nil {
		return err
	}
	b.log.advance(st)
	return nil
}

// emptyTree is the tree of no events.
var emptyTree ledger.Tree
