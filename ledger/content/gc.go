package content

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/home"
)

const (
	// DefaultAge is how old content is before Collect removes it, unless its caller says
	// otherwise: a signed command may name it 30 days after it was put.
	DefaultAge = 31 * 24 * time.Hour

	// erasedAge is how old content is before Collect removes what a crash has left of an
	// erasure: an event that is being written may name it again.
	erasedAge = 10 * time.Minute
)

// A Named is what events name: all contents, the jobs whose content has a secret, and
// policies. The zero Named is that of no events.
type Named struct {
	erased   map[Name]bool // of each content: whether an event erased it, and none named it since
	owners   map[Owner]bool
	policies map[ledger.Hash]bool
}

// Add adds an event, which follows those that were added.
func (n *Named) Add(e ledger.Event) {
	if n.erased == nil {
		n.erased, n.owners, n.policies = map[Name]bool{}, map[Owner]bool{}, map[ledger.Hash]bool{}
	}
	for _, digest := range ledger.Policies(e) {
		n.policies[digest] = true
	}
	for _, name := range Names(e) {
		n.erased[name] = false
		n.owners[name.Owner] = true
	}
	if ledger.NamesJobContent(e.Payload()) {
		n.owners[OwnerOf(e.JobID())] = true
	}
	if p, ok := e.Payload().(ledger.ContentErased); ok {
		name := Name{OwnerOf(e.JobID()), p.Digest}
		if _, named := n.erased[name]; named {
			n.erased[name] = true
		}
	}
}

// Has reports whether an event names content, and whether one erased it after that.
func (n *Named) Has(name Name) (named, erased bool) {
	erased, named = n.erased[name]
	return named || name.Owner == Owner{} && n.policies[name.Digest], erased
}

// Policies returns the digests of the policies that events name, in ascending order. Their
// bytes may be kept as plain content, or not.
func (n *Named) Policies() []ledger.Hash {
	return slices.SortedFunc(maps.Keys(n.policies), func(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) })
}

// Erased returns how many contents an event erased, and none named since.
func (n *Named) Erased() (count int) {
	for _, erased := range n.erased {
		if erased {
			count++
		}
	}
	return count
}

// All yields the contents that events name and that none erased, in no order, without
// policies.
func (n *Named) All() iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for name, erased := range n.erased {
			if !erased && !yield(name) {
				return
			}
		}
	}
}

// A Garbage is a file of a store that no event names.
type Garbage struct {
	Path     string
	Size     int64 // of the file
	Modified time.Time
	Name     Name // zero if it is no content: a file that was not finished, or a secret
	Erased   bool // an event erased it, and a crash came before it was deleted

	of pendingName // a secret
}

// Unnamed returns the files of the store that no event names and that are older than age:
// content, and what a crash left of it. A secret is among them if no event names content of
// its job and nothing else of the job is kept. Time is that of the file system, whatever the
// caller's clock reads.
func (s *Store) Unnamed(named *Named, age time.Duration) ([]Garbage, error) {
	all, err := unnamed(s, named, age)
	if err != nil {
		return nil, fmt.Errorf("looking for content that no event names: %w", home.InRoot.Unreadable(s.dir, err))
	}
	return all, nil
}

// Collect removes what Unnamed returns, and returns it. Its caller holds the lock of the
// ledger's root, and named has all events that the ledger had when Collect was called.
// Content that an event names while Collect works is not removed: Sync has made it young.
func (s *Store) Collect(named *Named, age time.Duration) ([]Garbage, error) {
	if err := leaveJournals(s); err != nil {
		return nil, s.failed(err)
	}
	all, err := s.Unnamed(named, age)
	if err != nil {
		return nil, err
	}
	var removed []Garbage
	dirs := map[string]bool{}
	for _, g := range all {
		gone, err := removeFile(s, g)
		if err != nil {
			return removed, fmt.Errorf("removing content that no event names: %w", home.InRoot.Unwritable(filepath.Dir(g.Path), err))
		}
		if gone {
			removed = append(removed, g)
			dirs[filepath.Dir(g.Path)] = true
		}
	}
	for dir := range dirs {
		if dir == s.dir || dir == s.jobsDir() {
			continue
		}
		// A directory that is empty now goes too. It may have been filled meanwhile.
		if err := s.disk.Remove(dir); err == nil {
			dirs[s.jobsDir()] = true
			delete(dirs, dir)
		}
	}
	for dir := range dirs {
		if err := s.disk.SyncDir(dir); err != nil {
			return removed, fmt.Errorf("removing content that no event names: %w", home.InRoot.Unwritable(dir, err))
		}
	}
	return removed, nil
}

// leaveJournals ends the journal, which would give back what is removed, and forgets what is
// known of directories, which may be removed.
func leaveJournals(s *Store) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	clear(s.entered)
	if err := takeOverHeld(s); err != nil {
		return err
	}
	return endJournals(s)
}

// removeFile removes a file, unless it waits to be named or was touched meanwhile.
func removeFile(s *Store, g Garbage) (bool, error) {
	s.making.Lock() // a secret must not be read meanwhile, and then be gone
	defer s.making.Unlock()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.jobs.Lock()
	defer s.jobs.Unlock()
	if waits(s, g) {
		return false, nil
	}
	st, err := s.disk.Lstat(g.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !st.ModTime().Equal(g.Modified) {
		return false, err
	}
	if g.of.name != "" { // of a job of which something else is kept by now
		if list, err := s.disk.List(filepath.Dir(g.Path)); err != nil || len(list) > 1 {
			return false, err
		}
	}
	delete(s.durable, g.Path)
	if err := s.disk.Remove(g.Path); err != nil {
		return false, err
	}
	return true, nil
}

// waits reports whether a file, or another one of the job whose secret it is, waits for a
// sync. The caller holds s.jobs.
func waits(s *Store, g Garbage) bool {
	for name, w := range s.waiting {
		if w.kept == nil && w.path == g.Path || name.owner == g.Name.Owner && name.name == g.Name.Digest.String() || g.of.name != "" && name.owner == g.of.owner {
			return true
		}
	}
	return false
}

func unnamed(s *Store, named *Named, age time.Duration) ([]Garbage, error) {
	now, err := fileTime(s)
	if err != nil || now.IsZero() {
		return nil, err
	}
	c := collection{store: s, named: named, before: now.Add(-age), erasedBefore: now.Add(-min(age, erasedAge))}
	if err := c.plain(); err != nil {
		return nil, err
	}
	if err := c.unfinished(); err != nil {
		return nil, err
	}
	owners, err := s.Owners()
	if err != nil {
		return nil, err
	}
	for _, o := range owners {
		if err := c.job(o); err != nil {
			return nil, err
		}
	}
	return c.found, nil
}

// fileTime returns what time it is in the file system, by a file that is made and removed.
// It is zero if there is no content.
func fileTime(s *Store) (time.Time, error) {
	if _, err := s.disk.Lstat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	w, err := s.begin()
	if err != nil {
		return time.Time{}, err
	}
	st, err := w.Stat()
	if err = errors.Join(err, s.drop(w)); err != nil {
		return time.Time{}, err
	}
	return st.ModTime(), nil
}

// A collection looks for what no event names.
type collection struct {
	store  *Store
	named  *Named
	found  []Garbage
	before time.Time // what is not older stays

	erasedBefore time.Time // what was erased and is not older stays
}

// files calls use with each regular file in a directory, in the order of their names.
func (c *collection) files(dir string, use func(name string, st fs.FileInfo)) error {
	list, err := c.store.disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range list {
		st, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if st.Mode().IsRegular() {
			use(f.Name(), st)
		}
	}
	return nil
}

func (c *collection) add(path string, st fs.FileInfo, g Garbage) {
	g.Path, g.Size, g.Modified = path, st.Size(), st.ModTime()
	c.found = append(c.found, g)
}

// content adds content, if no event names it, or one erased it, and it is old enough. It
// reports whether it stays.
func (c *collection) content(name Name, st fs.FileInfo) (stays bool) {
	is, erased := c.named.Has(name)
	switch {
	case is && !erased, !erased && !st.ModTime().Before(c.before), erased && !st.ModTime().Before(c.erasedBefore):
		return true
	}
	c.add(c.store.pathOf(name), st, Garbage{Name: name, Erased: erased})
	return false
}

// plain looks at plain content, and at that which was not finished.
func (c *collection) plain() error {
	return c.files(c.store.dir, func(file string, st fs.FileInfo) {
		digest, err := ledger.ParseHash(strings.TrimPrefix(file, "."))
		switch {
		case err != nil:
		case file[0] != '.':
			c.content(Name{Digest: digest}, st)
		case st.ModTime().Before(c.before):
			c.add(filepath.Join(c.store.dir, file), st, Garbage{})
		}
	})
}

func (c *collection) unfinished() error {
	dir := c.store.jobsDir()
	return c.files(dir, func(file string, st fs.FileInfo) {
		if strings.HasPrefix(file, pendingPrefix) && st.ModTime().Before(c.before) {
			c.add(filepath.Join(dir, file), st, Garbage{})
		}
	})
}

// job looks at the directory of a job.
func (c *collection) job(o Owner) error {
	stays, dir := c.named.owners[o], c.store.ownerDir(o)
	var secret fs.FileInfo
	err := c.files(dir, func(file string, st fs.FileInfo) {
		digest, err := ledger.ParseHash(file)
		switch {
		case file == secretName:
			secret = st
		case err != nil || c.content(Name{o, digest}, st):
			stays = true
		}
	})
	if err == nil && secret != nil && !stays && secret.ModTime().Before(c.before) {
		c.add(filepath.Join(dir, secretName), secret, Garbage{of: pendingName{o, secretName}})
	}
	return err
}
