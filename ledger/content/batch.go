package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"gait/ledger"
	"gait/ledger/home"
)

// groupSize is how many files of a batch are open at once, and synced at the same time.
const groupSize = 32

// PutAll keeps many contents: those that use puts into the batch. They are durable when
// PutAll returns nil. The directory is synced once, so this costs less than a Put of each. If
// use fails, so does PutAll, and some of the contents may be kept. Until it returns, every
// other Put waits.
func (s *Store) PutAll(use func(*Batch) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &Batch{store: s}
	if err := use(b); err != nil {
		b.drop()
		return err
	}
	if err := b.flush(); err != nil {
		return s.failed(err)
	}
	if !b.began {
		return nil
	}
	return s.failed(home.SyncDir(s.dir))
}

// A Batch keeps many contents. One goroutine uses it, until the call of PutAll that made
// it returns.
type Batch struct {
	store *Store
	began bool
	group []*pendingFile
}

// A pendingFile was written and is not kept yet.
type pendingFile struct {
	*os.File
	digest ledger.Hash
	err    error
}

// Put is Store.Put in a batch: what it keeps is durable when PutAll returns.
func (b *Batch) Put(content []byte) (Entry, error) { return b.PutFrom(bytes.NewReader(content)) }

// PutFrom is Store.PutFrom in a batch: what it keeps is durable when PutAll returns.
func (b *Batch) PutFrom(r io.ReadSeeker) (Entry, error) {
	e, err := b.put(r)
	if err != nil {
		return Entry{}, b.store.failed(err)
	}
	return e, nil
}

func (b *Batch) put(r io.ReadSeeker) (Entry, error) {
	e, err := digestOf(r)
	if err != nil {
		return Entry{}, err
	}
	if slices.ContainsFunc(b.group, func(p *pendingFile) bool { return p.digest == e.Digest }) {
		return e, nil
	}
	if err := b.begin(); err != nil {
		return Entry{}, err
	}
	f, err := write(b.store.pending(e.Digest), r, e)
	if err != nil {
		return Entry{}, err
	}
	if b.group = append(b.group, &pendingFile{File: f, digest: e.Digest}); len(b.group) < groupSize {
		return e, nil
	}
	return e, b.flush()
}

// begin makes the directory of the store, before the first file.
func (b *Batch) begin() error {
	if b.began {
		return nil
	}
	err := home.MakeDir(b.store.dir)
	if err == nil {
		err = home.CheckDir(b.store.dir)
	}
	b.began = err == nil
	return err
}

// flush syncs the files of the group, which file systems do faster for many at once, and
// gives each its name.
func (b *Batch) flush() error {
	var all sync.WaitGroup
	for _, p := range b.group {
		all.Go(func() { p.err = errors.Join(p.Sync(), p.Close()) })
	}
	all.Wait()
	var err error
	for _, p := range b.group {
		if err = errors.Join(err, p.err); err == nil {
			err = os.Rename(b.store.pending(p.digest), b.store.path(p.digest))
		}
	}
	b.group = b.group[:0]
	return err
}

// drop closes the files of the group, which are not kept.
func (b *Batch) drop() {
	for _, p := range b.group {
		_ = p.Close() // nothing relies on it
	}
	b.group = nil
}

// digestOf returns the digest and the size of what r holds, and goes back to its beginning.
func digestOf(r io.ReadSeeker) (Entry, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Entry{}, err
	}
	e, err := Digest(r)
	if err != nil {
		return Entry{}, err
	}
	_, err = r.Seek(0, io.SeekStart)
	return e, err
}

// pending returns the path of content that is not kept yet.
func (s *Store) pending(digest ledger.Hash) string {
	return filepath.Join(s.dir, "."+digest.String())
}

// failed says of an error of keeping content where that was.
func (s *Store) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("keeping content in %s: %w", s.dir, err)
}
