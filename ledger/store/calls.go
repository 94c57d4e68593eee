package store

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"gait/ledger"
)

// callKey returns the key of the row of a call.
func callKey(c ledger.CallID) []byte {
	return append(append(append([]byte{prefixCall}, c.Job...), 0), c.Call...)
}

// parseCallKey reads what callKey writes.
func parseCallKey(k []byte) (c ledger.CallID, ok bool) {
	job, call, ok := bytes.Cut(k[1:], []byte{0})
	return ledger.CallID{Job: string(job), Call: string(call)}, ok && len(job) > 0 && len(call) > 0
}

// callOf returns the call that an event is about, and whether it is about one.
func callOf(e ledger.Event) (ledger.CallID, bool) {
	c, ok := ledger.CallOf(e.Payload())
	return ledger.CallID{Job: e.JobID(), Call: c.ID}, ok
}

// A callPlan plans the rows of calls in a batch.
type callPlan struct{ *plan }

// A plannedCall is the newest event about a call, if it is planned.
type plannedCall struct {
	leaf ledger.Hash
	seq  ledger.Seq
}

// add plans the row of the call that an event is about. The event must name the newest event
// about it before.
func (p callPlan) add(ctx context.Context, e ledger.Event) error {
	id, ok := callOf(e)
	if !ok {
		return nil
	}
	call, _ := ledger.CallOf(e.Payload())
	before, err := p.before(ctx, id)
	if err == nil && before != call.Prev && !p.inherited(before, call.Prev) {
		err = fmt.Errorf("event %d: it names %s as the newest event about %s, which is %s", e.Seq(), call.Prev.OrEmpty(), rowName(callKey(id)), before.OrEmpty())
	}
	if err != nil {
		return err
	}
	p.calls[id] = plannedCall{leaf: e.LeafHash(), seq: e.Seq()}
	return nil
}

// before returns the leaf hash of the newest event about a call, of those planned and of those
// before; zero if there is none.
func (p callPlan) before(ctx context.Context, id ledger.CallID) (ledger.Hash, error) {
	if planned, ok := p.calls[id]; ok {
		return planned.leaf, nil
	}
	if p.index.proved() {
		leaf, _, err := p.index.tree.Get(ctx, p.log.pages(), ledger.CallKey(id.Job, id.Call))
		return ledger.Hash(leaf), ofPages(err)
	}
	row, err := get(ctx, p.log.read, callKey(id)) // one that this copy has written
	if err != nil || row == nil {
		return ledger.Hash{}, err
	}
	seq, ok := decodeSeq(row)
	if !ok {
		return ledger.Hash{}, corrupt(-1, "expected the event of %s, found %s", rowName(callKey(id)), rowSaid(row))
	}
	return p.log.tree().leaf(ctx, seq)
}

// inherited reports whether an event may name event 0 as the newest about a call, of which the
// ledger has none. A ledger before may have known it, which a copy without an index cannot
// tell.
func (p callPlan) inherited(before, prev ledger.Hash) bool {
	from := p.from.inherits
	return before.IsZero() && !p.index.proved() && from.requests != nil && prev == from.leaf
}

// rows returns the rows of the planned calls, sorted.
func (p callPlan) rows() []Row {
	rows := make([]Row, 0, len(p.calls))
	for id, call := range p.calls {
		rows = append(rows, Row{callKey(id), p.keep(encodeSeq(call.seq))})
	}
	sortRows(rows)
	return rows
}

// calls checks that the row of each call names the newest event about it, and that there are
// no others.
func (v *verifier) calls() error {
	m, err := readMeta(v.ctx, v.log.read)
	if err != nil {
		return err
	}
	if listed := string(m.format) == format5; listed != (len(v.newest) > 0) {
		return mismatch(-1, "store format %s in a ledger with %d calls", m.format, len(v.newest))
	}
	wrong, extra, err := v.wrongCalls()
	switch {
	case err != nil:
		return err
	case len(extra) > 0:
		return mismatch(-1, "no event is about %s", rowName(extra[0]))
	case len(wrong) > 0:
		seq, _ := decodeSeq(wrong[0].Value)
		is, err := get(v.ctx, v.log.read, wrong[0].Key)
		if err != nil {
			return err
		}
		return mismatch(seq, "expected the row of %s to name the event, found %s", rowName(wrong[0].Key), rowSaid(is))
	}
	return nil
}

// wrongCalls returns the rows of calls that are missing, or differ, as they should be, and the
// keys of those that should not be there.
func (v *verifier) wrongCalls() (wrong []Row, extra [][]byte, err error) {
	left := maps.Clone(v.newest)
	var seqs []ledger.Seq
	err = v.every([]byte{prefixCall}, after(prefixCall), func(k, b []byte) error {
		id, ok := parseCallKey(k)
		key := shortKey(id)
		seq, known := left[key]
		if !ok || !known {
			extra = append(extra, bytes.Clone(k))
			return nil
		}
		if delete(left, key); !bytes.Equal(b, encodeSeq(seq)) {
			seqs = append(seqs, seq)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	seqs = append(seqs, slices.Collect(maps.Values(left))...)
	for _, seq := range seqs {
		e, err := v.log.event(v.ctx, seq)
		if err != nil {
			return nil, nil, err
		}
		id, _ := callOf(e)
		wrong = append(wrong, Row{callKey(id), encodeSeq(seq)})
	}
	sortRows(wrong)
	return wrong, extra, nil
}

// shortKey returns a part of a call's key in the index: there may be one for each event.
func shortKey(id ledger.CallID) [16]byte {
	key := ledger.CallKey(id.Job, id.Call)
	return [16]byte(key[:])
}

// calls puts the rows of calls that differ or are missing, and removes those too many, and
// makes the format what it should be.
func (r *rebuilder) calls() error {
	wrong, extra, err := r.wrongCalls()
	if err != nil {
		return err
	}
	for _, key := range extra {
		if err := r.remove(key); err != nil {
			return err
		}
	}
	for _, row := range wrong {
		if err := r.put(row); err != nil {
			return err
		}
	}
	r.found.Rows += int64(len(wrong) + len(extra))
	if err := r.flush(); err != nil {
		return err
	}
	return r.format()
}

// format writes which format the rows are of, if they are of another one than it says because
// of calls.
func (r *rebuilder) format() error {
	st := *r.log.now.Load()
	m, err := readMeta(r.ctx, r.verifier.log.read)
	if err != nil {
		return err
	}
	if st.calls = len(r.newest) > 0; st.calls == (string(m.format) == format5) {
		return nil
	}
	c := r.log.change()
	c.Put = []Row{{keyFormat, []byte(st.format())}}
	if err := r.log.commit(r.ctx, c); err != nil {
		return err
	}
	r.found.Rows++
	r.log.advance(&st)
	return nil
}
