package content

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Would returns what PutFrom would, and keeps nothing. If the job has no secret yet, the
// digest is that of a secret which is not kept either. It reads r twice.
func (j *JobStore) Would(r io.ReadSeeker, random io.Reader, limit int64) (Salted, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	secret, err := j.secretOr(random)
	if err != nil {
		return Salted{}, err
	}
	mac := hmac.New(sha256.New, secret[:])
	n, err := io.Copy(mac, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = tooLarge(limit)
	}
	if err != nil {
		return Salted{}, err
	}
	kept := Salted{Salt: saltOf(mac)}
	kept.Entry, err = DigestSalted(r, kept.Salt)
	return kept, err
}

// secretOr returns the job's secret, or another one if there is none, which is not kept.
func (j *JobStore) secretOr(random io.Reader) ([SecretSize]byte, error) {
	secret, err := j.secret(nil)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = io.ReadFull(random, secret[:])
	}
	if err != nil {
		return secret, fmt.Errorf("reading a content secret: %w", err)
	}
	return secret, nil
}

// WouldSpool is Would for what can be read once. It writes a file in the meantime.
func (j *JobStore) WouldSpool(r, random io.Reader, limit int64) (Salted, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	secret, err := j.secretOr(random)
	if err != nil {
		return Salted{}, err
	}
	w, kept, err := writeSalted(j.store, r, secret, min(limit, MaxSize))
	if err == nil {
		err = j.store.drop(w)
	}
	return kept, j.store.failed(err)
}

// DigestSalted returns the digest and the size of content with its salt. It reads r from
// its beginning on.
func DigestSalted(r io.ReadSeeker, salt [SaltSize]byte) (Entry, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Entry{}, err
	}
	h := sha256.New()
	h.Write(salt[:])
	n, err := io.Copy(h, io.LimitReader(r, MaxSize+1))
	if err == nil && n > MaxSize {
		err = ErrTooLarge
	}
	return Entry{Digest: [sha256.Size]byte(h.Sum(nil)), Size: n}, err
}
