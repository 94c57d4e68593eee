package store

import (
	"context"
	"fmt"

	"gait/ledger"
)

// Rotate appends a key_rotated or ledger_moved event, after which next signs: the checkpoint
// that ends with the event is signed by both keys, every later one by next
// alone. The proof of the event in that checkpoint is kept for ever. Errors are
// those of Append.
//
// The event's batch writes the record of the index under next's MAC keys. Then the
// views are written under them. A view that a crash leaves under the old ones is made
// again when its job is read.
func (l *Log) Rotate(ctx context.Context, at ledger.Head, e ledger.Event, next ledger.Signer) (ledger.Receipt, error) {
	if next == nil {
		return ledger.Receipt{}, fmt.Errorf("rotating the key: %w", ErrNoSigner)
	}
	was := l.now.Load().macs
	receipt, err := l.appendAt(ctx, at, []ledger.Entry{{Event: e}}, handover{next: next})
	if err != nil {
		return receipt, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// The key is rotated whatever becomes of the views, so the caller gets no error.
	_ = viewWriter{l}.rewrite(ctx, was)
	return receipt, nil
}

// checkRotation adds a rotation to the planned keys. It must be the one that the
// plan is for, and the last of its events.
func (p *plan) checkRotation(e ledger.Event) error {
	if p.last.Type().HandsOver() && !p.copying {
		return fmt.Errorf("event %d: it comes after a rotation, in one batch", e.Seq())
	}
	keys, err := p.keys.Follow(e)
	if err != nil {
		return misfit(err)
	}
	if p.moves {
		return p.moveAway(e)
	}
	rotates := e.Type().HandsOver()
	if rotates != (p.next != nil) || rotates && p.next.VerifierKey() != keys.Current() {
		return fmt.Errorf("event %d: a rotation and the signer that it names go together", e.Seq())
	}
	p.keys = keys
	if p.next == nil {
		return nil
	}
	p.macs, err = p.log.macsOf(keys.Current())
	if err == nil && p.macs == nil {
		err = fmt.Errorf("%w: the MAC keys of %s are not there", ErrNoSigner, keys.Current())
	}
	return err
}

// keepRotation keeps the proof of the rotation that the plan ends with, if it does.
func (p *plan) keepRotation(c ledger.Checkpoint, signed []byte) error {
	if p.next == nil {
		return nil
	}
	r := ledger.Rotation{Event: p.last, Proof: ledger.Proof{Seq: p.last.Seq(), Path: p.path, Checkpoint: signed}}
	if err := r.Check(); err != nil {
		return fmt.Errorf("proving the rotation in the tree of %d: %w", c.Size, err)
	}
	p.proofs = append(p.proofs, Row{rotationKey(p.last.Seq()), []byte(r.Proof.String())})
	return nil
}

// Rotations returns the rotations of the ledger's key in order, each with its
// proof, checked again.
func (l *treeReader) Rotations(ctx context.Context) ([]ledger.Rotation, error) {
	first, err := l.event(ctx, 0)
	if err != nil {
		return nil, err
	}
	_, all, err := readKeys(ctx, l, first)
	return all, err
}

// readKeys follows the stored rotations from event 0 on.
func readKeys(ctx context.Context, l *treeReader, first ledger.Event) (ledger.Keyring, []ledger.Rotation, error) {
	keys, err := ledger.NewKeyring(first)
	if err != nil {
		return keys, nil, err
	}
	var all []ledger.Rotation
	for row, err := range scan(ctx, l.read, []byte{prefixRotation}, after(prefixRotation)) {
		if err != nil {
			return keys, nil, err
		}
		r, err := readRotation(ctx, l, row)
		if err == nil {
			if keys, err = keys.FollowProved(r); err != nil {
				err = corruptBy(err, r.Event.Seq(), "the rotation")
			}
		}
		if err != nil {
			return keys, nil, err
		}
		all = append(all, r)
	}
	return keys, all, nil
}

func readRotation(ctx context.Context, l *treeReader, row Row) (ledger.Rotation, error) {
	seq, ok := decodeSeq(row.Key[1:])
	if !ok {
		return ledger.Rotation{}, corrupt(-1, "no event belongs to %s", rowName(row.Key))
	}
	p, err := ledger.ParseProof(row.Value)
	if err != nil {
		return ledger.Rotation{}, corruptBy(err, seq, "the proof of the rotation")
	}
	e, err := l.event(ctx, seq)
	if err == nil && !e.Type().HandsOver() {
		err = corrupt(seq, "kept as a rotation, it is %s", e.Type())
	}
	return ledger.Rotation{Event: e, Proof: p}, err
}

// rotations checks that the keys in use, and the rotations kept, are those of
// the events.
func (v *chainVerifier) rotations() error {
	first, err := v.log.event(v.ctx, 0)
	if err != nil {
		return err
	}
	kept, _, err := readKeys(v.ctx, &v.log.treeReader, first)
	if err != nil {
		return err
	}
	if !kept.Equal(v.keys) || !v.log.Keys().Equal(v.keys) {
		return corrupt(v.keys.Reigns()[len(v.keys.Reigns())-1].Since, "the rotations kept are not those of the events")
	}
	return nil
}

func rotationKey(seq ledger.Seq) []byte { return append([]byte{prefixRotation}, encodeSeq(seq)...) }
