package root_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
	"gait/ledger/store"
)

// backup returns a backup of the user's ledger as it is now, with one content.
func (u *user) backup() root.Backup {
	u.t.Helper()
	r := u.open(readOnly)
	defer shut(u.t, r)
	var entries []ledger.Entry
	for e, err := range r.Log.Events(u.t.Context(), 0) {
		must(u.t, err)
		entries = append(entries, ledger.Entry{Event: e})
	}
	rotations, err := r.Log.Rotations(u.t.Context())
	must(u.t, err)
	c, signed := r.Log.Checkpoint()
	kept, err := content.Digest(strings.NewReader("a proof"))
	must(u.t, err)
	return root.Backup{
		Copy: store.Copy{Rotations: rotations, Signed: bytes.Clone(signed), Entries: func(yield func(ledger.Entry, error) bool) {
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}},
		Checkpoint: c, Keys: r.Log.Keys(),
		Content: func(keep func(ledger.Hash, io.ReadSeeker) error) error {
			return keep(kept.Digest, strings.NewReader("a proof"))
		},
	}
}

func (u *user) tryRestore(from root.Backup, changes ...func(*root.Options)) (root.Restoration, error) {
	o := u.Options
	for _, change := range changes {
		change(&o)
	}
	return root.Restore(context.Background(), o, from)
}

func (u *user) restored(from root.Backup) root.Restoration {
	u.t.Helper()
	did, err := u.tryRestore(from)
	if err != nil {
		u.t.Fatalf("Restore: %v", err)
	}
	return did
}

// lose removes the root, as a disk that is gone does.
func (u *user) lose() {
	u.t.Helper()
	must(u.t, os.RemoveAll(u.Dir))
}

// checkContent checks that the backup's content lies beside the ledger.
func (u *user) checkContent() {
	u.t.Helper()
	list, err := root.ContentOf(u.Dir).List()
	must(u.t, err)
	if len(list) != 1 {
		u.t.Fatalf("beside the ledger lie %v, want one content", list)
	}
	if b, err := root.ContentOf(u.Dir).Read(list[0].Digest, 100); err != nil || string(b) != "a proof" {
		u.t.Errorf("the content is %q, %v", b, err)
	}
}

func TestRestoreTheNewest(t *testing.T) {
	u := newUser(t)
	u.made(4)
	from := u.backup()
	u.lose()
	did := u.restored(from)
	if !did.Writable() || did.Older || did.Seen.Size != 4 || !present(did.KeyFile) || did.KeyAdded {
		t.Errorf("Restore = %+v, want it to be continued", did)
	}
	u.notices = nil
	r := u.open(noCreate)
	if r.Restored != nil || r.Log.Index() != ledger.IndexProved || len(u.notices) > 0 {
		t.Errorf("the restored ledger is %+v, its index %s; notices %q", r.Restored, r.Log.Index(), u.notices)
	}
	u.add(r, 2)
	shut(t, r)
	u.checkSize(6)
	u.checkContent()
}

// An older backup is read, loudly, and only as it is and where it is; nothing is written.
func TestRestoreAnOlderOne(t *testing.T) {
	u := newUser(t)
	u.made(3)
	from := u.backup()
	u.made(5)
	aside := filepath.Join(u.dir, "aside")
	copyDir(t, u.ledgerDir(), aside)
	u.lose()
	did := u.restored(from)
	if did.Writable() || !did.Older || did.Seen.Size != 5 {
		t.Errorf("Restore = %+v, want it to be older", did)
	}
	u.checkOlder(3, 5)
	u.checkContent()

	// Another user, who has seen nothing, cannot write it either, and is told.
	other := &user{Options: u.Options, t: t, dir: u.dir}
	other.Home = filepath.Join(u.dir, "other")
	other.Notice = func(s string) { other.notices = append(other.notices, s) }
	must(t, os.CopyFS(filepath.Join(other.Home, "keys"), os.DirFS(filepath.Join(u.Home, "keys"))))
	must(t, os.Chmod(home.KeyPath(other.Home, from.Checkpoint.Origin, false), 0o600))
	other.checkOlder(3, 5)

	// The same state in another place was not accepted.
	elsewhere := &user{Options: u.Options, t: t, dir: u.dir}
	elsewhere.Dir = filepath.Join(u.dir, "elsewhere")
	copyDir(t, u.Dir, elsewhere.Dir)
	must(t, os.Remove(elsewhere.lockFile()))
	if _, err := elsewhere.try(readOnly); !isRolledBack(err) {
		t.Errorf("Open of a copy of it = %v, want a RolledBackError", err)
	}
	// The newest state is welcome back.
	u.restore(aside)
	must(t, os.Remove(u.lockFile()))
	u.checkSize(5)
}

// checkOlder checks that a ledger is read as an older state, and not written.
func (u *user) checkOlder(size, seen int64) {
	u.t.Helper()
	u.notices = nil
	r := u.open(readOnly)
	defer shut(u.t, r)
	if want := (root.Restored{Size: size, Seen: seen}); r.Restored == nil || *r.Restored != want {
		u.t.Errorf("Restored = %+v, want %+v", r.Restored, want)
	}
	if len(u.notices) == 0 || !strings.Contains(strings.Join(u.notices, "\n"), "nothing can be written") {
		u.t.Errorf("it is opened with the notices %q", u.notices)
	}
	must(u.t, r.Log.Verify(u.t.Context(), nil, nil))
	if s, err := r.PackSigner(); err != nil || s.VerifierKey() != r.Log.Keys().Current() {
		u.t.Errorf("PackSigner = %v, %v", s, err)
	}
	shut(u.t, r)
	for name, mode := range map[string]func(*root.Options){
		"to write": noCreate, "once": oneShot, "to create": func(*root.Options) {}, "to serve": func(o *root.Options) { o.Mode = root.Serve },
	} {
		_, err := u.try(mode)
		if back, ok := errors.AsType[*home.RolledBackError](err); !ok || !back.Accepted || back.Seen.Size != seen || back.Found.Size != size {
			u.t.Errorf("Open %s = %v, want a RolledBackError", name, err)
		}
	}
}

func isRolledBack(err error) bool {
	_, ok := errors.AsType[*home.RolledBackError](err)
	return ok
}

// A home that has seen nothing needs to be told that the backup is the newest state, and
// gets the key from the backup.
func TestRestoreInANewHome(t *testing.T) {
	u := newUser(t)
	u.made(3)
	from := u.backup()
	key, err := home.SigningKey(u.Home, from.Checkpoint.Origin)
	must(t, err)
	u.lose()
	must(t, os.RemoveAll(u.Home))
	if _, err := u.tryRestore(from); !errors.Is(err, root.ErrNewestUnknown) || present(u.Dir) || present(u.Home) {
		t.Errorf("Restore in a home that has seen nothing = %v, want ErrNewestUnknown and nothing written", err)
	}
	from.Newest = true
	from.Key = ledgertest.Key(ledgertest.Origin)
	if _, err := u.tryRestore(from); err == nil || present(u.ledgerDir()) {
		t.Errorf("Restore with another ledger's key = %v", err)
	}
	from.Key = key
	did := u.restored(from)
	if !did.Writable() || !did.KeyAdded {
		t.Errorf("Restore = %+v", did)
	}
	u.made(5)
	u.checkSize(5)
	if !u.trusts(key.VerifierKey()) {
		t.Error("the key that came with the backup is not trusted")
	}
}

// Without the key the ledger is read; when the key comes, by the backup or otherwise, the
// index is rebuilt. Until then it cannot be written, however often it is restored.
func TestRestoreWithoutKey(t *testing.T) {
	u := newUser(t)
	u.made(3)
	from := u.backup()
	key, err := home.SigningKey(u.Home, from.Checkpoint.Origin)
	must(t, err)
	u.lose()
	must(t, os.RemoveAll(filepath.Join(u.Home, "keys")))
	if did := u.restored(from); did.Writable() || did.KeyFile != "" || did.Older {
		t.Errorf("Restore = %+v, want it to have no key", did)
	}
	shut(t, u.open(readOnly))
	if _, err := u.try(noCreate); !isKeyMissing(err) {
		t.Errorf("Open to write = %v, want a KeyMissingError", err)
	}
	withKey := from
	withKey.Key = key
	plan, err := root.PlanRestore(u.Options, withKey)
	if err != nil || !plan.There || !plan.KeyLate {
		t.Errorf("PlanRestore with the key = %+v, %v", plan, err)
	}
	for _, from := range []root.Backup{withKey, withKey, from} {
		if did := u.restored(from); did.Writable() || !did.KeyLate || did.KeyFile == "" || !did.There {
			t.Errorf("Restore with the key, later = %+v, want its index to be rebuilt", did)
		}
	}
	r := u.open(noCreate)
	if r.Log.Index() != ledger.IndexBroken {
		t.Errorf("the index is %s, want broken until it is rebuilt", r.Log.Index())
	}
	_, err = r.Log.Rebuild(t.Context(), nil)
	must(t, err)
	shut(t, r)
	if did := u.restored(from); !did.Writable() {
		t.Errorf("Restore of the rebuilt ledger = %+v, want it to go on", did)
	}
	u.made(4)
	u.checkSize(4)
}

// A copy is only read, wherever and whatever was seen.
func TestRestoreToRead(t *testing.T) {
	u := newUser(t)
	u.made(3)
	from := u.backup()
	u.made(4)
	from.ReadOnly = true
	u.Dir = filepath.Join(u.dir, "copy")
	if did := u.restored(from); did.Writable() || !did.Copy {
		t.Errorf("Restore = %+v, want a copy", did)
	}
	r := u.open(readOnly)
	if !r.Log.Imported() || r.Restored != nil {
		t.Errorf("the copy is imported: %t, %+v", r.Log.Imported(), r.Restored)
	}
	shut(t, r)
	var imported *root.ImportedError
	if _, err := u.try(noCreate); !errors.As(err, &imported) {
		t.Errorf("Open to write = %v, want an ImportedError", err)
	}
	u.checkContent()
}

// A root that holds something else is left alone.
func TestRestoreReplacesNothing(t *testing.T) {
	u := newUser(t)
	u.made(3)
	from := u.backup()
	for name, spoil := range map[string]func(){
		"a longer ledger":  func() { u.made(4) },
		"a damaged ledger": func() { must(t, os.WriteFile(filepath.Join(u.ledgerDir(), "x"), nil, 0o600)); damage(t, u.ledgerDir()) },
		"another's mark": func() {
			u.lose()
			other := newUser(t)
			other.Entropy = entropy("another")
			other.made(1)
			must(t, os.Mkdir(u.Dir, 0o700))
			write(t, u.lockFile(), read(t, other.lockFile()))
		},
	} {
		spoil()
		before := names(t, u.Dir)
		if _, err := u.tryRestore(from); !errors.Is(err, store.ErrExists) {
			t.Errorf("Restore over %s = %v, want ErrExists", name, err)
		}
		if after := names(t, u.Dir); strings.Join(before, " ") != strings.Join(after, " ") {
			t.Errorf("Restore over %s left %v of %v", name, after, before)
		}
		u.lose()
		u.restored(from)
	}
}

func damage(t *testing.T, dir string) {
	t.Helper()
	for _, name := range names(t, dir) {
		write(t, filepath.Join(dir, name), []byte("damaged"))
	}
}

// What does not verify leaves nothing but an empty root.
func TestRestoreRefuses(t *testing.T) {
	u := newUser(t)
	u.made(3)
	good := u.backup()
	u.lose()
	for name, change := range map[string]func(*root.Backup){
		"an event that is left out": func(b *root.Backup) {
			all := b.Entries
			b.Entries = func(yield func(ledger.Entry, error) bool) {
				for e := range all {
					if e.Event.Seq() != 1 && !yield(e, nil) {
						return
					}
				}
			}
		},
		"events that end early": func(b *root.Backup) {
			all := b.Entries
			b.Entries = func(yield func(ledger.Entry, error) bool) {
				for e := range all {
					if e.Event.Seq() == 2 || !yield(e, nil) {
						return
					}
				}
			}
		},
		"another digest": func(b *root.Backup) {
			b.Content = func(keep func(ledger.Hash, io.ReadSeeker) error) error {
				return keep(ledger.LeafHash(nil), strings.NewReader("another"))
			}
		},
	} {
		from := good
		change(&from)
		_, err := u.tryRestore(from)
		if !errors.Is(err, ledger.ErrUnverified) || present(u.ledgerDir()) {
			t.Errorf("Restore of %s = %v, want ErrUnverified and no ledger", name, err)
		}
		if _, err := u.try(noCreate); !errors.Is(err, root.ErrLedgerMissing) {
			t.Errorf("Open after that = %v, want ErrLedgerMissing", err)
		}
		u.lose()
	}
	u.restored(good)
	u.checkSize(3)
}
