package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"gait/ledger"
)

// PhaseViews is the phase in which views are written under a new key, as
// Options.Progress is told.
const PhaseViews = "writing views"

// viewBatch is how many bytes of views ReplaceViews writes at once.
const viewBatch = 1 << 20

// ReplaceViews keeps the views given, and removes those of other jobs. It writes no row
// again that is right already. It is not atomic: after an error or a crash some jobs have their old view. The log may be
// read while views is ranged over; appending waits.
func (l *Log) ReplaceViews(ctx context.Context, views iter.Seq2[ledger.JobView, error]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.writable()
	if err == nil || errors.Is(err, ErrNoSigner) && l.now.Load().macs != nil {
		err = viewWriter{l}.replace(ctx, views)
	}
	if err != nil {
		return fmt.Errorf("replacing views: %w", err)
	}
	return nil
}

// A viewWriter writes the views of a log whose mu is held.
type viewWriter struct{ log *Log }

func (w viewWriter) replace(ctx context.Context, views iter.Seq2[ledger.JobView, error]) error {
	given := map[string]bool{}
	put, size := map[string][]byte{}, 0
	for v, err := range views {
		if err != nil {
			return err
		}
		given[v.ID] = true
		if put[v.ID] = v.View; v.View == nil {
			put[v.ID] = []byte{}
		}
		if size += len(v.View); size < viewBatch {
			continue
		}
		if err := w.put(ctx, put); err != nil {
			return err
		}
		put, size = map[string][]byte{}, 0
	}
	if err := w.put(ctx, put); err != nil {
		return err
	}
	return w.removeOthers(ctx, given)
}

// put commits views, each in the row of its job. A row that is there already is left.
func (w viewWriter) put(ctx context.Context, views map[string][]byte) error {
	if len(views) == 0 {
		return nil
	}
	jobs := slices.Sorted(maps.Keys(views))
	found, err := w.log.Load(ctx, jobs, nil)
	if err != nil {
		return err
	}
	keys := make([][]byte, len(jobs))
	for i, job := range jobs {
		keys[i] = headKey(job)
	}
	stored, err := w.log.read.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	c := w.log.change()
	for i, job := range jobs {
		entry, ok := found.Jobs[job]
		if !ok {
			return fmt.Errorf("a view of %s: there is no such job", job)
		}
		row := Row{keys[i], encodeJobRow(job, entry.Head, views[job], w.log.now.Load().macs)}
		if !bytes.Equal(stored[i], row.Value) {
			c.Put = append(c.Put, row)
		}
	}
	if len(c.Put) == 0 {
		return nil
	}
	return w.log.commit(ctx, c)
}

// removeOthers removes the views of all jobs but those to keep.
func (w viewWriter) removeOthers(ctx context.Context, keep map[string]bool) error {
	from := []byte{prefixHead}
	for more := true; more; {
		var rows []Row
		var err error
		if rows, more, err = w.log.read.Scan(ctx, from, after(prefixHead), lastPage, false); err != nil {
			return err
		}
		c := w.log.change()
		for _, row := range rows {
			if from = append(bytes.Clone(row.Key), 0); keep[string(row.Key[1:])] || len(row.Value) <= jobHeadSize {
				continue
			}
			c.Put = append(c.Put, Row{row.Key, row.Value[:jobHeadSize]})
		}
		if len(c.Put) == 0 {
			continue
		}
		if err := w.log.commit(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// rewrite writes the views that are authentic under the MAC keys that were used until
// now under those of the log.
func (w viewWriter) rewrite(ctx context.Context, was *macs) error {
	st := w.log.now.Load()
	from, done := []byte{prefixHead}, int64(0)
	for more := true; more; {
		var rows []Row
		var err error
		if rows, more, err = w.log.read.Scan(ctx, from, after(prefixHead), lastPage, false); err != nil {
			return err
		}
		c := w.log.change()
		for _, row := range rows {
			from = append(bytes.Clone(row.Key), 0)
			job := string(row.Key[1:])
			r, err := decodeJobRow(job, row.Value)
			if err == nil && r.authentic(job, was) {
				c.Put = append(c.Put, Row{row.Key, encodeJobRow(job, r.head, r.view, st.macs)})
			}
		}
		if err := w.log.commit(ctx, c); err != nil {
			return err
		}
		if done += int64(len(rows)); w.log.progress != nil {
			if err := w.log.progress(PhaseViews, done, st.index.jobs); err != nil {
				return err
			}
		}
	}
	return nil
}
