package root

import (
	"context"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
)

// keepEnds lets home remember where the ledger's keys ended, so that it knows what a copy of
// the ledger signs that goes on under one of them.
func (r *Root) keepEnds(ctx context.Context) error {
	keys := r.Log.Keys().Keys()
	if len(keys) == 1 {
		return nil
	}
	rotations, err := r.Log.Rotations(ctx)
	if err != nil {
		return err
	}
	ends, err := ledger.Ends(keys, rotations)
	if err != nil {
		return err
	}
	return home.KeepEnds(r.Home, ends...)
}

// keepEnd lets home remember that the ledger ends here under a key, since it has moved away.
func (r *Root) keepEnd(key ledger.VerifierKey) error {
	c, _ := r.Log.Checkpoint()
	return home.KeepEnds(r.Home, ledger.End{Key: key, Size: c.Size, Root: c.Root})
}

// keepEndsOf is keepEnds for a ledger that was copied here, with those keys. If it has moved
// here, the newest of them takes over with the last event.
func keepEndsOf(homeDir string, from store.Copy, keys ledger.Keyring) error {
	all := keys.Keys()
	ends, err := ledger.Ends(all, from.Rotations)
	if err != nil {
		return err
	}
	if from.Next != nil {
		c, err := ledger.PeekCheckpoint(from.Signed)
		if err != nil {
			return err
		}
		ends = append(ends, ledger.End{Key: all[len(all)-2], Size: c.Size, Root: c.Root})
	}
	return home.KeepEnds(homeDir, ends...)
}
