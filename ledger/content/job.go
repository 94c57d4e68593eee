package content

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
)

// Sizes of job content.
const (
	SaltSize   = 16       // bytes of salt, with which the file of a content begins
	SecretSize = 32       // bytes of a job's content secret
	SmallSize  = 64 << 10 // content of at most so many bytes is synced with the batch that names it

	// DefaultLimit bounds one content of a job, unless its caller says otherwise.
	DefaultLimit = 64 << 20
)

const (
	jobsName   = "jobs"
	secretName = "secret"
)

// An Owner stands for a job in the names of files: the first 24 bytes of the SHA-256 of its
// id, so that no id is a special name, and file systems that do not tell a from A keep jobs
// apart. With them a path in a backup has no more bytes than a name in a zip may have.
type Owner [24]byte

// OwnerOf returns the owner that stands for a job.
func OwnerOf(job string) (o Owner) {
	h := sha256.Sum256([]byte(job))
	copy(o[:], h[:])
	return o
}

// String returns the name of the owner's directory: 48 hexadecimal digits.
func (o Owner) String() string { return hex.EncodeToString(o[:]) }

// ParseOwner reads the name of an owner's directory.
func ParseOwner(name string) (o Owner, ok bool) {
	b, err := hex.DecodeString(name)
	copy(o[:], b)
	return o, err == nil && len(b) == len(o) && o.String() == name
}

// A Salted is content of a job that is kept. Its digest is the SHA-256 of the salt and the
// bytes.
type Salted struct {
	Entry
	Salt [SaltSize]byte
}

// A JobStore is the content of one job beside a ledger. Its methods may be called from any
// goroutine.
type JobStore struct {
	store *Store
	owner Owner
}

// Job returns the content of a job.
func (s *Store) Job(id string) *JobStore { return s.Of(OwnerOf(id)) }

// Of returns the content of the job for which an owner stands.
func (s *Store) Of(o Owner) *JobStore { return &JobStore{store: s, owner: o} }

// Owners returns the owners that have a directory, in ascending order.
func (s *Store) Owners() ([]Owner, error) {
	files, err := s.disk.List(s.jobsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing content: %w", home.InRoot.Unreadable(s.jobsDir(), err))
	}
	var all []Owner
	for _, f := range files {
		if o, ok := ParseOwner(f.Name()); ok && f.IsDir() {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b Owner) int { return slices.Compare(a[:], b[:]) })
	return all, nil
}

func (s *Store) jobsDir() string { return filepath.Join(s.dir, jobsName) }

func (s *Store) ownerDir(o Owner) string { return filepath.Join(s.jobsDir(), o.String()) }

// nameIn is the path of a file of an owner.
func (s *Store) nameIn(o Owner, name string) string { return filepath.Join(s.ownerDir(o), name) }

// Owner returns the owner that stands for the job.
func (j *JobStore) Owner() Owner { return j.owner }

func (j *JobStore) path(digest ledger.Hash) string { return j.store.nameIn(j.owner, digest.String()) }

// Key returns the job's content key, the SHA-256 of its content secret. If it has no secret
// yet, one is read from random. It is durable once content that depends on it is, or after
// Flush.
func (j *JobStore) Key(random io.Reader) (ledger.Hash, error) {
	secret, err := j.secret(random)
	if err != nil {
		return ledger.Hash{}, j.store.failed(err)
	}
	return sha256.Sum256(secret[:]), nil
}

// PutFrom keeps what r holds, of at most limit bytes; 0 stands for DefaultLimit. It makes
// the job's secret if there is none, as Key does. Content that is there already, whole or
// damaged, is written again. What PutFrom returns is not durable yet: Sync makes it so
// before an event names it, or Flush.
func (j *JobStore) PutFrom(r, random io.Reader, limit int64) (Salted, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	secret, err := j.secret(random)
	if err != nil {
		return Salted{}, j.store.failed(err)
	}
	w, kept, err := writeSalted(j.store, r, secret, min(limit, MaxSize-SaltSize))
	if err == nil {
		err = j.store.expect(pendingName{j.owner, kept.Digest.String()}, w)
	}
	if err != nil {
		return Salted{}, j.store.failed(err)
	}
	return kept, nil
}

// saltOf returns the salt of bytes that were written to mac, an HMAC with a job's secret.
func saltOf(mac interface{ Sum([]byte) []byte }) (salt [SaltSize]byte) {
	copy(salt[:], mac.Sum(nil))
	return salt
}

// SaltOf returns the salt of content of a job with that secret.
func SaltOf(secret [SecretSize]byte, content io.Reader) ([SaltSize]byte, error) {
	mac := hmac.New(sha256.New, secret[:])
	_, err := io.Copy(mac, content)
	return saltOf(mac), err
}

// Has reports whether content is kept, durable or not. It does not look at the bytes.
func (j *JobStore) Has(digest ledger.Hash) (bool, error) {
	_, err := sizeOf(j.store, Name{j.owner, digest})
	if errors.Is(err, ledger.ErrContentMissing) {
		return false, nil
	}
	return err == nil, err
}

// List returns what is kept in the job's directory, by digest. Files that are no content
// are left out.
func (j *JobStore) List() ([]Entry, error) {
	left, err := leftIn(j.store)
	if err != nil {
		return nil, fmt.Errorf("listing content: %w", err)
	}
	return j.list(left[j.owner])
}

// list is List, with what a crash has left of the job in the journal.
func (j *JobStore) list(left map[ledger.Hash]int64) ([]Entry, error) {
	dir := j.store.ownerDir(j.owner)
	files, err := j.store.disk.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing content: %w", home.InRoot.Unreadable(dir, err))
	}
	var all []Entry
	for _, f := range files {
		digest, err := ledger.ParseHash(f.Name())
		if _, again := left[digest]; err != nil || again {
			continue
		}
		st, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) { // it was erased meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing content: %w", err)
		}
		if st.Mode().IsRegular() && st.Size() >= SaltSize {
			all = append(all, Entry{Digest: digest, Size: st.Size() - SaltSize})
		}
	}
	for digest, size := range left {
		all = append(all, Entry{Digest: digest, Size: size})
	}
	slices.SortFunc(all, func(a, b Entry) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	return all, nil
}

// Erase deletes content, durably. It does nothing if the content is not there.
//
// The bytes are not overwritten first. File systems that copy on write, journals and flash
// storage write elsewhere, so overwriting promises nothing: only an encrypted disk whose key
// is destroyed does. Copies, such as backups, exports and snapshots, keep what they have.
func (j *JobStore) Erase(digest ledger.Hash) error {
	if err := j.erase(digest); err != nil {
		return fmt.Errorf("erasing content %s: %w", digest, home.InRoot.Unwritable(j.store.ownerDir(j.owner), err))
	}
	return nil
}

// EraseOf is Erase for content of a job.
func (s *Store) EraseOf(job string, digest ledger.Hash) error { return s.Job(job).Erase(digest) }

func (j *JobStore) erase(digest ledger.Hash) error {
	s := j.store
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if err := errors.Join(unsynced(s), takeOverHeld(s)); err != nil {
		return err
	}
	if err := endJournals(s); err != nil { // it has the bytes, too
		return err
	}
	if err := j.unlink(digest); err != nil {
		return err
	}
	// It may have been removed before, and a crash have come before the sync.
	if _, err := s.disk.Lstat(s.ownerDir(j.owner)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return syncDirs(s, []string{s.ownerDir(j.owner)})
}

// unlink removes the file of content, if it is there.
func (j *JobStore) unlink(digest ledger.Hash) error {
	s := j.store
	s.jobs.Lock()
	defer s.jobs.Unlock()
	err := forget(s, pendingName{j.owner, digest.String()})
	delete(s.durable, j.path(digest))
	gone := s.disk.Remove(j.path(digest))
	if errors.Is(gone, fs.ErrNotExist) {
		gone = nil
	}
	return errors.Join(err, gone)
}
