package store

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"gait/ledger"
)

// AuthorityEvents returns all authority events, oldest first, up to the log's end when the
// range begins. It may be ranged over more than once.
//
// The newest must be the one that the log's last event names, which the signed tree proves,
// and each names the one before it. So a caller that reads to the end has read all of them
// and no others. A missing row is an *ledger.IndexError. If the index is broken, all events
// are read instead of the rows.
func (l *indexReader) AuthorityEvents(ctx context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		st := l.now.Load()
		w := authorityWalk{newest: st.head.Authority}
		if w.newest.IsZero() {
			if err := ctx.Err(); err != nil {
				yield(ledger.Event{}, err)
			}
			return
		}
		rows := authorityRows{read: l.read, size: st.head.Size}
		events := ledger.DecodeAhead(rows.all(ctx), func(_ int64, row []byte) (ledger.Event, error) { return rows.decode(row) })
		if st.index.state == ledger.IndexBroken {
			events = l.Events(ctx, 0)
		}
		if err := w.events(events, yield); err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// An authorityWalk checks authority events as they are read in order.
type authorityWalk struct {
	newest, last ledger.Hash // last is of those read so far
}

// events yields the authority events among some events.
func (w *authorityWalk) events(events ledger.Events, yield func(ledger.Event, error) bool) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if !e.Type().OfAuthority() {
			continue
		}
		if w.last == w.newest && !w.last.IsZero() {
			return corrupt(e.Seq(), "an authority event after the one that the last event names, %s", w.newest)
		}
		if e.Authority() != w.last {
			return lostAuthority(e.Authority(), w.last)
		}
		if w.last = e.LeafHash(); !yield(e, nil) {
			return nil
		}
	}
	if w.last != w.newest {
		return lostAuthority(w.newest, w.last)
	}
	return nil
}

// lostAuthority returns the error of an authority event without a row, or with another one.
func lostAuthority(want, found ledger.Hash) error {
	return mismatch(-1, "expected the row of the authority event with leaf hash %s, found that of %s", want, found)
}

// authorityRows reads the rows of authority events, of a log of some size. They never change,
// so they need not be of one commit.
type authorityRows struct {
	read Reader
	size int64
}

// authorityPage is how many authority events are read at once.
const authorityPage = 128

// all yields, for each row, its key and value, and the bytes of the event, none if it is
// missing.
func (r authorityRows) all(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var page []Row
		for row, err := range scan(ctx, r.read, []byte{prefixAuthority}, authorityKey(ledger.Seq(r.size))) {
			if err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, row); len(page) < authorityPage {
				continue
			}
			if wanted, err := r.page(ctx, page, yield); err != nil || !wanted {
				yieldError(yield, err)
				return
			}
			page = page[:0]
		}
		_, err := r.page(ctx, page, yield)
		yieldError(yield, err)
	}
}

func yieldError(yield func([]byte, error) bool, err error) {
	if err != nil {
		yield(nil, err)
	}
}

// page yields the events of some rows, read in one trip. wanted is false if yield returned
// false.
func (r authorityRows) page(ctx context.Context, rows []Row, yield func([]byte, error) bool) (wanted bool, err error) {
	if len(rows) == 0 {
		return true, ctx.Err()
	}
	keys := make([][]byte, len(rows))
	for i, row := range rows {
		seq, ok := authoritySeq(row)
		if !ok {
			return false, corrupt(-1, "no authority event belongs to %s", rowName(row.Key))
		}
		keys[i] = eventKey(seq)
	}
	values, err := r.read.GetMany(ctx, keys)
	if err != nil {
		return false, err
	}
	for i, row := range rows {
		if !yield(slices.Concat(row.Key, row.Value, values[i]), nil) {
			return false, nil
		}
	}
	return true, nil
}

// decode reads the event of a row that all yields.
func (r authorityRows) decode(b []byte) (ledger.Event, error) {
	key, leaf, event := b[:authorityKeySize], b[authorityKeySize:][:hashSize], b[authorityKeySize+hashSize:]
	seq, _ := decodeSeq(key[1:])
	if len(event) == 0 {
		return ledger.Event{}, corrupt(seq, "it is missing")
	}
	e, err := decode(seq, event)
	if err == nil && e.LeafHash() != ledger.Hash(leaf) {
		err = corrupt(seq, "expected leaf hash %s, found %s", ledger.Hash(leaf), e.LeafHash())
	}
	if err == nil && !e.Type().OfAuthority() {
		err = corrupt(seq, "expected an authority event, found %s", e.Type())
	}
	return e, err
}

const authorityKeySize = 9

// authorityKey returns the key of the row of an authority event.
func authorityKey(seq ledger.Seq) []byte {
	return append([]byte{prefixAuthority}, encodeSeq(seq)...)
}

// authorityRow returns the row of an authority event.
func authorityRow(e ledger.Event) Row {
	leaf := e.LeafHash()
	return Row{authorityKey(e.Seq()), leaf[:]}
}

// authoritySeq returns the event that a row is of, and whether the row can be one of an
// authority event.
func authoritySeq(row Row) (ledger.Seq, bool) {
	seq, ok := decodeSeq(row.Key[1:])
	return seq, ok && len(row.Value) == hashSize
}

// authority checks that there is a row of each authority event, and no others.
func (v *verifier) authority() error {
	m, err := readMeta(v.ctx, v.log.read)
	if err != nil {
		return err
	}
	if listed := string(m.format) == format4; listed != (len(v.authorityEvents) > 0) && string(m.format) != format5 {
		return corrupt(-1, "store format %s in a ledger with %d authority events", m.format, len(v.authorityEvents))
	}
	missing, err := v.unlistedAuthority()
	if err == nil && len(missing) > 0 {
		seq, _ := authoritySeq(missing[0])
		err = lost(missing[0].Key, seq)
	}
	return err
}

// unlistedAuthority returns the rows of authority events that are missing. It fails if there
// is a row that should not be there.
func (v *verifier) unlistedAuthority() (missing []Row, err error) {
	want := v.authorityEvents
	err = v.every([]byte{prefixAuthority}, after(prefixAuthority), func(k, b []byte) error {
		for len(want) > 0 && bytes.Compare(want[0].Key, k) < 0 {
			missing, want = append(missing, want[0]), want[1:]
		}
		if len(want) == 0 || !bytes.Equal(want[0].Key, k) {
			return corrupt(-1, "no authority event belongs to %s", rowName(k))
		}
		is := want[0]
		if want = want[1:]; !bytes.Equal(is.Value, b) {
			seq, _ := authoritySeq(is)
			return corrupt(seq, "expected the row of %s to hold its leaf hash %x, found %x", rowName(k), is.Value, b)
		}
		return nil
	})
	return append(missing, want...), err
}
