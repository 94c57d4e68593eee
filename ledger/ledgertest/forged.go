package ledgertest

import (
	"context"
	"testing"

	"gait/ledger"
)

// A Forged is what the holder of a ledger's key can make: a signed tree over any
// events, also those that no log would take. It gives files and proofs as a log does.
type Forged struct {
	Events []ledger.Event
	c      ledger.Checkpoint
	signed []byte
	rows   [][]ledger.Hash // the hashes at each level of tiles
}

// Forge signs a tree over events with key. They must be the events from 0 on, in
// order; nothing else is checked of them.
func Forge(t testing.TB, key ledger.PrivateKey, events ...ledger.Event) *Forged {
	t.Helper()
	f := &Forged{Events: events}
	var tree ledger.Tree
	for _, e := range events {
		tree.Append(e.LeafHash(), func(level int, _ int64, h ledger.Hash) {
			if level%ledger.TileHeight != 0 {
				return
			}
			if level /= ledger.TileHeight; level == len(f.rows) {
				f.rows = append(f.rows, nil)
			}
			f.rows[level] = append(f.rows[level], h)
		})
	}
	f.c = ledger.Checkpoint{Origin: key.Name(), Size: tree.Size(), Root: tree.Root()}
	var err error
	if f.signed, err = f.c.Sign(key); err != nil {
		t.Fatal(err)
	}
	return f
}

// Checkpoint returns the checkpoint over all events, and its signed note.
func (f *Forged) Checkpoint() (ledger.Checkpoint, []byte) { return f.c, f.signed }

// File returns a tile, or a bundle of events.
func (f *Forged) File(_ context.Context, name ledger.TileName) ([]byte, error) {
	from := name.Index * ledger.TileWidth
	var b []byte
	for i := from; i < from+int64(name.Width); i++ {
		if name.Entries {
			b = ledger.AppendEntry(b, f.Events[i])
		} else {
			b = append(b, f.rows[name.Level][i][:]...)
		}
	}
	return b, nil
}

// Rotations returns none.
func (*Forged) Rotations(context.Context) ([]ledger.Rotation, error) { return nil, nil }

// ProofIn returns the proof that an event is in the tree, whose checkpoint may have
// more signatures in signed.
func (f *Forged) ProofIn(ctx context.Context, signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	return ledger.Prove(seq, f.c, signed, func(level int, n int64, width int) ([]byte, error) {
		return f.File(ctx, ledger.TileName{Level: level, Index: n, Width: width})
	})
}

// Chain seals events again, so that each follows the one before it in the ledger and
// in its job: seq, prev, job_seq, job_prev and revision. Everything else stays.
func Chain(t testing.TB, events ...ledger.Event) []ledger.Event {
	t.Helper()
	var chained []ledger.Event
	var head ledger.Head
	jobs := map[string]ledger.JobHead{}
	for i, e := range events {
		d := e.Draft()
		d.Seq, d.Prev, d.Authority = ledger.Seq(i), head.Leaf, head.Authority
		if d.JobID != "" {
			job := jobs[d.JobID]
			d.JobSeq, d.JobPrev, d.Revision = job.JobSeq+1, job.Leaf, job.Revision
			if d.Type() != ledger.TypeRefused {
				d.Revision++
			}
		}
		e, err := ledger.Seal(d)
		if err != nil {
			t.Fatal(err)
		}
		head = ledger.HeadAfter(e)
		if d.JobID != "" {
			jobs[d.JobID] = ledger.JobHead{JobSeq: d.JobSeq, Leaf: head.Leaf, Revision: d.Revision, Seq: d.Seq, Time: d.Time}
		}
		chained = append(chained, e)
	}
	return chained
}
