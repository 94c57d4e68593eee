package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// withAuthority returns the table of a closed ledger with a job and five authority events.
func withAuthority(t *testing.T) *memtable.Table {
	t.Helper()
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	if format := rowsOf(t, table)["m/format"]; string(format) != "3" {
		t.Errorf("without authority events the store format is %q, want 3", format)
	}
	ledgertest.Append(t, log, ledgertest.FirstAdmin(t, "admin_1"))
	for i := range 4 {
		ledgertest.Append(t, log, ledgertest.Enroll(t, "admin_1", fmt.Sprint("approver_", i), ledger.RoleApprover), ledgertest.Progress("job_1", "a step"))
	}
	ledgertest.Check(t, log)
	if format := rowsOf(t, table)["m/format"]; string(format) != "4" {
		t.Errorf("with authority events the store format is %q, want 4", format)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	return table
}

// authorityRows returns the keys of rows of authority events, sorted.
func authorityRows(rows ledgertest.Rows) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for key := range maps.Keys(rows) {
			if key[0] == 'a' && !yield(key) {
				return
			}
		}
	})
}

// damaged opens a ledger with other rows than it had. It reports what Verify says, and what
// reading the authority events ends with.
func damaged(t *testing.T, rows ledgertest.Rows) (verified, read error) {
	t.Helper()
	log, err := store.Open(t.Context(), rows.Table(), openOptions())
	if err != nil {
		return err, err
	}
	defer log.Close()
	for _, err := range log.AuthorityEvents(t.Context()) {
		read = err
	}
	return log.Verify(t.Context(), nil, nil), read
}

func isDamage(err error) bool {
	_, corrupt := errors.AsType[*ledger.CorruptError](err)
	_, index := errors.AsType[*ledger.IndexError](err)
	return corrupt || index
}

// No bit of a row of an authority event can be changed, and no such row dropped, added or
// moved, without an error of Verify and of the next command that reads them.
func TestDamagedAuthorityRows(t *testing.T) {
	rows := rowsOf(t, withAuthority(t))
	keys := authorityRows(rows)
	if len(keys) != 5 {
		t.Fatalf("there are %d rows of authority events, want 5", len(keys))
	}
	try := func(what string, change func(ledgertest.Rows)) {
		t.Helper()
		changed := rows.Clone()
		change(changed)
		if verified, read := damaged(t, changed); !isDamage(verified) || !isDamage(read) {
			t.Errorf("%s: Verify = %v, AuthorityEvents = %v, want damage", what, verified, read)
		}
	}
	for _, key := range keys {
		for bit := range 8 * len(rows[key]) {
			try(fmt.Sprintf("bit %d of %q", bit, key), func(r ledgertest.Rows) {
				r[key] = bytes.Clone(r[key])
				r[key][bit/8] ^= 1 << (bit % 8)
			})
		}
		for bit := 8; bit < 8*len(key); bit++ {
			try(fmt.Sprintf("bit %d of the key %q", bit, key), func(r ledgertest.Rows) {
				moved := []byte(key)
				moved[bit/8] ^= 1 << (bit % 8)
				r[string(moved)] = r[key]
				delete(r, key)
			})
		}
		try("a short row", func(r ledgertest.Rows) { r[key] = r[key][:31] })
		try("a long row", func(r ledgertest.Rows) { r[key] = append(bytes.Clone(r[key]), 0) })
		try("a row gone", func(r ledgertest.Rows) { delete(r, key) })
		try("another event's row", func(r ledgertest.Rows) { r[key] = bytes.Clone(r["a\x00\x00\x00\x00\x00\x00\x00\x01"]) })
	}
	try("no rows", func(r ledgertest.Rows) {
		for _, key := range keys {
			delete(r, key)
		}
	})
	first := strings.TrimPrefix(keys[0], "a")
	try("an event gone", func(r ledgertest.Rows) { delete(r, "e"+first) })
}

// Rows that no authority event has are found by Verify. The format tells whether there are any.
func TestStrangeAuthorityRows(t *testing.T) {
	rows := rowsOf(t, withAuthority(t))
	leaf := rows[authorityRows(rows)[0]]
	for what, change := range map[string]func(ledgertest.Rows){
		"a row of another event":   func(r ledgertest.Rows) { r["a\x00\x00\x00\x00\x00\x00\x00\x01"] = leaf },
		"a row of an event to be":  func(r ledgertest.Rows) { r["a\x00\x00\x00\x00\x00\x00\x01\x00"] = leaf },
		"a row of no event at all": func(r ledgertest.Rows) { r["a"] = leaf },
		"the format before":        func(r ledgertest.Rows) { r["m/format"] = []byte("3") },
	} {
		changed := rows.Clone()
		change(changed)
		if verified, _ := damaged(t, changed); !isDamage(verified) {
			t.Errorf("%s: Verify = %v, want damage", what, verified)
		}
	}
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	changed := rowsOf(t, table)
	changed["m/format"] = []byte("4")
	if verified, _ := damaged(t, changed); !isDamage(verified) {
		t.Errorf("format 4 without an authority event: Verify = %v, want damage", verified)
	}
}

// A row that was lost is written again by Rebuild.
func TestRebuildAuthorityRows(t *testing.T) {
	table := withAuthority(t)
	rows := rowsOf(t, table)
	for _, drop := range [][]int{{0}, {4}, {1, 2}, {0, 1, 2, 3, 4}} {
		changed, keys := rows.Clone(), authorityRows(rows)
		for _, i := range drop {
			delete(changed, keys[i])
		}
		log := opened(t, changed.Table())
		done, err := log.Rebuild(t.Context(), nil)
		if err != nil || done.Rows != int64(len(drop)) {
			t.Errorf("Rebuild without rows %v = %+v, %v", drop, done, err)
		}
		ledgertest.Check(t, log)
	}
}

// What the holder of the ledger's key can append, and authority does not admit, is found by
// every reader of the whole ledger, and named.
func TestVerifyAuthority(t *testing.T) {
	admin := ledgertest.FirstAdmin(t, "admin_1")
	unsigned := ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover)
	unsigned.Signers = nil
	other := ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover)
	other.Signers = []string{"mallory"}
	flipped := ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover)
	flipped.Edit = func(d *ledger.Draft) {
		sig := bytes.Clone(d.CommandSigs[0].Sig)
		sig[len(sig)-1] ^= 1
		d.CommandSigs[0].Sig = sig
	}
	raised := ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover)
	raised.Edit = func(d *ledger.Draft) {
		p := d.Payload.(ledger.ActorEnrolled)
		p.Roles = []ledger.Role{ledger.RoleAdmin}
		d.Payload = p
	}
	claim := ledgertest.Submit("job_2")
	claim.Actor = "admin_1"
	for name, spec := range map[string]ledgertest.EventSpec{
		"an enrolment without a signature": unsigned, "another's signature": other, "a bit of a signature": flipped,
		"another payload than was signed": raised, "an enrolled name that did not sign": claim,
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t)
			ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), admin)
			ledgertest.Check(t, l.Log)
			ledgertest.Append(t, l.Log, spec, ledgertest.Progress("job_1", "later"))
			err := l.Verify(t.Context(), nil, nil)
			if damage, is := errors.AsType[*ledger.CorruptError](err); !is || damage.Seq != 3 {
				t.Errorf("Verify = %v, want a *ledger.CorruptError about event 3", err)
			}
			_, err = l.Rebuild(t.Context(), nil)
			if damage, is := errors.AsType[*ledger.CorruptError](err); !is || damage.Seq != 3 {
				t.Errorf("Rebuild = %v, want a *ledger.CorruptError about event 3", err)
			}
			_, signed := l.Checkpoint()
			err = ledgertest.Import("jobs/copy", store.Copy{Entries: entries(l.Log, nil), Signed: signed}, ledgertest.Options{FS: l.FS})
			if !errors.Is(err, ledger.ErrUnverified) || !strings.Contains(err.Error(), "event 3") {
				t.Errorf("Import = %v, want ErrUnverified about event 3", err)
			}
		})
	}
}

// A ledger whose jobs have no tags yet gets its first authority event, and its tags later.
func TestAuthorityBeforeTags(t *testing.T) {
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	rows := rowsOf(t, table)
	for key := range rows {
		if key[0] == 'g' || key[0] == 'n' || key == "m/tags" {
			delete(rows, key)
		}
	}
	rows["m/format"] = []byte("2")
	old := rows.Table()
	log = opened(t, old)
	ledgertest.Append(t, log, ledgertest.FirstAdmin(t, "admin_1"))
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
	if rows := rowsOf(t, old); string(rows["m/format"]) != "4" || rows["njob_1"] == nil || rows["njob_2"] == nil {
		t.Errorf("the jobs got no tags, and the store format is %s", rows["m/format"])
	}
}

// Batches that are made one behind the other hand the authority on.
func TestAuthorityInPendingBatches(t *testing.T) {
	log := overTable(t, &memtable.Table{})
	entries := ledgertest.Seal(
		t, log, ledgertest.Submit("job_1"), ledgertest.FirstAdmin(t, "admin_1"), ledgertest.Progress("job_1", "signed by none"),
		ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover), ledgertest.Progress("job_1", "later"),
	)
	at := log.Head()
	first := ledgertest.Signed(t, log, at, entries[:2])
	end := ledger.HeadAfter(entries[1].Event)
	behind := ledgertest.Signed(t, log, end, entries[2:])
	for _, b := range []ledger.Batch{first, behind} {
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := entries[3].Event.LeafHash(); log.Head().Authority != want {
		t.Errorf("the newest authority event is %s, want %s", log.Head().Authority, want)
	}
	ledgertest.Check(t, log)
}

// A home without the ledger's key, which computed the index before there were actors, or when
// there were fewer, relies on the pages of today if they lead there.
func TestKnownIndexBeforeAuthority(t *testing.T) {
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	var known []store.IndexRoot
	for _, spec := range []ledgertest.EventSpec{
		ledgertest.FirstAdmin(t, "admin_1"), ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover), ledgertest.Revoke("admin_1", "approver_1"),
	} {
		root, _ := log.IndexRoot()
		known = append(known, root)
		ledgertest.Append(t, log, spec, ledgertest.Progress("job_1", "a step"))
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	rows := rowsOf(t, table)
	for _, root := range known {
		keyless, err := store.Open(t.Context(), rows.Table(), store.Options{ReadOnly: true, Known: []store.IndexRoot{root}})
		if err != nil {
			t.Fatal(err)
		}
		if keyless.Index() != ledger.IndexProved {
			t.Errorf("the index known at %d events is %s: %v", root.Size, keyless.Index(), keyless.IndexErr())
		}
		ledgertest.Check(t, keyless)
		if err := keyless.Close(); err != nil {
			t.Fatal(err)
		}
		root.Index[0] ^= 1
		other, err := store.Open(t.Context(), rows.Table(), store.Options{ReadOnly: true, Known: []store.IndexRoot{root}})
		if err != nil {
			t.Fatal(err)
		}
		if other.Index() == ledger.IndexProved {
			t.Errorf("another index at %d events than is known is proved", root.Size)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
