package root

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// How often a ledger is opened that another process writes, and how long that waits.
const (
	openTries = 5
	openPause = 20 * time.Millisecond
)

// openLog opens the ledger. If this process does not exclude writers, it looks
// whether one wrote meanwhile: Pebble takes a write-ahead log that is gone for one
// that never was.
func (s *site) openLog(ctx context.Context, t pebble.Options, o store.Options) (*store.Log, error) {
	dir := s.ledgerDir()
	if !s.lock.shared {
		return openLog(ctx, dir, t, o)
	}
	for range openTries {
		before, err := pebble.List(dir, s.FS)
		if err != nil {
			return nil, err
		}
		log, openErr := openLog(ctx, dir, t, o)
		after, err := pebble.List(dir, s.FS)
		if err == nil && before.Opens(after) {
			s.listing = after
			return log, openErr
		}
		if log != nil {
			err = errors.Join(err, log.Close())
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(openPause):
		}
	}
	return nil, &ChangedError{Dir: dir}
}

// Explain returns an error of reading. If another process wrote the ledger meanwhile,
// so that files went away that this one was to read, that is a *ChangedError.
// A file that this user may not read is an *home.AccessError.
func (r *Root) Explain(err error) error { return r.site.whyUnread(err) }

// denied returns an error of opening a file of the root as an *home.AccessError, if it is
// one. A file that can be read was to be written.
func (s *directory) denied(path string, err error) error {
	place := home.InRoot.Unreadable
	if s.Mode.writes() && unix.Access(path, unix.R_OK) == nil {
		place = home.InRoot.Unwritable
	}
	err = place(path, err)
	if e, ok := errors.AsType[*home.AccessError](err); ok && filepath.Dir(path) == s.ledgerDir() {
		e.Among = s.ledgerDir()
	}
	return err
}

func (s *site) whyUnread(err error) error {
	file, ok := errors.AsType[*fs.PathError](err)
	if ok && strings.HasPrefix(file.Path, s.dir+string(filepath.Separator)) {
		err = s.denied(file.Path, err)
	}
	_, corrupt := errors.AsType[*ledger.CorruptError](err)
	_, index := errors.AsType[*ledger.IndexError](err)
	_, back := errors.AsType[*home.RolledBackError](err)
	if s.listing == nil || !corrupt && !index && !back {
		return err
	}
	if now, listErr := pebble.List(s.ledgerDir(), s.FS); listErr == nil && s.listing.Same(now) {
		return err
	}
	return &ChangedError{Dir: s.ledgerDir(), Why: err.Error()}
}
