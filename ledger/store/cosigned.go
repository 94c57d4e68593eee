package store

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"gait/ledger"
)

// maxCosigned is how many witnesses' cosignatures a log keeps: as many as fit
// under one checkpoint beside the signatures of two keys of the ledger's.
const maxCosigned = ledger.MaxSignatures - 2

// Keep keeps a witness's cosignature of a checkpoint of this log, in place of
// one of a checkpoint not larger. It is a commit of its own, which no event
// waits for. Where maxCosigned witnesses are known, the one that is farthest
// behind is forgotten. It fails with ledger.ErrUnverified where the checkpoint
// is not the log's, or not cosigned by c.
func (l *Log) Keep(signed []byte, c ledger.Cosignature) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return fmt.Errorf("keeping a cosignature: %w", err)
	}
	note, err := ledger.Cosign(signed, c)
	if err != nil {
		return fmt.Errorf("keeping a cosignature: %w", err)
	}
	kept, err := l.checkCosigned(c.Key, note)
	if err != nil {
		return fmt.Errorf("keeping a cosignature of %s: %w", c.Key.Name(), err)
	}
	all, err := l.Cosigned()
	if err != nil {
		return err
	}
	var others []ledger.Cosigned
	for _, k := range all {
		switch {
		case k.Key != kept.Key:
			others = append(others, k)
		case k.Size > kept.Size:
			return nil
		}
	}
	b := l.db.NewBatch()
	defer b.Close()
	if len(others) >= maxCosigned {
		last := slices.MinFunc(others, func(x, y ledger.Cosigned) int { return cmp.Compare(x.Size, y.Size) })
		if err := b.Delete(cosignedKey(last.Key), nil); err != nil {
			return fmt.Errorf("keeping a cosignature: %w", err)
		}
	}
	if err := b.Set(cosignedKey(c.Key), note, nil); err != nil {
		return fmt.Errorf("keeping a cosignature: %w", err)
	}
	return l.commit(b)
}

// Cosigned returns what Keep has kept, in the order of the witnesses' keys,
// each checked again.
func (l *Log) Cosigned() ([]ledger.Cosigned, error) {
	var all []ledger.Cosigned
	c := l.scan([]byte{prefixCosigned}, after(prefixCosigned))
	for c.next() {
		kept, err := l.readCosigned(c.key(), bytes.Clone(c.value))
		if err != nil {
			c.close()
			return nil, err
		}
		all = append(all, kept)
	}
	return all, c.close()
}

func (l *Log) readCosigned(k, note []byte) (ledger.Cosigned, error) {
	key, err := ledger.ParseWitnessKey(string(k[1:]))
	if err != nil {
		return ledger.Cosigned{}, corrupt(-1, "no witness has the key %.80q", k[1:])
	}
	kept, err := l.checkCosigned(key, note)
	if err != nil && !isIO(err) {
		err = corruptBy(err, -1, "the checkpoint cosigned by %s", key.Name())
	}
	return kept, err
}

// checkCosigned holds a note to the log: a checkpoint of its tree, signed by
// its key, with one cosignature of the witness's and nothing else.
func (l *Log) checkCosigned(key ledger.WitnessKey, note []byte) (ledger.Cosigned, error) {
	c, err := l.Keys().Open(note)
	if err != nil {
		return ledger.Cosigned{}, err
	}
	root, err := l.RootAt(min(c.Size, l.Head().Size))
	if err != nil {
		return ledger.Cosigned{}, err
	}
	if c.Size > l.Head().Size || root != c.Root {
		return ledger.Cosigned{}, fmt.Errorf("%w: a checkpoint of %d events with root %s is not of this ledger", ledger.ErrUnverified, c.Size, c.Root)
	}
	by, err := ledger.Cosignatures(note, []ledger.WitnessKey{key})
	if err != nil {
		return ledger.Cosigned{}, err
	}
	if len(by) != 1 || !alone(note, c.Origin, by[0]) {
		return ledger.Cosigned{}, fmt.Errorf("%w: it is not cosigned by %s and nobody else", ledger.ErrUnverified, key.Name())
	}
	return ledger.Cosigned{Checkpoint: c, Cosignature: by[0], Signed: note}, nil
}

// alone reports whether a note's signatures are the ledger's and then c.
func alone(note []byte, origin string, c ledger.Cosignature) bool {
	rest, last := bytes.CutSuffix(note, []byte(c.Line()))
	_, sigs, _ := bytes.Cut(rest, []byte("\n\n"))
	for line := range bytes.Lines(sigs) {
		last = last && bytes.HasPrefix(line, []byte("— "+origin+" "))
	}
	return last
}

// CosignedCheckpoint returns the newest checkpoint that a witness is known to
// have cosigned, as a note with the cosignatures of all who have; nil where
// there is none.
func (l *Log) CosignedCheckpoint() ([]byte, error) {
	all, err := l.Cosigned()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	newest := slices.MaxFunc(all, func(x, y ledger.Cosigned) int { return cmp.Compare(x.Size, y.Size) })
	note := bytes.TrimSuffix(newest.Signed, []byte(newest.Line()))
	var by []ledger.Cosignature
	for _, c := range all {
		if c.Size == newest.Size {
			by = append(by, c.Cosignature)
		}
	}
	return ledger.Cosign(note, by...)
}

// cosigned checks what Keep has kept.
func (v *verifier) cosigned() error {
	all, err := v.log.Cosigned()
	if err == nil && len(all) > maxCosigned {
		err = corrupt(-1, "%d cosigned checkpoints, at most %d", len(all), maxCosigned)
	}
	return err
}

func cosignedKey(k ledger.WitnessKey) []byte { return append([]byte{prefixCosigned}, k.String()...) }
