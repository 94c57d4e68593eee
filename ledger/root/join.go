package root

import (
	"context"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/home"
)

// Join compares the ledger of a root that another process has open with what the
// user knows of that ledger, as Open does: the private key, unless Mode is Read;
// the keys trusted; the outside checkpoint. log is the view of the ledger that the
// other process gives. That process may go on writing, so the outside checkpoint may
// be newer than log: renew updates log to the ledger as it is now. Join returns the
// ledger's signer, and fails as Open does.
func Join(ctx context.Context, o Options, log ledger.Reader, renew func(context.Context) error) (ledger.Signer, error) {
	if err := home.CheckHome(o.Home); err != nil {
		return nil, err
	}
	dir, err := resolve(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &comparison{directory: directory{Options: o, dir: dir}, lock: &lock{path: filepath.Join(dir, lockName)}}
	keys := log.Keys()
	if err := s.readPlace(); err != nil {
		return nil, err
	}
	if err := s.checkPlace(keys); err != nil {
		return nil, err
	}
	other, err := home.OtherTrusted(s.Home, keys.Keys())
	if err != nil {
		return nil, err
	}
	if !other.IsZero() {
		return nil, s.swapped(home.TrustPath(s.Home), other, keys.Current())
	}
	g, err := home.LoadGuard(s.Home, keys.Keys()...)
	if err != nil {
		return nil, err
	}
	if was, ok := g.Seen(); ok {
		if c, _ := log.Checkpoint(); c.Size < was.Size {
			if err := renew(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := s.checkSeen(ctx, log, g); err != nil || !s.Mode.writes() {
		return nil, err
	}
	signer, err := s.signer(log.Keys())
	if err != nil {
		return nil, err
	}
	return signer, s.remember(log.Keys())
}
