package commands_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

func commitIndex() commands.Request { return commands.Request{Command: commands.CommitIndex{}} }

// events returns all events of the bench's log.
func (b *bench) events() (events []ledger.Event) {
	b.t.Helper()
	for e, err := range b.log.Events(b.t.Context(), 0) {
		if err != nil {
			b.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// commits requires a commitment to the index of the events before it.
func (b *bench) commits(r commands.Result) {
	b.t.Helper()
	events := b.events()
	seq := int(r.Event.Seq())
	p, ok := r.Event.Payload().(ledger.IndexCommitted)
	if !ok || seq >= len(events) || events[seq].LeafHash() != r.Event.LeafHash() {
		b.t.Fatalf("the answer is event %d, %s, of %d", seq, r.Event.Type(), len(events))
	}
	if want := ledgertest.IndexRoot(events[:seq]); p.Index != want || r.Event.Actor() != "gait" {
		b.t.Errorf("event %d commits to %s, by %s, want %s, by gait", seq, p.Index, r.Event.Actor(), want)
	}
	if r.Receipt.Seq != r.Event.Seq() || r.Receipt.Leaf != r.Event.LeafHash() || r.Receipt.TreeSize <= int64(seq) {
		b.t.Errorf("the receipt of event %d is %+v", seq, r.Receipt)
	}
}

// A commitment is written once, as long as no event follows it.
func TestCommitIndex(t *testing.T) {
	b := newBench(t)
	do := func(r commands.Request) commands.Result {
		t.Helper()
		result, err := b.engine.Do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	dry := commitIndex()
	dry.DryRun = true
	if r := do(dry); r.Event.Type() != ledger.TypeIndexCommitted || b.size() != 1 {
		t.Errorf("a dry run gives %s and leaves %d events", r.Event.Type(), b.size())
	}
	first := do(commitIndex()) // of no keys
	b.commits(first)
	b.must(submit())
	second := do(commitIndex())
	b.commits(second)
	if first.Replayed || second.Replayed || b.size() != 4 {
		t.Errorf("after a job event there are %d events, want another commitment", b.size())
	}
	for _, again := range []commands.Result{do(commitIndex()), do(dry)} {
		b.commits(again)
		if !again.Replayed || again.Event.Seq() != second.Event.Seq() || again.Receipt.Checkpoint != nil || b.size() != 4 {
			t.Errorf("again: event %d, replayed: %t, and %d events, want event %d again", again.Event.Seq(), again.Replayed, b.size(), second.Event.Seq())
		}
	}
	other := &commands.Engine{Log: b.log, Now: b.engine.Now, Entropy: rand.NewChaCha8([32]byte{1})}
	if r, err := other.Do(t.Context(), commitIndex()); err != nil || !r.Replayed || b.size() != 4 {
		t.Errorf("another engine writes event %d (%v)", r.Event.Seq(), err)
	}
	ledgertest.Check(t, b.log.Log)
}

// A commitment covers what was decided before it and is not durable yet, in its own
// batch and in the one that is being written.
func TestCommitIndexInABatch(t *testing.T) {
	s := newStage(t)
	s.start(t.Context(), progress(0))
	<-s.began
	var all []*outcomes
	for _, r := range []commands.Request{progress(1), commitIndex(), progress(2), progress(3), commitIndex()} {
		all = append(all, s.begin(t, r))
	}
	again := s.enqueue(t, commitIndex())
	s.through <- struct{}{}
	if n := <-s.began; n != 5 {
		t.Errorf("the batch has %d events, want 5", n)
	}
	s.through <- struct{}{}
	s.wait.Wait()
	for i, o := range append(all, again) {
		if o.errs[0] != nil {
			t.Fatalf("command %d: %v", i, o.errs[0])
		}
	}
	for _, o := range []*outcomes{all[1], all[4], again} {
		s.commits(o.results[0])
	}
	if !again.results[0].Replayed || again.results[0].Event.Seq() != all[4].results[0].Event.Seq() {
		t.Errorf("the last of them gives event %d, replayed: %t", again.results[0].Event.Seq(), again.results[0].Replayed)
	}
	s.log.check(t)
}

// begin is start for a request about the ledger too.
func (s *stage) begin(t *testing.T, r commands.Request) *outcomes {
	t.Helper()
	if commands.RowOf(r.Command).OfLedger {
		o := s.enqueue(t, r)
		<-s.decided
		return o
	}
	return s.start(t.Context(), r)
}

// enqueue carries a request out in a goroutine, and returns once it waits or was
// taken from the queue.
func (s *stage) enqueue(t *testing.T, r commands.Request) *outcomes {
	t.Helper()
	o := &outcomes{results: make([]commands.Result, 1), errs: make([]error, 1)}
	s.wait.Go(func() { o.results[0], o.errs[0] = s.engine.Do(t.Context(), r) })
	return o
}

// If another writer appends first, a commitment is decided again: it would not be that
// of the events before it.
func TestCommitIndexIsDecidedAgain(t *testing.T) {
	s := newStage(t)
	all := s.begin(t, commitIndex())
	<-s.began
	s.log.onCommit = nil
	other := &commands.Engine{Log: s.log, Now: newBench(t).engine.Now, Entropy: rand.NewChaCha8([32]byte{1})}
	if _, err := other.Do(t.Context(), commands.Request{JobID: "job_1", Actor: "boss", Command: commands.Pause{}}); err != nil {
		t.Fatal(err)
	}
	s.through <- struct{}{}
	s.wait.Wait()
	if all.errs[0] != nil {
		t.Fatal(all.errs[0])
	}
	s.commits(all.results[0])
	s.log.check(t)
}

// If its batch is lost, a commitment is not acknowledged, and the next one is made of
// what is there.
func TestCommitIndexOfAFailedBatch(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	b.log.fail = []error{ledger.ErrOutcomeUnknown}
	if _, err := b.engine.Do(t.Context(), commitIndex()); !errors.Is(err, ledger.ErrOutcomeUnknown) {
		t.Errorf("a commitment whose batch failed = %v", err)
	}
	r, err := b.engine.Do(t.Context(), commitIndex())
	if err != nil || r.Replayed {
		t.Fatalf("the next one = event %d, %v", r.Event.Seq(), err)
	}
	b.commits(r)
	b.log.check(t)
}

// A commitment to another index, which only the key's holder can write, is not taken
// for one.
func TestCommitIndexAfterAFalseOne(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	r := ledgertest.Append(t, b.log.Log, ledgertest.EventSpec{Payload: ledger.IndexCommitted{Index: one}})
	_, err := b.engine.Do(t.Context(), commitIndex())
	if x, ok := errors.AsType[*ledger.IndexError](err); !ok || !x.Signed || x.Seq != r.Seq || b.size() != 3 {
		t.Errorf("after a false commitment: %v, and %d events, want an *IndexError about event %d", err, b.size(), r.Seq)
	}
}

// A command about the ledger takes nothing that only commands for jobs have.
func TestCommitIndexTakesNothing(t *testing.T) {
	b := newBench(t)
	revision := int64(1)
	for field, r := range map[string]commands.Request{
		"job_id": {JobID: "job_1"}, "actor": {Actor: "worker_1"}, "reason": {Reason: "why"}, "request_id": {RequestID: "r1"}, "if_revision": {IfRevision: &revision},
	} {
		r.Command = commands.CommitIndex{}
		_, err := b.engine.Do(t.Context(), r)
		e, ok := errors.AsType[*ledger.FieldError](err)
		if !ok || e.Field != field {
			t.Errorf("with %s: %v", field, err)
		}
	}
	if b.size() != 1 {
		t.Errorf("%d events were written", b.size()-1)
	}
}
