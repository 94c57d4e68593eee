package root_test

import (
	"errors"
	"os"
	"testing"

	"gait/ledger/home"
)

var restoreSteps = []string{"place", "content", "key", "ledger", "guard", "mark", "older"}

// A Restore that a crash interrupts is finished by the next one, and what is there in
// between is never written if it is older than what was seen.
func TestRestoreCrashes(t *testing.T) {
	for _, kind := range []string{"newest", "older", "copy", "new home"} {
		for _, step := range restoreSteps {
			if step == "older" && kind != "older" {
				continue
			}
			t.Run(kind+", "+step, func(t *testing.T) { restoreCrashes(t, kind, step) })
		}
	}
}

func restoreCrashes(t *testing.T, kind, step string) {
	u := newUser(t)
	u.made(3)
	from := u.backup()
	switch kind {
	case "older":
		u.made(4)
	case "copy":
		from.ReadOnly = true
	case "new home":
		key, err := home.SigningKey(u.Home, from.Checkpoint.Origin)
		must(t, err)
		from.Key, from.Newest = key, true
		must(t, os.RemoveAll(u.Home))
	}
	u.lose()
	if _, err := u.tryRestore(from, crashAt(step)); !errors.Is(err, errCrash) {
		t.Fatalf("Restore = %v, want the crash", err)
	}
	r, err := u.try(noCreate)
	if err == nil {
		shut(t, r)
	}
	switch {
	case err == nil && (kind == "older" || kind == "copy"):
		t.Error("what was restored half is written")
	case err == nil && !present(u.ledgerDir()):
		t.Error("there is no ledger, and it opens")
	}
	if r, err := u.try(readOnly); err == nil {
		if kind == "older" && r.Restored == nil {
			t.Error("what was restored half is read without a word")
		}
		shut(t, r)
	}
	if r, err := u.try(); err == nil {
		if r.Log.Origin() != from.Checkpoint.Origin {
			t.Error("a new ledger began in its place")
		}
		shut(t, r)
	}
	u.restored(from)
	switch kind {
	case "older":
		u.checkOlder(3, 4)
	case "copy":
		shut(t, u.open(readOnly))
	default:
		u.checkSize(3)
		u.made(4)
	}
	u.checkContent()
}
