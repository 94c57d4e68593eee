package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gait/ledger"
	"gait/ledger/mpt"
)

// Rebuild verifies all events, and then writes again all that follows from them and
// differs: the index with its record, the heads of jobs, the rows of calls, and rows of the
// indexes that are missing. It returns what differed. Views are left alone, but those of a head that
// differed are gone. In a copy it writes what a copy has.
//
// It fails with a *ledger.CorruptError if events are damaged, and if there is a row that
// never changes once it is written, and that does not belong there. Appending waits.
func (l *Log) Rebuild(ctx context.Context, progress func(done, total int64) error) (ledger.Rebuilt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var done ledger.Rebuilt
	err := l.rebuildable()
	if err == nil {
		done, err = l.rebuild(ctx, progress)
	}
	if err != nil {
		return ledger.Rebuilt{}, fmt.Errorf("rebuilding the index: %w", err)
	}
	return done, nil
}

// rebuildable says why nothing can be written, if so.
func (l *Log) rebuildable() error {
	err := l.writable()
	if l.imported && !l.readOnly && errors.Is(err, ErrImported) {
		return nil
	}
	if errors.Is(err, ErrNoSigner) && l.now.Load().macs != nil {
		return nil
	}
	return err
}

func (l *Log) rebuild(ctx context.Context, progress func(done, total int64) error) (ledger.Rebuilt, error) {
	if err := l.flushPages(ctx); err != nil { // so that no page differs for being older
		return ledger.Rebuilt{}, err
	}
	at, snap, err := l.snapshot(ctx)
	if err != nil {
		return ledger.Rebuilt{}, err
	}
	defer snap.Close()
	r := rebuilder{verifier: newVerifier(ctx, at, nil), log: l}
	r.index.fold.Inherited = l.inherited
	if err := r.check(orNothing(progress)); err != nil {
		return ledger.Rebuilt{}, err
	}
	if r.index.fold.Unchecked() {
		return ledger.Rebuilt{}, missingRequests(*at.now.Load().inherits.requests)
	}
	for _, compare := range []func() error{r.lostRows, r.calls, r.heads, r.pages} {
		if err := compare(); err != nil {
			return ledger.Rebuilt{}, err
		}
	}
	old := builder{log: l}
	if err := errors.Join(old.remove(ctx, prefixPartial), old.remove(ctx, prefixView), old.remove(ctx, prefixBuild), r.writeIndex()); err != nil {
		return ledger.Rebuilt{}, err
	}
	if err := r.tags(); err != nil {
		return ledger.Rebuilt{}, err
	}
	r.found.Jobs = int64(len(r.jobs))
	return r.found, nil
}

// A rebuilder compares what is stored with what the events say, and writes what differs.
type rebuilder struct {
	*verifier
	log   *Log // to write to
	found ledger.Rebuilt
	size  int // bytes of the change that is being made
	rows  *Change
}

// check verifies the events, and what is not written again.
func (r *rebuilder) check(progress func(done, total int64) error) error {
	for _, step := range []func() error{func() error { return r.events(progress) }, r.rotations, r.state, r.tiles, r.cosigned} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// put adds a row to those that are written, and remove a key.
func (r *rebuilder) put(row Row) error {
	c := r.change()
	c.Put = append(c.Put, row)
	return r.grow(len(row.Value))
}

func (r *rebuilder) remove(key []byte) error {
	c := r.change()
	c.Remove = append(c.Remove, key)
	return r.grow(len(key))
}

func (r *rebuilder) change() *Change {
	if r.rows == nil {
		r.rows = r.log.change()
	}
	return r.rows
}

// grow writes the rows so far if they are many.
func (r *rebuilder) grow(size int) error {
	if r.size += size + 64; r.size < buildBytes {
		return nil
	}
	return r.flush()
}

func (r *rebuilder) flush() error {
	c := r.rows
	r.rows, r.size = nil, 0
	if c == nil {
		return nil
	}
	sortRows(c.Put)
	slices.SortFunc(c.Remove, bytes.Compare)
	return r.log.commit(r.ctx, c)
}

// lostRows inserts what the indexes of events, of authority events and of request ids lack.
func (r *rebuilder) lostRows() error {
	lost, err := r.unindexedEvents()
	if err != nil {
		return err
	}
	ids, err := r.unindexedRequests()
	if err != nil {
		return err
	}
	sortRows(ids)
	authority, err := r.unlistedAuthority()
	if err != nil {
		return err
	}
	lost = slices.Concat(authority, lost, ids)
	for chunk := range slices.Chunk(lost, buildRows) {
		c := r.log.change()
		c.Insert = chunk
		if err := r.log.commit(r.ctx, c); err != nil {
			return err
		}
	}
	r.found.Rows = int64(len(lost))
	return nil
}

// heads puts the heads of jobs that differ or are missing, and removes those of jobs
// without events.
func (r *rebuilder) heads() error {
	left := maps.Clone(r.jobs)
	err := r.every([]byte{prefixHead}, after(prefixHead), func(k, b []byte) error {
		job := string(k[1:])
		j := left[job]
		if j == nil {
			r.found.Heads = append(r.found.Heads, job)
			return r.remove(k)
		}
		delete(left, job)
		if row, err := decodeJobRow(job, b); err == nil && row.head.Leaf == j.head.Leaf && bytes.Equal(encodeJobHead(row.head), encodeJobHead(j.head)) {
			return nil
		}
		r.found.Heads = append(r.found.Heads, job)
		return r.put(Row{k, encodeJobHead(j.head)})
	})
	for _, job := range slices.Sorted(maps.Keys(left)) {
		if err == nil {
			r.found.Heads = append(r.found.Heads, job)
			err = r.put(Row{headKey(job), encodeJobHead(left[job].head)})
		}
	}
	if err == nil {
		err = r.flush()
	}
	slices.Sort(r.found.Heads)
	return err
}

// pages puts the pages that differ or are missing, and removes those too many.
func (r *rebuilder) pages() error {
	want := r.index.fold.Tree().Dirty()
	missing := func(before []byte) error {
		for len(want) > 0 && (before == nil || bytes.Compare(want[0].Page.AppendKey([]byte{prefixPage}), before) < 0) {
			page := want[0]
			want = want[1:]
			r.found.Pages++
			if err := r.put(Row{page.Page.AppendKey([]byte{prefixPage}), page.Bytes}); err != nil {
				return err
			}
		}
		return nil
	}
	err := r.every([]byte{prefixPage}, after(prefixPage), func(k, b []byte) error {
		if err := missing(k); err != nil {
			return err
		}
		if len(want) == 0 || !bytes.Equal(want[0].Page.AppendKey([]byte{prefixPage}), k) {
			r.found.Pages++
			return r.remove(k)
		}
		page := want[0]
		want = want[1:]
		if bytes.Equal(b, page.Bytes) {
			return nil
		}
		r.found.Pages++
		return r.put(Row{k, page.Bytes})
	})
	if err == nil {
		err = missing(nil)
	}
	if err == nil {
		err = r.flush()
	}
	return err
}

// writeIndex writes the record, and makes the index the log's.
func (r *rebuilder) writeIndex() error {
	st := *r.log.now.Load()
	tree := r.index.fold.Tree()
	st.index = index{
		state: ledger.IndexProved, tree: mpt.At(tree.Root()), jobs: r.index.now.jobs, committed: r.index.now.committed,
		flushed: st.head.Size, pages: tree.Root(),
	}
	stored, err := get(r.ctx, r.verifier.log.read, keyRecord)
	if err != nil {
		return err
	}
	was, authentic, err := decodeRecord(stored, st.macs)
	now := st.index.record(st.keys.Origin(), st.head.Size, st.checkpoint.Root)
	r.found.Record = err != nil || !authentic && st.macs != nil || was.index != now.index || was.size != now.size || was.jobs != now.jobs || was.state != now.state
	if row := now.encode(st.macs); !bytes.Equal(row, stored) {
		c := r.log.change()
		c.Put = []Row{{keyRecord, row}}
		if err := r.log.commit(r.ctx, c); err != nil {
			return err
		}
	}
	if r.log.imported { // whose record it is cannot be told when it is opened again
		st.index = index{committed: st.index.committed}
	}
	r.log.advance(&st)
	return nil
}
