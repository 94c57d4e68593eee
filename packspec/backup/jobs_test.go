package backup_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
	"gait/packspec/backup"
)

// attach appends a checkpoint of a job that names contents.
func attach(t *testing.T, l *ledgertest.Ledger, job string, digests ...content.Entry) {
	t.Helper()
	head, _, err := ledger.FindJob(t.Context(), l.Log, job)
	must(t, err)
	p := ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(head.JobSeq), CheckpointType: ledger.CheckpointProgress, Summary: "step"}
	for _, e := range digests {
		p.Attachments = append(p.Attachments, ledger.Attachment{Content: ledger.Content{Digest: e.Digest, Size: e.Size}, Role: ledger.AttachLog})
	}
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: job, Payload: p})
}

// withJobs returns a ledger whose jobs have content: one that is kept, one that is missing,
// and one that was erased.
func withJobs(t *testing.T) (l *ledgertest.Ledger, o backup.Options, kept, missing content.Salted) {
	t.Helper()
	l = ledgertest.New(t)
	o.Content = content.Open(filepath.Join(t.TempDir(), "content"))
	put := func(job, text string) content.Salted {
		e, err := o.Content.Job(job).PutFrom(strings.NewReader(text), ledgertest.EntropyOf(job), 0)
		must(t, err)
		must(t, o.Content.Flush())
		return e
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	kept, missing = put("job_1", "kept"), put("job_1", "missing")
	erased := put("job_2", "erased")
	attach(t, l, "job_1", kept.Entry, missing.Entry)
	attach(t, l, "job_2", erased.Entry)
	attach(t, l, "job_1", kept.Entry, missing.Entry)
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_2", Payload: ledger.ContentErased{Digest: erased.Digest, Reason: "asked to"}})
	must(t, o.Content.EraseOf("job_1", missing.Digest))
	must(t, o.Content.EraseOf("job_2", erased.Digest))
	return l, o, kept, missing
}

// A backup has the content of jobs with its secrets, so that a restored ledger goes on with
// them, and says what events name and it does not have, but for what was erased.
func TestContentOfJobsInABackup(t *testing.T) {
	l, o, kept, missing := withJobs(t)
	b := write(t, l.Log, o)
	if again := write(t, l.Log, o); !bytes.Equal(b, again) {
		t.Error("the same ledger gives another backup")
	}
	if !bytes.Contains(b, []byte(`"schema_version":"1.1.0"`)) {
		t.Error("its version is not 1.1.0")
	}
	got := open(t, b)
	must(t, got.Verify(nil))
	if len(got.Lacking) != 1 || got.Lacking[0] != missing.Digest || got.Contents != 1 || got.LacksRequests {
		t.Errorf("it has %d contents and lacks %v, want one, and %s", got.Contents, got.Lacking, missing.Digest)
	}
	to := content.Open(filepath.Join(t.TempDir(), "content"))
	must(t, got.EachOfJobs(func(c content.Carried, _ int64, from io.ReadSeeker) error { return to.PutCarried(c, from) }))
	must(t, to.Flush())
	for _, job := range []string{"job_1", "job_2"} {
		want, _, err := o.Content.Job(job).Secret()
		must(t, err)
		if secret, ok, err := to.Job(job).Secret(); err != nil || !ok || secret != want {
			t.Errorf("the secret of %s is another one: %t, %v", job, ok, err)
		}
	}
	if r, err := to.Job("job_1").Get(kept.Digest, false); err != nil {
		t.Errorf("the content is not restored: %v", err)
	} else {
		r.Close()
	}
}

// No byte of content of jobs, or of a secret, can be changed unseen.
func TestChangedContentOfJobs(t *testing.T) {
	l, o, _, _ := withJobs(t)
	b := write(t, l.Log, o)
	from := bytes.Index(b, []byte("content/jobs/"))
	until := bytes.Index(b, []byte("ledger/checkpoint"))
	if from < 0 || until < from {
		t.Fatal("the backup has no content of jobs")
	}
	for i := from; i < until; i++ {
		changed := bytes.Clone(b)
		changed[i] ^= 1
		got, err := backup.Open(bytes.NewReader(changed), int64(len(changed)))
		if err == nil {
			err = got.Verify(nil)
		}
		if !errors.Is(err, ledger.ErrUnverified) && !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrUnsupportedVersion) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	old := bytes.Replace(b, []byte(`"schema_version":"1.1.0"`), []byte(`"schema_version":"1.0.0"`), 1)
	if _, err := backup.Open(bytes.NewReader(old), int64(len(old))); err == nil {
		t.Error("a backup of version 1.0.0 has content of jobs")
	}
}

// What is erased while a backup is made is left out.
func TestErasedMeanwhile(t *testing.T) {
	l, o, kept, _ := withJobs(t)
	var out bytes.Buffer
	w, err := backup.Begin(t.Context(), &out, l.Log, o)
	must(t, err)
	must(t, o.Content.EraseOf("job_1", kept.Digest))
	_, err = w.Continue(t.Context(), l.Log, always)
	must(t, err)
	got := open(t, out.Bytes())
	must(t, got.Verify(nil))
	if got.Contents != 0 || len(got.Lacking) != 2 {
		t.Errorf("it has %d contents and lacks %v, want none and two", got.Contents, got.Lacking)
	}
}
