package ledger_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
)

func TestIndexKeys(t *testing.T) {
	for got, want := range map[mpt.Key]string{
		ledger.JobKey("a"):       "0430a618c0924c25819548b5266219ed626fecae9daea8b537b5b62d200ad955",
		ledger.JobKey("b"):       "ad2c107f8a84aed218d0bc0593262062eed58413050c1291e33eef0a0d04400a",
		ledger.RequestKey("r1"):  "dfdfd1a2cfa617b4aa69d2b9b1c91df723674a2e0a281719c1ef7275a91abc86",
		ledger.CallKey("a", "b"): mpt.Key(hashOf("call/a\x00b")).String(),
		ledger.AuthorityKey:      mpt.Key(hashOf("authority")).String(),
	} {
		if got.String() != want {
			t.Errorf("the key is %s, want %s", got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { ledger.RequestKey("a request id") }); n > 0 {
		t.Errorf("a key costs %v allocations", n)
	}
}

func TestIndexEntries(t *testing.T) {
	step, full := seal(t, eventOf(ledger.Paused{})), seal(t, fullEvent())
	turn := eventOf(ledger.KeyRotated{Key: vkeyText, Previous: "old"})
	turn.RequestID, turn.RequestDigest = "req-2", hashOf("request")
	for _, tt := range []struct {
		event ledger.Event
		keys  []mpt.Key
	}{
		{step, []mpt.Key{ledger.JobKey("job_1")}},
		{full, []mpt.Key{ledger.JobKey("job_1"), ledger.RequestKey("req-1")}},
		{seal(t, turn), []mpt.Key{ledger.RequestKey("req-2")}},
		{seal(t, signedByTwo()), []mpt.Key{ledger.RequestKey("req-1"), ledger.AuthorityKey}},
		{seal(t, signedEvent()), []mpt.Key{ledger.JobKey("job_1"), ledger.RequestKey("req-1")}},
		{seal(t, eventOf(ledger.IndexCommitted{Index: hashOf("index")})), nil},
	} {
		var keys []mpt.Key
		for _, entry := range ledger.IndexEntries(tt.event) {
			keys = append(keys, entry.Key)
			if entry.Value != mpt.Value(tt.event.LeafHash()) || entry.Remove {
				t.Errorf("%s sets %+v", tt.event.Type(), entry)
			}
		}
		if !slices.Equal(keys, tt.keys) {
			t.Errorf("%s sets %v, want %v", tt.event.Type(), keys, tt.keys)
		}
	}
}

// golden returns the events of a golden ledger that holds commitments.
func golden(t testing.TB) []ledger.Event {
	t.Helper()
	return goldenOf(t, "../fixtures/ledgers/1.2.0/events.jsonl")
}

// goldenOf returns the events of a file.
func goldenOf(t testing.TB, name string) (events []ledger.Event) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		e, err := ledger.Decode(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// foldAll adds events to a fold until one fails.
func foldAll(events []ledger.Event) (ledger.IndexFold, error) {
	var f ledger.IndexFold
	for _, e := range events {
		if err := f.Add(e); err != nil {
			return f, err
		}
	}
	return f, nil
}

// Every commitment of the golden ledger holds. If one is changed, or an event before
// it, the error names the commitment.
func TestIndexFold(t *testing.T) {
	events := golden(t)
	f, err := foldAll(events)
	if err != nil || f.Root() != ledgertest.IndexRoot(events) || f.Size() != int64(len(events)) {
		t.Fatalf("the fold of %d events has %d and root %s (%v), want %s", len(events), f.Size(), f.Root(), err, ledgertest.IndexRoot(events))
	}
	commitments := 0
	for i, e := range events {
		if e.Type() != ledger.TypeIndexCommitted {
			continue
		}
		commitments++
		d := e.Draft()
		d.Payload = ledger.IndexCommitted{Index: hashOf("another")}
		_, err := foldAll(append(slices.Clone(events[:i]), seal(t, d)))
		if x, ok := errors.AsType[*ledger.IndexError](err); !ok || x.Seq != e.Seq() || !x.Signed {
			t.Errorf("a false commitment at %d: %v, want an *IndexError that names it", i, err)
		}
		if i < 3 {
			continue
		}
		before := changedActor(t, events[:i+1])
		_, err = foldAll(before)
		if x, ok := errors.AsType[*ledger.IndexError](err); !ok || x.Seq != e.Seq() || !x.Signed {
			t.Errorf("a changed event before the commitment at %d: %v, want an *IndexError that names it", i, err)
		}
	}
	if commitments != 4 {
		t.Errorf("the golden ledger has %d commitments, want 4", commitments)
	}
	_, err = foldAll(slices.Delete(slices.Clone(events), 7, 8))
	wantCorrupt(t, err, 7)
}

// changedActor returns events, of which the last one before the commitment at the
// end that belongs to a job has another actor. The links to it are not mended.
func changedActor(t testing.TB, events []ledger.Event) []ledger.Event {
	t.Helper()
	events = slices.Clone(events)
	for i, e := range slices.Backward(events) {
		if e.JobID() != "" {
			d := e.Draft()
			d.Actor = "somebody"
			events[i] = seal(t, d)
			return events
		}
	}
	t.Fatal("no event of a job")
	return nil
}

// A request id occurs once in a ledger: before a commitment and after it.
func TestRequestIDTwice(t *testing.T) {
	event := func(seq int, p ledger.Payload, request string) ledger.Event {
		d := eventOf(p)
		d.Seq, d.Prev = ledger.Seq(seq), ledger.Hash{}
		if seq > 0 {
			d.Prev = hashOf("prev")
		}
		if request != "" {
			d.RequestID, d.RequestDigest = request, hashOf(request)
		}
		return seal(t, d)
	}
	events := []ledger.Event{event(0, ledger.LedgerCreated{Format: 1, Key: vkeyText}, ""), event(1, ledger.Paused{}, "r1"), event(2, ledger.Paused{}, "r2")}
	_, err := foldAll(append(events, event(3, ledger.Paused{}, "r1")))
	wantCorrupt(t, err, 3)
	root := ledgertest.IndexRoot(events)
	events = append(events, event(3, ledger.IndexCommitted{Index: root}, ""))
	_, err = foldAll(append(events, event(4, ledger.Paused{}, "r2")))
	wantCorrupt(t, err, 4)
	if _, err = foldAll(append(events, event(4, ledger.Paused{}, "r3"))); err != nil {
		t.Errorf("another request id: %v", err)
	}
	var used ledger.RequestIDs
	for _, e := range events {
		if err := used.Add(e); err != nil {
			t.Errorf("event %d: %v", e.Seq(), err)
		}
	}
	wantCorrupt(t, used.Add(event(9, ledger.Paused{}, "r2")), 9)
}

// A fold gives the same root wherever it is asked for it in between.
func TestIndexFoldIsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f ledger.IndexFold
		var events []ledger.Event
		newest := map[string]ledger.Hash{}
		for seq := range rapid.IntRange(0, 40).Draw(t, "events") {
			d := eventOf(ledger.Paused{})
			d.Seq, d.JobID = ledger.Seq(seq), rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "job")
			if rapid.IntRange(0, 4).Draw(t, "of authority") == 0 {
				d = signedByTwo()
				d.Seq, d.Prev, d.RequestID = ledger.Seq(seq), hashOf("prev"), "authority"+ledger.CheckpointID(int64(seq))
			}
			if d.JobID != "" && rapid.IntRange(0, 2).Draw(t, "about a call") == 0 {
				job, call := d.JobID, rapid.SampledFrom([]string{"x", "y"}).Draw(t, "call")
				d = granted(func(p *ledger.GateDecided) { p.CallID, p.CallPrev = call, newest[job+call] })
				d.Seq, d.JobID = ledger.Seq(seq), job
			}
			if d.Seq == 0 {
				d.Prev = ledger.Hash{}
			}
			if d.JobID != "" && rapid.Bool().Draw(t, "with a request id") {
				d.RequestID, d.RequestDigest = d.JobID+ledger.CheckpointID(int64(seq)), hashOf("request")
			}
			e, err := ledger.Seal(d)
			if err == nil {
				err = f.Add(e)
			}
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
			if call, is := ledger.CallOf(e.Payload()); is {
				newest[e.JobID()+call.ID] = e.LeafHash()
			}
			if rapid.Bool().Draw(t, "look") && f.Root() != ledgertest.IndexRoot(events) {
				t.Fatalf("after event %d the root is %s, want %s", seq, f.Root(), ledgertest.IndexRoot(events))
			}
		}
		if f.Root() != ledgertest.IndexRoot(events) {
			t.Fatalf("the root is %s, want %s", f.Root(), ledgertest.IndexRoot(events))
		}
	})
}
