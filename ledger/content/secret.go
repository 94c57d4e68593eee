package content

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gait/ledger"
	"gait/ledger/home"
)

// A SecretError says that the content secret of a job is not one: it is damaged, or another
// one than its content key names.
type SecretError struct{ Path string }

func (e *SecretError) Error() string {
	return fmt.Sprintf("%s is not the content secret of its job: it was changed", e.Path)
}

// Fault returns what kind of error it is.
func (*SecretError) Fault() ledger.Fault {
	return ledger.Fault{Code: "content_secret_damaged", Category: ledger.CategoryVerification}
}

// Secret returns the job's content secret, and whether there is one.
func (j *JobStore) Secret() (secret [SecretSize]byte, ok bool, err error) {
	secret, err = j.secret(nil)
	if errors.Is(err, fs.ErrNotExist) {
		return secret, false, nil
	}
	if err != nil {
		return secret, false, fmt.Errorf("reading a content secret: %w", err)
	}
	return secret, true, nil
}

// PutSecret keeps a secret that the job had elsewhere. If it has another one here, PutSecret
// fails with a *SecretError. The secret is durable after Flush.
func (j *JobStore) PutSecret(secret [SecretSize]byte) error {
	is, ok, err := j.Secret()
	switch {
	case err != nil:
		return err
	case ok && is != secret:
		return &SecretError{Path: j.store.nameIn(j.owner, secretName)}
	case ok:
		return nil
	}
	if _, err := j.newSecret(func(to []byte) error { copy(to, secret[:]); return nil }); err != nil {
		return j.store.failed(err)
	}
	return nil
}

// secret returns the job's secret. If there is none, it makes one, unless random is nil:
// then it fails with fs.ErrNotExist.
func (j *JobStore) secret(random io.Reader) ([SecretSize]byte, error) {
	s := j.store
	s.jobs.Lock()
	p := s.waiting[pendingName{j.owner, secretName}]
	s.jobs.Unlock()
	if p != nil {
		return p.secret, nil
	}
	secret, err := readSecret(s, s.nameIn(j.owner, secretName))
	if !errors.Is(err, fs.ErrNotExist) || random == nil {
		return secret, err
	}
	return j.newSecret(func(to []byte) error {
		_, err := io.ReadFull(random, to)
		return err
	})
}

// newSecret makes the job's secret, unless another goroutine has just made it.
func (j *JobStore) newSecret(fill func([]byte) error) (secret [SecretSize]byte, err error) {
	s := j.store
	s.making.Lock()
	defer s.making.Unlock()
	switch secret, err = j.secret(nil); {
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return secret, err
	}
	if err := fill(secret[:]); err != nil {
		return secret, fmt.Errorf("making a content secret: %w", err)
	}
	w, err := s.begin()
	if err != nil {
		return secret, err
	}
	w.secret = secret
	if _, err := w.Write(secret[:]); err != nil {
		return secret, errors.Join(err, s.drop(w))
	}
	return secret, s.expect(pendingName{j.owner, secretName}, w)
}

// readSecret reads a secret. Other users must not have been able to read it.
func readSecret(s *Store, path string) (secret [SecretSize]byte, err error) {
	f, err := s.disk.Open(path)
	if err != nil {
		return secret, home.InRoot.Unreadable(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return secret, err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return secret, &home.UnsafeError{Path: path, Problem: "can be read or written by other users", Hint: "chmod 600 " + path}
	}
	if err := home.CheckOwner(path, st); err != nil {
		return secret, err
	}
	if st.Size() != SecretSize {
		return secret, &SecretError{Path: path}
	}
	_, err = io.ReadFull(f, secret[:])
	return secret, err
}

// KeyOf returns the content key of a secret.
func KeyOf(secret [SecretSize]byte) ledger.Hash { return sha256.Sum256(secret[:]) }
