package content

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"gait/ledger"
	"gait/ledger/home"
)

// MaxSize is how many bytes one content has at most.
const MaxSize = 1 << 30

// An Entry is content that is kept.
type Entry struct {
	Digest ledger.Hash // SHA-256 of the bytes
	Size   int64
}

// A Store is the content beside one ledger. Its methods may be called from any
// goroutine. A caller of Put holds the lock of the ledger's root.
//
// A process keeps content of jobs through one Store, which knows what of it is not durable
// yet.
type Store struct {
	dir string
	mu  sync.Mutex // held while plain content is written

	disk     disk
	counter  atomic.Int64   // of files that are written
	making   sync.Mutex     // held while a secret is made
	flushing sync.Mutex     // held while files are made durable; locked before jobs
	reached  bool           // the names of what leads to the files are durable; guarded by flushing, as the next three
	journal  *journal       // nil: none
	ending   *journal       // the one before, whose contents get their files; nil: none
	least    int            // contents of a batch that go into it
	most     int            // contents in it, past which it is ended
	entered  map[Owner]bool // owners whose directory and secret are durable

	recovered atomic.Bool // there is no journal of a process before this one
	jobs      sync.Mutex  // guards the fields below
	waiting   map[pendingName]*writing
	unwritten map[pendingName]journaled // content that is durable in the journal, and has no file yet
	durable   map[string]bool           // paths of files that this process has synced
	broken    error                     // a *SyncError
}

// Open returns the store in dir. It does no I/O: the first Put makes the directory.
func Open(dir string) *Store { return openOn(dir, realDisk{}) }

func openOn(dir string, d disk) *Store {
	return &Store{dir: dir, disk: d, least: journalFrom, most: maxJournaled, entered: map[Owner]bool{}, waiting: map[pendingName]*writing{}, unwritten: map[pendingName]journaled{}, durable: map[string]bool{}}
}

// Dir returns the directory of the store.
func (s *Store) Dir() string { return s.dir }

// A MissingError says that content which an event names is not kept here.
type MissingError struct {
	Digest ledger.Hash
	Dir    string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the content %s is not in %s", e.Digest, e.Dir)
}

// Fault returns what kind of error it is.
func (*MissingError) Fault() ledger.Fault {
	return ledger.Fault{Code: "content_missing", Category: ledger.CategoryDependency}
}

// Unwrap returns ledger.ErrContentMissing.
func (*MissingError) Unwrap() error { return ledger.ErrContentMissing }

// A DamagedError says that bytes are not those that a digest names. The events that
// name it are whole and proved without it.
type DamagedError struct{ Digest ledger.Hash }

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the content %s was changed: its bytes have another digest", e.Digest)
}

// Fault returns what kind of error it is.
func (*DamagedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "content_damaged", Category: ledger.CategoryVerification}
}

// ErrTooLarge says that content has more than MaxSize bytes.
var ErrTooLarge = ledger.NewError(fmt.Sprintf("content of more than %d bytes", MaxSize), ledger.Fault{Code: "content_too_large", Category: ledger.CategoryInvalid})

// Digest returns the digest and the size of all that r holds.
func Digest(r io.Reader) (Entry, error) {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, MaxSize+1))
	if err == nil && n > MaxSize {
		err = ErrTooLarge
	}
	return Entry{Digest: ledger.Hash(h.Sum(nil)), Size: n}, err
}

// Put keeps b, durably, and returns its entry. Content that is there already, whole or
// damaged, is written again.
func (s *Store) Put(b []byte) (Entry, error) { return s.PutFrom(bytes.NewReader(b)) }

// PutFrom is Put for what r holds from its beginning on. It reads r twice.
func (s *Store) PutFrom(r io.ReadSeeker) (e Entry, err error) {
	err = s.PutAll(func(b *Batch) error {
		e, err = b.PutFrom(r)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// write writes a file, and returns it open and not yet synced. If r does not hold what e
// says, it fails.
func write(path string, r io.Reader, e Entry) (*os.File, error) {
	f, err := home.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(f, &digestReader{from: io.LimitReader(r, e.Size+1), hash: sha256.New(), want: e.Digest}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (s *Store) path(digest ledger.Hash) string { return filepath.Join(s.dir, digest.String()) }

// Has reports whether content is kept. It does not look at the bytes.
func (s *Store) Has(digest ledger.Hash) (bool, error) {
	there, err := home.Exists(s.path(digest))
	return there, home.InRoot.Unreadable(s.path(digest), err)
}

// Get opens content. Its Read fails with a *DamagedError in place of io.EOF if
// the bytes are not those that digest names, so the caller may rely on them only once
// it has read all. Get fails with a *MissingError.
func (s *Store) Get(digest ledger.Hash) (io.ReadCloser, error) {
	f, err := home.OpenFile(s.path(digest), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{Digest: digest, Dir: s.dir}
	}
	if err != nil {
		return nil, fmt.Errorf("reading content: %w", home.InRoot.Unreadable(s.path(digest), err))
	}
	st, err := f.Stat()
	if err == nil && st.Size() > MaxSize { // it would be read to its end before its digest is known
		err = &DamagedError{Digest: digest}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading content: %w", err), f.Close())
	}
	return &contentReader{digestReader{from: f, hash: sha256.New(), want: digest}, f}, nil
}

// Read returns content of at most limit bytes, all of it checked. Content that is whole
// and larger is ledger.ErrMalformed.
func (s *Store) Read(digest ledger.Hash, limit int64) ([]byte, error) {
	f, err := s.Get(digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		_, err = io.Copy(io.Discard, io.LimitReader(f, MaxSize))
	}
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%w: content %s has more than %d bytes", ledger.ErrMalformed, digest, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("reading content: %w", err)
	}
	return b, nil
}

// List returns what is kept, by digest. Files that are no content are left out.
func (s *Store) List() ([]Entry, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing content: %w", home.InRoot.Unreadable(s.dir, err))
	}
	var all []Entry
	for _, f := range files {
		digest, err := ledger.ParseHash(f.Name())
		if err != nil {
			continue
		}
		st, err := f.Info()
		if err != nil {
			return nil, fmt.Errorf("listing content: %w", err)
		}
		if st.Mode().IsRegular() {
			all = append(all, Entry{Digest: digest, Size: st.Size()})
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Digest.String(), b.Digest.String()) })
	return all, nil
}

// A contentReader is content that is read, and checked at its end.
type contentReader struct {
	digestReader
	io.Closer
}

// A digestReader reads bytes and, at their end, compares their digest.
type digestReader struct {
	from io.Reader
	hash hash.Hash
	want ledger.Hash
}

func (c *digestReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.hash.Write(p[:n])
	if err == io.EOF && ledger.Hash(c.hash.Sum(nil)) != c.want { //nolint:errorlint // a Reader returns io.EOF itself
		return n, &DamagedError{Digest: c.want}
	}
	return n, err
}
