package store

import (
	"context"
	"errors"

	"gait/ledger"
)

// errUnproved says that what a build has written cannot be relied on.
var errUnproved = errors.New("the build before is not proved")

// resume returns a verifier that goes on where the build before ended. If what that
// has written does not hold, the verifier begins with event 0: nothing of it is used.
func (b *builder) resume(ctx context.Context, at *indexReader) (*buildVerifier, error) {
	fresh := func() *buildVerifier {
		return &buildVerifier{
			chainVerifier: chainVerifier{ctx: ctx, log: at}, builder: b, done: noProgress,
			heads: map[string]ledger.JobHead{}, changed: map[string]bool{},
		}
	}
	m, err := readMeta(ctx, at.read)
	if err != nil {
		return nil, err
	}
	v := fresh()
	if err := v.resume(m.record); err == nil {
		return v, nil
	} else if isIO(err) {
		return nil, err
	}
	return fresh(), nil
}

// resume makes the verifier continue where a record says that the build before ended.
func (v *buildVerifier) resume(row []byte) error {
	st := v.log.now.Load()
	r, authentic, err := decodeRecord(row, st.macs)
	if err != nil {
		return err
	}
	if !authentic || r.state != recordBuilding || r.origin != st.keys.Origin() || r.size < 1 || r.size > st.head.Size {
		return errUnproved
	}
	v.done = progressOf(r)
	index, ok, err := v.done.readParts(v.ctx, v.log.read)
	if err != nil {
		return err
	}
	if v.index = index; !ok {
		return errUnproved
	}
	return v.chainVerifier.resume(r.size, r.tree)
}

// resume makes the verifier continue after the first events, of which the tree had a
// root.
func (v *chainVerifier) resume(size int64, root ledger.Hash) (err error) {
	if at, err := v.log.RootAt(v.ctx, size); err != nil || at != root {
		return errors.Join(err, errUnproved)
	}
	for level := range v.last {
		if n := width(size, level); n > 0 {
			if v.last[level], err = v.log.tree().tile(v.ctx, level, size>>(ledger.TileHeight*(level+1)), n); err != nil {
				return err
			}
		}
	}
	if v.tree, err = v.last.edge(size); err != nil || v.tree.Root() != root {
		return errors.Join(err, errUnproved)
	}
	last, err := v.log.Event(v.ctx, ledger.Seq(size-1))
	if err != nil {
		return err
	}
	v.head = ledger.HeadAfter(last)
	return v.keysAt(size)
}

// keysAt sets the keys to those after the first events.
func (v *chainVerifier) keysAt(size int64) error {
	first, err := v.log.event(v.ctx, 0)
	if err != nil {
		return err
	}
	if v.keys, err = ledger.NewKeyring(first); err != nil {
		return err
	}
	rotations, err := v.log.Rotations(v.ctx)
	for _, r := range rotations {
		if err == nil && int64(r.Event.Seq()) < size {
			v.keys, err = v.keys.FollowProved(r)
		}
	}
	return err
}
