package root

import (
	"fmt"
	"path/filepath"

	"gait/ledger"
)

// An OpenLog is a ledger, opened by whomever, as far as it is compared with
// what was seen of it before.
type OpenLog interface {
	Keys() ledger.Keyring
	Imported() bool
	Checkpoint() (ledger.Checkpoint, []byte)
	RootAt(size int64) (ledger.Hash, error)
	Event(ledger.Seq) (ledger.Event, error)
	Events(from ledger.Seq) ledger.Events
	Proof(ledger.Seq) (ledger.Proof, error)
}

// Keep keeps a checkpoint of a ledger with those keys, which has been verified,
// as the newest one that home has seen. The process that has the ledger open
// does so in its own home, and nobody does in another.
func Keep(home string, signed []byte, keys ...ledger.VerifierKey) error {
	c, err := ledger.PeekCheckpoint(signed)
	if err != nil {
		return fmt.Errorf("keeping the outside checkpoint: %w", err)
	}
	g, err := loadGuard(home, keys...)
	if err != nil {
		return err
	}
	if was, ok := g.seen(); ok && c.Size <= was.Size {
		return nil // somebody has seen more meanwhile
	}
	return g.publish(signed)
}

// Join holds the ledger of a root that another process has open, and of which
// it gives us log, to what the user knows of that ledger, as Open does: the
// private key, unless Options are to read only; the keys trusted; the outside
// checkpoint. renew has log show the ledger as it is now: the other process
// goes on, so the outside checkpoint may be newer than log. Join returns who
// signs, and fails as Open does.
func Join(o Options, log OpenLog, renew func() error) (ledger.Signer, error) {
	dir, err := resolve(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &site{Options: o, dir: dir, lock: &lock{path: filepath.Join(dir, lockName)}}
	keys := log.Keys()
	other, err := otherTrusted(s.Home, keys.Keys())
	if err != nil {
		return nil, err
	}
	if !other.IsZero() {
		return nil, s.swapped(trustPath(s.Home), other, keys.Current())
	}
	g, err := loadGuard(s.Home, keys.Keys()...)
	if err != nil {
		return nil, err
	}
	if was, ok := g.seen(); ok {
		if c, _ := log.Checkpoint(); c.Size < was.Size {
			if err := renew(); err != nil {
				return nil, err
			}
		}
	}
	if err := s.checkSeen(log, g); err != nil || s.ReadOnly {
		return nil, err
	}
	return s.signer(log.Keys())
}
