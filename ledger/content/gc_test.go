package content_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// age makes all files of a store as old as asked.
func age(t *testing.T, s *content.Store, by time.Duration) {
	t.Helper()
	ledgertest.Must(t, filepath.WalkDir(s.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chtimes(path, time.Time{}, st.ModTime().Add(-by))
	}))
}

func collect(t *testing.T, s *content.Store, age time.Duration, events ...ledger.Event) (paths []string) {
	t.Helper()
	var named content.Named
	for _, e := range events {
		named.Add(e)
	}
	gone, err := s.Collect(&named, age)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gone {
		path, err := filepath.Rel(s.Dir(), g.Path)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// Collect removes what no event names, once it is old enough, and nothing else. It ends with
// no directory of a job that has nothing.
func TestCollect(t *testing.T) {
	s := open(t)
	if got := collect(t, s, 0); got != nil {
		t.Errorf("Collect of nothing removes %v", got)
	}
	j, other := s.Job("job_1"), s.Job("job_2")
	named, unnamed, lost := putJob(t, j, s, "named"), putJob(t, j, s, "unnamed"), putJob(t, other, s, "of a job that has no event")
	plain, policy := put(t, s, "plain"), put(t, s, "the request ids of before")
	ledgertest.WriteFile(t, filepath.Join(s.Dir(), "."+plain.Digest.String()), []byte("half"))
	ledgertest.WriteFile(t, filepath.Join(s.Dir(), "jobs", ".new-7"), []byte("half"))
	ledgertest.WriteFile(t, filepath.Join(s.Dir(), "jobs", "note"), []byte("the user's"))
	first := ledgertest.First(ledgertest.Key(ledgertest.Origin).VerifierKey()).Draft()
	p, _ := first.Payload.(ledger.LedgerCreated)
	p.Predecessor = &ledger.Predecessor{Origin: "gait.test/before", Requests: &ledger.Requests{Digest: policy.Digest, Count: 1}}
	first.Payload = p
	event0, err := ledger.Seal(first)
	ledgertest.Must(t, err)
	events := []ledger.Event{event0, naming(t, "job_1", named.Entry)}

	if got := collect(t, s, time.Hour, events...); got != nil {
		t.Errorf("Collect of young files removes %v", got)
	}
	age(t, s, 2*time.Hour)
	in := func(o content.Owner, name string) string { return filepath.Join("jobs", o.String(), name) }
	want := []string{
		plain.Digest.String(), "." + plain.Digest.String(), "jobs/.new-7", in(j.Owner(), unnamed.Digest.String()),
		in(other.Owner(), lost.Digest.String()), in(other.Owner(), "secret"),
	}
	slices.Sort(want)
	got := collect(t, s, time.Hour, events...)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("Collect removes\n%q, want\n%q", got, want)
	}
	if got := collect(t, s, time.Hour, events...); got != nil {
		t.Errorf("another Collect removes %v", got)
	}
	if err := s.Check(events[1]); err != nil {
		t.Errorf("what an event names: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.Dir(), "jobs", other.Owner().String())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory of a job that has nothing: %v", err)
	}
	if _, ok, err := j.Secret(); !ok || err != nil {
		t.Errorf("the secret of a job whose content is named: %t, %v", ok, err)
	}
}

// What waits for its event is not removed, however old, and neither is what Sync saw while
// Collect worked.
func TestCollectLeavesWhatIsInUse(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	waits := putWaiting(t, j, "waits")
	age(t, s, 2*time.Hour)
	if got := collect(t, s, time.Hour); got != nil {
		t.Errorf("Collect removes what waits: %v", got)
	}
	e := naming(t, "job_1", waits)
	if err := s.Sync(t.Context(), []ledger.Event{e}); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, s, time.Hour); got != nil {
		t.Errorf("Collect removes what is about to be named: %v", got)
	}
	age(t, s, 2*time.Hour)
	garbage, err := s.Unnamed(&content.Named{}, time.Hour)
	if err != nil || len(garbage) != 2 {
		t.Fatalf("Unnamed = %v, %v, want the content and the secret", garbage, err)
	}
	if got := collect(t, s, time.Hour); len(got) == 0 {
		t.Error("Collect leaves what no event names in the end")
	}
}

// What a crash left of an erasure goes, unless an event names it again. A job whose content
// was erased keeps its secret.
func TestCollectErased(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	kept := putJob(t, j, s, "a name")
	named, erased := naming(t, "job_1", kept.Entry), jobEvent(t, "job_1", ledger.ContentErased{Digest: kept.Digest, Reason: "asked to"})
	elsewhere := jobEvent(t, "job_2", ledger.ContentErased{Digest: kept.Digest, Reason: "not its own"})
	age(t, s, time.Hour)
	for _, events := range [][]ledger.Event{{named}, {named, erased, named}, {erased, named}, {named, elsewhere}} {
		if got := collect(t, s, 0, events...); got != nil {
			t.Errorf("Collect removes what is named: %v", got)
		}
	}
	if got := collect(t, s, content.DefaultAge, named, erased); len(got) != 1 {
		t.Errorf("Collect of what was erased removes %v, want it", got)
	}
	if _, ok, err := j.Secret(); !ok || err != nil {
		t.Errorf("the secret of a job whose content was erased: %t, %v", ok, err)
	}
}
