package succeed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gait/commands/succeed"
	"gait/ledger"
	"gait/ledger/store"
	"gait/projection"
)

// A damaged source is one whose events cannot be read from one on.
type damagedSource struct {
	*store.Log
	from ledger.Seq
	err  error
}

func (d damagedSource) Events(ctx context.Context, from ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range d.Log.Events(ctx, from) {
			if err == nil && e.Seq() == d.from {
				e, err = ledger.Event{}, d.err
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// What is behind a damaged event is lost; the survey says so.
func TestDamage(t *testing.T) {
	first := story(t)
	size := first.log.Head().Size
	for from := range size {
		next, s, err := first.successor(damagedSource{first.log, ledger.Seq(from), &ledger.CorruptError{Seq: ledger.Seq(from), Reason: "damaged"}}, fmt.Sprintf("gait.test/from-%d", from))
		if from == 0 {
			if err == nil {
				t.Error("a ledger of which nothing can be read is continued")
			}
			continue
		}
		if err != nil {
			t.Fatalf("without the events from %d on: %v", from, err)
		}
		if s.Found.Size != from || s.Survey.Lost() != size-from || s.Damage == nil {
			t.Errorf("without the events from %d on: found %d, lost %d: %v", from, s.Found.Size, s.Survey.Lost(), s.Damage)
		}
		next.check()
		want := map[string]bool{}
		for e, err := range first.log.Events(t.Context(), 0) {
			if err != nil || int64(e.Seq()) >= from {
				break
			}
			if e.JobID() != "" {
				want[e.JobID()] = true
			}
		}
		if s.Jobs != len(want) {
			t.Errorf("without the events from %d on: %d jobs, want %d", from, s.Jobs, len(want))
		}
	}
	broken := errors.New("the disk does not answer")
	if _, _, err := first.successor(damagedSource{first.log, 3, broken}, "gait.test/never"); !errors.Is(err, broken) {
		t.Errorf("a disk that does not answer counts as damage: %v", err)
	}
}

// A job is put on hold if it may have had one of the events that are lost, and only then.
func TestDamageHolds(t *testing.T) {
	first := story(t)
	ends := map[string]ledger.Seq{}
	for e, err := range first.log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		ends[e.JobID()] = e.Seq()
	}
	for from := ledger.Seq(2); int64(from) < first.log.Head().Size; from++ {
		o := first.options()
		o.Rows = first.log
		s, err := succeed.Look(t.Context(), damagedSource{first.log, from, &ledger.CorruptError{Seq: from, Reason: "damaged"}}, o)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := succeed.Join(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		next, err := first.continued(plan, s.Found, fmt.Sprintf("gait.test/holds-%d", from))
		if err != nil {
			t.Fatalf("without the events from %d on: %v", from, err)
		}
		next.check()
		for job, last := range ends {
			if job == "" || slices.Contains(plan.Gone, job) {
				continue
			}
			j := next.job(job)
			if behind := slices.Contains(plan.Incomplete(), job); behind != (last >= from) || behind && j.Status == projection.Running || !behind && j.Status != first.job(job).Status {
				t.Errorf("without the events from %d on: %s, whose last is %d, is %s, incomplete: %t", from, job, last, j.Status, behind)
			}
		}
		if plan.Requests.Count != 5 {
			t.Errorf("without the events from %d on: %d request ids, want 5", from, plan.Requests.Count)
		}
	}
}

// A ledger of which no event can be read had more events than another source, or as many, or
// it is not known how many.
func TestUnread(t *testing.T) {
	first := story(t)
	whole, _ := first.log.Checkpoint()
	damage := errors.New("it cannot be opened")
	for _, c := range []struct{ size, lost int64 }{{0, 0}, {whole.Size, 0}, {whole.Size + 3, 3}} {
		unread, err := succeed.Unread(t.Context(), ledger.Checkpoint{Origin: whole.Origin, Size: c.size}, damage, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := succeed.Look(t.Context(), first.log, first.options())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := succeed.Join(t.Context(), unread, s)
		if err != nil {
			t.Fatal(err)
		}
		lost, why := plan.Lost()
		if lost != c.lost || (why != nil) != (c.lost > 0) || plan.Found != whole {
			t.Errorf("of a ledger of %d events, beside one of %d: found %d, lost %d: %v", c.size, whole.Size, plan.Found.Size, lost, why)
		}
		next, err := first.continued(plan, whole, fmt.Sprintf("gait.test/unread-%d", c.size))
		if err != nil {
			t.Fatal(err)
		}
		next.check()
		if held := next.job("running").Status != projection.Running; held != (c.size != whole.Size) {
			t.Errorf("beside a ledger of %d events, all unread, a job of one of %d is held: %t", c.size, whole.Size, held)
		}
	}
	unread, err := succeed.Unread(t.Context(), whole, damage, first.log)
	if err != nil {
		t.Fatal(err)
	}
	if plan, err := succeed.Join(t.Context(), unread); err != nil || len(plan.Gone) != 5 || plan.Requests.Count != 5 {
		t.Errorf("what the rows name: %+v, %v", plan, err)
	}
}

// A source that claims another tree than its events make is not believed.
type otherTree struct{ *store.Log }

func (o otherTree) Events(ctx context.Context, from ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range o.Log.Events(ctx, from) {
			if int64(e.Seq()) == o.Head().Size-1 || !yield(e, err) {
				return
			}
		}
	}
}

func TestTreesAreCompared(t *testing.T) {
	first := story(t)
	_, _, err := first.successor(otherTree{first.log}, "gait.test/never")
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
		t.Errorf("a source with an event less than is signed: %v", err)
	}
}

// Without the request ids that a ledger inherited, its successor would forget them.
func TestInheritedRequestsAreNeeded(t *testing.T) {
	first := story(t)
	second, _, err := first.successor(first.log, "gait.test/second")
	if err != nil {
		t.Fatal(err)
	}
	for digest := range second.content {
		delete(second.content, digest)
	}
	if _, err := succeed.Look(t.Context(), second.log, succeed.Options{}); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Look without the content = %v", err)
	}
	if _, err := succeed.Look(t.Context(), second.log, second.options()); err == nil {
		t.Error("Look with an empty content succeeds")
	}
}

// The events end early if the caller wants no more, or if a proof cannot be kept.
func TestEntriesEnd(t *testing.T) {
	first := story(t)
	s, err := first.plan(first.log)
	if err != nil {
		t.Fatal(err)
	}
	e0, err := first.log.Event(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for entry, err := range s.Entries(t.Context(), e0, keeper(t, map[ledger.Hash][]byte{})) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Event.JobSeq() == 1 && !entry.Tags.Known() {
			t.Errorf("%s has no tags", entry.Event.JobID())
		}
		if n++; n == 2 {
			break
		}
	}
	full := errors.New("the disk is full")
	w := keeper(t, nil)
	w.KeepAll = func(use func(func([]byte) error) error) error { return use(func([]byte) error { return full }) }
	for _, err = range s.Entries(t.Context(), e0, w) {
	}
	if !errors.Is(err, full) {
		t.Errorf("Entries with a full disk ends with %v", err)
	}
	w.KeepAll = func(use func(func([]byte) error) error) error {
		return errors.Join(use(func([]byte) error { return nil }), full)
	}
	for _, err = range s.Entries(t.Context(), e0, w) {
	}
	if !errors.Is(err, full) {
		t.Errorf("Entries whose proofs cannot be synced ends with %v", err)
	}
}

// Progress covers both readings, and its error ends the work.
func TestProgress(t *testing.T) {
	first := story(t)
	var seen []int64
	o := first.options()
	o.Progress = func(done, total int64) error {
		if total != 2*first.log.Head().Size {
			t.Errorf("progress of %d", total)
		}
		seen = append(seen, done)
		return nil
	}
	s, err := succeed.Look(t.Context(), first.log, o)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := succeed.Join(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	e0, _ := first.log.Event(t.Context(), 0)
	for _, err := range plan.Entries(t.Context(), e0, keeper(t, map[ledger.Hash][]byte{})) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) == 0 || !slices.IsSorted(seen) || seen[len(seen)-1] != 2*first.log.Head().Size {
		t.Errorf("progress was %v", seen)
	}
	enough := errors.New(strings.Repeat("x", 3))
	o.Progress = func(int64, int64) error { return enough }
	for range 300 {
		first.must("running", "worker_1", checkpoint(ledger.CheckpointProgress))
	}
	if _, err := succeed.Look(t.Context(), first.log, o); !errors.Is(err, enough) {
		t.Errorf("Look = %v", err)
	}
}
