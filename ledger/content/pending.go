package content

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gait/ledger/home"
)

// maxPending is how many files wait for the batch that names them. Each holds a descriptor.
// Past it they are all made durable, whether an event names them or not.
const maxPending = 256

// maxDurable is how many files are known to be durable. Past it they are found out again.
const maxDurable = 4096

// A pendingName is where a file will stand that was written: in the directory of an owner.
type pendingName struct {
	owner Owner
	name  string
}

// compare puts secrets first.
func (n pendingName) compare(o pendingName) int {
	first := func(n pendingName) int {
		if n.name == secretName {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(first(n), first(o)), bytes.Compare(n.owner[:], o.owner[:]), strings.Compare(n.name, o.name))
}

// A SyncError says that a directory could not be synced. It is not known what of it is
// durable, and a sync that succeeds later does not tell, so nothing in the store is vouched
// for by this process any more.
type SyncError struct {
	Dir string
	Err error
}

func (e *SyncError) Error() string {
	return fmt.Sprintf("%s could not be synced: %v; content is kept again by a new process", e.Dir, e.Err)
}

// Unwrap returns the system's error.
func (e *SyncError) Unwrap() error { return e.Err }

// expect lets a file that was written wait for a sync. It takes the place of one that waits
// under the same name.
func (s *Store) expect(name pendingName, w *writing) error {
	s.jobs.Lock()
	err := forget(s, name)
	if err == nil {
		s.waiting[name] = w
	}
	many := len(s.waiting) > maxPending
	s.jobs.Unlock()
	if err != nil {
		return errors.Join(err, s.drop(w))
	}
	if many {
		return s.flush(func(pendingName) bool { return true })
	}
	return nil
}

// forget drops a file that waits. The caller holds s.jobs.
func forget(s *Store, name pendingName) error {
	w := s.waiting[name]
	if w == nil || w.taken {
		return nil // the flush that has taken it gives it its name
	}
	delete(s.waiting, name)
	return s.drop(w)
}

// Flush makes all durable that was put.
func (s *Store) Flush() error {
	return s.failed(s.flush(func(pendingName) bool { return true }))
}

// Drop removes what was put and is not durable yet.
func (s *Store) Drop() error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.jobs.Lock()
	defer s.jobs.Unlock()
	var err error
	for name := range maps.Clone(s.waiting) {
		err = errors.Join(err, forget(s, name))
	}
	return s.failed(err)
}

// flush makes durable what waits and is wanted, and the secrets of its owners. Only one
// goroutine does so at a time. A file of which that failed is dropped.
func (s *Store) flush(wanted func(pendingName) bool) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	taken := take(s, wanted)
	if len(taken) == 0 {
		return unsynced(s)
	}
	err := errors.Join(unsynced(s), takeOverHeld(s))
	if err == nil {
		err = settle(s, taken)
	}
	s.jobs.Lock()
	defer s.jobs.Unlock()
	for name, w := range taken {
		if s.waiting[name] == w {
			delete(s.waiting, name)
		}
		if err != nil && !w.named && w.path != "" {
			_ = s.disk.Remove(w.path) // a crash could have left it too
		}
		if err == nil {
			vouch(s, s.nameIn(name.owner, name.name))
		}
	}
	return err
}

// unsynced returns the *SyncError of a directory that could not be synced.
func unsynced(s *Store) error {
	s.jobs.Lock()
	defer s.jobs.Unlock()
	return s.broken
}

// vouch notes that a file is durable. The caller holds s.jobs.
func vouch(s *Store, path string) {
	if len(s.durable) >= maxDurable {
		clear(s.durable)
	}
	s.durable[path] = true
}

func take(s *Store, wanted func(pendingName) bool) map[pendingName]*writing {
	s.jobs.Lock()
	defer s.jobs.Unlock()
	taken := map[pendingName]*writing{}
	for name, w := range s.waiting {
		if wanted(name) {
			taken[name] = w
		}
	}
	for name := range maps.Clone(taken) {
		of := pendingName{name.owner, secretName}
		if w := s.waiting[of]; w != nil {
			taken[of] = w
		}
	}
	for _, w := range taken {
		w.taken = true
	}
	return taken
}

// settle makes files durable and gives each its name: small contents by the journal, if they
// are many and this process has made what leads to them durable before.
func settle(s *Store, taken map[pendingName]*writing) error {
	small, others := map[pendingName]*writing{}, map[pendingName]*writing{}
	for name, w := range taken {
		if w.kept != nil && s.entered[name.owner] {
			small[name] = w
		} else {
			others[name] = w
		}
	}
	if len(small) < s.least {
		return settleFiles(s, taken)
	}
	if len(others) > 0 {
		if err := settleFiles(s, others); err != nil {
			return err
		}
	}
	if err := enter(s, small); err != nil {
		return err
	}
	s.jobs.Lock()
	defer s.jobs.Unlock()
	for name, w := range small {
		s.unwritten[name] = journaled{w.kept, s.journal}
	}
	return nil
}

// settleFiles syncs files, gives each its name, and syncs the directories. Secrets get their
// names first.
func settleFiles(s *Store, taken map[pendingName]*writing) error {
	err := each(slices.Collect(maps.Values(taken)), func(w *writing) error {
		if err := w.write(s); err != nil {
			return err
		}
		var err error
		if !w.synced {
			err = w.Sync()
		}
		return errors.Join(err, w.Close())
	})
	if err != nil {
		return home.InRoot.Unwritable(s.jobsDir(), err)
	}
	owners := map[Owner]bool{}
	for name := range taken {
		if !owners[name.owner] {
			if err := makeOwner(s, name.owner); err != nil {
				return err
			}
		}
		owners[name.owner] = true
	}
	for _, name := range slices.SortedFunc(maps.Keys(taken), pendingName.compare) {
		if err := renameFile(s, name, taken[name]); err != nil {
			return home.InRoot.Unwritable(s.ownerDir(name.owner), err)
		}
	}
	dirs := []string{s.jobsDir()}
	for o := range owners {
		dirs = append(dirs, s.ownerDir(o))
	}
	if err := syncDirsTo(s, dirs); err != nil {
		return err
	}
	if len(s.entered) > maxDurable {
		clear(s.entered)
	}
	maps.Copy(s.entered, owners)
	return nil
}

// syncDirsTo syncs directories and, the first time, what leads to them: a process before
// this one may have made the directory of the store, and not have synced its name. The
// caller holds s.flushing.
func syncDirsTo(s *Store, dirs []string) error {
	if !s.reached {
		dirs = append(dirs, s.dir, filepath.Dir(s.dir))
	}
	err := syncDirs(s, dirs)
	s.reached = s.reached || err == nil
	return err
}

// makeOwner makes the directory of an owner, unless it is there. Its name is not durable.
func makeOwner(s *Store, o Owner) error {
	dir := s.ownerDir(o)
	err := s.disk.CheckDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.disk.Mkdir(dir); err == nil {
			err = s.disk.CheckDir(dir)
		}
	}
	return home.InRoot.Unwritable(dir, err)
}

// renameFile gives a file its name. A secret never takes the place of one that is there.
func renameFile(s *Store, name pendingName, w *writing) error {
	to := s.nameIn(name.owner, name.name)
	if name.name == secretName {
		if _, err := s.disk.Lstat(to); err == nil {
			return &SecretError{Path: to}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	err := s.disk.Rename(w.path, to)
	w.named = err == nil
	return err
}

// syncDirs syncs directories. If one cannot be synced, nothing is vouched for any more.
func syncDirs(s *Store, dirs []string) error {
	return each(dirs, func(dir string) error {
		err := s.disk.SyncDir(dir)
		if err == nil {
			return nil
		}
		broken := &SyncError{Dir: dir, Err: err}
		s.jobs.Lock()
		defer s.jobs.Unlock()
		if s.broken == nil {
			s.broken = broken
		}
		clear(s.durable)
		return broken
	})
}

// each calls do with all of list, at most groupSize at once: file systems sync many files
// faster than one after another.
func each[T any](list []T, do func(T) error) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	slots := make(chan struct{}, groupSize)
	for i, x := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(x)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
