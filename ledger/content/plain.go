package content

import (
	"bytes"
	"fmt"
	"io"

	"gait/ledger"
)

// KeepPlain is Put for what is kept again and again, such as the policy that many jobs are
// bound to: what is there, whole and durable, is made young and not written again.
func (s *Store) KeepPlain(b []byte) (Entry, error) {
	e, err := Digest(bytes.NewReader(b))
	if err != nil {
		return Entry{}, s.failed(err)
	}
	if is, err := s.Read(e.Digest, e.Size); err == nil && bytes.Equal(is, b) {
		if known, err := touch(s, Name{Digest: e.Digest}); known && err == nil {
			return e, nil
		}
	}
	if _, err := s.Put(b); err != nil {
		return Entry{}, err
	}
	s.jobs.Lock()
	defer s.jobs.Unlock()
	vouch(s, s.path(e.Digest))
	return e, nil
}

// ReadPlain is Read, beside ReadOf.
func (s *Store) ReadPlain(digest ledger.Hash, limit int64) ([]byte, error) {
	return s.Read(digest, limit)
}

// ReadOf returns content of a job, of at most limit bytes and all of it verified, durable or
// not. It fails as Get does. Content that is whole and larger is ledger.ErrMalformed.
func (s *Store) ReadOf(job string, digest ledger.Hash, limit int64) ([]byte, error) {
	r, err := s.Job(job).Get(digest, false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	if r.Size > limit {
		return nil, fmt.Errorf("reading content: %w: content %s has more than %d bytes", ledger.ErrMalformed, digest, limit)
	}
	b := make([]byte, r.Size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("reading content: %w", err)
	}
	return b, nil
}
