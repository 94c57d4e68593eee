package packspec_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// committed returns a ledger of 303 events: that of long, one of each job with a
// request id, and a commitment to the index.
func committed(t testing.TB) *ledgertest.Ledger {
	t.Helper()
	l := long(t, 300)
	for i, job := range []string{"job_1", "job_2"} {
		ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: job, RequestID: "request_" + job, Payload: ledger.CheckpointAdded{
			CheckpointID: ledger.CheckpointID(int64(149 + i)), CheckpointType: ledger.CheckpointProgress, Summary: "step",
		}})
	}
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Payload: ledger.IndexCommitted{Index: ledgertest.IndexRoot(eventsOf(t, l.Log))}})
	return l
}

func eventsOf(t testing.TB, log ledger.EventReader) (events []ledger.Event) {
	t.Helper()
	for e, err := range log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// falsehoods are ledgers that only the holder of the key can make, and the event
// that a reader of all events finds false.
var falsehoods = []struct {
	name   string
	change func([]ledger.Event) []ledger.Event
	seq    ledger.Seq
	code   string
}{
	{"a false commitment", func(events []ledger.Event) []ledger.Event {
		return edited(events, 302, func(d *ledger.Draft) { d.Payload = ledger.IndexCommitted{Index: ledger.Hash{1}} })
	}, 302, finding.CodeIndex},
	{"a commitment to what was before the last event", func(events []ledger.Event) []ledger.Event {
		return edited(events, 302, func(d *ledger.Draft) {
			d.Payload = ledger.IndexCommitted{Index: ledgertest.IndexRoot(events[:301])}
		})
	}, 302, finding.CodeIndex},
	{"a request id twice", func(events []ledger.Event) []ledger.Event {
		return edited(events, 301, func(d *ledger.Draft) {
			d.RequestID, d.RequestDigest = events[300].RequestID(), events[300].RequestDigest()
		})
	}, 301, finding.CodeChain},
}

// dirOf returns the files of an export.
func dirOf(t testing.TB, src packspec.FileSource) fstest.MapFS {
	t.Helper()
	dir := fstest.MapFS{}
	err := packspec.Export(t.Context(), src, func(path string, content []byte) error {
		dir[path] = &fstest.MapFile{Data: content, Mode: 0o600}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A reader of all events of an export finds a false commitment and a request id
// that is used twice.
func TestFalseIndexInAnExport(t *testing.T) {
	l := committed(t)
	if err := holds(dirOf(t, l.Log), l.Key.VerifierKey()); err != nil {
		t.Fatalf("an honest export: %v", err)
	}
	for _, tt := range falsehoods {
		err := holds(dirOf(t, ledgertest.Forge(t, l.Key, ledgertest.Chain(t, tt.change(eventsOf(t, l.Log))...)...)), l.Key.VerifierKey())
		x, index := errors.AsType[*ledger.IndexError](err)
		c, corrupt := errors.AsType[*ledger.CorruptError](err)
		switch {
		case index && tt.code == finding.CodeIndex && x.Seq == tt.seq && x.Signed:
		case corrupt && tt.code == finding.CodeChain && c.Seq == tt.seq:
		default:
			t.Errorf("%s: %v, want an error that names event %d", tt.name, err, tt.seq)
		}
	}
}

// A range pack from event 0 shows the same. One from the middle shows a request id
// that is twice in it.
func TestFalseIndexInARange(t *testing.T) {
	l := committed(t)
	for _, from := range []ledger.Seq{0, 256} {
		honest := files(t, buildRange(t, l, from, -1))
		if r := verify(t, resign(t, honest, l.Key), l.Key); !r.Verified {
			t.Fatalf("an honest range from %d: %v", from, r.Failure)
		}
		for _, tt := range falsehoods {
			forged := ledgertest.Forge(t, l.Key, ledgertest.Chain(t, tt.change(eventsOf(t, l.Log))...)...)
			r := verify(t, resign(t, rangeOf(t, honest, forged), l.Key), l.Key)
			if from > 0 && tt.code == finding.CodeIndex {
				if !r.Verified {
					t.Errorf("%s in a range from %d, which cannot know it: %v", tt.name, from, r.Failure)
				}
				continue
			}
			if r.Verified || r.Failure.Level != finding.LevelChain || r.Failure.Code != tt.code || r.Failure.Seq == nil || *r.Failure.Seq != tt.seq {
				t.Errorf("%s in a range from %d: %+v, want %s at event %d", tt.name, from, r.Failure, tt.code, tt.seq)
			}
		}
	}
}

// rangeOf returns the files of a range pack with the events of another ledger.
func rangeOf(t testing.TB, honest []packtest.File, of *ledgertest.Forged) []packtest.File {
	t.Helper()
	c, signed := of.Checkpoint()
	was, err := ledger.PeekCheckpoint(packtest.Find(honest, "checkpoint").Data)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := of.ProofIn(t.Context(), signed, 0)
	if err != nil {
		t.Fatal(err)
	}
	fs := slices.Clone(honest)
	for i, f := range fs {
		switch name, err := ledger.ParseTileName(f.Name); {
		case err == nil:
			fs[i].Data, _ = of.File(t.Context(), name)
		case f.Name == "checkpoint":
			fs[i].Data = signed
		case f.Name == "ledger_created.tlog-proof":
			fs[i].Data = []byte(proof.String())
		case f.Name == "evidence.json":
			fs[i].Data = bytes.ReplaceAll(f.Data, []byte(was.Root.String()), []byte(c.Root.String()))
		}
	}
	return fs
}
