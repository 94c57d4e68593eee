package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/store"
)

// A Subject is a log under test.
type Subject struct {
	Log   ledger.Log
	Store *store.Log // to append to: Log itself, or the log that Log shows

	// Renew makes Log show what was appended to Store; nil if Log does so by itself.
	Renew func(t *testing.T)
}

// TestLog tests that a log does what package ledger says. newLog returns a log of
// one event, signed by the Key of Origin.
func TestLog(t *testing.T, newLog func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, *subject){
		"Head": testHead, "Events": testEvents, "Jobs": testJobs, "Authority": testAuthority, "Calls": testCalls, "Load": testLoad, "Proofs": testProofs, "Files": testFiles,
		"Rotations": testRotations, "Cosigned": testCosigned, "Views": testViews, "Verify": testVerify, "Rebuild": testRebuild, "FalseIndex": testFalseIndex, "Index": testIndex, "Committed": testCommitted,
		"Batch": testBatch, "Tagged": testTagged, "Conflict": testConflict, "Overtaken": testOvertaken, "Context": testContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, &subject{Subject: newLog(t)}) })
	}
}

// A subject is a Subject and the events that it should have.
type subject struct {
	Subject
	events []ledger.Event
}

// add appends specs, renews the log, and reads the events that it should have now.
func (s *subject) add(t *testing.T, specs ...EventSpec) {
	t.Helper()
	if len(specs) > 0 {
		Append(t, s.Store, specs...)
	}
	s.renew(t)
	s.events = read(t, s.Store.Events(t.Context(), 0))
}

func (s *subject) renew(t *testing.T) {
	t.Helper()
	if s.Renew != nil {
		s.Renew(t)
	}
}

// fill appends what most tests read: two jobs, and five events in all with event 0.
func (s *subject) fill(t *testing.T) {
	t.Helper()
	a, b := Submit("job_a"), Submit("job_b")
	a.RequestID, a.View, b.View = "request_1", []byte("view of a"), []byte("view of b")
	last := step("job_a", 2)
	last.RequestID, last.View = "request_2", []byte("view of a, later")
	s.add(t, a, b, step("job_a", 1), last)
}

// step returns the spec of the n-th checkpoint of a job, as the rules of jobs allow it.
func step(job string, n int64) EventSpec {
	d := Progress(job, fmt.Sprint("step ", n))
	p := d.Payload.(ledger.CheckpointAdded)
	p.CheckpointID = ledger.CheckpointID(n)
	d.Payload = p
	return d
}

// same fails if a range does not yield the wanted events each time it is ranged over.
func same(t *testing.T, what string, got ledger.Events, want ...ledger.Event) {
	t.Helper()
	equal := func(x, y ledger.Event) bool { return bytes.Equal(x.Bytes(), y.Bytes()) }
	if all := readTwice(t, got); !slices.EqualFunc(all, want, equal) {
		t.Errorf("%s gives %d events, want %d", what, len(all), len(want))
	}
}

func testHead(t *testing.T, s *subject) {
	changed := s.Log.Changed()
	s.fill(t)
	last := s.events[len(s.events)-1]
	want := ledger.HeadAfter(last)
	if got := s.Log.Head(); got != want {
		t.Errorf("Head = %+v, want %+v", got, want)
	}
	c, signed := s.Log.Checkpoint()
	if opened, err := s.Log.Keys().Open(signed); err != nil || opened != c || c.Size != want.Size {
		t.Errorf("Checkpoint is of %d events and opens as %+v, %v, want %d events", c.Size, opened, err, want.Size)
	}
	if s.Log.Origin() != Origin || s.Log.Keys().Current() != Key(Origin).VerifierKey() || s.Log.Imported() {
		t.Errorf("the log of %s is signed by %s, imported: %t", s.Log.Origin(), s.Log.Keys().Current(), s.Log.Imported())
	}
	if changed == nil { // the log never grows by itself
		return
	}
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Error("Changed does not tell of new events")
	}
}

func testEvents(t *testing.T, s *subject) {
	s.fill(t)
	ctx, size := t.Context(), len(s.events)
	for from := range size + 2 {
		same(t, fmt.Sprintf("Events(%d)", from), s.Log.Events(ctx, ledger.Seq(from)), s.events[min(from, size):]...)
	}
	for range s.Log.Events(ctx, 0) {
		break // the caller may stop early
	}
	for i, want := range s.events {
		if e, err := s.Log.Event(ctx, ledger.Seq(i)); err != nil || !bytes.Equal(e.Bytes(), want.Bytes()) {
			t.Errorf("Event(%d) = %s, %v", i, e.Bytes(), err)
		}
	}
	for _, seq := range []ledger.Seq{-1, ledger.Seq(size)} {
		if _, err := s.Log.Event(ctx, seq); err == nil {
			t.Errorf("Event(%d) of %d events does not fail", seq, size)
		}
	}
	same(t, "JobEvents of job_a", s.Log.JobEvents(ctx, "job_a", 1), s.events[1], s.events[3], s.events[4])
	same(t, "JobEvents of job_a from 3", s.Log.JobEvents(ctx, "job_a", 3), s.events[4])
	same(t, "JobEvents after the end", s.Log.JobEvents(ctx, "job_a", 4))
	same(t, "JobEvents of no job", s.Log.JobEvents(ctx, "job_c", 1))
}

func testJobs(t *testing.T, s *subject) {
	s.add(t, Submit("b"), Submit("a-"), Submit("B"), Submit("a"), Submit("a.1"))
	ids := func(after string) (all []string) {
		for entry, err := range s.Log.Jobs(t.Context(), after) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, entry.ID)
		}
		return all
	}
	for after, want := range map[string][]string{"": {"B", "a", "a-", "a.1", "b"}, "a": {"a-", "a.1", "b"}, "a-x": {"a.1", "b"}, "b": nil} {
		if got := ids(after); !slices.Equal(got, want) {
			t.Errorf("Jobs(%q) = %q, want %q", after, got, want)
		}
	}
}

func testLoad(t *testing.T, s *subject) {
	s.fill(t)
	found, err := s.Log.Load(t.Context(), []string{"job_a", "job_c", "job_b"}, []string{"request_3", "request_2", "request_1"})
	if err != nil {
		t.Fatal(err)
	}
	a, b := s.events[4], s.events[2]
	want := map[string]ledger.JobEntry{
		"job_a": {ID: "job_a", Head: ledger.JobHead{JobSeq: 3, Leaf: a.LeafHash(), Revision: a.Revision(), Seq: a.Seq(), Time: a.Time()}, View: []byte("view of a, later")},
		"job_b": {ID: "job_b", Head: ledger.JobHead{JobSeq: 1, Leaf: b.LeafHash(), Revision: b.Revision(), Seq: b.Seq(), Time: b.Time()}, View: []byte("view of b")},
	}
	if diff := cmp.Diff(want, found.Jobs); diff != "" {
		t.Errorf("Load finds jobs (-want +got):\n%s", diff)
	}
	for id, want := range map[string]ledger.Event{"request_1": s.events[1], "request_2": s.events[4]} {
		if got := found.Requests[id]; !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("Load finds for %s event %s, want %s", id, got.Bytes(), want.Bytes())
		}
	}
	if len(found.Requests) != 2 {
		t.Errorf("Load finds %d requests, want 2", len(found.Requests))
	}
	if found, err := s.Log.Load(t.Context(), nil, nil); err != nil || len(found.Jobs)+len(found.Requests) != 0 {
		t.Errorf("Load of nothing = %v, %v", found, err)
	}
	for entry, err := range s.Log.Jobs(t.Context(), "") {
		if diff := cmp.Diff(want[entry.ID], entry); err != nil || diff != "" {
			t.Errorf("Jobs lists %s, %v (-want +got):\n%s", entry.ID, err, diff)
		}
	}
}

func testProofs(t *testing.T, s *subject) {
	s.add(t, Submit("job_a"))
	old, oldSigned := s.Log.Checkpoint()
	s.fillMore(t)
	ctx := t.Context()
	c, signed := s.Log.Checkpoint()
	for i, e := range s.events {
		p, err := ledger.NewestProof(ctx, s.Log, e.Seq())
		if err == nil {
			err = p.Check(e.LeafHash(), c)
		}
		if err != nil {
			t.Errorf("the proof of event %d: %v", i, err)
		}
		size := int64(i + 1)
		root, err := s.Log.RootAt(ctx, size)
		if err != nil {
			t.Fatalf("RootAt(%d) = %v", size, err)
		}
		path, err := s.Log.ConsistencyIn(ctx, signed, size)
		if err == nil {
			err = ledger.CheckConsistency(path, ledger.Checkpoint{Origin: Origin, Size: size, Root: root}, c)
		}
		if err != nil {
			t.Errorf("the proof that the tree of %d grew to %d: %v", size, c.Size, err)
		}
	}
	p, err := s.Log.ProofIn(ctx, oldSigned, 1)
	if err != nil || p.Check(s.events[1].LeafHash(), old) != nil {
		t.Errorf("ProofIn an older checkpoint = %v, %v", p, err)
	}
	for what, err := range map[string]error{
		"ProofIn of an event to come": second(s.Log.ProofIn(ctx, oldSigned, ledger.Seq(old.Size))),
		"ProofIn a note":              second(s.Log.ProofIn(ctx, []byte("a note"), 0)),
		"ConsistencyIn of more":       second(s.Log.ConsistencyIn(ctx, oldSigned, old.Size+1)),
		"RootAt of more":              second(s.Log.RootAt(ctx, c.Size+1)),
	} {
		if err == nil {
			t.Errorf("%s does not fail", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// fillMore appends events of job_a.
func (s *subject) fillMore(t *testing.T) {
	t.Helper()
	for i := range 6 {
		s.add(t, step("job_a", int64(i)+1))
	}
}

func testFiles(t *testing.T, s *subject) {
	s.fill(t)
	var leaves, bundle []byte
	for _, e := range s.events {
		leaf := e.LeafHash()
		leaves, bundle = append(leaves, leaf[:]...), ledger.AppendEntry(bundle, e)
	}
	width := len(s.events)
	for name, want := range map[ledger.TileName][]byte{{Width: width}: leaves, {Width: 2}: leaves[:64], {Entries: true, Width: width}: bundle} {
		if got, err := s.Log.File(t.Context(), name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("File(%s) = %x, %v, want %x", name, got, err, want)
		}
	}
	if _, err := s.Log.File(t.Context(), ledger.TileName{Width: width + 1}); err == nil {
		t.Error("File of a tile with an event to come does not fail")
	}
}

func testRotations(t *testing.T, s *subject) {
	s.fill(t)
	if all, err := s.Log.Rotations(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("Rotations = %v, %v, want none", all, err)
	}
	Rotate(t, s.Store, 1)
	s.fillMore(t)
	all, err := s.Log.Rotations(t.Context())
	if err != nil || len(all) != 1 || all[0].Check() != nil || s.Log.Keys().Current() != KeyAfter(Origin, 1).VerifierKey() {
		t.Errorf("Rotations = %v, %v; the key in force is %s", all, err, s.Log.Keys().Current())
	}
}

func testCosigned(t *testing.T, s *subject) {
	s.fill(t)
	ctx := t.Context()
	a, b := NewWitness("a.example"), NewWitness("b.example")
	old, oldSigned := s.Log.Checkpoint()
	s.keep(t, b, oldSigned)
	s.keep(t, a, oldSigned)
	s.fillMore(t)
	newest, signed := s.Log.Checkpoint()
	s.keep(t, a, signed)
	all, err := s.Log.Cosigned(ctx)
	if err != nil || len(all) != 2 || all[0].Key != a.Key || all[0].Checkpoint != newest || all[1].Key != b.Key || all[1].Checkpoint != old {
		t.Errorf("Cosigned = %v, %v, want %s at %d and %s at %d", all, err, a.Key, newest.Size, b.Key, old.Size)
	}
	if note, err := ledger.NewestCosigned(ctx, s.Log); err != nil || string(note) != string(signed)+a.Line(signed, Start) {
		t.Errorf("NewestCosigned = %q, %v", note, err)
	}
	fork, err := ledger.Checkpoint{Origin: Origin, Size: old.Size, Root: newest.Root}.Sign(Key(Origin))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Log.Keep(ctx, fork, a.cosignature(t, fork)); err == nil {
		t.Error("Keep takes a checkpoint of another history")
	}
}

// keep makes the log keep a witness's cosignature.
func (s *subject) keep(t *testing.T, w Witness, signed []byte) {
	t.Helper()
	if err := s.Log.Keep(t.Context(), signed, w.cosignature(t, signed)); err != nil {
		t.Fatalf("Keep = %v", err)
	}
}

func (w Witness) cosignature(t *testing.T, signed []byte) ledger.Cosignature {
	t.Helper()
	by, err := ledger.Cosignatures([]byte(string(signed)+w.Line(signed, Start)), []ledger.WitnessKey{w.Key})
	if err != nil || len(by) != 1 {
		t.Fatalf("cosigning: %v, %v", by, err)
	}
	return by[0]
}

func testVerify(t *testing.T, s *subject) {
	s.fill(t)
	ctx := t.Context()
	var seen []ledger.Event
	var done, total int64
	err := s.Log.Verify(ctx, func(e ledger.Event) error { seen = append(seen, e); return nil },
		func(d, of int64) error { done, total = d, of; return nil })
	if err != nil || len(seen) != len(s.events) || done != total || total != int64(len(s.events)) {
		t.Errorf("Verify = %v, passed on %d events and came to %d of %d, want %d", err, len(seen), done, total, len(s.events))
	}
	if err := s.Log.Verify(ctx, nil, nil); err != nil {
		t.Errorf("Verify with nothing to call = %v", err)
	}
	enough := errors.New("enough")
	if err := s.Log.Verify(ctx, func(ledger.Event) error { return enough }, nil); !errors.Is(err, enough) {
		t.Errorf("Verify = %v, want the error of use", err)
	}
	if err := s.Log.Verify(ctx, nil, func(int64, int64) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Verify = %v, want the error of progress", err)
	}
}

// testRebuild tests that Rebuild says that nothing differed, and reports its progress.
func testRebuild(t *testing.T, s *subject) {
	s.fill(t)
	var done, total int64
	found, err := s.Log.Rebuild(t.Context(), func(d, of int64) error { done, total = d, of; return nil })
	if err != nil || found.Jobs != 2 || !found.Same() || done != total || total != int64(len(s.events)) {
		t.Errorf("Rebuild = %+v, %v, and came to %d of %d, want 2 jobs and nothing that differed", found, err, done, total)
	}
	if _, err := s.Log.Rebuild(t.Context(), nil); err != nil {
		t.Errorf("Rebuild with nothing to call = %v", err)
	}
	enough := errors.New("enough")
	if _, err := s.Log.Rebuild(t.Context(), func(int64, int64) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Rebuild = %v, want the error of progress", err)
	}
}

// testContext tests that calls that wait for an answer end with their context.
func testContext(t *testing.T, s *subject) {
	s.fill(t)
	_, signed := s.Log.Checkpoint()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range map[string]error{
		"Load":           second(s.Log.Load(ctx, []string{"job_a"}, nil)),
		"Load of a call": second(s.Log.Load(ctx, nil, nil, ledger.CallID{Job: "job_a", Call: "call-1"})),
		"Event":          second(s.Log.Event(ctx, 1)),
		"Events":         firstError(s.Log.Events(ctx, 0)),
		"JobEvents":      firstError(s.Log.JobEvents(ctx, "job_a", 1)),
		"Jobs":           firstError(s.Log.Jobs(ctx, "")),
		"Authority":      firstError(s.Log.AuthorityEvents(ctx)),
		"ProofIn":        second(s.Log.ProofIn(ctx, signed, 1)),
		"ConsistencyIn":  second(s.Log.ConsistencyIn(ctx, signed, 3)),
		"RootAt":         second(s.Log.RootAt(ctx, 3)),
		"File":           second(s.Log.File(ctx, ledger.TileName{Width: 3})),
		"Cosigned":       second(s.Log.Cosigned(ctx)),
		"IndexAt":        third(s.Log.IndexAt(ctx, 3, ledger.JobKey("job_a"))),
		"ReplaceViews":   s.Log.ReplaceViews(ctx, func(func(ledger.JobView, error) bool) {}),
		"Verify":         s.Log.Verify(ctx, nil, nil),
		"Rebuild":        second(s.Log.Rebuild(ctx, nil)),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after its context has ended = %v, want the context's error", what, err)
		}
	}
	if found, err := s.Log.Load(t.Context(), []string{"job_a"}, nil); err != nil || found.Jobs["job_a"].View == nil {
		t.Errorf("ReplaceViews after its context has ended left %v, %v", found, err)
	}
}

func firstError[T any](all iter.Seq2[T, error]) error {
	for _, err := range all {
		return err
	}
	return nil
}
