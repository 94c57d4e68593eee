package pebble_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	cockroach "github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store/pebble"
)

// tampered is a ledger of 300 events, so that it has a full tile, and a job
// with request ids. The pages of its index are written.
func tampered(t *testing.T) *ledgertest.Ledger {
	l := ledgertest.New(t)
	drafts := []ledgertest.EventSpec{
		{Job: "job_1", Payload: ledgertest.Submit("").Payload, RequestID: "r1", View: []byte("view")},
		{Job: "job_2", Payload: ledgertest.Submit("").Payload, RequestID: "r2"},
	}
	drafts = append(drafts, ledgertest.Allow("job_1", "c1", 1), ledgertest.Settle("job_1", "c1", 1, ledger.EffectDone))
	for i := range 295 {
		step := ledgertest.Progress(fmt.Sprint("job_", 1+i%2), fmt.Sprintf("step %d", i))
		step.View = []byte("view")
		drafts = append(drafts, step)
	}
	ledgertest.Append(t, l.Log, drafts...)
	ledgertest.Check(t, l.Log)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Reopen(t)
	return l
}

func key(prefix string, nums ...uint64) []byte {
	k := []byte(prefix)
	for _, n := range nums {
		for shift := 56; shift >= 0; shift -= 8 {
			k = append(k, byte(n>>shift))
		}
	}
	return k
}

func eventKey(seq ledger.Seq) []byte { return key("e", uint64(seq)) }

// reseal writes event seq again with a change, as one does who has the
// directory and knows the format.
func reseal(t *testing.T, l *ledgertest.Ledger, seq ledger.Seq, change func(e *ledger.Draft)) []byte {
	t.Helper()
	e, err := l.Event(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	d := e.Draft()
	change(&d)
	if e, err = ledger.Seal(d); err != nil {
		t.Fatal(err)
	}
	return e.Bytes()
}

// A tampering changes the rows of a ledger.
type tampering func(l *ledgertest.Ledger, db *cockroach.DB) error

func raw(t *testing.T, db *cockroach.DB, key []byte) []byte {
	t.Helper()
	v, closer, err := db.Get(key)
	if err != nil {
		t.Fatalf("Get(%q) = %v", key, err)
	}
	defer closer.Close()
	return append([]byte{}, v...)
}

func set(db *cockroach.DB, key, value []byte) error { return db.Set(key, value, cockroach.Sync) }

// flip changes byte i of a value, counted from the end if i is negative.
func flip(t *testing.T, k []byte, i int) tampering {
	return func(_ *ledgertest.Ledger, db *cockroach.DB) error {
		v := raw(t, db, k)
		v[(i+len(v))%len(v)] ^= 1
		return set(db, k, v)
	}
}

func drop(k []byte) tampering {
	return func(_ *ledgertest.Ledger, db *cockroach.DB) error { return db.Delete(k, cockroach.Sync) }
}

func put(k []byte, v string) tampering {
	return func(_ *ledgertest.Ledger, db *cockroach.DB) error { return set(db, k, []byte(v)) }
}

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	tests := []struct {
		name   string
		tamper tampering
		seq    ledger.Seq
		says   string
	}{
		{"an event that does not decode", put(eventKey(7), "{}"), 7, "decoding"},
		{"an edited event", func(l *ledgertest.Ledger, db *cockroach.DB) error {
			return set(db, eventKey(7), reseal(t, l, 7, func(e *ledger.Draft) { e.Actor = "mallory" }))
		}, 7, "expected leaf hash"},
		{"a backdated event", func(l *ledgertest.Ledger, db *cockroach.DB) error {
			return set(db, eventKey(7), reseal(t, l, 7, func(e *ledger.Draft) { e.Time = ledgertest.Start }))
		}, 7, "expected created_at"},
		{"an edited last event", func(l *ledgertest.Ledger, db *cockroach.DB) error {
			return set(db, eventKey(299), reseal(t, l, 299, func(e *ledger.Draft) { e.Actor = "mallory" }))
		}, -1, "head after event 299"},
		{"a dropped event", drop(eventKey(7)), 7, "missing"},
		{"a dropped last event", drop(eventKey(299)), 299, "missing"},
		{"two events the other way round", func(_ *ledgertest.Ledger, db *cockroach.DB) error {
			a, b := raw(t, db, eventKey(7)), raw(t, db, eventKey(8))
			return errors.Join(set(db, eventKey(7), b), set(db, eventKey(8), a))
		}, 7, "expected seq 7"},
		{"an inserted event", func(_ *ledgertest.Ledger, db *cockroach.DB) error {
			return set(db, eventKey(300), raw(t, db, eventKey(299)))
		}, 300, "expected seq 300"},
		{"an event under no key of ours", put([]byte("e"), "x"), 0, "found key"},
		{"a job_seq left out of the index", drop(key("jjob_1\x00", 3)), -2, "the row of event 3 of job"},
		{"an index entry that names another event", put(key("jjob_1\x00", 3), string(key("", 2))), -2, "the row of event 3 of job"},
		{"an index entry too many", put(key("jjob_1\x00", 999), string(key("", 4))), 4, "there is no event 999"},
		{"an index of a job that is not", put(key("jjob_9\x00", 1), string(key("", 4))), 4, "there is no event 1 of job"},
		{"an index key that is none", put([]byte("jjob_1"), string(key("", 4))), 4, "there is no key"},
		{"a request id dropped", drop([]byte("rr1")), 1, "the row of request id"},
		{"a request id that names another event", put([]byte("rr1"), string(key("", 2))), 1, "the row of request id"},
		{"a request id too many", put([]byte("rr3"), string(key("", 2))), 2, "request id is not"},
		{"a request id of no event", put([]byte("rr3"), string(key("", 4000))), -1, "no event used"},
		{"a call dropped", drop([]byte("ljob_1\x00c1")), 4, "the row of call \"c1\" of job"},
		{"a call that names an older event", put([]byte("ljob_1\x00c1"), string(key("", 3))), 4, "found event 3"},
		{"a call of no event", put([]byte("ljob_1\x00c1"), string(key("", 4000))), 4, "found event 4000"},
		{"a call too many", put([]byte("ljob_2\x00c1"), string(key("", 4))), -1, "no event is about call"},
		{"a call that is none", put([]byte("l"), "x"), -1, "no event is about key"},
		{"an edited job head", flip(t, []byte("hjob_1"), 45), -2, "head of job"},
		{"a dropped job head", drop([]byte("hjob_1")), -2, "no head"},
		{"a head of a job that is not", put([]byte("hjob_9"), strings.Repeat("x", 64)), -1, "head of job"},
		{"a job head cut short", put([]byte("hjob_1"), "x"), -2, "head of job"},
		{"a job head without all of its MAC", func(_ *ledgertest.Ledger, db *cockroach.DB) error {
			return set(db, []byte("hjob_1"), raw(t, db, []byte("hjob_1"))[:90])
		}, -2, "head of job"},
		{"an edited tile", flip(t, key("t\x00", 0), 5*32), 5, "tile 0 of level 0"},
		{"a dropped tile", drop(key("t\x00", 0)), -1, "tile 0 of level 0"},
		{"a tile too many", put(key("t\x00", 1), strings.Repeat("x", 8192)), -1, "no hashes belong"},
		{"a tile of a level too high", put(key("t\x09", 0), strings.Repeat("x", 8192)), -1, "no hashes belong"},
		{"an edited hash of the row above", flip(t, []byte("m/upper"), 9), -1, "last events and tiles"},
		{"no hashes of the row above", drop([]byte("m/upper")), -1, "hashes above 1 tiles"},
		{"hashes of the row above an older tree", put([]byte("m/upper"), string(key("", 0))), -1, "hashes above 1 tiles"},
		{"a hash too many above", func(_ *ledgertest.Ledger, db *cockroach.DB) error {
			return set(db, []byte("m/upper"), append(raw(t, db, []byte("m/upper")), make([]byte, 32)...))
		}, -1, "32 bytes of hashes too many"},
		{"a hash as format 1 has it", put(key("p\x00", 260), strings.Repeat("x", 32)), -1, "unknown key"},
		{"a view as format 1 has it", put([]byte("vjob_1"), "x"), -1, "unknown key"},
		{"an edited right edge", flip(t, []byte("m/edge"), 20), -1, "right edge"},
		{"an edited checkpoint", flip(t, []byte("m/checkpoint"), 20), -1, "checkpoint"},
		{"an edited head", flip(t, []byte("m/head"), 20), -1, "head"},
		{"no head", drop([]byte("m/head")), -1, "no m/head"},
		{"an unknown key", put([]byte("m/other"), "x"), -1, "unknown key"},
		{"a key of an unknown kind", put([]byte("z"), "x"), -1, "unknown key"},
		{"a key between kinds", put([]byte("o"), "x"), -1, "unknown key"},
		{"a rotation that never was", put(key("k", 5), "x"), 5, "the proof of the rotation"},
		{"a rotation of no event", put([]byte("k"), "x"), -1, "no event belongs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := tampered(t)
			if err := tt.tamper(l, pebble.DB(l.Table)); err != nil {
				t.Fatal(err)
			}
			pebble.Show(l.Table)
			err := l.Verify(t.Context(), nil, nil)
			seq := ledger.Seq(-1)
			c, corrupt := errors.AsType[*ledger.CorruptError](err)
			x, mismatch := errors.AsType[*ledger.IndexError](err)
			switch {
			case mismatch:
				seq = x.Seq
			case corrupt:
				seq = c.Seq
			}
			if !corrupt && !mismatch || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("Verify = %v, want a CorruptError or an IndexError that says %q", err, tt.says)
			}
			if tt.seq != -2 && seq != tt.seq {
				t.Errorf("Verify names event %d, want %d: %v", seq, tt.seq, err)
			}
		})
	}
}

// Verify finds what is wrong with the index, although nothing is with the events.
func TestVerifyFindsAnotherIndex(t *testing.T) {
	root := []byte("i\x00")
	older := func(k []byte) tampering { // puts a row back to what it was two events before
		return func(l *ledgertest.Ledger, db *cockroach.DB) error {
			was := raw(t, db, k)
			ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "more"), ledgertest.Submit("job_3"))
			if err := l.Close(); err != nil {
				return err
			}
			l.Reopen(t)
			return set(pebble.DB(l.Table), k, was)
		}
	}
	for _, tt := range []struct {
		name   string
		tamper tampering
		says   string
	}{
		{"an edited page", flip(t, root, 40), "page 00 is not that of the events"},
		{"no page", drop(root), "page 00 is missing"},
		{"an older page", older(root), "page 00 is not that of the events"},
		{"a page too many", put([]byte("i\x01\x00"), "x"), "no page belongs under key 6901"},
		{"a page that is none", put([]byte("i"), "x"), "no page belongs under key 69"},
		{"an edited record", flip(t, []byte("m/index"), 20), "not written with the ledger's key"},
		{"an edited MAC", flip(t, []byte("m/index"), -1), "not written with the ledger's key"},
		{"an older record", older([]byte("m/index")), "its record is of 300 events, there are 302"},
		{"no record", drop([]byte("m/index")), "its record is missing"},
		{"a record cut short", put([]byte("m/index"), "x"), "a record of 1 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := tampered(t)
			if err := tt.tamper(l, pebble.DB(l.Table)); err != nil {
				t.Fatal(err)
			}
			pebble.Show(l.Table)
			err := l.Verify(t.Context(), nil, nil)
			if _, ok := errors.AsType[*ledger.IndexError](err); !ok || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Verify = %v, want an IndexError that says %q", err, tt.says)
			}
		})
	}
}

// Reading a tampered row finds that it was tampered with.
func TestReadingChecksWhatItReads(t *testing.T) {
	l := tampered(t)
	if err := pebble.DB(l.Table).Set(eventKey(9), reseal(t, l, 9, func(e *ledger.Draft) { e.Actor = "mallory" }), cockroach.Sync); err != nil {
		t.Fatal(err)
	}
	pebble.Show(l.Table)
	last := func(events ledger.Events) (err error) {
		for _, err = range events {
		}
		return err
	}
	for name, err := range map[string]error{
		"Event":     func() error { _, err := l.Event(t.Context(), 9); return err }(),
		"Events":    last(l.Events(t.Context(), 5)),
		"JobEvents": last(l.JobEvents(t.Context(), "job_1", 2)),
	} {
		if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
			t.Errorf("%s of an edited event = %v, want a CorruptError", name, err)
		}
	}
	if err := last(l.Events(t.Context(), 10)); err != nil {
		t.Errorf("Events after the edited event = %v", err)
	}
}

// Open believes neither checkpoint, nor head, nor right edge, nor last event.
func TestOpenChecksTheEnd(t *testing.T) {
	for _, k := range [][]byte{[]byte("m/checkpoint"), []byte("m/edge"), []byte("m/head"), []byte("m/format"), eventKey(0), eventKey(299), []byte("m/upper")} {
		for _, how := range []string{"drop", "flip", "empty"} {
			l := tampered(t)
			db := pebble.DB(l.Table)
			v, closer, err := db.Get(k)
			if err != nil {
				t.Fatal(err)
			}
			b := append([]byte{}, v...)
			closer.Close()
			b[len(b)/2] ^= 4
			switch how {
			case "drop":
				err = db.Delete(k, cockroach.Sync)
			case "flip":
				err = db.Set(k, b, cockroach.Sync)
			case "empty":
				err = db.Set(k, nil, cockroach.Sync)
			}
			if err := errors.Join(err, l.Close()); err != nil {
				t.Fatal(err)
			}
			_, err = ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS})
			if _, ok := errors.AsType[*ledger.CorruptError](err); !ok && !(string(k) == "m/format" && errors.Is(err, ledger.ErrUnsupportedVersion)) {
				t.Errorf("Open after %s of %q = %v, want a CorruptError", how, k, err)
			}
		}
	}
	l := tampered(t)
	if err := errors.Join(pebble.DB(l.Table).Set(eventKey(300), []byte("x"), cockroach.Sync), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS}); err == nil {
		t.Error("Open with an event after the head succeeds")
	}
}

// Verify passes on the events that Events gives, in order and none after damage,
// and ends when its caller wants to.
func TestVerifyPassesEventsOn(t *testing.T) {
	l := tampered(t)
	var seen []ledger.Hash
	see := func(e ledger.Event) error {
		seen = append(seen, e.LeafHash())
		return nil
	}
	if err := l.Verify(t.Context(), see, nil); err != nil {
		t.Fatal(err)
	}
	var want []ledger.Hash
	for e, err := range l.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e.LeafHash())
	}
	if !slices.Equal(seen, want) {
		t.Errorf("it handed on %d events, not the %d of the ledger in order", len(seen), len(want))
	}
	enough := errors.New("enough")
	if err := l.Verify(t.Context(), func(e ledger.Event) error {
		if e.Seq() == 5 {
			return enough
		}
		return nil
	}, nil); !errors.Is(err, enough) {
		t.Errorf("a user who had enough got %v", err)
	}
	if err := pebble.DB(l.Table).Set(eventKey(9), reseal(t, l, 9, func(e *ledger.Draft) { e.Actor = "mallory" }), cockroach.Sync); err != nil {
		t.Fatal(err)
	}
	pebble.Show(l.Table)
	seen = nil
	if err := l.Verify(t.Context(), see, nil); err == nil || len(seen) > 10 {
		t.Errorf("after an edited event 9: %v, and %d events were handed on", err, len(seen))
	}
}
