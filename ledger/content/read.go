package content

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/home"
)

// chunkSize is how much of content is read at once.
const chunkSize = 256 << 10

// An ErasedError says that content was erased.
type ErasedError struct{ Digest ledger.Hash }

func (e *ErasedError) Error() string { return fmt.Sprintf("the content %s was erased", e.Digest) }

// Fault returns what kind of error it is.
func (*ErasedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "content_erased", Category: ledger.CategoryDependency}
}

// Unwrap returns ledger.ErrContentMissing.
func (*ErasedError) Unwrap() error { return ledger.ErrContentMissing }

// A Reader reads content of a job. All of the file is verified before Read returns the first
// byte, and again as it is read: Read returns no byte of a file that was changed meanwhile,
// and fails with a *DamagedError.
type Reader struct {
	Salted
	file source
	size int64
	sums [][sha256.Size]byte // of the chunks of the file, as they were verified
	next int
	buf  []byte // a chunk
	left []byte // what of it is still to be read
	skip int    // bytes of the first chunk that are left out
}

// Get opens content of the job. It fails with a *MissingError if it is not there, and with a
// *DamagedError if it was changed. If erased says that an event erased it, Get fails with an
// *ErasedError, although a crash may have left the bytes.
func (j *JobStore) Get(digest ledger.Hash, erased bool) (*Reader, error) {
	return j.open(digest, erased, SaltSize)
}

// GetKept is Get for the file as it is kept: the salt and the bytes.
func (j *JobStore) GetKept(digest ledger.Hash, erased bool) (*Reader, error) {
	return j.open(digest, erased, 0)
}

func (j *JobStore) open(digest ledger.Hash, erased bool, skip int) (*Reader, error) {
	if erased {
		return nil, &ErasedError{Digest: digest}
	}
	r, err := j.reader(digest, skip)
	_, damaged := errors.AsType[*DamagedError](err)
	if err == nil || !damaged && !errors.Is(err, ledger.ErrContentMissing) || j.store.recovered.Load() {
		return r, err
	}
	// A power cut may have left the bytes in the journal alone.
	b, unread := inJournal(j.store, Name{j.owner, digest})
	if b != nil && unread == nil {
		return newReader(inMemory{bytes.NewReader(b)}, int64(len(b)), digest, skip)
	}
	if r, again := j.reader(digest, skip); again == nil { // another process has just finished the journal
		return r, nil
	}
	return nil, errors.Join(err, unread)
}

// reader opens the file of content.
func (j *JobStore) reader(digest ledger.Hash, skip int) (*Reader, error) {
	if b := memoryOf(j.store, pendingName{j.owner, digest.String()}); b != nil {
		return newReader(inMemory{bytes.NewReader(b)}, int64(len(b)), digest, skip)
	}
	f, err := j.openFile(digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{Digest: digest, Dir: filepath.Dir(j.path(digest))}
	}
	if err != nil {
		return nil, fmt.Errorf("reading content: %w", home.InRoot.Unreadable(j.path(digest), err))
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading content: %w", err), f.Close())
	}
	return newReader(f, st.Size(), digest, skip)
}

func newReader(f source, size int64, digest ledger.Hash, skip int) (*Reader, error) {
	r := &Reader{Salted: Salted{Entry: Entry{Digest: digest}}, file: f, size: size, skip: skip}
	if err := r.verify(); err != nil {
		return nil, errors.Join(fmt.Errorf("reading content: %w", err), f.Close())
	}
	return r, nil
}

// memoryOf returns small content that has no file yet, or nil.
func memoryOf(s *Store, name pendingName) []byte {
	s.jobs.Lock()
	defer s.jobs.Unlock()
	if w := s.waiting[name]; w != nil && w.kept != nil {
		return w.kept
	}
	return s.unwritten[name].kept
}

// A source is a file of content, or its bytes from the journal.
type source interface {
	io.ReaderAt
	io.Closer
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// openFile opens the file of content, which may have no name yet.
func (j *JobStore) openFile(digest ledger.Hash) (file, error) {
	s := j.store
	for _, dir := range []string{s.dir, s.jobsDir()} {
		if err := s.disk.CheckDir(dir); err != nil {
			return nil, err
		}
	}
	s.jobs.Lock()
	w := s.waiting[pendingName{j.owner, digest.String()}]
	s.jobs.Unlock()
	if w != nil && w.kept == nil {
		f, err := s.disk.Open(w.path)
		if !errors.Is(err, fs.ErrNotExist) { // otherwise it has its name by now
			return f, err
		}
	}
	if err := s.disk.CheckDir(s.ownerDir(j.owner)); err != nil {
		return nil, err
	}
	return s.disk.Open(j.path(digest))
}

// verify reads all of the file.
func (r *Reader) verify() error {
	size := r.size
	if size < SaltSize || size > MaxSize {
		return &DamagedError{Digest: r.Digest}
	}
	r.Size, r.buf = size-SaltSize, make([]byte, min(size, chunkSize))
	whole, read := sha256.New(), int64(0)
	for read < size {
		n, err := r.file.ReadAt(r.buf[:min(size-read, chunkSize)], read)
		if int64(n) < min(size-read, chunkSize) {
			if err == nil || errors.Is(err, io.EOF) { // it was cut off meanwhile
				err = &DamagedError{Digest: r.Digest}
			}
			return err
		}
		if read == 0 {
			copy(r.Salt[:], r.buf)
		}
		whole.Write(r.buf[:n])
		r.sums = append(r.sums, sha256.Sum256(r.buf[:n]))
		read += int64(n)
	}
	if ledger.Hash(whole.Sum(nil)) != r.Digest {
		return &DamagedError{Digest: r.Digest}
	}
	return nil
}

func (r *Reader) Read(p []byte) (int, error) {
	if len(r.left) == 0 && len(p) > 0 {
		if r.next == len(r.sums) {
			return 0, io.EOF
		}
		if err := r.chunk(); err != nil {
			return 0, err
		}
		if len(r.left) == 0 { // a file that has only its salt
			return 0, io.EOF
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// chunk reads the next chunk, which must be the one that was verified.
func (r *Reader) chunk() error {
	at := int64(r.next) * chunkSize
	want := min(SaltSize+r.Size-at, chunkSize)
	n, err := r.file.ReadAt(r.buf[:want], at)
	if int64(n) < want && err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading content: %w", err)
	}
	if int64(n) < want || sha256.Sum256(r.buf[:n]) != r.sums[r.next] {
		return fmt.Errorf("reading content: %w", &DamagedError{Digest: r.Digest})
	}
	if r.left = r.buf[:n]; r.next == 0 {
		r.left = r.left[r.skip:]
	}
	r.next++
	return nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }
