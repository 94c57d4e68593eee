package content_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// putJob keeps text as content of a job, durably.
func putJob(t *testing.T, j *content.JobStore, s *content.Store, text string) content.Salted {
	t.Helper()
	kept, err := j.PutFrom(strings.NewReader(text), ledgertest.Entropy(7), 0)
	if err == nil {
		err = s.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// readJob returns content of a job.
func readJob(j *content.JobStore, digest ledger.Hash) (string, error) {
	r, err := j.Get(digest, false)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// The file of a content is its salt and its bytes, its name their SHA-256, and the salt the
// beginning of the HMAC of the bytes with the job's secret, of which the key is the SHA-256.
// That holds for contents of each length at which they are written in another way.
func TestJobContentAsKept(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	for _, size := range []int{0, 1, 15, 4096, content.SmallSize - 1, content.SmallSize, content.SmallSize + 1, 1 << 20} {
		text := strings.Repeat("x", size)
		kept := putJob(t, j, s, text)
		secret, ok, err := j.Secret()
		if err != nil || !ok {
			t.Fatalf("Secret = %t, %v, want one", ok, err)
		}
		mac := hmac.New(sha256.New, secret[:])
		mac.Write([]byte(text))
		want := content.Salted{Salt: [16]byte(mac.Sum(nil))}
		file := append(want.Salt[:], text...)
		want.Entry = content.Entry{Digest: sha256.Sum256(file), Size: int64(size)}
		if diff := cmp.Diff(want, kept); diff != "" {
			t.Errorf("PutFrom of %d bytes (-want +got):\n%s", size, diff)
		}
		path := filepath.Join(s.Dir(), "jobs", content.OwnerOf("job_1").String(), kept.Digest.String())
		if is, err := os.ReadFile(path); err != nil || !bytes.Equal(is, file) {
			t.Errorf("the file of %d bytes is another one: %v", size, err)
		}
		if got, err := readJob(j, kept.Digest); err != nil || got != text {
			t.Errorf("Get of %d bytes returns %d, %v", size, len(got), err)
		}
		if key, err := j.Key(nil); err != nil || key != sha256.Sum256(secret[:]) || key != content.KeyOf(secret) {
			t.Errorf("Key = %s, %v, want the SHA-256 of the secret", key, err)
		}
		if salt, err := content.SaltOf(secret, strings.NewReader(text)); err != nil || salt != kept.Salt {
			t.Errorf("SaltOf = %x, %v, want %x", salt, err, kept.Salt)
		}
	}
}

// Equal contents of one job have one digest, and those of two jobs have two, also of jobs
// whose ids differ in their case only.
func TestJobsShareNothing(t *testing.T) {
	s := open(t)
	random := ledgertest.Entropy(1)
	digests := map[ledger.Hash]string{}
	for _, job := range []string{"job_1", "JOB_1", "job_2"} {
		for range 2 {
			kept, err := s.Job(job).PutFrom(strings.NewReader("yes"), random, 0)
			if err != nil {
				t.Fatal(err)
			}
			if was := digests[kept.Digest]; was != "" && was != job {
				t.Errorf("%s and %s have one digest", was, job)
			}
			digests[kept.Digest] = job
		}
	}
	if len(digests) != 3 {
		t.Errorf("%d digests, want 3", len(digests))
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	for digest, job := range digests {
		for _, other := range []string{"job_1", "JOB_1", "job_2"} {
			if has, err := s.Job(other).Has(digest); err != nil || has != (other == job) {
				t.Errorf("%s has the content of %s: %t, %v", other, job, has, err)
			}
		}
	}
	if owners, err := s.Owners(); err != nil || len(owners) != 3 {
		t.Errorf("Owners = %v, %v, want 3", owners, err)
	}
}

// What was put can be read before it is durable, by the store that keeps it; its files have
// no name yet. Drop removes them.
func TestJobContentThatWaits(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	kept, err := j.PutFrom(strings.NewReader("soon"), ledgertest.Entropy(7), 0)
	if err != nil {
		t.Fatal(err)
	}
	if has, err := j.Has(kept.Digest); err != nil || !has {
		t.Errorf("Has = %t, %v, want true", has, err)
	}
	if got, err := readJob(j, kept.Digest); err != nil || got != "soon" {
		t.Errorf("Get = %q, %v", got, err)
	}
	if _, err := readJob(content.Open(s.Dir()).Job("job_1"), kept.Digest); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Get by another store = %v, want ErrContentMissing", err)
	}
	if err := s.Drop(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(filepath.Join(s.Dir(), "jobs")); err != nil || len(files) != 0 {
		t.Errorf("Drop leaves %v, %v", files, err)
	}
	if _, ok, err := j.Secret(); ok || err != nil {
		t.Errorf("Secret after Drop = %t, %v, want none", ok, err)
	}
}

// More files than may wait are made durable before an event names them.
func TestManyThatWait(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	for i := range 300 {
		if _, err := j.PutFrom(strings.NewReader(strings.Repeat("y", i)), ledgertest.Entropy(7), 0); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := j.List(); err != nil || len(list) < 200 {
		t.Errorf("List has %d contents, %v, want most of 300", len(list), err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	list, err := j.List()
	if err != nil || len(list) != 300 {
		t.Fatalf("List has %d contents, %v, want 300", len(list), err)
	}
	for _, e := range list {
		if got, err := readJob(j, e.Digest); err != nil || int64(len(got)) != e.Size {
			t.Errorf("Get = %d bytes, %v, want %d", len(got), err, e.Size)
		}
	}
}

// Content that is too large, or whose reader fails, leaves nothing.
func TestJobContentRefused(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	putJob(t, j, s, "the secret is there")
	broken := errors.New("the connection is gone")
	for _, size := range []int{100, content.SmallSize, 2 * content.SmallSize} {
		long := strings.NewReader(strings.Repeat("z", size))
		_, err := j.PutFrom(long, nil, int64(size-1))
		if e, ok := errors.AsType[*content.TooLargeError](err); !ok || e.Limit != int64(size-1) || !errors.Is(err, content.ErrTooLarge) {
			t.Errorf("PutFrom of %d bytes with a limit of one less = %v, want a TooLargeError", size, err)
		}
		long = strings.NewReader(strings.Repeat("z", size))
		if _, err := j.PutFrom(io.MultiReader(long, iotest.ErrReader(broken)), nil, 0); !errors.Is(err, broken) {
			t.Errorf("PutFrom of a reader that fails after %d bytes = %v", size, err)
		}
	}
	if _, err := j.PutFrom(&endless{}, nil, 1<<20); !errors.Is(err, content.ErrTooLarge) {
		t.Errorf("PutFrom of endless content = %v, want ErrTooLarge", err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if list, err := j.List(); err != nil || len(list) != 1 {
		t.Errorf("List = %v, %v, want what was there before", list, err)
	}
	if files, err := os.ReadDir(filepath.Join(s.Dir(), "jobs")); err != nil || len(files) != 1 {
		t.Errorf("the directory has %v, %v, want that of the job alone", files, err)
	}
}

// Each changed byte is found before the first byte is handed out, and a change after that
// before a changed byte is.
func TestDamagedJobContent(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	text := strings.Repeat("0123456789abcdef", 50_000)
	kept := putJob(t, j, s, text)
	path := filepath.Join(s.Dir(), "jobs", j.Owner().String(), kept.Digest.String())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		at := rng.IntN(len(whole))
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1
		for _, b := range [][]byte{flipped, whole[:at], append(bytes.Clone(whole), 'x')} {
			ledgertest.WriteFile(t, path, b)
			if r, err := j.Get(kept.Digest, false); !isDamaged(err) {
				t.Fatalf("Get of a file changed at %d = %v, %v, want a DamagedError", at, r, err)
			}
		}
		ledgertest.WriteFile(t, path, whole)
		r, err := j.Get(kept.Digest, false)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(flipped[at:at+1], int64(at)); err != nil {
			t.Fatal(err)
		}
		f.Close()
		got, err := io.ReadAll(r)
		if !isDamaged(err) || !strings.HasPrefix(text, string(got)) {
			t.Fatalf("reading a file that is changed meanwhile at %d: %d bytes, %v", at, len(got), err)
		}
		r.Close()
		ledgertest.WriteFile(t, path, whole)
	}
	putJob(t, j, s, text)
	if got, err := readJob(j, kept.Digest); err != nil || got != text {
		t.Errorf("after another PutFrom, Get = %d bytes, %v", len(got), err)
	}
}

func TestGetKept(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	kept := putJob(t, j, s, "short")
	r, err := j.GetKept(kept.Digest, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(iotest.OneByteReader(r))
	if err != nil || sha256.Sum256(b) != kept.Digest || r.Size != 5 || r.Salt != kept.Salt {
		t.Errorf("GetKept = %q of %+v, %v", b, r.Salted, err)
	}
	to := open(t)
	if err := errors.Join(to.Job("job_1").PutKept(kept.Digest, bytes.NewReader(b), 5), to.Flush()); err != nil {
		t.Errorf("PutKept = %v", err)
	}
	if got, err := readJob(to.Job("job_1"), kept.Digest); err != nil || got != "short" {
		t.Errorf("Get after PutKept = %q, %v", got, err)
	}
	for _, wrong := range []string{"", "0123456789abcdeF", string(b) + "x", string(b[:20])} {
		if err := to.Job("job_1").PutKept(kept.Digest, strings.NewReader(wrong), 0); !isDamaged(err) {
			t.Errorf("PutKept of %q = %v, want a DamagedError", wrong, err)
		}
	}
	if err := to.Job("job_1").PutKept(kept.Digest, bytes.NewReader(b), 4); !errors.Is(err, content.ErrTooLarge) {
		t.Errorf("PutKept over its limit = %v, want ErrTooLarge", err)
	}
}

func TestErase(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	kept := putJob(t, j, s, "a name and an address")
	waits, err := j.PutFrom(strings.NewReader("and one that waits"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range []ledger.Hash{kept.Digest, waits.Digest} {
		for range 2 {
			if err := j.Erase(digest); err != nil {
				t.Errorf("Erase = %v", err)
			}
		}
		if _, err := j.Get(digest, false); !errors.As(err, new(*content.MissingError)) {
			t.Errorf("Get = %v, want a MissingError", err)
		}
		_, err := j.Get(digest, true)
		if e, ok := errors.AsType[*content.ErasedError](err); !ok || e.Fault().Code != "content_erased" || !errors.Is(err, ledger.ErrContentMissing) {
			t.Errorf("Get of what an event erased = %v, want an ErasedError", err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if list, err := j.List(); err != nil || list != nil {
		t.Errorf("List = %v, %v, want none", list, err)
	}
	if err := open(t).Job("job_1").Erase(kept.Digest); err != nil {
		t.Errorf("Erase in a store that has nothing = %v", err)
	}
}
