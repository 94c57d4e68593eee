package packspec_test

import (
	"bytes"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/packspec"
	"gait/packspec/finding"
)

// leftAndArrived returns a ledger where it ended, since it moved away, and where it goes on.
func leftAndArrived(t *testing.T) (left, there *ledgertest.Ledger) {
	t.Helper()
	left = ledgertest.New(t)
	ledgertest.Append(t, left.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "before"))
	there = &ledgertest.Ledger{Key: ledgertest.KeyAfter(left.Origin(), 1)}
	moves := ledgertest.MoveAway(t, left.Log, 1)
	_, signed := left.Checkpoint()
	from := store.Copy{Signed: signed, Next: there.Key, Entries: func(yield func(ledger.Entry, error) bool) {
		for e, err := range left.Events(t.Context(), 0) {
			if !yield(ledger.Entry{Event: e}, err) {
				return
			}
		}
	}}
	o := ledgertest.Options{FS: left.FS, Signer: there.Key}
	if err := ledgertest.Restore("jobs/there", from, there.Key.VerifierKey(), o); err != nil {
		t.Fatal(err)
	}
	var err error
	if there.Log, err = ledgertest.Open("jobs/there", o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	if there.Head().Leaf != moves.Leaf {
		t.Fatal("it does not go on where it ended")
	}
	return left, there
}

// Packs of both places verify under the key of the first one, for this verifier and for the
// one of Python: where the ledger was left, the event that moved it is the last, and no
// rotation.
func TestPacksOfBothPlaces(t *testing.T) {
	needPython(t)
	left, there := leftAndArrived(t)
	var jobs []judgement
	try := func(place string, l *ledgertest.Ledger) {
		var b packspec.Buffer
		if _, err := packspec.BuildRange(t.Context(), &b, l.Log, 0, -1, l.Key, packspec.RangeOptions{}); err != nil {
			t.Fatalf("%s: BuildRange = %v", place, err)
		}
		if r := verify(t, b.Bytes(), left.Key); !r.Verified {
			t.Errorf("%s, range: %v", place, r.Failure)
		}
		fs := files(t, b.Bytes())
		if out, err := check(t, program(t, fs), fs, left.Key.VerifierKey().String()); err != nil {
			t.Errorf("%s, VERIFY.md of the range: %v\n%s", place, err, out)
		}
		jobs = append(jobs, judge(t, place, buildBy(t, l, l.Key), left.Key))
	}
	try("where it ended", left)
	try("where it begins", there)
	ledgertest.Append(t, there.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledger.Paused{Hold: true}})
	try("where it goes on", there)
	for _, j := range jobs {
		if j.exit != 0 {
			t.Errorf("%s: exit %d", j.name, j.exit)
		}
	}
	agree(t, jobs, left.Key.VerifierKey().String())
}

// Who has seen the end, signed by the first place alone, takes the packs of the second, and
// the other way round.
func TestFreshnessAcrossAMove(t *testing.T) {
	left, there := leftAndArrived(t)
	end, _ := left.Checkpoint()
	_, alone := left.Checkpoint()
	_, both := there.Checkpoint()
	ledgertest.Append(t, there.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledger.Paused{Hold: true}})
	other := func(size int64, root ledger.Hash) []byte {
		note, err := ledger.Checkpoint{Origin: end.Origin, Size: size, Root: root}.Sign(left.Key)
		if err != nil {
			t.Fatal(err)
		}
		return note
	}
	pack := buildBy(t, there, there.Key)
	for name, tt := range map[string]struct {
		note  []byte
		holds bool
	}{
		"the end, by the place before": {alone, true},
		"the end, by both":             {both, true},
		"after it, by that place":      {other(end.Size+1, end.Root), false},
		"long after it":                {other(end.Size+100, end.Root), false},
		"another end":                  {other(end.Size, ledger.Hash{1}), false},
		"before it":                    {other(end.Size-1, ledger.Hash{1}), true},
	} {
		o := packspec.Options{Trusted: trusting(left.Key), Seen: func(...ledger.VerifierKey) ([]packspec.Sighting, error) {
			return []packspec.Sighting{{Note: tt.note}}, nil
		}}
		r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
		if err != nil || r.Verified != tt.holds {
			t.Errorf("seen %s: verified %t, %v, %v", name, r.Verified, r.Failure, err)
		}
		if !tt.holds && (r.Failure.Code != finding.CodeConflict || len(r.Evidence) != 2 || r.Evidence[0] != string(tt.note)) {
			t.Errorf("seen %s: %v, evidence %q", name, r.Failure, r.Evidence)
		}
	}
}
