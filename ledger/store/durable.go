package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// A snapshot is the log as a commit left it. Pebble shows a batch to readers
// before it has synced it, and what is shown must not go with the power: so all
// reading is done in the snapshot that was taken after the newest sync.
type snapshot struct {
	log  *Log
	of   *pebble.Snapshot
	uses int // by readers, and one while it is the newest; under Log.reading
}

// show lets readers see what has been committed. The caller holds l.mu, so that
// no other commit is under way, or has the log to itself.
func (l *Log) show() {
	next := &snapshot{log: l, of: l.db.NewSnapshot(), uses: 1}
	l.reading.Lock()
	was := l.newest
	l.newest = next
	l.reading.Unlock()
	if was != nil {
		was.close()
	}
}

// hide ends the newest snapshot, for the log is being closed.
func (l *Log) hide() {
	l.reading.Lock()
	was := l.newest
	l.newest = nil
	l.reading.Unlock()
	was.close()
}

// pin returns a log to read that stays as this one is now. The caller hides it.
func (l *Log) pin() (*Log, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return nil, ErrClosed
	}
	at := &Log{db: l.db, readOnly: true, imported: l.imported}
	at.now.Store(l.now.Load())
	at.show()
	return at, nil
}

// snapshot returns the log as it is now. The caller closes it.
func (l *Log) snapshot() (*snapshot, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.closed.Load() || l.newest == nil {
		return nil, ErrClosed
	}
	l.newest.uses++
	return l.newest, nil
}

// close gives a snapshot up.
func (s *snapshot) close() {
	s.log.reading.Lock()
	s.uses--
	last := s.uses == 0
	s.log.reading.Unlock()
	if last {
		_ = s.of.Close() // it forgets a number, and does not fail
	}
}

// get reads one key. The value is the caller's.
func (s *snapshot) get(key []byte) (value []byte, found bool, err error) {
	err = s.log.db.guard("reading", func() error {
		b, closer, err := s.of.Get(key)
		if errors.Is(err, pebble.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		value, found = append([]byte{}, b...), true
		return closer.Close()
	})
	return value, found, err
}

// get reads one key of the log as it is now.
func (l *Log) get(key []byte) (value []byte, found bool, err error) {
	s, err := l.snapshot()
	if err != nil {
		return nil, false, err
	}
	defer s.close()
	return s.get(key)
}

// A cursor walks keys in order.
type cursor struct {
	db      database
	it      *pebble.Iterator
	own     *snapshot // that closing the cursor closes
	started bool
	value   []byte
	err     error
}

// scan returns a cursor over the keys from low up to high.
func (s *snapshot) scan(low, high []byte) *cursor {
	c := &cursor{db: s.log.db}
	c.err = c.db.guard("reading", func() (err error) {
		c.it, err = s.of.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
		return err
	})
	return c
}

// scan returns a cursor over the keys from low up to high, as they are now.
func (l *Log) scan(low, high []byte) *cursor {
	s, err := l.snapshot()
	if err != nil {
		return &cursor{err: err}
	}
	c := s.scan(low, high)
	c.own = s
	return c
}

// next moves to the next key, the first one at first. It is false at the end
// and after an error.
func (c *cursor) next() (more bool) {
	if c.err != nil {
		return false
	}
	c.err = c.db.guard("reading", func() (err error) {
		if c.started {
			more = c.it.Next()
		} else {
			more = c.it.First()
		}
		c.started = true
		if !more {
			return c.it.Error()
		}
		c.value, err = c.it.ValueAndErr()
		return err
	})
	return more && c.err == nil
}

// key returns the key, which is good until the next call of next.
func (c *cursor) key() []byte { return c.it.Key() }

// close ends the walk and returns its error.
func (c *cursor) close() error {
	if c.it != nil {
		c.err = errors.Join(c.err, c.db.guard("reading", c.it.Close))
	}
	if c.own != nil {
		c.own.close()
	}
	c.it, c.own = nil, nil
	return c.err
}
