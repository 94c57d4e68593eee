package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"gait/ledger"
)

// A Carried is a file of a job's content on its way from one store to another: content as
// it is kept, or the secret.
type Carried struct {
	Owner  Owner
	Digest ledger.Hash // zero: the secret
}

// IsSecret reports whether it is the secret.
func (c Carried) IsSecret() bool { return c.Digest.IsZero() }

// Path returns the path of the file below the directory of a store: jobs/<owner>/<digest>,
// or jobs/<owner>/secret.
func (c Carried) Path() string {
	if c.IsSecret() {
		return path.Join(jobsName, c.Owner.String(), secretName)
	}
	return path.Join(jobsName, c.Owner.String(), c.Digest.String())
}

// ParseCarried reads a Path.
func ParseCarried(name string) (c Carried, ok bool) {
	dir, file := path.Split(name)
	owner, in := strings.CutPrefix(strings.TrimSuffix(dir, "/"), jobsName+"/")
	if c.Owner, ok = ParseOwner(owner); !in || !ok {
		return c, false
	}
	if file == secretName {
		return c, c.Path() == name
	}
	var err error
	c.Digest, err = ledger.ParseHash(file)
	return c, err == nil && !c.Digest.IsZero() && c.Path() == name
}

// Carry returns all content of jobs that is kept, and their secrets, in the order of their
// paths.
func (s *Store) Carry() ([]Carried, error) {
	owners, err := s.Owners()
	if err != nil {
		return nil, err
	}
	left, err := leftIn(s)
	if err != nil {
		return nil, fmt.Errorf("listing content: %w", err)
	}
	var all []Carried
	for _, o := range owners {
		list, err := s.Of(o).list(left[o])
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			all = append(all, Carried{Owner: o, Digest: e.Digest})
		}
		switch _, err := s.disk.Lstat(s.nameIn(o, secretName)); {
		case err == nil:
			all = append(all, Carried{Owner: o})
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("listing content: %w", err)
		}
	}
	return all, nil
}

// OpenCarried opens a file. It fails with a *MissingError if it is not there any more.
func (s *Store) OpenCarried(c Carried) (io.ReadCloser, error) {
	if !c.IsSecret() {
		return s.Of(c.Owner).GetKept(c.Digest, false)
	}
	secret, ok, err := s.Of(c.Owner).Secret()
	if err == nil && !ok {
		err = &MissingError{Dir: s.ownerDir(c.Owner)}
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(secret[:])), nil
}

// PutCarried keeps a file that another store had. If its bytes are not those that its digest
// names, PutCarried fails with a *DamagedError. A secret does not replace the one that the
// job has here. It is durable after Flush.
func (s *Store) PutCarried(c Carried, from io.Reader) error {
	j := s.Of(c.Owner)
	if !c.IsSecret() {
		return j.PutKept(c.Digest, from, MaxSize)
	}
	b, err := io.ReadAll(io.LimitReader(from, SecretSize+1))
	if err != nil {
		return s.failed(err)
	}
	if len(b) != SecretSize {
		return s.failed(&SecretError{Path: c.Path()})
	}
	if _, ok, err := j.Secret(); ok || err != nil {
		return err
	}
	return j.PutSecret([SecretSize]byte(b))
}
