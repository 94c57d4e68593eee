package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gait/ledger"
)

// Open opens the ledger in a table, which the log closes when it is closed, or at
// once if Open fails. It checks, with bounded work, that the newest checkpoint,
// the right edge of the tree, the head and the last event agree, and that the
// checkpoint is signed by the key that event 0 names or, after rotations, by the
// one that they lead to. It never creates anything.
//
// An old ledger gets its index before Open returns, if it is opened to be written. That
// takes as long as Verify, and o.Progress tells how far it is.
func Open(ctx context.Context, t Table, o Options) (*Log, error) {
	l := newLog(t, &state{}, o)
	err := l.load(ctx, o)
	if err == nil {
		err = checkSigner(o.Signer, l.Keys().Current())
	}
	if err == nil && o.AsItIs && (l.unbuilt() || l.untagged()) {
		err = ErrOldFormat
	}
	if err == nil && l.unbuilt() {
		err = l.build(ctx, o)
	}
	if err == nil && l.untagged() && o.Tags != nil && !o.Defer {
		err = (&tagBuilder{log: l, progress: o.Progress}).build(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return l, nil
}

// unbuilt reports whether the log is an old one that can get its index.
func (l *Log) unbuilt() bool {
	st := l.now.Load()
	if l.readOnly || l.imported || st.signer == nil || st.macs == nil || st.index.state == ledger.IndexBroken {
		return false
	}
	return st.old || st.index.state == ledger.IndexBuilding
}

// load reads the state of the log, all of one commit, and checks it.
func (l *Log) load(ctx context.Context, o Options) error {
	snap, err := l.table.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	at := l.of(snap)
	st, err := at.readState(ctx, o)
	if err != nil {
		return err
	}
	l.imported = at.imported
	l.advance(st)
	return nil
}

// readState reads and checks the newest state.
func (l *indexReader) readState(ctx context.Context, o Options) (*state, error) {
	m, err := readMeta(ctx, l.read)
	if err != nil {
		return nil, err
	}
	st, err := m.state(ctx, l.read)
	if err != nil {
		return nil, err
	}
	l.now.Store(st) // the tree, so that events can be checked against it
	first, err := l.event(ctx, 0)
	if err != nil {
		return nil, err
	}
	keys, _, err := readKeys(ctx, &l.treeReader, first)
	if err != nil {
		return nil, err
	}
	if l.imported, err = m.isImported(); err != nil {
		return nil, err
	}
	st.inherits = inheritanceOf(first)
	if err := st.check(keys); err != nil {
		return nil, err
	}
	last, err := checkEnd(ctx, &l.treeReader, st.head)
	if err != nil {
		return nil, err
	}
	st.head.Authority = ledger.HeadAfter(last).Authority
	if st.moved, err = keys.Moved(last); err != nil {
		return nil, err
	}
	if st.macs, err = l.macsOf(keys.Current()); err == nil {
		st.index, err = (&indexOpener{log: l, st: st, known: o.Known, had: o.Indexed}).open(ctx, m.record)
	}
	return st, err
}

// meta is the values of the keys that begin with m.
type meta struct{ checkpoint, edge, format, head, imported, record, tags, upper []byte }

func readMeta(ctx context.Context, r Reader) (meta, error) {
	v, err := r.GetMany(ctx, [][]byte{keyCheckpoint, keyEdge, keyFormat, keyHead, keyImported, keyRecord, keyTags, keyUpper})
	if err != nil {
		return meta{}, err
	}
	return meta{checkpoint: v[0], edge: v[1], format: v[2], head: v[3], imported: v[4], record: v[5], tags: v[6], upper: v[7]}, nil
}

func (m meta) checkFormat() error {
	switch b := m.format; {
	case b == nil:
		return corrupt(-1, "no %s", keyFormat)
	case slices.Contains([]string{format1, format2, format3, format4, format5}, string(b)):
		return nil
	case len(b) > 0 && len(b) < 10 && b[0] >= '1' && b[0] <= '9':
		return fmt.Errorf("store format %q: %w", b, ledger.ErrUnsupportedVersion)
	}
	return corrupt(-1, "store format %.20q", m.format)
}

// old reports whether the rows are those of format 1.
func (m meta) old() bool { return string(m.format) == format1 }

// isImported reports whether the log is a copy.
func (m meta) isImported() (bool, error) {
	if m.imported != nil && string(m.imported) != importedYes {
		return true, corrupt(-1, "expected %s to be %s, found %.20q", keyImported, importedYes, m.imported)
	}
	return m.imported != nil, nil
}

const importedYes = "1"

// state reads head, right edge, checkpoint and the last tiles, which must be those
// of the right edge.
func (m meta) state(ctx context.Context, r Reader) (*state, error) {
	if err := m.checkFormat(); err != nil {
		return nil, err
	}
	for _, row := range []Row{{keyHead, m.head}, {keyEdge, m.edge}, {keyCheckpoint, m.checkpoint}} {
		if row.Value == nil {
			return nil, corrupt(-1, "no %s", row.Key)
		}
	}
	st := &state{signed: m.checkpoint, old: m.old(), calls: string(m.format) == format5, tags: m.tagsRecord()}
	var ok bool
	if st.head, ok = decodeHead(m.head); !ok {
		return nil, corrupt(-1, "expected a head, found %x", m.head)
	}
	err := st.tree.UnmarshalBinary(m.edge)
	if err == nil && st.tree.Size() != st.head.Size {
		err = fmt.Errorf("%d events, and %d in the head", st.tree.Size(), st.head.Size)
	}
	if err != nil {
		return nil, corruptBy(err, -1, "the right edge")
	}
	st.last, err = m.last(ctx, r, st)
	return st, err
}

// unfinished reports whether the record is one of an index that is not complete.
func (m meta) unfinished() bool {
	r, _, err := decodeRecord(m.record, nil)
	return err == nil && r.state != recordProved
}

// check opens the checkpoint of a state and checks head and tree against it.
func (st *state) check(keys ledger.Keyring) (err error) {
	st.keys = keys
	if st.checkpoint, err = keys.Open(st.signed); err != nil {
		return corruptBy(err, -1, "the newest checkpoint")
	}
	c := st.checkpoint
	if st.head.Size != c.Size || st.tree.Size() != c.Size {
		return corrupt(-1, "a head of %d events, a right edge of %d, a checkpoint of %d", st.head.Size, st.tree.Size(), c.Size)
	}
	if root := st.tree.Root(); root != c.Root {
		return corrupt(-1, "a right edge with root %s, a checkpoint with %s", root, c.Root)
	}
	return nil
}

// checkEnd checks the last event against the head, and returns it.
func checkEnd(ctx context.Context, l *treeReader, head ledger.Head) (ledger.Event, error) {
	last, err := l.event(ctx, ledger.Seq(head.Size-1))
	if err != nil {
		return last, err
	}
	if last.LeafHash() != head.Leaf || !last.Time().Equal(head.Time) {
		return last, corrupt(last.Seq(), "expected leaf hash %s, found %s", head.Leaf, last.LeafHash())
	}
	if head.Size%ledger.TileWidth == 0 { // its tile is full, and the right edge does not prove it
		if err := checkInTree(ctx, l, last); err != nil {
			return last, err
		}
	}
	rows, _, err := l.read.Scan(ctx, eventKey(ledger.Seq(head.Size)), after(prefixEvent), 1, false)
	if err == nil && len(rows) > 0 {
		err = corrupt(ledger.Seq(head.Size), "expected %d events, found %s too", head.Size, rowName(rows[0].Key))
	}
	return last, err
}

// checkInTree proves an event in the tree of the newest checkpoint.
func checkInTree(ctx context.Context, l *treeReader, e ledger.Event) error {
	c, signed := l.Checkpoint()
	p, err := l.ProofIn(ctx, signed, e.Seq())
	if err == nil {
		err = p.Check(e.LeafHash(), c)
	}
	if err != nil && !isIO(err) {
		err = corruptBy(err, e.Seq(), "it is not in the tree")
	}
	return err
}
