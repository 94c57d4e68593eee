package store

import (
	"bytes"
	"context"
	"fmt"

	"gait/ledger"
)

// Rotate appends a key_rotated event, after which next signs: the checkpoint
// that ends with the event is signed by both keys, every later one by next
// alone. The proof of the event in that checkpoint is kept for ever. Errors are
// those of Append.
func (l *Log) Rotate(ctx context.Context, at ledger.Head, e ledger.Event, next ledger.Signer) (ledger.Receipt, error) {
	if next == nil {
		return ledger.Receipt{}, fmt.Errorf("rotating the key: %w", ErrNoSigner)
	}
	return l.appendAt(ctx, at, []ledger.Entry{{Event: e}}, next)
}

// checkRotation takes a rotation into the planned keys. It must be the one that
// the plan is for, and the last of its events.
func (p *plan) checkRotation(e ledger.Event) error {
	if p.last.Type() == ledger.TypeKeyRotated && !p.copying {
		return fmt.Errorf("event %d: it comes after a rotation, in one batch", e.Seq)
	}
	keys, err := p.keys.Follow(e)
	if err != nil {
		return misfit(err)
	}
	rotates := e.Type() == ledger.TypeKeyRotated
	if rotates != (p.next != nil) || rotates && p.next.VerifierKey() != keys.Current() {
		return fmt.Errorf("event %d: a rotation and the signer that it names go together", e.Seq)
	}
	p.keys = keys
	return nil
}

// keepRotation keeps the proof of the rotation that the plan ends with, if it does.
func (p *plan) keepRotation(c ledger.Checkpoint, signed []byte) error {
	if p.next == nil {
		return nil
	}
	r := ledger.Rotation{Event: p.last, Proof: ledger.Proof{Seq: p.last.Seq, Path: p.path, Checkpoint: signed}}
	if err := r.Check(); err != nil {
		return fmt.Errorf("proving the rotation in the tree of %d: %w", c.Size, err)
	}
	return p.batch.Set(rotationKey(p.last.Seq), []byte(r.Proof.String()), nil)
}

// Rotations returns the rotations of the ledger's key in order, each with its
// proof, checked again.
func (l *Log) Rotations() ([]ledger.Rotation, error) {
	first, err := l.event(0)
	if err != nil {
		return nil, err
	}
	_, all, err := l.readKeys(first)
	return all, err
}

// readKeys follows the stored rotations from event 0 on.
func (l *Log) readKeys(first ledger.Event) (ledger.Keyring, []ledger.Rotation, error) {
	keys, err := ledger.NewKeyring(first)
	if err != nil {
		return keys, nil, err
	}
	var all []ledger.Rotation
	c := l.scan([]byte{prefixRotation}, after(prefixRotation))
	for c.next() {
		r, err := l.readRotation(bytes.Clone(c.key()), bytes.Clone(c.value))
		if err == nil {
			if keys, err = keys.FollowProved(r); err != nil {
				err = corruptBy(err, r.Event.Seq, "the rotation")
			}
		}
		if err != nil {
			c.close()
			return keys, nil, err
		}
		all = append(all, r)
	}
	return keys, all, c.close()
}

func (l *Log) readRotation(key, value []byte) (ledger.Rotation, error) {
	seq, ok := decodeSeq(key[1:])
	if !ok {
		return ledger.Rotation{}, corrupt(-1, "no event belongs under key %x", key)
	}
	p, err := ledger.ParseProof(value)
	if err != nil {
		return ledger.Rotation{}, corruptBy(err, seq, "the proof of the rotation")
	}
	e, err := l.event(seq)
	if err == nil && e.Type() != ledger.TypeKeyRotated {
		err = corrupt(seq, "kept as a rotation, it is %s", e.Type())
	}
	return ledger.Rotation{Event: e, Proof: p}, err
}

// rotations checks that the keys in use, and the rotations kept, are those of
// the events.
func (v *verifier) rotations() error {
	first, err := v.log.event(0)
	if err != nil {
		return err
	}
	kept, _, err := v.log.readKeys(first)
	if err != nil {
		return err
	}
	if !kept.Equal(v.keys) || !v.log.Keys().Equal(v.keys) {
		return corrupt(v.keys.Reigns()[len(v.keys.Reigns())-1].Since, "the rotations kept are not those of the events")
	}
	return nil
}

func rotationKey(seq ledger.Seq) []byte { return append([]byte{prefixRotation}, encodeSeq(seq)...) }
