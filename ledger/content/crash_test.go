package content_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

const memDir = "/root/content"

// A story is what was acknowledged of content: the events for which Sync returned nil, and
// what was erased.
type story struct {
	acked  []ledger.Event
	erased map[content.Name]bool
	unsure map[content.Name]bool // it may be there, or not
	random io.Reader
	errs   []error
}

func newStory() *story {
	return &story{erased: map[content.Name]bool{}, unsure: map[content.Name]bool{}, random: ledgertest.Entropy(1)}
}

// put puts content and has an event name it, unless one of both fails.
func (s *story) put(t *testing.T, on *content.Store, job string, texts ...string) (first content.Salted) {
	var all []content.Entry
	for i, text := range texts {
		kept, err := on.Job(job).PutFrom(strings.NewReader(text), s.random, 0)
		if err != nil {
			s.errs = append(s.errs, err)
			return first
		}
		if i == 0 {
			first = kept
		}
		all = append(all, kept.Entry)
	}
	e := naming(t, job, all[0], all[1:]...)
	for _, name := range content.Names(e) {
		if s.erased[name] { // it is put again: until that is acknowledged, it is there or not
			delete(s.erased, name)
			s.unsure[name] = true
		}
	}
	if err := on.Sync(t.Context(), []ledger.Event{e}); err != nil {
		s.errs = append(s.errs, err)
		return first
	}
	for _, name := range content.Names(e) {
		delete(s.unsure, name)
	}
	s.acked = append(s.acked, e)
	return first
}

func (s *story) erase(on *content.Store, job string, e content.Salted) {
	if e.Digest.IsZero() {
		return
	}
	if err := on.EraseOf(job, e.Digest); err != nil {
		s.errs = append(s.errs, err)
		s.unsure[content.Name{Owner: content.OwnerOf(job), Digest: e.Digest}] = true
		return
	}
	s.erased[content.Name{Owner: content.OwnerOf(job), Digest: e.Digest}] = true
}

// tell tells the story: content small and large of two jobs, named, named again, erased, put
// again and collected, with some that no event names.
func (s *story) tell(t *testing.T, on *content.Store) {
	large := strings.Repeat("large ", 20_000)
	a := s.put(t, on, "job_1", "one", large)
	s.put(t, on, "job_2", "two", "three")
	if _, err := on.Job("job_2").PutFrom(strings.NewReader("not named"), s.random, 0); err != nil {
		s.errs = append(s.errs, err)
	}
	s.erase(on, "job_1", a)
	s.put(t, on, "job_1", "four")
	s.put(t, on, "job_1", "one")
	if _, err := on.Collect(s.named(), 0); err != nil {
		s.errs = append(s.errs, err)
	}
	b := s.put(t, on, "job_3", "five")
	s.erase(on, "job_3", b)
	s.put(t, on, "job_2", "six", "seven")
	c := s.put(t, on, "job_2", "eight", large, "nine")
	s.put(t, on, "job_1", "one", "ten")
	s.erase(on, "job_2", c)
	s.put(t, on, "job_2", "eight", "six")
	if err := on.Close(); err != nil {
		s.errs = append(s.errs, err)
	}
}

func (s *story) named() *content.Named {
	var named content.Named
	for _, e := range s.acked {
		named.Add(e)
	}
	return &named
}

// check reports what is wrong with a disk on which the story was told: what was acknowledged
// must be there, what was erased must not, and nothing under its name may be damaged.
func (s *story) check(t *testing.T, d memDisk) error {
	if err := s.checkKept(t, d); err != nil {
		return fmt.Errorf("before a process has written: %w", err)
	}
	on := content.OpenOn(memDir, d)
	// The next process goes on.
	next := newStory()
	if next.put(t, on, "job_1", "next", "next but one"); len(next.errs) > 0 {
		return fmt.Errorf("putting once more: %w", errors.Join(next.errs...))
	}
	if err := s.checkKept(t, d); err != nil {
		return fmt.Errorf("after a process has written: %w", err)
	}
	if err := s.checkKept(t, d.cut(0, 1)); err != nil {
		return fmt.Errorf("after a process has written, and a power cut: %w", err)
	}
	return nil
}

func (s *story) checkKept(t *testing.T, d memDisk) error {
	on := content.OpenOn(memDir, d)
	for _, e := range s.acked {
		for _, name := range content.Names(e) {
			if s.unsure[name] {
				continue
			}
			r, err := on.Of(name.Owner).Get(name.Digest, false)
			switch {
			case s.erased[name] && err == nil:
				r.Close()
				return fmt.Errorf("%s was erased and is there", name.Digest)
			case s.erased[name]:
			case err != nil:
				return fmt.Errorf("%s was acknowledged: %w", name.Digest, err)
			default:
				r.Close()
			}
			if _, ok, err := on.Of(name.Owner).Secret(); !ok || err != nil {
				return fmt.Errorf("the secret of an acknowledged content: %t, %w", ok, err)
			}
		}
	}
	all, err := on.Carry()
	if err != nil {
		return err
	}
	for _, c := range all {
		r, err := on.OpenCarried(c)
		if err != nil {
			return fmt.Errorf("%s has its name and is not whole: %w", c.Path(), err)
		}
		r.Close()
	}
	return nil
}

// The power is cut at each call that changes the disk. Whatever part of what was not synced
// is left, all that was acknowledged is there, and what was erased is not.
func TestPowerCuts(t *testing.T) {
	for how, open := range ways {
		t.Run(how, func(t *testing.T) { powerCuts(t, open) })
	}
}

// ways are the ways to keep small contents of a batch: files alone, and the journal.
var ways = map[string]func(string, content.Disk) *content.Store{"files": content.OpenOn, "journal": content.OpenJournaled}

func powerCuts(t *testing.T, open func(string, content.Disk) *content.Store) {
	whole := &faultyDisk{Disk: newMemDisk()}
	s := newStory()
	s.tell(t, open(memDir, whole))
	if len(s.errs) > 0 || len(s.acked) != 9 {
		t.Fatalf("without a cut: %d acknowledged, %v", len(s.acked), s.errs)
	}
	for at := 1; at <= whole.calls+1; at++ {
		d := newMemDisk()
		s := newStory()
		s.tell(t, open(memDir, &faultyDisk{Disk: d, at: at, all: true, err: syscall.EIO}))
		for seed, percent := range []int{0, 30, 70, 100} {
			if err := s.check(t, d.cut(percent, uint64(at*10+seed))); err != nil {
				t.Errorf("power cut at call %d, %s, with %d%% of what was not synced: %v", at, whole.names[min(at, whole.calls)-1], percent, err)
			}
		}
	}
}

// A process is killed at each call, and another one goes on with what it finds, durable or
// not. What it acknowledges is there after a power cut.
func TestKilledAndThenCut(t *testing.T) {
	whole := &faultyDisk{Disk: newMemDisk()}
	s := newStory()
	s.put(t, content.OpenOn(memDir, whole), "job_1", "one", "two")
	event := s.acked[0]
	named := 0
	for at := 1; at <= whole.calls+1; at++ {
		d := newMemDisk()
		killed := newStory()
		killed.put(t, content.OpenOn(memDir, &faultyDisk{Disk: d, at: at, all: true, err: syscall.EIO}), "job_1", "one", "two")
		after := content.OpenOn(memDir, d)
		err := after.Sync(t.Context(), []ledger.Event{event})
		switch {
		case errors.Is(err, ledger.ErrContentMissing):
			continue
		case err != nil:
			t.Errorf("killed at call %d: Sync = %v", at, err)
			continue
		}
		named++
		again := newStory()
		again.acked = []ledger.Event{event}
		if err := again.check(t, d.cut(0, uint64(at))); err != nil {
			t.Errorf("killed at call %d, %s, and the power cut later: %v", at, whole.names[min(at, whole.calls)-1], err)
		}
	}
	if named < 3 {
		t.Errorf("in %d cases the content had its name, want some before it was synced", named)
	}
}

// Each call fails once. Nothing is acknowledged that is not durable, and no failure is taken
// for success later.
func TestEachCallFails(t *testing.T) {
	for how, open := range ways {
		t.Run(how, func(t *testing.T) { eachCallFails(t, how, open) })
	}
}

func eachCallFails(t *testing.T, how string, open func(string, content.Disk) *content.Store) {
	whole := &faultyDisk{Disk: newMemDisk()}
	newStory().tell(t, open(memDir, whole))
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for at := 1; at <= whole.calls; at++ {
			d := newMemDisk()
			s := newStory()
			s.tell(t, open(memDir, &faultyDisk{Disk: d, at: at, err: cause}))
			name := whole.names[at-1]
			retried := name == "create" || name == "write" || name == "rename" // as a journal is ended
			if len(s.errs) == 0 && name != "remove" && (how == "files" || !retried) {
				t.Errorf("call %d, %s, fails with %v, and nothing says so", at, name, cause)
			}
			for _, err := range s.errs {
				if _, broken := errors.AsType[*content.SyncError](err); !broken && !errors.Is(err, cause) && !errors.Is(err, ledger.ErrContentMissing) {
					t.Errorf("call %d, %s: %v", at, name, err)
				}
			}
			for _, percent := range []int{0, 50} {
				if err := s.check(t, d.cut(percent, uint64(at))); err != nil {
					t.Errorf("call %d, %s, fails with %v, and the power is cut: %v", at, name, cause, err)
				}
			}
		}
	}
}
