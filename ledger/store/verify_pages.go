package store

import (
	"bytes"

	"gait/ledger"
	"gait/ledger/mpt"
)

// An indexVerifier compares the record of an index and the page rows with the index
// that the events have. The record says after how many events each of them was made.
type indexVerifier struct {
	record  record
	written bool // there is a record
	fold    ledger.IndexFold

	now     record   // after the events so far, but for what takes long to compute
	at      record   // after as many events as the record is of
	flushed mpt.Tree // after as many events as the page rows are of
}

// beginIndex reads the record.
func (v *verifier) beginIndex() error {
	v.index.fold.Inherited = v.log.inherited
	m, err := readMeta(v.ctx, v.log.read)
	if err != nil || m.old() {
		return err
	}
	st := v.log.now.Load()
	r, authentic, err := decodeRecord(m.record, st.macs)
	switch {
	case m.record == nil:
		return mismatch(-1, "its record is missing")
	case err != nil:
		return mismatchBy(err, "its record")
	case r.origin != v.log.Origin():
		return mismatch(-1, "its record is of %s", r.origin)
	case st.macs != nil && !authentic:
		return mismatch(-1, "its record was not written with the ledger's key %s", st.keys.Current())
	case r.size > st.head.Size || r.state == recordProved && r.size != st.head.Size:
		return mismatch(-1, "its record is of %d events, there are %d", r.size, st.head.Size)
	}
	v.index.record, v.index.written = r, true
	v.index.pass(0, &v.tree)
	return nil
}

// indexEvent adds an event, which is known to follow those before it.
func (v *verifier) indexEvent(e ledger.Event) error {
	x := &v.index
	if err := x.fold.Add(e); err != nil {
		return err
	}
	if e.JobSeq() == 1 {
		x.now.jobs++
	}
	if e.Type() == ledger.TypeIndexCommitted {
		x.now.committed = int64(e.Seq()) + 1
	}
	x.pass(v.head.Size, &v.tree)
	return nil
}

// pass keeps what the index is at a size, if the record says something of it.
func (x *indexVerifier) pass(size int64, tree *ledger.Tree) {
	if x.written && size == x.record.flushed {
		x.flushed = x.fold.Tree()
	}
	if x.written && size == x.record.size {
		x.at = x.now
		x.at.index, x.at.tree = x.fold.Tree().Root(), tree.Root()
	}
}

// unfinished reports whether an old ledger is to get its index. It then has pages of
// it, or none, and perhaps rows of format 1.
func (x *indexVerifier) unfinished() bool { return x.written && x.record.state != recordProved }

// indexRows compares the record and the page rows with what they should be.
func (v *verifier) indexRows() error {
	x := &v.index
	if x.fold.Unchecked() {
		return v.uncheckedIndex()
	}
	if !x.written || x.unfinished() {
		return nil
	}
	r := x.record
	for _, c := range []struct {
		what      string
		want, got any
	}{
		{"the root of its tree", x.at.tree, r.tree},
		{"its root", x.at.index, r.index},
		{"its number of jobs", x.at.jobs, r.jobs},
		{"what last committed to it", x.at.committed, r.committed},
		{"the root of its pages", x.flushed.Root(), r.pages},
	} {
		if c.want != c.got {
			return mismatch(-1, "its record is of %d events, with pages of %d, and %s should be %v, not %v", r.size, r.flushed, c.what, c.want, c.got)
		}
	}
	return v.pages(x.flushed.Dirty())
}

// pages compares the page rows with those that there should be, which are sorted.
func (v *verifier) pages(want []mpt.Row) error {
	err := v.every([]byte{prefixPage}, after(prefixPage), func(k, b []byte) error {
		if len(want) == 0 || !bytes.Equal(k[1:], want[0].Page.AppendKey(nil)) {
			return v.strangePage(k, want)
		}
		if !bytes.Equal(b, want[0].Bytes) {
			return mismatch(-1, "page %x is not that of the events", k[1:])
		}
		want = want[1:]
		return nil
	})
	if err == nil && len(want) > 0 {
		err = mismatch(-1, "page %x is missing", want[0].Page.AppendKey(nil))
	}
	return err
}

// strangePage says whether a page is missing before key k, or the page under k is one
// too many.
func (v *verifier) strangePage(k []byte, want []mpt.Row) error {
	if len(want) > 0 && bytes.Compare(want[0].Page.AppendKey(nil), k[1:]) < 0 {
		return mismatch(-1, "page %x is missing", want[0].Page.AppendKey(nil))
	}
	return mismatch(-1, "no page belongs under key %x", k)
}
