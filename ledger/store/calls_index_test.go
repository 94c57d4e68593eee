package store_test

import (
	"fmt"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// What a killed process has not written of its index says what calls it has, too, and later
// events follow them.
func TestCallsBehindPages(t *testing.T) {
	table := withCalls(t)
	log := opened(t, table)
	for i := range 20 {
		id := fmt.Sprint("late_", i%7)
		switch i / 7 {
		case 0:
			ledgertest.Append(t, log, ledgertest.Allow("job_1", id, 1))
		default:
			ledgertest.Append(t, log, ledgertest.Settle("job_1", id, 1, ledger.EffectUnknown), ledgertest.Progress("job_2", "x"))
		}
	}
	left := rowsOf(t, table).Table() // the pages are as they were before
	log = opened(t, left)
	ledgertest.Check(t, log)
	ledgertest.Append(t, log, ledgertest.Settle("job_1", "late_3", 1, ledger.EffectDone), ledgertest.Settle("job_1", "call_2", 1, ledger.EffectDone))
	ledgertest.Check(t, log)
}

// A page that is damaged makes an event about a call whose key lies under it fail, and Load of
// the call. Nothing is taken for a call that no event was about.
func TestCallUnderDamagedPage(t *testing.T) {
	rows := rowsOf(t, withCalls(t))
	for key, value := range rows {
		if key[0] != 'i' {
			continue
		}
		honest := opened(t, rows.Table())
		sealed := ledgertest.Seal(t, honest, ledgertest.Settle("job_1", "call_2", 1, ledger.EffectDone))
		for _, damaged := range [][]byte{nil, {}, value[:len(value)/2], flipped(value)} {
			table := rows.Table()
			table.Tamper([]byte(key), damaged)
			log, err := store.Open(t.Context(), table, openOptions())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := log.Load(t.Context(), nil, nil, ledger.CallID{Job: "job_1", Call: "call_2"}); !isIndexError(err) {
				t.Errorf("page %x is %x: Load = %v, want an *ledger.IndexError", key[1:], damaged, err)
			}
			if _, err := log.Append(t.Context(), log.Head(), sealed...); !isIndexError(err) {
				t.Errorf("page %x is %x: Append = %v, want an *ledger.IndexError", key[1:], damaged, err)
			}
			log.Close()
		}
	}
}

// Without the MAC keys a row of a call is checked against the tree: it names an event about
// the call, or Load fails.
func TestCallsOfUnprovedIndex(t *testing.T) {
	rows := rowsOf(t, withCalls(t))
	first, second := ledger.CallID{Job: "job_1", Call: "call_1"}, ledger.CallID{Job: "job_1", Call: "call_2"}
	load := func(rows ledgertest.Rows) (ledger.Records, error) {
		log, err := store.Open(t.Context(), rows.Table(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		if log.Index() != ledger.IndexUnchecked {
			t.Fatalf("the index is %s", log.Index())
		}
		return log.Load(t.Context(), nil, nil, first, second, ledger.CallID{Job: "job_3", Call: "call_1"})
	}
	found, err := load(rows)
	if err != nil || len(found.Calls) != 2 || found.Calls[first].Seq() != 9 || found.Calls[second].Seq() != 5 {
		t.Errorf("Load = %v, %v, want events 9 and 5", found, err)
	}
	seq := func(n byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, n} }
	key := string(store.CallKey(first))
	for what, value := range map[string][]byte{
		"an event of the job": seq(1), "an event about another call": seq(5), "a block": seq(3), "event 0": seq(0), "no event": seq(200),
		"no number": []byte("x"), "a negative number": {0xff, 0, 0, 0, 0, 0, 0, 1},
	} {
		changed := rows.Clone()
		changed[key] = value
		if found, err := load(changed); !isDamage(err) {
			t.Errorf("the row names %s: Load = %v, %v, want damage", what, found, err)
		}
	}
	changed := rows.Clone()
	event := string([]byte("e")) + string(seq(9))
	changed[event] = []byte(strings.Replace(string(rows[event]), "policy_permits", "policy_permitz", 1))
	if found, err := load(changed); !isDamage(err) {
		t.Errorf("the event is another: Load = %v, %v, want damage", found, err)
	}
}

// A home without the ledger's key, which computed the index before there were calls, or when
// there were fewer, relies on the pages of today if they lead there.
func TestKnownIndexBeforeCalls(t *testing.T) {
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	var known []store.IndexRoot
	for _, specs := range [][]ledgertest.EventSpec{
		{ledgertest.Allow("job_1", "call_1", 1), ledgertest.Allow("job_1", "call_2", 1)},
		{ledgertest.Settle("job_1", "call_1", 1, ledger.EffectUnknown), ledgertest.Settle("job_1", "call_1", 1, ledger.EffectDone)},
		{ledgertest.Block("job_1", "call_1")},
	} {
		root, _ := log.IndexRoot()
		known = append(known, root)
		ledgertest.Append(t, log, specs...)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	rows := rowsOf(t, table)
	for _, root := range known {
		for _, other := range []byte{0, 1} {
			root.Index[0] ^= other
			log, err := store.Open(t.Context(), rows.Table(), store.Options{ReadOnly: true, Known: []store.IndexRoot{root}})
			if err != nil {
				t.Fatal(err)
			}
			if proved := log.Index() == ledger.IndexProved; proved != (other == 0) {
				t.Errorf("the index known at %d events, changed: %t, is %s: %v", root.Size, other != 0, log.Index(), log.IndexErr())
			} else if proved {
				ledgertest.Check(t, log)
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A ledger whose jobs have no tags yet gets its first call, and its tags later.
func TestCallsBeforeTags(t *testing.T) {
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	old := rowsOf(t, table).Format2().Table()
	log = opened(t, old)
	ledgertest.Append(t, log, ledgertest.Allow("job_1", "call_1", 1))
	ledgertest.Append(t, log, ledgertest.Submit("job_2"))
	ledgertest.Check(t, log)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	old.Reopen()
	log, err := store.Open(t.Context(), old, tagsOptions(4096))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ledgertest.Check(t, log)
	if rows := rowsOf(t, old); string(rows["m/format"]) != "5" || rows["njob_1"] == nil || rows["njob_2"] == nil {
		t.Errorf("the jobs got no tags, and the store format is %s", rows["m/format"])
	}
}

// An old ledger, which has no index, has no calls: one that has them was put together, and
// gets none.
func TestBuildRefusesCalls(t *testing.T) {
	rows := rowsOf(t, withCalls(t))
	old := rows.Format1()
	for _, without := range []bool{false, true} {
		for _, key := range callRows(old) {
			if without {
				delete(old, key)
			}
		}
		log := opened(t, old.Table())
		if _, ok := log.IndexErr().(*ledger.IndexError); !ok || log.Index() != ledger.IndexRefused || !strings.Contains(log.IndexErr().Error(), "about a call") {
			t.Errorf("the index is %s: %v, want refused", log.Index(), log.IndexErr())
		}
	}
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"), ledgertest.Block("job_1", "call_1"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	planted := rowsOf(t, table).Format1()
	planted["ljob_1\x00call_1"] = []byte{0, 0, 0, 0, 0, 0, 0, 2}
	if log := opened(t, planted.Table()); log.Index() != ledger.IndexRefused {
		t.Errorf("with a row of a call: the index is %s", log.Index())
	}
}

// Rows of calls are part of what proves where jobs end when an event is damaged and the index is
// broken for it.
func TestEndsWithCalls(t *testing.T) {
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"), ledgertest.Progress("job_1", "this event is damaged later"))
	ledgertest.Append(t, log, ledgertest.Allow("job_1", "call_1", 1), ledgertest.Allow("job_2", "call_1", 1), ledgertest.Settle("job_1", "call_1", 1, ledger.EffectDone))
	last, err := log.Event(t.Context(), 6)
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, table) // the pages are as they were before
	delete(rows, "e\x00\x00\x00\x00\x00\x00\x00\x03")
	call := callRows(rows)[0]
	for what, change := range map[string]func(ledgertest.Rows){
		"": func(ledgertest.Rows) {}, "gone": func(r ledgertest.Rows) { delete(r, call) }, "of another event": func(r ledgertest.Rows) { r[call] = []byte{0, 0, 0, 0, 0, 0, 0, 4} },
		"none": func(r ledgertest.Rows) { r[call] = []byte("x") }, "too many": func(r ledgertest.Rows) { r[call+"x"] = r[call] },
	} {
		changed := rows.Clone()
		change(changed)
		log := opened(t, changed.Table())
		if log.Index() != ledger.IndexBroken {
			t.Fatalf("the index is %s", log.Index())
		}
		ends, err := log.Ends(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if proved, err := ends("job_1", last.LeafHash()); err != nil || proved != (what == "") {
			t.Errorf("with a row of a call that is %q, it is proved where a job ends: %t, %v", what, proved, err)
		}
		var ids []ledger.CallID
		for id, err := range log.NamedCalls(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if want := map[string]string{"": "[{job_1 call_1} {job_2 call_1}]", "gone": "[{job_2 call_1}]"}[what]; want != "" && fmt.Sprint(ids) != want {
			t.Errorf("NamedCalls = %v, want %s", ids, want)
		}
	}
}

// The index of many calls, whose pages are deep, proves each at every size that can be undone.
func TestIndexAtManyCalls(t *testing.T) {
	log := overTable(t, &memtable.Table{})
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	for n := range 4 {
		var specs []ledgertest.EventSpec
		for i := range 300 {
			id := fmt.Sprint("call_", i)
			switch {
			case n == 0 || n == 2 && i%3 == 0:
				specs = append(specs, ledgertest.Allow("job_1", id, n))
			default:
				specs = append(specs, ledgertest.Settle("job_1", id, n, ledger.EffectDone))
			}
		}
		ledgertest.Append(t, log, specs...)
	}
	ledgertest.Check(t, log)
	size, key := log.Head().Size, ledger.CallKey("job_1", "call_7")
	for at := size; at >= max(1, size-ledger.MaxIndexUndo); at -= 41 {
		_, proofs, err := log.IndexAt(t.Context(), at, key)
		if err != nil {
			t.Fatal(err)
		}
		root, _, err := log.IndexAt(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		leaf, there, err := proofs[0].Check(mpt.Hash(root), key)
		var want ledger.Seq // events 2+7, 302+7, ...
		for seq := int64(2 + 7); seq < at; seq += 300 {
			want = ledger.Seq(seq)
		}
		e, readErr := log.Event(t.Context(), want)
		if err != nil || readErr != nil || there != (want > 0) || there && ledger.Hash(leaf) != e.LeafHash() {
			t.Errorf("IndexAt(%d) proves %s (there: %t), %v, want event %d", at, ledger.Hash(leaf), there, err, want)
		}
	}
}
