package root_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// TestIndexNoted tests that a home notes that its ledger has an index, and that a
// ledger without one is damage from then on.
func TestIndexNoted(t *testing.T) {
	u := newUser(t)
	origin := u.made(4)
	note, found, err := home.ReadIndexNote(u.Home, origin)
	if err != nil || !found || !note.Kept || len(note.At) != 1 || note.At[0].Size != 1 {
		t.Fatalf("after the first command: %+v, %t, %v", note, found, err)
	}
	if r := u.open(readOnly); r.Log.Index() != ledger.IndexProved {
		t.Fatalf("with the key, to read: %s, %v", r.Log.Index(), r.Log.IndexErr())
	} else {
		shut(t, r)
	}
	dropIndex(t, u)
	for name, mode := range map[string]func(*root.Options){"read": readOnly, "write": noCreate, "once": func(o *root.Options) { o.Mode = root.Once }} {
		r := u.open(mode)
		if _, wrong := errors.AsType[*ledger.IndexError](r.Log.IndexErr()); r.Log.Index() != ledger.IndexBroken || !wrong {
			t.Errorf("%s: without its record the index is %s, %v", name, r.Log.Index(), r.Log.IndexErr())
		}
		_, _, err := ledger.FindJob(t.Context(), r.Log, "job_1")
		if _, wrong := errors.AsType[*ledger.IndexError](err); !wrong {
			t.Errorf("%s: a job is found all the same: %v", name, err)
		}
		shut(t, r)
	}
}

// dropIndex removes the record and all pages of the ledger's index.
func dropIndex(t *testing.T, u *user) {
	t.Helper()
	err := ledgertest.EditDir(filepath.Join(u.Dir, "ledger"), func(r ledgertest.Rows) (ledgertest.Rows, error) {
		r = r.Clone()
		for key := range r {
			if key == "m/index" || key[0] == 'i' {
				delete(r, key)
			}
		}
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIndexWithoutKey tests that a home without the ledger's key proves nothing until
// it has computed the index itself, and proves what it reads from then on.
func TestIndexWithoutKey(t *testing.T) {
	owner := newUser(t)
	origin := owner.made(5)
	auditor := func(o *root.Options) { readOnly(o); o.Home = filepath.Join(owner.dir, "auditor") }
	r := owner.open(auditor)
	if r.Log.Index() != ledger.IndexUnchecked {
		t.Fatalf("before: %s, %v", r.Log.Index(), r.Log.IndexErr())
	}
	if noted, err := r.NoteVerified(); noted || err != nil {
		t.Fatalf("NoteVerified before Verify = %t, %v", noted, err)
	}
	if err := r.Log.Verify(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if noted, err := r.NoteVerified(); !noted || err != nil {
		t.Fatalf("NoteVerified = %t, %v", noted, err)
	}
	c, _ := r.Log.Checkpoint()
	note, _, err := home.ReadIndexNote(filepath.Join(owner.dir, "auditor"), origin)
	if err != nil || len(note.At) != 1 || note.At[0].Size != 5 || note.At[0].Tree != c.Root || note.At[0].Followed || !note.Kept {
		t.Fatalf("noted is %+v, %v", note, err)
	}
	shut(t, r)
	w := owner.open()
	owner.add(w, 3) // events that the auditor has not read
	shut(t, w)
	r = owner.open(auditor)
	if r.Log.Index() != ledger.IndexProved {
		t.Fatalf("after a full read: %s, %v", r.Log.Index(), r.Log.IndexErr())
	}
	shut(t, r)
	note.At[0].Index[0] ^= 1
	if err := os.Remove(filepath.Join(home.LedgerDir(filepath.Join(owner.dir, "auditor"), origin), "index")); err != nil {
		t.Fatal(err)
	}
	if err := note.Write(filepath.Join(owner.dir, "auditor")); err != nil {
		t.Fatal(err)
	}
	if r = owner.open(auditor); r.Log.Index() != ledger.IndexBroken {
		t.Fatalf("another index was computed before: %s, %v", r.Log.Index(), r.Log.IndexErr())
	}
	shut(t, r)
}

// TestIndexTakenAway tests that a home without the key that has proved what it reads
// does not go back to reading without proof.
func TestIndexTakenAway(t *testing.T) {
	owner := newUser(t)
	owner.made(5)
	auditor := func(o *root.Options) { readOnly(o); o.Home = filepath.Join(owner.dir, "auditor") }
	r := owner.open(auditor)
	if err := r.Log.Verify(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if noted, err := r.NoteVerified(); !noted || err != nil {
		t.Fatalf("NoteVerified = %t, %v", noted, err)
	}
	shut(t, r)
	dropIndex(t, owner)
	r = owner.open(auditor)
	if _, wrong := errors.AsType[*ledger.IndexError](r.Log.IndexErr()); r.Log.Index() != ledger.IndexBroken || !wrong {
		t.Errorf("without its record the index is %s, %v", r.Log.Index(), r.Log.IndexErr())
	}
	shut(t, r)
}

// TestIndexWithUnreadableKey tests that a key file that the user cannot read does not
// keep the user from reading.
func TestIndexWithUnreadableKey(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can read every file")
	}
	u := newUser(t)
	origin := u.made(3)
	if err := os.Chmod(home.KeyPath(u.Home, origin, false), 0); err != nil {
		t.Fatal(err)
	}
	if r := u.open(readOnly); r.Log.Index() != ledger.IndexUnchecked {
		t.Fatalf("the index is %s, %v", r.Log.Index(), r.Log.IndexErr())
	}
}
