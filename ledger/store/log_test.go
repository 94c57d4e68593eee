package store_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

func TestAppendAndReopen(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Check(t, l.Log)
	for i := range 600 {
		d := ledgertest.Progress("job_1", "step")
		if i == 0 {
			d = ledgertest.Submit("job_1")
		}
		d.View = []byte{byte(i)}
		ledgertest.Append(t, l.Log, d)
		if i%100 == 7 || i > 250 && i < 260 {
			ledgertest.Check(t, l.Log)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ledgertest.Check(t, ledgertest.Reopen(t, l.FS))
}

func ids(t *testing.T, log *store.Log, after string) (out []string) {
	t.Helper()
	for j, err := range log.Jobs(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, j.ID+"="+string(j.View))
	}
	return out
}

func TestJobsAndTheirViews(t *testing.T) {
	l := ledgertest.New(t)
	for _, job := range []string{"b", "a.1", "a", "a-", "B"} {
		d := ledgertest.Submit(job)
		d.View = []byte("old")
		ledgertest.Append(t, l.Log, d)
	}
	if got, want := ids(t, l.Log, ""), []string{"B=old", "a=old", "a-=old", "a.1=old", "b=old"}; !slices.Equal(got, want) {
		t.Errorf("Jobs = %v, want %v", got, want)
	}
	if got, want := ids(t, l.Log, "a"), []string{"a-=old", "a.1=old", "b=old"}; !slices.Equal(got, want) {
		t.Errorf("Jobs after a = %v, want %v", got, want)
	}
	views := func(err error) iter.Seq2[ledger.JobView, error] {
		return func(yield func(ledger.JobView, error) bool) {
			for _, id := range []string{"a", "b"} {
				if _, err := l.Load(t.Context(), []string{id}, nil); err != nil {
					t.Errorf("Load while replacing views = %v", err)
				}
				if !yield(ledger.JobView{ID: id, View: []byte("new")}, nil) {
					return
				}
			}
			if err != nil {
				yield(ledger.JobView{}, err)
			}
		}
	}
	broken := errors.New("broken")
	if err := l.ReplaceViews(t.Context(), views(broken)); !errors.Is(err, broken) {
		t.Errorf("ReplaceViews = %v, want %v", err, broken)
	}
	if err := l.ReplaceViews(t.Context(), views(nil)); err != nil {
		t.Fatalf("ReplaceViews = %v", err)
	}
	if got, want := ids(t, l.Log, ""), []string{"B=", "a=new", "a-=", "a.1=", "b=new"}; !slices.Equal(got, want) {
		t.Errorf("Jobs after ReplaceViews = %v, want %v", got, want)
	}
	ledgertest.Check(t, l.Log)
}

// More views than fit into one batch.
func TestReplaceViewsInBatches(t *testing.T) {
	l := ledgertest.New(t)
	var drafts []ledgertest.EventSpec
	for i := range 50 {
		drafts = append(drafts, ledgertest.Submit(fmt.Sprintf("job_%02d", i)))
	}
	ledgertest.Append(t, l.Log, drafts...)
	err := l.ReplaceViews(t.Context(), func(yield func(ledger.JobView, error) bool) {
		for _, d := range drafts {
			if !yield(ledger.JobView{ID: d.Job, View: make([]byte, 50_000)}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatalf("ReplaceViews = %v", err)
	}
	for j, err := range l.Jobs(t.Context(), "") {
		if err != nil || len(j.View) != 50_000 {
			t.Errorf("job %s has a view of %d bytes (%v), want 50000", j.ID, len(j.View), err)
		}
	}
	ledgertest.Check(t, l.Log)
}
