package content_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

// A planted thing is something that another process put where a file or a directory of a
// store is.
var planted = map[string]func(t *testing.T, path string){
	"a link": func(t *testing.T, path string) {
		aside := filepath.Join(t.TempDir(), "aside")
		ledgertest.Must(t, errors.Join(os.Rename(path, aside), os.Symlink(aside, path)))
	},
	"a dangling link": func(t *testing.T, path string) {
		ledgertest.Must(t, errors.Join(os.RemoveAll(path), os.Symlink(filepath.Join(t.TempDir(), "nothing"), path)))
	},
	"another kind": func(t *testing.T, path string) {
		st, err := os.Lstat(path)
		ledgertest.Must(t, errors.Join(err, os.RemoveAll(path)))
		if st.IsDir() {
			ledgertest.WriteFile(t, path, []byte("a file"))
		} else {
			ledgertest.Must(t, os.MkdirAll(filepath.Join(path, "x"), 0o700))
		}
	},
	"open to others": func(t *testing.T, path string) { ledgertest.Must(t, os.Chmod(path, 0o777)) },
}

// Nothing is read through a link, or put in a place that other users can write, and what
// lies elsewhere is not touched. No other content suffers.
func TestPlantedInAStore(t *testing.T) {
	places := map[string]func(s *content.Store, kept content.Salted) string{
		"the content": func(s *content.Store, kept content.Salted) string {
			return filepath.Join(s.Dir(), "jobs", content.OwnerOf("job_1").String(), kept.Digest.String())
		},
		"the secret": func(s *content.Store, _ content.Salted) string {
			return filepath.Join(s.Dir(), "jobs", content.OwnerOf("job_1").String(), "secret")
		},
		"the job's directory": func(s *content.Store, _ content.Salted) string {
			return filepath.Join(s.Dir(), "jobs", content.OwnerOf("job_1").String())
		},
		"the directory of all jobs": func(s *content.Store, _ content.Salted) string { return filepath.Join(s.Dir(), "jobs") },
	}
	for what, plant := range planted {
		for where, path := range places {
			t.Run(what+" for "+where, func(t *testing.T) {
				s := open(t)
				kept := putJob(t, s.Job("job_1"), s, "the user's own")
				plant(t, path(s, kept))
				before := tree(t, filepath.Dir(filepath.Dir(s.Dir())))
				s = content.Open(s.Dir())
				got, err := readJob(s.Job("job_1"), kept.Digest)
				readable := where == "the secret" || where == "the content" && what == "open to others" // its digest vouches for it
				if readable != (err == nil) || err == nil && got != "the user's own" {
					t.Errorf("Get = %q, %v", got, err)
				}
				_, err = s.Job("job_1").PutFrom(strings.NewReader("more"), ledgertest.Entropy(1), 0)
				if err == nil {
					err = s.Flush()
				}
				if where == "the content" {
					if err != nil {
						t.Errorf("PutFrom of another content = %v", err)
					}
					return
				}
				if err == nil {
					t.Error("PutFrom takes it")
				}
				if err := errors.Join(s.Drop()); err != nil {
					t.Error(err)
				}
				if after := tree(t, filepath.Dir(filepath.Dir(s.Dir()))); after != before {
					t.Errorf("it is changed:\n%s\nto\n%s", before, after)
				}
			})
		}
	}
}

// tree describes all files below a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	ledgertest.Must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			all.WriteString(d.Type().String() + " " + path + "\n")
		}
		return err
	}))
	return all.String()
}

// A link in the place of content is erased, and what it leads to is not. Put gives back
// what was there.
func TestErasePlanted(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	kept := putJob(t, j, s, "linked")
	path := filepath.Join(s.Dir(), "jobs", j.Owner().String(), kept.Digest.String())
	aside := filepath.Join(t.TempDir(), "aside")
	ledgertest.Must(t, errors.Join(os.Rename(path, aside), os.Symlink(aside, path)))
	if err := s.Check(naming(t, "job_1", kept.Entry)); !isUnsafe(err) {
		t.Errorf("Check of a link = %v, want an UnsafeError", err)
	}
	if list, err := j.List(); err != nil || list != nil {
		t.Errorf("List = %v, %v, want none", list, err)
	}
	if got := collect(t, s, 0); len(got) > 1 { // the secret may go
		t.Errorf("Collect removes %v", got)
	}
	if err := j.Erase(kept.Digest); err != nil {
		t.Errorf("Erase of a link = %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link is still there: %v", err)
	}
	if b, err := os.ReadFile(aside); err != nil || !strings.HasSuffix(string(b), "linked") {
		t.Errorf("what it leads to is %q, %v", b, err)
	}
	putJob(t, j, s, "linked")
	if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		t.Error("PutFrom leaves something else than a file")
	}
}

// The secret of another user is not used: that user knows it.
func TestSecretOfAnotherUser(t *testing.T) {
	ledgertest.OnlyRoot(t)
	s := open(t)
	j := s.Job("job_1")
	kept := putJob(t, j, s, "x")
	ledgertest.Give(t, filepath.Join(s.Dir(), "jobs", j.Owner().String(), "secret"), ledgertest.Owner)
	_, err := j.PutFrom(strings.NewReader("y"), nil, 0)
	if _, ok := errors.AsType[*home.UnsafeError](err); !ok {
		t.Errorf("PutFrom = %v, want an UnsafeError", err)
	}
	if _, err := readJob(j, kept.Digest); err != nil {
		t.Errorf("Get, which needs no secret, = %v", err)
	}
	if _, err := j.Get(ledger.Hash{1}, false); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Get of nothing = %v", err)
	}
}
