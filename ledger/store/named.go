package store

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"gait/ledger"
	"gait/ledger/mpt"
)

// Ends returns a function that reports whether it is proved that a job ends with the event
// of a leaf hash: the index says so, and the job's row. No events are read, and some may be
// damaged. If the pages of the index do not prove it, the authentic root of the index does,
// if all rows of jobs, request ids and calls lead to it. Otherwise nothing is proved, and the
// function always reports false.
func (l *indexReader) Ends(ctx context.Context) (func(job string, leaf ledger.Hash) (bool, error), error) {
	p := endProver{log: l, st: l.now.Load()}
	if p.st.index.proved() {
		return func(job string, leaf ledger.Hash) (bool, error) { return p.endsWith(ctx, job, leaf) }, nil
	}
	heads, err := p.rows(ctx)
	return func(job string, leaf ledger.Hash) (bool, error) {
		is, known := heads[job]
		return known && is == leaf, nil
	}, err
}

// An endProver looks for what proves where jobs end, in one state of a log.
type endProver struct {
	log *indexReader
	st  *state
}

// endsWith looks a job up in the index, which is proved, and in its row.
func (p *endProver) endsWith(ctx context.Context, job string, leaf ledger.Hash) (bool, error) {
	in, keys := p.st.index.tree, []mpt.Key{ledger.JobKey(job)}
	err := in.Warm(ctx, p.log.pages(), keys)
	var value mpt.Value
	if err == nil {
		value, _, err = in.Get(ctx, p.log.pages(), keys[0])
	}
	if err = ofPages(err); isMismatch(err) {
		return false, nil
	}
	if err != nil || ledger.Hash(value) != leaf {
		return false, err
	}
	b, err := get(ctx, p.log.read, headKey(job))
	if err != nil || b == nil {
		return false, err
	}
	row, err := decodeJobRow(job, b)
	return err == nil && row.head.Leaf == leaf, nil
}

// rows returns the leaf hashes with which jobs end by their rows, if these rows and
// those of request ids and calls are all that the index has, by its record. It returns nil if not.
func (p *endProver) rows(ctx context.Context) (map[string]ledger.Hash, error) {
	b, err := get(ctx, p.log.read, keyRecord)
	if err != nil || p.st.macs == nil {
		return nil, err
	}
	r, authentic, err := decodeRecord(b, p.st.macs)
	if err != nil || !authentic || r.state != recordProved || r.origin != p.st.keys.Origin() || r.size != p.st.head.Size || r.tree != p.st.checkpoint.Root {
		return nil, nil //nolint:nilerr // what cannot be decoded proves nothing
	}
	heads, leaves := map[string]ledger.Hash{}, []mpt.Leaf(nil)
	err = p.leaves(ctx, func(leaf mpt.Leaf) { leaves = append(leaves, leaf) }, heads)
	if err == nil {
		slices.SortFunc(leaves, func(a, b mpt.Leaf) int { return bytes.Compare(a.Key[:], b.Key[:]) })
		var root mpt.Hash
		root, _, err = mpt.FromSorted(func(yield func(mpt.Leaf, error) bool) {
			for _, leaf := range leaves {
				if !yield(leaf, nil) {
					return
				}
			}
		}, nil)
		if err == nil && root == r.index {
			return heads, nil
		}
	}
	if isIO(err) {
		return nil, err
	}
	return nil, nil
}

// leaves adds what the index has if the rows of jobs, request ids and calls are whole.
func (p *endProver) leaves(ctx context.Context, add func(mpt.Leaf), heads map[string]ledger.Hash) error {
	if p.st.inherits.requests != nil {
		for key, err := range p.log.inheritedKeys(*p.st.inherits.requests) {
			if err != nil {
				return err
			}
			add(mpt.Leaf{Key: key, Value: mpt.Value(p.st.inherits.leaf)})
		}
	}
	if newest := p.st.head.Authority; !newest.IsZero() {
		add(mpt.Leaf{Key: ledger.AuthorityKey, Value: mpt.Value(newest)})
	}
	for _, prefix := range []byte{prefixRequest, prefixCall, prefixHead} {
		for row, err := range scan(ctx, p.log.read, []byte{prefix}, after(prefix)) {
			var leaf mpt.Leaf
			if err == nil && prefix == prefixHead {
				leaf, err = headLeaf(row, heads)
			} else if err == nil {
				leaf, err = p.leaf(ctx, row)
			}
			if err != nil {
				return err
			}
			add(leaf)
		}
	}
	return nil
}

// headLeaf returns what the index has if the row of a job is right, and adds to heads where
// the job ends.
func headLeaf(row Row, heads map[string]ledger.Hash) (mpt.Leaf, error) {
	job := string(row.Key[1:])
	end, err := decodeJobRow(job, row.Value)
	if err != nil {
		return mpt.Leaf{}, err
	}
	heads[job] = end.head.Leaf
	return mpt.Leaf{Key: ledger.JobKey(job), Value: mpt.Value(end.head.Leaf)}, nil
}

// leaf returns what the index has if the row of a request id or of a call is right.
func (p *endProver) leaf(ctx context.Context, row Row) (mpt.Leaf, error) {
	key := ledger.RequestKey(string(row.Key[1:]))
	if call, ok := parseCallKey(row.Key); ok && row.Key[0] == prefixCall {
		key = ledger.CallKey(call.Job, call.Call)
	}
	seq, ok := decodeSeq(row.Value)
	if !ok || int64(seq) >= p.st.head.Size {
		return mpt.Leaf{}, corrupt(-1, "expected the event of %s, found %s", rowName(row.Key), rowSaid(row.Value))
	}
	leaf, err := p.log.tree().leaf(ctx, seq)
	return mpt.Leaf{Key: key, Value: mpt.Value(leaf)}, err
}

// NamedJobs yields the ids of the jobs that have a row, in their order, and NamedRequests the
// request ids. Nothing proves them, and the events that they name are not read: they say what
// there was in a ledger whose events are damaged.
func (l *indexReader) NamedJobs(ctx context.Context) iter.Seq2[string, error] {
	return l.named(ctx, prefixHead, ledger.FieldJobID)
}

// NamedCalls yields the calls that have a row, as NamedJobs does.
func (l *indexReader) NamedCalls(ctx context.Context) iter.Seq2[ledger.CallID, error] {
	return func(yield func(ledger.CallID, error) bool) {
		for row, err := range scan(ctx, l.read, []byte{prefixCall}, after(prefixCall)) {
			if err != nil {
				yield(ledger.CallID{}, err)
				return
			}
			id, ok := parseCallKey(row.Key)
			ok = ok && ledger.FieldJobID.Check(id.Job) == nil && ledger.FieldCallID.Check(id.Call) == nil
			if ok && !yield(id, nil) {
				return
			}
		}
	}
}

// NamedRequests is described at NamedJobs.
func (l *indexReader) NamedRequests(ctx context.Context) iter.Seq2[string, error] {
	return l.named(ctx, prefixRequest, ledger.FieldRequestID)
}

// named yields what stands after a prefix of keys, if it can be an id.
func (l *indexReader) named(ctx context.Context, prefix byte, field ledger.Field) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for row, err := range scan(ctx, l.read, []byte{prefix}, after(prefix)) {
			if err != nil {
				yield("", err)
				return
			}
			if id := string(row.Key[1:]); field.Check(id) == nil && !yield(id, nil) {
				return
			}
		}
	}
}
