package root_test

import (
	"io"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// attached makes a ledger whose two jobs have content, durably, and returns it.
func (u *user) attached() map[string]content.Salted {
	u.t.Helper()
	u.made(1)
	r := u.open(noCreate)
	kept := map[string]content.Salted{}
	for _, job := range []string{"job_a", "job_b"} {
		e, err := r.Content().Job(job).PutFrom(strings.NewReader("a log"), ledgertest.EntropyOf(job), 0)
		must(u.t, err)
		kept[job] = e
		p := ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "step"}
		p.Attachments = []ledger.Attachment{{Content: ledger.Content{Digest: e.Digest, Size: e.Size}, Role: ledger.AttachLog}}
		entries := ledgertest.Seal(u.t, r.Log, ledgertest.Submit(job), ledgertest.EventSpec{Job: job, Payload: p})
		must(u.t, r.Content().Sync(u.t.Context(), []ledger.Event{entries[1].Event}))
		ledgertest.Append(u.t, r.Log, ledgertest.Submit(job), ledgertest.EventSpec{Job: job, Payload: p})
	}
	shut(u.t, r)
	return kept
}

// checkJobs checks that the content of each job lies in its place, with its secret or
// without one.
func (u *user) checkJobs(want map[string]content.Salted, secrets bool) {
	u.t.Helper()
	s := root.ContentOf(u.Dir)
	for job, e := range want {
		r, err := s.Job(job).Get(e.Digest, false)
		if err != nil {
			u.t.Errorf("the content of %s: %v", job, err)
			continue
		}
		b, err := io.ReadAll(r)
		if r.Close(); err != nil || string(b) != "a log" {
			u.t.Errorf("the content of %s is %q, %v", job, b, err)
		}
		if _, ok, err := s.Job(job).Secret(); ok != secrets || err != nil {
			u.t.Errorf("the secret of %s is there: %t, %v", job, ok, err)
		}
	}
	if plain, err := s.List(); err != nil || len(plain) != 1 {
		u.t.Errorf("plain content: %v, %v, want one", plain, err)
	}
}

// A copy has the content of each job where its events name it, and no secret.
func TestImportContentOfJobs(t *testing.T) {
	a := newUser(t)
	kept := a.attached()
	from := a.copied()
	plain, here := from.Content, root.ContentOf(a.Dir)
	from.Content = func(keep func(ledger.Hash, io.ReadSeeker) error) error {
		for job, e := range kept {
			r, err := here.Job(job).GetKept(e.Digest, false)
			must(t, err)
			b, err := io.ReadAll(r)
			must(t, err)
			if err := keep(e.Digest, strings.NewReader(string(b))); err != nil {
				return err
			}
		}
		return plain(keep)
	}
	b := a.another("b", a.key())
	if err := b.tryImport(from, crashAt("ledger")); err == nil {
		t.Fatal("no crash")
	}
	b.checkJobs(kept, false)
	must(t, b.tryImport(from))
	b.checkJobs(kept, false)
	c := a.another("c", a.key())
	from.Content = func(keep func(ledger.Hash, io.ReadSeeker) error) error {
		return keep(kept["job_a"].Digest, strings.NewReader("0123456789abcdef and another log"))
	}
	if err := c.tryImport(from); !strings.Contains(err.Error(), "has another digest") {
		t.Errorf("Import of changed content = %v", err)
	}
}

// A restored ledger has the content of its jobs and goes on with their secrets.
func TestRestoreContentOfJobs(t *testing.T) {
	u := newUser(t)
	kept := u.attached()
	from := u.backup()
	all, err := root.ContentOf(u.Dir).Carry()
	must(t, err)
	files := map[content.Carried]string{}
	for _, c := range all {
		f, err := root.ContentOf(u.Dir).OpenCarried(c)
		must(t, err)
		b, err := io.ReadAll(f)
		must(t, err)
		f.Close()
		files[c] = string(b)
	}
	from.OfJobs = func(keep func(content.Carried, io.Reader) error) error {
		for _, c := range all {
			if err := keep(c, strings.NewReader(files[c])); err != nil {
				return err
			}
		}
		return nil
	}
	u.lose()
	if _, err := u.tryRestore(from, crashAt("content of jobs")); err == nil {
		t.Fatal("no crash")
	}
	if did := u.restored(from); !did.Writable() || len(all) != 4 {
		t.Errorf("Restore = %+v of %d files, want it to be continued, with 4", did, len(all))
	}
	u.checkJobs(kept, true)
	r := u.open(noCreate)
	defer shut(t, r)
	again, err := r.Content().Job("job_a").PutFrom(strings.NewReader("a log"), nil, 0)
	if err != nil || again.Digest != kept["job_a"].Digest {
		t.Errorf("the same content has another digest in the restored ledger: %v", err)
	}
}

// An examination counts the content of jobs, without their secrets.
func TestExamineContentOfJobs(t *testing.T) {
	u := newUser(t)
	u.attached()
	for _, f := range root.Examine(t.Context(), u.Options) {
		if f.Name == "content" {
			if !strings.HasPrefix(f.Detail, "2 files in ") || f.Advice != root.AdviceCheckContent {
				t.Errorf("it finds %+v, want 2 files", f)
			}
			return
		}
	}
	t.Error("it says nothing of content")
}
