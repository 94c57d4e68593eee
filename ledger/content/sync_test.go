package content_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// naming returns an event of a job that names contents, the first one as its subject.
func naming(t testing.TB, job string, subject content.Entry, attached ...content.Entry) ledger.Event {
	t.Helper()
	p := ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "may it?", RequiredAction: "decide"}
	p.Subject = ledger.Content{Digest: subject.Digest, Size: subject.Size}
	for _, e := range attached {
		p.Attachments = append(p.Attachments, ledger.Attachment{Role: ledger.AttachArtifact, Content: ledger.Content{Digest: e.Digest, Size: e.Size}})
	}
	return jobEvent(t, job, p)
}

func jobEvent(t testing.TB, job string, p ledger.Payload) ledger.Event {
	t.Helper()
	e, err := ledger.Seal(ledger.Draft{
		Seq: 4, ID: "01J00000000000000000000000", Origin: ledgertest.Origin, Actor: "tester", Time: ledgertest.Start, Prev: ledger.Hash{1},
		JobID: job, JobSeq: 2, JobPrev: ledger.Hash{2}, Revision: 2, Payload: p,
	})
	if err != nil {
		panic(err) // in any goroutine
	}
	return e
}

func putWaiting(t testing.TB, j *content.JobStore, text string) content.Entry {
	t.Helper()
	kept, err := j.PutFrom(strings.NewReader(text), ledgertest.Entropy(7), 0)
	if err != nil {
		t.Fatal(err)
	}
	return kept.Entry
}

// Sync gives what events name its name, with the secret of the job, and leaves the rest.
func TestSync(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	subject, artifact, rest := putWaiting(t, j, "pay 100"), putWaiting(t, j, strings.Repeat("log ", 40_000)), putWaiting(t, j, "not named")
	e := naming(t, "job_1", subject, artifact)
	if err := s.Check(e); err != nil {
		t.Errorf("Check = %v", err)
	}
	if err := s.Sync(t.Context(), []ledger.Event{e, e}); err != nil {
		t.Fatal(err)
	}
	other := content.Open(s.Dir())
	for _, e := range []content.Entry{subject, artifact} {
		if has, err := other.Job("job_1").Has(e.Digest); err != nil || !has {
			t.Errorf("another store has %s: %t, %v, want true", e.Digest, has, err)
		}
	}
	if has, err := other.Job("job_1").Has(rest.Digest); err != nil || has {
		t.Errorf("another store has what no event names: %t, %v", has, err)
	}
	if _, ok, err := other.Job("job_1").Secret(); err != nil || !ok {
		t.Errorf("another store has the secret: %t, %v", ok, err)
	}
	if err := other.Sync(t.Context(), []ledger.Event{e}); err != nil {
		t.Errorf("Sync by another store = %v", err)
	}
	if err := s.Sync(t.Context(), nil); err != nil {
		t.Errorf("Sync of nothing = %v", err)
	}
}

// Content that an event names and that is not there, is another job's, or has another size,
// is found before the event is committed.
func TestSyncOfWhatIsNotThere(t *testing.T) {
	s := open(t)
	kept := putWaiting(t, s.Job("job_1"), "there")
	wrong := kept
	wrong.Size++
	for name, e := range map[string]ledger.Event{
		"never put":      naming(t, "job_1", content.Entry{Digest: ledger.Hash{1}, Size: 5}),
		"also never put": naming(t, "job_1", kept, content.Entry{Digest: ledger.Hash{1}, Size: 5}),
		"another job's":  naming(t, "job_2", kept),
	} {
		for _, err := range []error{s.Check(e), s.Sync(t.Context(), []ledger.Event{e})} {
			if !errors.Is(err, ledger.ErrContentMissing) {
				t.Errorf("%s: %v, want ErrContentMissing", name, err)
			}
		}
	}
	for _, err := range []error{s.Check(naming(t, "job_1", wrong)), s.Sync(t.Context(), []ledger.Event{naming(t, "job_1", wrong)})} {
		if e, ok := errors.AsType[*content.SizeError](err); !ok || e.Kept != 5 || e.Named != 6 || e.Fault().Code != "content_size" {
			t.Errorf("another size: %v, want a SizeError", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Sync(ctx, []ledger.Event{naming(t, "job_1", kept)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Sync with a context that has ended = %v", err)
	}
	if err := s.Sync(t.Context(), []ledger.Event{naming(t, "job_1", kept)}); err != nil {
		t.Errorf("Sync of what is there = %v", err)
	}
}

// Sync makes content young, however long ago it was put.
func TestSyncTouches(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	kept := putJob(t, j, s, "put long ago")
	path := filepath.Join(s.Dir(), "jobs", j.Owner().String(), kept.Digest.String())
	long := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context(), []ledger.Event{naming(t, "job_1", kept.Entry)}); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.ModTime().Year() < 2021 {
		t.Errorf("after Sync the file is of %v, %v", st.ModTime(), err)
	}
}

// Many goroutines put, sync, read and erase at once, also equal contents.
func TestManyAtOnce(t *testing.T) {
	s := open(t)
	random := ledgertest.Entropy(3)
	if _, err := s.Job("job_0").Key(random); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Job("job_1").Key(random); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	const workers = 8
	for w := range workers {
		go func() {
			done <- func() error {
				for i := range 40 {
					job := []string{"job_0", "job_1"}[(w+i)%2]
					j, text := s.Job(job), strings.Repeat("q", i%7)
					kept, err := j.PutFrom(strings.NewReader(text), nil, 0)
					if err != nil {
						return err
					}
					if err := s.Sync(context.Background(), []ledger.Event{naming(t, job, kept.Entry)}); err != nil {
						return err
					}
					r, err := j.Get(kept.Digest, false)
					if err != nil {
						return err
					}
					b, err := io.ReadAll(r)
					if r.Close(); err != nil || string(b) != text {
						return errors.Join(err, errors.New("read something else"))
					}
				}
				return nil
			}()
		}()
	}
	for range workers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Secrets are private, one a job, and never replaced.
func TestSecrets(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	if _, ok, err := j.Secret(); ok || err != nil {
		t.Errorf("Secret = %t, %v, want none", ok, err)
	}
	if _, err := j.Key(strings.NewReader("too short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Key with too little chance = %v", err)
	}
	key, err := j.Key(ledgertest.Entropy(1))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := j.Key(ledgertest.Entropy(2)); err != nil || again != key {
		t.Errorf("Key = %s, %v, want %s", again, err, key)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.Dir(), "jobs", j.Owner().String(), "secret")
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 || st.Size() != content.SecretSize {
		t.Errorf("the secret is %v, %v, want 32 private bytes", st, err)
	}
	secret, _, err := j.Secret()
	if err != nil {
		t.Fatal(err)
	}
	if err := j.PutSecret(secret); err != nil {
		t.Errorf("PutSecret of the same secret = %v", err)
	}
	if err := j.PutSecret([32]byte{1}); !isSecretError(err) {
		t.Errorf("PutSecret of another secret = %v, want a SecretError", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := j.PutFrom(strings.NewReader("x"), nil, 0); !isUnsafe(err) {
		t.Errorf("PutFrom with an open secret = %v, want an UnsafeError", err)
	}
	ledgertest.WriteFile(t, path, secret[:31])
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Secret(); !isSecretError(err) {
		t.Errorf("Secret of 31 bytes = %v, want a SecretError", err)
	}
}

func isSecretError(err error) bool {
	_, ok := errors.AsType[*content.SecretError](err)
	return ok
}

// A continued event names plain content, its proof, and content of its job, what that works on.
func TestSyncOfContinued(t *testing.T) {
	s := open(t)
	proof, err := s.Put([]byte("a proof"))
	if err != nil {
		t.Fatal(err)
	}
	input := putWaiting(t, s.Job("job_1"), "refund 100")
	e := jobEvent(t, "job_1", ledger.Continued{
		Origin: "gait.test/before", Size: 1, Root: ledger.Hash{1}, Leaf: ledger.Hash{2}, JobSeq: 1, Revision: 1, Status: "running", StatusReasonCode: "submitted", StopReason: "none",
		CreatedAt: ledgertest.Start, ProducerVersion: "test", EnvironmentFingerprint: "envfp:test",
		Proof: ledger.Content{Digest: proof.Digest, Size: proof.Size}, Input: ledger.Content{Digest: input.Digest, Size: input.Size},
	})
	want := []content.Name{{Digest: proof.Digest}, {Owner: content.OwnerOf("job_1"), Digest: input.Digest}}
	if got := content.Names(e); !slices.Equal(got, want) {
		t.Errorf("Names = %v, want %v", got, want)
	}
	if err := s.Sync(t.Context(), []ledger.Event{e}); err != nil {
		t.Fatal(err)
	}
	if has, err := s.Job("job_1").Has(input.Digest); !has || err != nil {
		t.Errorf("the input is not kept: %v", err)
	}
	if gone := collect(t, s, 0, e); gone != nil {
		t.Errorf("Collect removes %v, which the event names", gone)
	}
}
