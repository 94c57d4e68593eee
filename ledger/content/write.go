package content

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/home"
)

// pendingPrefix begins the names of files that are being written. They stand in the
// directory of all jobs, and are renamed into that of one.
const pendingPrefix = ".new-"

// A writing is a file that was written and has no name yet. Small content is in memory until
// it is made durable.
type writing struct {
	file   // nil: only kept
	path   string
	size   int64
	synced bool             // its bytes are
	taken  bool             // a flush gives it its name
	named  bool             // it has it
	secret [SecretSize]byte // if it is one
	kept   []byte           // all its bytes, if it is small content: the journal takes them
}

// begin makes a file to write.
func (s *Store) begin() (*writing, error) {
	if err := makeJobs(s); err != nil {
		return nil, err
	}
	for {
		path := filepath.Join(s.jobsDir(), fmt.Sprintf("%s%d", pendingPrefix, s.counter.Add(1)))
		f, err := s.disk.Create(path)
		if errors.Is(err, fs.ErrExist) { // a crash left it
			continue
		}
		if err != nil {
			return nil, home.InRoot.Unwritable(s.jobsDir(), err)
		}
		return &writing{file: f, path: path}, nil
	}
}

// write gives what is in memory a file, which has no name yet and is not synced.
func (w *writing) write(s *Store) error {
	if w.file != nil {
		return nil
	}
	to, err := s.begin()
	if err != nil {
		return err
	}
	if _, err := to.Write(w.kept); err != nil {
		return errors.Join(home.InRoot.Unwritable(s.jobsDir(), err), s.drop(to))
	}
	w.file, w.path = to.file, to.path
	return nil
}

// makeJobs makes the directory of all jobs, unless it is there.
func makeJobs(s *Store) error {
	err := s.disk.CheckDir(s.jobsDir())
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDir(s, s.jobsDir()); err == nil {
			err = s.disk.CheckDir(s.jobsDir())
		}
	}
	if err == nil {
		err = s.disk.CheckDir(s.dir)
	}
	return home.InRoot.Unwritable(s.jobsDir(), err)
}

// makeDir makes a directory and its missing parents, durably.
func makeDir(s *Store, path string) error {
	parent := filepath.Dir(path)
	if _, err := s.disk.Lstat(parent); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := makeDir(s, parent); err != nil {
			return err
		}
	}
	if err := s.disk.Mkdir(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDirs(s, []string{parent})
}

// drop closes and removes a file that is not to be kept.
func (s *Store) drop(w *writing) error {
	if w.file == nil {
		return nil
	}
	return errors.Join(w.Close(), s.disk.Remove(w.path))
}

// writeSalted writes what r holds with its salt. If it has more than limit bytes, nothing
// is left of it.
func writeSalted(s *Store, r io.Reader, secret [SecretSize]byte, limit int64) (*writing, Salted, error) {
	small := make([]byte, SaltSize, SaltSize+512)
	buf := bytes.NewBuffer(small)
	if _, err := io.Copy(buf, io.LimitReader(r, min(limit, SmallSize)+1)); err != nil {
		return nil, Salted{}, err
	}
	head := buf.Bytes()
	if n := int64(len(head) - SaltSize); n > limit {
		return nil, Salted{}, tooLarge(limit)
	} else if n > SmallSize {
		return writeLarge(s, head, r, secret, limit)
	}
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(head[SaltSize:])
	kept := Salted{Salt: saltOf(mac)}
	copy(head, kept.Salt[:])
	kept.Entry = Entry{Digest: sha256.Sum256(head), Size: int64(len(head) - SaltSize)}
	return &writing{kept: head, size: kept.Size}, kept, nil
}

// writeLarge is writeSalted for more than SmallSize bytes, which begin with those in head,
// behind room for the salt. They are written once and read once, and are synced at once:
// the batch that names them does not wait for that.
func writeLarge(s *Store, head []byte, r io.Reader, secret [SecretSize]byte, limit int64) (*writing, Salted, error) {
	w, err := s.begin()
	if err != nil {
		return nil, Salted{}, err
	}
	kept, err := w.spool(head, r, secret, limit)
	if err == nil {
		err = w.Sync()
	}
	if err != nil {
		return nil, Salted{}, errors.Join(home.InRoot.Unwritable(s.jobsDir(), err), s.drop(w))
	}
	w.size, w.synced = kept.Size, true
	return w, kept, nil
}

// spool writes head and r, and then the salt before them.
func (w *writing) spool(head []byte, r io.Reader, secret [SecretSize]byte, limit int64) (kept Salted, err error) {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(head[SaltSize:])
	if _, err := w.Write(head); err != nil {
		return kept, err
	}
	n, err := io.Copy(io.MultiWriter(w.file, mac), io.LimitReader(r, limit+1-int64(len(head)-SaltSize)))
	if err != nil {
		return kept, err
	}
	if kept.Size = n + int64(len(head)-SaltSize); kept.Size > limit {
		return kept, tooLarge(limit)
	}
	kept.Salt = saltOf(mac)
	if _, err := w.WriteAt(kept.Salt[:], 0); err != nil {
		return kept, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(w.file, 0, SaltSize+kept.Size)); err != nil {
		return kept, err
	}
	kept.Digest = ledger.Hash(h.Sum(nil))
	return kept, nil
}

// tooLarge is ErrTooLarge with the limit that counts.
func tooLarge(limit int64) error { return &TooLargeError{Limit: limit} }

// A TooLargeError says that content has more bytes than it may have. Nothing of it is kept.
type TooLargeError struct{ Limit int64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("content of more than %d bytes", e.Limit) }

// Fault returns what kind of error it is.
func (*TooLargeError) Fault() ledger.Fault {
	return ledger.Fault{Code: "content_too_large", Category: ledger.CategoryInvalid}
}

// Unwrap returns ErrTooLarge.
func (*TooLargeError) Unwrap() error { return ErrTooLarge }

// PutKept keeps content as another store kept it, salt and all: a file whose SHA-256 digest
// is, of at most limit bytes behind the salt; 0 stands for DefaultLimit. If it is another
// one, PutKept fails with a *DamagedError. It is durable after Flush.
func (j *JobStore) PutKept(digest ledger.Hash, r io.Reader, limit int64) error {
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxSize-SaltSize)
	s := j.store
	w, err := s.begin()
	if err != nil {
		return s.failed(err)
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w.file, h), io.LimitReader(r, SaltSize+limit+1))
	switch {
	case err != nil:
		err = home.InRoot.Unwritable(s.jobsDir(), err)
	case n > SaltSize+limit:
		err = tooLarge(limit)
	case n < SaltSize || ledger.Hash(h.Sum(nil)) != digest:
		err = &DamagedError{Digest: digest}
	}
	if err != nil {
		return s.failed(errors.Join(err, s.drop(w)))
	}
	w.size = n - SaltSize
	return s.failed(s.expect(pendingName{j.owner, digest.String()}, w))
}
