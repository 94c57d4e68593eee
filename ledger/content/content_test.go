package content_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
)

func open(t *testing.T) *content.Store {
	t.Helper()
	return content.Open(filepath.Join(t.TempDir(), "jobs", "content"))
}

func put(t *testing.T, s *content.Store, text string) content.Entry {
	t.Helper()
	e, err := s.Put([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func isDamaged(err error) bool {
	_, ok := errors.AsType[*content.DamagedError](err)
	return ok
}

func TestPutAndGet(t *testing.T) {
	s := open(t)
	if list, err := s.List(); err != nil || list != nil {
		t.Errorf("List of no directory = %v, %v, want none", list, err)
	}
	one, two := put(t, s, "one"), put(t, s, "")
	if want := (content.Entry{Digest: sha256.Sum256([]byte("one")), Size: 3}); one != want {
		t.Errorf("Put = %v, want %v", one, want)
	}
	put(t, s, "one")
	for _, e := range []content.Entry{one, two} {
		b, err := s.Read(e.Digest, 100)
		if err != nil || int64(len(b)) != e.Size {
			t.Errorf("Read %s = %q, %v, want %d bytes", e.Digest, b, err, e.Size)
		}
		if there, err := s.Has(e.Digest); err != nil || !there {
			t.Errorf("Has %s = %t, %v, want true", e.Digest, there, err)
		}
	}
	list, err := s.List()
	if want := []content.Entry{one, two}; err != nil || cmp.Diff(want, list) != "" {
		t.Errorf("List = %v, %v, want %v", list, err, want)
	}
}

// Another store on the same directory reads what was put: nothing is only in memory.
func TestAnotherStoreReadsIt(t *testing.T) {
	s := open(t)
	e, err := s.PutFrom(strings.NewReader(strings.Repeat("long ", 100_000)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := content.Open(s.Dir()).Get(e.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if again, err := content.Digest(f); err != nil || again != e {
		t.Errorf("read again: %v, %v, want %v", again, err, e)
	}
}

func TestMissing(t *testing.T) {
	s := open(t)
	digest := ledger.Hash(sha256.Sum256([]byte("never put")))
	_, err := s.Get(digest)
	missing, ok := errors.AsType[*content.MissingError](err)
	if !ok || missing.Digest != digest || missing.Fault().Code != "content_missing" || !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Get of what was never put = %v, want a MissingError", err)
	}
	if there, err := s.Has(digest); there || err != nil {
		t.Errorf("Has = %t, %v, want false", there, err)
	}
}

// Every change of a byte, and every length but the right one, is found.
func TestDamage(t *testing.T) {
	s := open(t)
	text := []byte("the old head event")
	e := put(t, s, string(text))
	path := filepath.Join(s.Dir(), e.Digest.String())
	damaged := [][]byte{nil, append(bytes.Clone(text), 'x')}
	for i := range text {
		flipped := bytes.Clone(text)
		flipped[i] ^= 1
		damaged = append(damaged, flipped, text[:i])
	}
	for _, b := range damaged {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(e.Digest, 100); !isDamaged(err) {
			t.Errorf("Read of %q = %q, %v, want a DamagedError", b, got, err)
		}
	}
	put(t, s, string(text))
	if b, err := s.Read(e.Digest, 100); err != nil || !bytes.Equal(b, text) {
		t.Errorf("after Put, Read = %q, %v, want %q", b, err, text)
	}
}

func TestLimits(t *testing.T) {
	s := open(t)
	e := put(t, s, "four")
	if _, err := s.Read(e.Digest, 3); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Read of 4 bytes with a limit of 3 = %v, want ErrMalformed", err)
	}
	if b, err := s.Read(e.Digest, 4); err != nil || string(b) != "four" {
		t.Errorf("Read with a limit of 4 = %q, %v", b, err)
	}
	if _, err := s.PutFrom(&endless{}); !errors.Is(err, content.ErrTooLarge) {
		t.Errorf("Put of endless content = %v, want ErrTooLarge", err)
	}
}

// endless is larger than any content may be.
type endless struct{}

func (*endless) Read(p []byte) (int, error)     { return len(p), nil }
func (*endless) Seek(int64, int) (int64, error) { return 0, nil }

// A batch keeps many contents, the same one twice among them, and they are all there once
// it is done. Content that is damaged becomes whole again.
func TestPutAll(t *testing.T) {
	s := open(t)
	damaged := put(t, s, "7")
	if err := os.WriteFile(filepath.Join(s.Dir(), damaged.Digest.String()), []byte("8"), 0o600); err != nil {
		t.Fatal(err)
	}
	const distinct = 100
	err := s.PutAll(func(b *content.Batch) error {
		for n := range 2 * distinct {
			if _, err := b.Put([]byte(strconv.Itoa(n / 2))); err != nil {
				return err
			}
		}
		for n := range distinct {
			if _, err := b.PutFrom(strings.NewReader(strconv.Itoa(n))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range distinct {
		text := strconv.Itoa(n)
		if b, err := s.Read(sha256.Sum256([]byte(text)), 10); err != nil || string(b) != text {
			t.Errorf("Read = %q, %v, want %q", b, err, text)
		}
	}
	files, err := os.ReadDir(s.Dir())
	if err != nil || len(files) != distinct {
		t.Errorf("the directory has %d files, %v, want %d", len(files), err, distinct)
	}
}

// A batch that fails says why, and another Put can follow. An empty one makes nothing.
func TestPutAllFails(t *testing.T) {
	s := open(t)
	if err := s.PutAll(func(*content.Batch) error { return nil }); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty batch made the directory: %v", err)
	}
	broken := errors.New("no more of it")
	err := s.PutAll(func(b *content.Batch) error {
		_, err := b.Put([]byte("one"))
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("PutAll = %v, want %v", err, broken)
	}
	err = s.PutAll(func(b *content.Batch) error {
		for n := range 50 {
			if n == 40 {
				if err := os.RemoveAll(s.Dir()); err != nil {
					return err
				}
			}
			if _, err := b.Put([]byte(strconv.Itoa(n))); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), "keeping content in") != 1 {
		t.Errorf("PutAll while the directory goes away = %v, want ErrNotExist", err)
	}
	put(t, s, "two")
}

// If the bytes change between the two times that they are read, nothing is kept.
func TestChangingContent(t *testing.T) {
	s := open(t)
	if _, err := s.PutFrom(&changing{}); !isDamaged(err) {
		t.Errorf("Put of bytes that change = %v, want a DamagedError", err)
	}
	if list, err := s.List(); err != nil || list != nil {
		t.Errorf("List = %v, %v, want none", list, err)
	}
}

type changing struct {
	strings.Reader
	times int
}

func (c *changing) Seek(int64, int) (int64, error) {
	c.times++
	c.Reset(strings.Repeat("x", c.times))
	return 0, nil
}

// What a crash left half-written is no content, and a Put of the same bytes ends it.
func TestHalfWritten(t *testing.T) {
	s := open(t)
	e := put(t, s, "whole")
	path := filepath.Join(s.Dir(), e.Digest.String())
	pending := filepath.Join(s.Dir(), "."+e.Digest.String())
	if err := errors.Join(os.Remove(path), os.WriteFile(pending, []byte("wh"), 0o600), os.WriteFile(filepath.Join(s.Dir(), "note"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(); err != nil || list != nil {
		t.Errorf("List = %v, %v, want none", list, err)
	}
	put(t, s, "whole")
	if _, err := os.Stat(pending); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half-written file is still there: %v", err)
	}
	if b, err := s.Read(e.Digest, 10); err != nil || string(b) != "whole" {
		t.Errorf("Read = %q, %v", b, err)
	}
}

// No link is followed, and nothing is kept in a directory that others can write.
func TestUnsafePlaces(t *testing.T) {
	s := open(t)
	e := put(t, s, "linked")
	path := filepath.Join(s.Dir(), e.Digest.String())
	aside := filepath.Join(t.TempDir(), "aside")
	if err := errors.Join(os.Rename(path, aside), os.Symlink(aside, path)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(e.Digest); !isUnsafe(err) {
		t.Errorf("Get through a link = %v, want an UnsafeError", err)
	}
	if err := os.Chmod(s.Dir(), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put([]byte("other")); !isUnsafe(err) {
		t.Errorf("Put in an open directory = %v, want an UnsafeError", err)
	}
}

func isUnsafe(err error) bool {
	_, ok := errors.AsType[*home.UnsafeError](err)
	return ok
}

func TestPrivate(t *testing.T) {
	s := open(t)
	e := put(t, s, "private")
	for path, want := range map[string]os.FileMode{s.Dir(): 0o700, filepath.Join(s.Dir(), e.Digest.String()): 0o600} {
		st, err := os.Stat(path)
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v, want %v", path, st.Mode(), err, want)
		}
	}
}
