package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"gait/ledger"
)

// Keep keeps a witness's cosignature of a checkpoint of this log, and replaces one
// of a checkpoint that is not larger. It is a commit of its own, which no event
// waits for. If ledger.MaxCosigned witnesses are known, it forgets the one whose checkpoint
// is the smallest. It fails with ledger.ErrUnverified if the checkpoint is not the log's, or
// if c does not cosign it.
func (l *Log) Keep(ctx context.Context, signed []byte, c ledger.Cosignature) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return fmt.Errorf("keeping a cosignature: %w", err)
	}
	note, err := ledger.Cosign(signed, c)
	if err != nil {
		return fmt.Errorf("keeping a cosignature: %w", err)
	}
	kept, err := checkCosigned(ctx, &l.treeReader, c.Key, note)
	if err != nil {
		return fmt.Errorf("keeping a cosignature of %s: %w", c.Key.Name(), err)
	}
	all, err := l.Cosigned(ctx)
	if err != nil {
		return err
	}
	return l.keep(ctx, all, kept)
}

// keep replaces what is kept of the same witness by kept, unless that is newer. If
// there is no room, it replaces what is kept of the slowest witness.
func (l *Log) keep(ctx context.Context, all []ledger.CosignedCheckpoint, kept ledger.CosignedCheckpoint) error {
	var others []ledger.CosignedCheckpoint
	for _, k := range all {
		switch {
		case k.Key != kept.Key:
			others = append(others, k)
		case k.Size > kept.Size:
			return nil
		}
	}
	c := l.change()
	c.Put = []Row{{cosignedKey(kept.Key), kept.Signed}}
	slices.SortStableFunc(others, func(x, y ledger.CosignedCheckpoint) int { return cmp.Compare(x.Size, y.Size) })
	for _, k := range others[:max(0, len(others)-ledger.MaxCosigned+1)] { // an older gait restored as many as a backup had
		c.Remove = append(c.Remove, cosignedKey(k.Key))
	}
	slices.SortFunc(c.Remove, bytes.Compare)
	return l.commit(ctx, c)
}

// Cosigned returns what Keep has kept, in the order of the witnesses' keys, and
// checks each again.
func (l *treeReader) Cosigned(ctx context.Context) ([]ledger.CosignedCheckpoint, error) {
	var all []ledger.CosignedCheckpoint
	for row, err := range scan(ctx, l.read, []byte{prefixCosigned}, after(prefixCosigned)) {
		if err != nil {
			return nil, err
		}
		kept, err := readCosigned(ctx, l, row.Key, row.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, kept)
	}
	return all, nil
}

func readCosigned(ctx context.Context, l *treeReader, k, note []byte) (ledger.CosignedCheckpoint, error) {
	key, err := ledger.ParseWitnessKey(string(k[1:]))
	if err != nil {
		return ledger.CosignedCheckpoint{}, corrupt(-1, "no witness has the key %.80q", k[1:])
	}
	kept, err := checkCosigned(ctx, l, key, note)
	if err != nil && !isIO(err) {
		err = corruptBy(err, -1, "the checkpoint cosigned by %s", key.Name())
	}
	return kept, err
}

// checkCosigned checks a note against the log: it must be a checkpoint of its tree,
// signed by its key, with one cosignature of the witness and nothing else.
func checkCosigned(ctx context.Context, l *treeReader, key ledger.WitnessKey, note []byte) (ledger.CosignedCheckpoint, error) {
	c, err := l.Keys().Open(note)
	if err != nil {
		return ledger.CosignedCheckpoint{}, err
	}
	root, err := l.RootAt(ctx, min(c.Size, l.Head().Size))
	if err != nil {
		return ledger.CosignedCheckpoint{}, err
	}
	if c.Size > l.Head().Size || root != c.Root {
		return ledger.CosignedCheckpoint{}, fmt.Errorf("%w: a checkpoint of %d events with root %s is not of this ledger", ledger.ErrUnverified, c.Size, c.Root)
	}
	by, err := ledger.Cosignatures(note, []ledger.WitnessKey{key})
	if err != nil {
		return ledger.CosignedCheckpoint{}, err
	}
	if len(by) != 1 || !alone(note, c.Origin, by[0]) {
		return ledger.CosignedCheckpoint{}, fmt.Errorf("%w: it is not cosigned by %s alone", ledger.ErrUnverified, key.Name())
	}
	return ledger.CosignedCheckpoint{Checkpoint: c, Cosignature: by[0], Signed: note}, nil
}

// alone reports whether a note's signatures are the ledger's, followed by c.
func alone(note []byte, origin string, c ledger.Cosignature) bool {
	rest, last := bytes.CutSuffix(note, []byte(c.Line()))
	_, sigs, _ := bytes.Cut(rest, []byte("\n\n"))
	for line := range bytes.Lines(sigs) {
		last = last && bytes.HasPrefix(line, []byte("— "+origin+" "))
	}
	return last
}

// cosigned verifies what Keep has kept.
func (v *chainVerifier) cosigned() error {
	all, err := v.log.Cosigned(v.ctx)
	if err == nil && len(all) > ledger.MaxCosigned {
		err = corrupt(-1, "%d cosigned checkpoints, at most %d", len(all), ledger.MaxCosigned)
	}
	return err
}

func cosignedKey(k ledger.WitnessKey) []byte { return append([]byte{prefixCosigned}, k.String()...) }
