package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// tampered is a ledger of 300 events, so that it has a full tile, and a job
// with request ids.
func tampered(t *testing.T) *ledgertest.Ledger {
	l := ledgertest.New(t)
	drafts := []ledgertest.Draft{
		{Job: "job_1", Payload: ledgertest.Submit("").Payload, RequestID: "r1", View: []byte("view")},
		{Job: "job_2", Payload: ledgertest.Submit("").Payload, RequestID: "r2"},
	}
	for i := range 297 {
		drafts = append(drafts, ledgertest.Progress(fmt.Sprint("job_", 1+i%2), fmt.Sprintf("step %d", i)))
	}
	ledgertest.Append(t, l.Log, drafts...)
	ledgertest.Check(t, l.Log)
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

// reseal writes event seq again with a change, as one does who has the
// directory and knows the format.
func reseal(t *testing.T, l *ledgertest.Ledger, seq ledger.Seq, change func(e *ledger.Event)) []byte {
	t.Helper()
	e, err := l.Event(seq)
	if err != nil {
		t.Fatal(err)
	}
	change(&e)
	if e, err = ledger.Seal(e); err != nil {
		t.Fatal(err)
	}
	return e.Bytes()
}

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	set := func(db *pebble.DB, key, value []byte) error { return db.Set(key, value, pebble.Sync) }
	raw := func(db *pebble.DB, key []byte) []byte {
		v, closer, err := db.Get(key)
		if err != nil {
			t.Fatalf("Get(%q) = %v", key, err)
		}
		defer closer.Close()
		return append([]byte{}, v...)
	}
	flip := func(k []byte, i int) func(*ledgertest.Ledger, *pebble.DB) error {
		return func(_ *ledgertest.Ledger, db *pebble.DB) error {
			v := raw(db, k)
			v[i] ^= 1
			return set(db, k, v)
		}
	}
	drop := func(k []byte) func(*ledgertest.Ledger, *pebble.DB) error {
		return func(_ *ledgertest.Ledger, db *pebble.DB) error { return db.Delete(k, pebble.Sync) }
	}
	put := func(k []byte, v string) func(*ledgertest.Ledger, *pebble.DB) error {
		return func(_ *ledgertest.Ledger, db *pebble.DB) error { return set(db, k, []byte(v)) }
	}
	tests := []struct {
		name   string
		tamper func(l *ledgertest.Ledger, db *pebble.DB) error
		seq    ledger.Seq
		says   string
	}{
		{"an event that does not decode", put(store.EventKey(7), "{}"), 7, "decoding"},
		{"an edited event", func(l *ledgertest.Ledger, db *pebble.DB) error {
			return set(db, store.EventKey(7), reseal(t, l, 7, func(e *ledger.Event) { e.Actor = "mallory" }))
		}, 7, "expected leaf hash"},
		{"a backdated event", func(l *ledgertest.Ledger, db *pebble.DB) error {
			return set(db, store.EventKey(7), reseal(t, l, 7, func(e *ledger.Event) { e.Time = ledgertest.Start }))
		}, 7, "expected created_at"},
		{"an edited last event", func(l *ledgertest.Ledger, db *pebble.DB) error {
			return set(db, store.EventKey(299), reseal(t, l, 299, func(e *ledger.Event) { e.Actor = "mallory" }))
		}, -1, "head after event 299"},
		{"a dropped event", drop(store.EventKey(7)), 7, "missing"},
		{"a dropped last event", drop(store.EventKey(299)), 299, "missing"},
		{"two events the other way round", func(_ *ledgertest.Ledger, db *pebble.DB) error {
			a, b := raw(db, store.EventKey(7)), raw(db, store.EventKey(8))
			return errors.Join(set(db, store.EventKey(7), b), set(db, store.EventKey(8), a))
		}, 7, "expected seq 7"},
		{"an inserted event", func(_ *ledgertest.Ledger, db *pebble.DB) error {
			return set(db, store.EventKey(300), raw(db, store.EventKey(299)))
		}, 300, "expected seq 300"},
		{"an event under no key of ours", put([]byte("e"), "x"), 0, "found key"},
		{"a job_seq left out of the index", drop(key("jjob_1\x00", 3)), -2, "index key"},
		{"an index entry that names another event", put(key("jjob_1\x00", 3), string(key("", 4))), -2, "index key"},
		{"an index entry too many", put(key("jjob_1\x00", 999), string(key("", 4))), 4, "no event belongs"},
		{"an index of a job that is not", put(key("jjob_9\x00", 1), string(key("", 4))), 4, "no event belongs"},
		{"an index key that is none", put([]byte("jjob_1"), string(key("", 4))), 4, "no event belongs"},
		{"a request id dropped", drop([]byte("rr1")), 1, "index key"},
		{"a request id that names another event", put([]byte("rr1"), string(key("", 2))), 1, "index key"},
		{"a request id too many", put([]byte("rr3"), string(key("", 2))), 2, "request id is not"},
		{"a request id of no event", put([]byte("rr3"), string(key("", 4000))), -1, "no event belongs"},
		{"an edited job head", flip([]byte("hjob_1"), 45), -2, "head of job"},
		{"a dropped job head", drop([]byte("hjob_1")), -2, "no head"},
		{"a head of a job that is not", put([]byte("hjob_9"), strings.Repeat("x", 64)), 0, "head of job"},
		{"a view of a job that is not", put([]byte("vjob_9"), "x"), -1, "view of job"},
		{"an edited tile", flip(key("t\x00", 0), 5*32), 5, "tile 0 of level 0"},
		{"a dropped tile", drop(key("t\x00", 0)), -1, "tile 0 of level 0"},
		{"a tile too many", put(key("t\x00", 1), strings.Repeat("x", 8192)), -1, "no tile belongs"},
		{"a tile of a level too high", put(key("t\x09", 0), strings.Repeat("x", 8192)), -1, "no tile belongs"},
		{"an edited hash", flip(key("p\x00", 260), 0), 260, "tile 1 of level 0"},
		{"an edited hash of the row above", flip(key("p\x01", 0), 0), -1, "tile 0 of level 1"},
		{"a dropped hash", drop(key("p\x00", 260)), -1, "expected 44 hashes"},
		{"a hash too many", put(key("p\x00", 300), strings.Repeat("x", 32)), -1, "no hash belongs"},
		{"a hash left where a tile is", put(key("p\x00", 3), strings.Repeat("x", 32)), -1, "no hash belongs"},
		{"an edited right edge", flip([]byte("m/edge"), 20), -1, "right edge"},
		{"an edited checkpoint", flip([]byte("m/checkpoint"), 20), -1, "checkpoint"},
		{"an edited head", flip([]byte("m/head"), 20), -1, "head"},
		{"no head", drop([]byte("m/head")), -1, "no m/head"},
		{"a key nobody knows", put([]byte("m/other"), "x"), -1, "unknown key"},
		{"a key of an unknown kind", put([]byte("z"), "x"), -1, "unknown key"},
		{"a key between kinds", put([]byte("l"), "x"), -1, "unknown key"},
		{"a rotation that never was", put(key("k", 5), "x"), 5, "the proof of the rotation"},
		{"a rotation of no event", put([]byte("k"), "x"), -1, "no event belongs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := tampered(t)
			if err := tt.tamper(l, store.DB(l.Log)); err != nil {
				t.Fatal(err)
			}
			store.Show(l.Log)
			err := l.Verify(nil)
			c, ok := errors.AsType[*ledger.CorruptError](err)
			if !ok || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("Verify = %v, want a CorruptError that says %q", err, tt.says)
			}
			if tt.seq != -2 && c.Seq != tt.seq {
				t.Errorf("Verify names event %d, want %d: %v", c.Seq, tt.seq, err)
			}
		})
	}
}

// Reading finds what was tampered with too, where it is read.
func TestReadingChecksWhatItReads(t *testing.T) {
	l := tampered(t)
	if err := store.DB(l.Log).Set(store.EventKey(9), reseal(t, l, 9, func(e *ledger.Event) { e.Actor = "mallory" }), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	store.Show(l.Log)
	last := func(events ledger.Events) (err error) {
		for _, err = range events {
		}
		return err
	}
	for name, err := range map[string]error{
		"Event":     func() error { _, err := l.Event(9); return err }(),
		"Events":    last(l.Events(5)),
		"JobEvents": last(l.JobEvents("job_1", 2)),
	} {
		if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
			t.Errorf("%s of an edited event = %v, want a CorruptError", name, err)
		}
	}
	if err := last(l.Events(10)); err != nil {
		t.Errorf("Events behind the edited event = %v", err)
	}
}

// Open believes neither checkpoint, nor head, nor right edge, nor last event.
func TestOpenChecksTheEnd(t *testing.T) {
	for _, k := range [][]byte{[]byte("m/checkpoint"), []byte("m/edge"), []byte("m/head"), []byte("m/format"), store.EventKey(0), store.EventKey(299), key("p\x00", 299)} {
		for _, how := range []string{"drop", "flip", "empty"} {
			l := tampered(t)
			db := store.DB(l.Log)
			v, closer, err := db.Get(k)
			if err != nil {
				t.Fatal(err)
			}
			b := append([]byte{}, v...)
			closer.Close()
			b[len(b)/2] ^= 4
			switch how {
			case "drop":
				err = db.Delete(k, pebble.Sync)
			case "flip":
				err = db.Set(k, b, pebble.Sync)
			case "empty":
				err = db.Set(k, nil, pebble.Sync)
			}
			if err := errors.Join(err, l.Close()); err != nil {
				t.Fatal(err)
			}
			_, err = store.Open(l.Dir, store.Options{FS: l.FS})
			if _, ok := errors.AsType[*ledger.CorruptError](err); !ok && !(string(k) == "m/format" && errors.Is(err, ledger.ErrUnsupportedVersion)) {
				t.Errorf("Open after %s of %q = %v, want a CorruptError", how, k, err)
			}
		}
	}
	l := tampered(t)
	if err := errors.Join(store.DB(l.Log).Set(store.EventKey(300), []byte("x"), pebble.Sync), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(l.Dir, store.Options{FS: l.FS}); err == nil {
		t.Error("Open with an event behind the head succeeds")
	}
}

// VerifyEach hands on what Events does, in order, none behind damage, and ends
// where its user does.
func TestVerifyEach(t *testing.T) {
	l := tampered(t)
	var seen []ledger.Hash
	see := func(e ledger.Event) error {
		seen = append(seen, e.LeafHash())
		return nil
	}
	if err := l.VerifyEach(nil, see); err != nil {
		t.Fatal(err)
	}
	var want []ledger.Hash
	for e, err := range l.Events(0) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e.LeafHash())
	}
	if !slices.Equal(seen, want) {
		t.Errorf("it handed on %d events, not the %d of the ledger in order", len(seen), len(want))
	}
	enough := errors.New("enough")
	if err := l.VerifyEach(nil, func(e ledger.Event) error {
		if e.Seq == 5 {
			return enough
		}
		return nil
	}); !errors.Is(err, enough) {
		t.Errorf("a user who had enough got %v", err)
	}
	if err := store.DB(l.Log).Set(store.EventKey(9), reseal(t, l, 9, func(e *ledger.Event) { e.Actor = "mallory" }), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	store.Show(l.Log)
	seen = nil
	if err := l.VerifyEach(nil, see); err == nil || len(seen) > 10 {
		t.Errorf("behind an edited event 9: %v, and %d events were handed on", err, len(seen))
	}
}
