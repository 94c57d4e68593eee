package pebble_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// What is not durable does not show: while a batch syncs, readers are answered,
// and with what was there before.
func TestNothingShowsBeforeItIsDurable(t *testing.T) {
	d := newDisk(ledgertest.NewFS(t))
	log := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: d})
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	again := ledgertest.Submit("job_2")
	again.RequestID = "r-1"
	at := log.Head()
	before := shown(t, log)
	b := ledgertest.Signed(t, log, at, ledgertest.Seal(t, log, again, ledgertest.Progress("job_1", "step")))
	held, done := d.hold(), make(chan error)
	go func() { _, err := b.Commit(t.Context()); done <- err }()
	<-held.reached
	if diff := cmp.Diff(before, shown(t, log)); diff != "" {
		t.Errorf("while a batch syncs, readers see (-before +now):\n%s", diff)
	}
	if _, err := log.Event(t.Context(), ledger.Seq(at.Size)); err == nil {
		t.Error("Event reads what is not durable")
	}
	if _, err := log.File(t.Context(), ledger.TileName{Index: 0, Width: int(at.Size) + 1}); err == nil {
		t.Error("File reads hashes of what is not durable")
	}
	close(held.release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	after := shown(t, log)
	for _, what := range []string{"head of job_1", "head of job_2", "request", "events", "job_1", "jobs"} {
		if before[what] == after[what] {
			t.Errorf("what is durable does not show in %s: %s", what, after[what])
		}
	}
	ledgertest.Check(t, log)
}

// shown is what readers find in a log, by what they ask for.
func shown(t *testing.T, log *store.Log) map[string]string {
	t.Helper()
	all := map[string]string{}
	note := func(what string, values ...any) { all[what] += fmt.Sprintln(values...) }
	for _, job := range []string{"job_1", "job_2"} {
		found, err := log.Load(t.Context(), []string{job}, nil)
		note("head of "+job, found.Jobs[job].Head, err)
		note("view of "+job, found.Jobs[job].View, err)
		for e, err := range log.JobEvents(t.Context(), job, 1) {
			note(job, string(e.Bytes()), err)
		}
	}
	found, err := log.Load(t.Context(), nil, []string{"r-1"})
	note("request", string(found.Requests["r-1"].Bytes()), err)
	for e, err := range log.Events(t.Context(), 0) {
		note("events", string(e.Bytes()), err)
	}
	for j, err := range log.Jobs(t.Context(), "") {
		note("jobs", j.ID, j.Head, err)
	}
	note("head", log.Head())
	return all
}
