package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
)

// A Name says where content stands: its digest, and the job whose it is. The zero Owner is
// that of plain content.
type Name struct {
	Owner  Owner
	Digest ledger.Hash
}

// Names returns the names of the contents that an event names, in the order of
// ledger.Contents.
func Names(e ledger.Event) []Name {
	all := ledger.Contents(e)
	plain := len(all) - len(ledger.JobContents(e.Payload())) // those come last
	names := make([]Name, len(all))
	for i, c := range all {
		names[i].Digest = c.Digest
		if i >= plain {
			names[i].Owner = OwnerOf(e.JobID())
		}
	}
	return names
}

// A SizeError says that an event gives content another size than it has.
type SizeError struct {
	Digest      ledger.Hash
	Named, Kept int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("the content %s has %d bytes, not %d", e.Digest, e.Kept, e.Named)
}

// Fault returns what kind of error it is.
func (*SizeError) Fault() ledger.Fault {
	return ledger.Fault{Code: "content_size", Category: ledger.CategoryInvalid}
}

// Check fails with a *MissingError if content that an event names is not kept, with a
// *SizeError if it has another size than the event says, and with ledger.ErrContentSecret if
// its job has no secret: equal content would get another digest later. It need not be durable.
func (s *Store) Check(e ledger.Event) error {
	if err := takeOver(s); err != nil {
		return s.failed(err)
	}
	said := ledger.Contents(e)
	for i, name := range Names(e) {
		size, err := sizeOf(s, name)
		if err == nil && size != said[i].Size {
			err = &SizeError{Digest: name.Digest, Named: said[i].Size, Kept: size}
		}
		if err != nil {
			return err
		}
	}
	if len(ledger.JobContents(e.Payload())) == 0 {
		return nil
	}
	_, ok, err := s.Job(e.JobID()).Secret()
	if err == nil && !ok {
		err = noSecret(s, OwnerOf(e.JobID()))
	}
	return err
}

func noSecret(s *Store, o Owner) error {
	return fmt.Errorf("%w: %s", ledger.ErrContentSecret, s.ownerDir(o))
}

// sizeOf returns how many bytes content has, durable or not, by the size of its file.
func sizeOf(s *Store, name Name) (int64, error) {
	s.jobs.Lock()
	defer s.jobs.Unlock()
	if w := s.waiting[pendingName{name.Owner, name.Digest.String()}]; w != nil {
		return w.size, nil
	}
	if b := s.unwritten[pendingName{name.Owner, name.Digest.String()}].kept; b != nil {
		return int64(len(b)) - SaltSize, nil
	}
	size, err := s.statSize(name)
	if !errors.Is(err, ledger.ErrContentMissing) || s.recovered.Load() || name.Owner == (Owner{}) {
		return size, err
	}
	kept, unread := inJournal(s, name)
	if kept == nil || unread != nil {
		return size, errors.Join(err, unread)
	}
	return int64(len(kept)) - SaltSize, nil
}

func (s *Store) statSize(name Name) (int64, error) {
	path := s.pathOf(name)
	st, err := s.disk.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, &MissingError{Digest: name.Digest, Dir: filepath.Dir(path)}
	case err != nil:
		return 0, fmt.Errorf("looking for content: %w", home.InRoot.Unreadable(path, err))
	case !st.Mode().IsRegular():
		return 0, &home.UnsafeError{Path: path, Problem: "is not a regular file", Hint: "move it away"}
	case name.Owner == Owner{}:
		return st.Size(), nil
	}
	return st.Size() - SaltSize, nil
}

func (s *Store) pathOf(name Name) string {
	if name.Owner == (Owner{}) {
		return s.path(name.Digest)
	}
	return s.nameIn(name.Owner, name.Digest.String())
}

// ContentKey returns the content key of a job. It is zero if the job has no secret here.
func (s *Store) ContentKey(job string) (ledger.Hash, error) {
	secret, ok, err := s.Job(job).Secret()
	if err != nil || !ok {
		return ledger.Hash{}, err
	}
	return KeyOf(secret), nil
}

// CheckKey fails with ledger.ErrContentSecret if a job has a content key, and its secret here
// is another one, or there is none.
func (j *JobStore) CheckKey(want ledger.Hash) error {
	secret, ok, err := j.Secret()
	if err != nil || want.IsZero() {
		return err
	}
	if !ok || KeyOf(secret) != want {
		return noSecret(j.store, j.owner)
	}
	return nil
}

// Sync makes durable what events name, all of it at once. A dispatch_blocked names only a
// digest: if it has the content key of its job, the secret is made durable. Sync is called
// before the events are committed, and fails as Check does. What it has seen is young:
// Collect leaves it.
func (s *Store) Sync(ctx context.Context, events []ledger.Event) error {
	named, secrets := map[Name]bool{}, map[Owner]bool{}
	for _, e := range events {
		if err := s.Check(e); err != nil {
			return err
		}
		for _, name := range Names(e) {
			named[name] = true
		}
		if p, ok := e.Payload().(ledger.DispatchBlocked); ok && !p.ContentKey.IsZero() {
			secrets[OwnerOf(e.JobID())] = true
		}
	}
	if len(named)+len(secrets) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	waits := map[pendingName]bool{}
	for name := range named {
		waits[pendingName{name.Owner, name.Digest.String()}] = true
	}
	for o := range secrets {
		waits[pendingName{o, secretName}] = true
	}
	err := s.flush(func(n pendingName) bool { return waits[n] })
	if err == nil {
		err = syncOlder(s, named, secrets)
	}
	return s.failed(err)
}

// syncOlder makes sure of what this process has not synced. A process before it, which was
// killed, may have given a file its name and not have synced the directory.
func syncOlder(s *Store, named map[Name]bool, secrets map[Owner]bool) error {
	paths, err := unknown(s, named, secrets)
	if len(paths) == 0 || err != nil {
		return err
	}
	dirs := map[string]bool{}
	for _, path := range paths {
		dirs[filepath.Dir(path)] = true
		dirs[filepath.Dir(filepath.Dir(path))] = true // the root, or the directory of all jobs
	}
	err = each(paths, func(path string) error {
		f, err := s.disk.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	if err != nil {
		return err
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if err := syncDirsTo(s, slices.Sorted(maps.Keys(dirs))); err != nil {
		return err
	}
	s.jobs.Lock()
	defer s.jobs.Unlock()
	for _, path := range paths {
		vouch(s, path)
	}
	return nil
}

// unknown makes contents and secrets young, and returns the paths of those that this process
// has not synced.
func unknown(s *Store, named map[Name]bool, secrets map[Owner]bool) (paths []string, err error) {
	for name := range named {
		known, err := touch(s, name)
		if err != nil {
			return nil, err
		}
		if !known {
			paths = append(paths, s.pathOf(name))
		}
	}
	for o := range secrets {
		known, err := touchSecret(s, o)
		if err != nil {
			return nil, err
		}
		if !known {
			paths = append(paths, s.nameIn(o, secretName))
		}
	}
	return paths, nil
}

// touchSecret does for the secret of a job what touch does for content.
func touchSecret(s *Store, o Owner) (known bool, err error) {
	s.jobs.Lock()
	defer s.jobs.Unlock()
	path := s.nameIn(o, secretName)
	err = s.disk.Touch(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = noSecret(s, o)
	}
	return s.durable[path], err
}

// touch makes content young, and reports whether this process has synced it.
func touch(s *Store, name Name) (known bool, err error) {
	s.jobs.Lock()
	defer s.jobs.Unlock()
	if s.unwritten[pendingName{name.Owner, name.Digest.String()}].kept != nil {
		return true, nil
	}
	if _, err := s.statSize(name); err != nil {
		return false, err
	}
	path := s.pathOf(name)
	return s.durable[path], s.disk.Touch(path)
}
