package root_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// slots returns the sizes in the user's two slots, -1 for one that cannot be read.
func (u *user) slots(key ledger.VerifierKey) [2]int64 {
	u.t.Helper()
	var sizes [2]int64
	for i, n := range []string{"0", "1"} {
		sizes[i] = -1
		b, err := os.ReadFile(u.slot(key.Name(), n))
		if c, bad := ledger.OpenCheckpoint(b, key); err == nil && bad == nil {
			sizes[i] = c.Size
		}
	}
	return sizes
}

func TestGuardFollowsEachCommit(t *testing.T) {
	u := newUser(t)
	r := u.open()
	for size := int64(1); size < 8; size++ {
		got := u.slots(r.Log.Keys().Current())
		slices.Sort(got[:])
		want := [2]int64{size - 1, size}
		if size == 1 {
			want[0] = -1
		}
		if got != want {
			t.Errorf("after %d events the slots hold %v, want %v", size, got, want)
		}
		u.add(r, 1)
	}
}

func TestGuardFailureFailsTheCommit(t *testing.T) {
	u := newUser(t)
	r := u.open()
	dir := home.LedgerDir(u.Home, r.Log.Origin())
	must(t, os.RemoveAll(dir))
	must(t, os.WriteFile(dir, nil, 0o600))
	if err := u.tryAdd(r); err == nil || errors.Is(err, ledger.ErrOutcomeUnknown) {
		t.Errorf("Append without a place for the outside checkpoint = %v, want an error before anything is written", err)
	}
	shut(t, r)
	must(t, os.Remove(dir))
	u.checkSize(1)
}

// versions makes a ledger and a copy of it at each size up to n.
func (u *user) versions(n int) (dirs []string, key ledger.VerifierKey) {
	u.t.Helper()
	for size := 1; size <= n; size++ {
		u.made(size)
		dirs = append(dirs, filepath.Join(u.dir, "copy", string(rune('a'+size))))
		copyDir(u.t, u.ledgerDir(), dirs[size-1])
	}
	return dirs, u.key()
}

// key returns the key of the user's one ledger.
func (u *user) key() ledger.VerifierKey {
	u.t.Helper()
	keys, err := home.Keys(u.Home)
	must(u.t, err)
	return keys[0].Key
}

func (u *user) restore(dir string) {
	u.t.Helper()
	must(u.t, os.RemoveAll(u.ledgerDir()))
	copyDir(u.t, dir, u.ledgerDir())
}

func TestRestoredOlderCopyIsFound(t *testing.T) {
	u := newUser(t)
	dirs, _ := u.versions(4)
	for i, dir := range dirs[:3] {
		for name, mode := range map[string]func(*root.Options){"for writing": noCreate, "read-only": readOnly, "to create": func(*root.Options) {}} {
			u.restore(dir)
			_, err := u.try(mode)
			back, ok := errors.AsType[*home.RolledBackError](err)
			if !ok || back.Seen.Size != 4 || back.Found.Size != int64(i+1) {
				t.Fatalf("Open %s of a copy of %d events = %v, want a RolledBackError", name, i+1, err)
			}
			seen, err1 := ledger.PeekCheckpoint(back.SeenNote)
			found, err2 := ledger.PeekCheckpoint(back.FoundNote)
			if err1 != nil || err2 != nil || seen != back.Seen || found != back.Found {
				t.Errorf("its notes are of %v and %v, want %v and %v", seen, found, back.Seen, back.Found)
			}
		}
	}
	u.restore(dirs[3])
	u.checkSize(4)
}

func TestForkIsFound(t *testing.T) {
	u := newUser(t)
	dirs, key := u.versions(3)
	// The same key signs another history, with a home that has not seen this one.
	other := &user{Options: u.Options, t: t, dir: u.dir}
	other.Home = filepath.Join(u.dir, "other")
	must(t, os.MkdirAll(filepath.Join(other.Home, "keys"), 0o700))
	write(t, home.KeyPath(other.Home, key.Name(), false), read(t, home.KeyPath(u.Home, key.Name(), false)))
	u.restore(dirs[1])
	for _, size := range []int{3, 4} {
		other.made(size)
		_, err := u.try()
		back, ok := errors.AsType[*home.RolledBackError](err)
		if !ok || back.Found.Size != int64(size) || back.Seen.Size != 3 || !strings.Contains(err.Error(), "first 3 events differ") {
			t.Errorf("Open of another history of %d events = %v, want a RolledBackError", size, err)
		}
	}
}

func TestDeletedLedgerIsFound(t *testing.T) {
	u := newUser(t)
	origin := u.made(2)
	must(t, os.RemoveAll(u.ledgerDir()))
	for _, mode := range []func(*root.Options){noCreate, readOnly, func(*root.Options) {}} {
		if _, err := u.try(mode); !errors.Is(err, root.ErrLedgerMissing) || !strings.Contains(err.Error(), origin) {
			t.Errorf("Open of a deleted ledger = %v, want ErrLedgerMissing that names it", err)
		}
	}
	must(t, os.Mkdir(u.ledgerDir(), 0o700))
	if _, err := u.try(); err == nil || errors.Is(err, root.ErrNoLedger) {
		t.Errorf("Open of an emptied ledger directory = %v, want an error about it", err)
	}
}

func TestSwappedLedgerIsFound(t *testing.T) {
	u := newUser(t)
	u.made(3)
	elsewhere := &user{Options: u.Options, t: t, dir: u.dir}
	elsewhere.Dir = filepath.Join(u.dir, "elsewhere")
	elsewhere.made(3)
	aside := filepath.Join(u.dir, "aside")
	must(t, os.Rename(u.ledgerDir(), aside))
	must(t, os.Rename(elsewhere.ledgerDir(), u.ledgerDir()))
	must(t, os.Rename(aside, elsewhere.ledgerDir()))
	for _, u := range []*user{u, elsewhere} {
		for _, mode := range []func(*root.Options){noCreate, readOnly} {
			_, err := u.try(mode)
			swapped, ok := errors.AsType[*root.SwappedError](err)
			if !ok || swapped.Want == swapped.Got || swapped.By != u.lockFile() || swapped.Want.Name() == swapped.Got.Name() {
				t.Errorf("Open of a swapped ledger = %v, want a SwappedError", err)
			}
		}
	}
}

// The ledger is made by an attacker who can write to the root but not to home,
// under the origin that the user trusts.
func TestForgedLedgerIsFound(t *testing.T) {
	u := newUser(t)
	u.Origin = "gait.example/log"
	u.made(3)
	forger := newUser(t)
	forger.Origin = u.Origin
	forger.Entropy = entropy("another")
	forger.made(5)
	must(t, os.RemoveAll(u.Dir))
	must(t, os.Rename(forger.Dir, u.Dir))
	for _, mode := range []func(*root.Options){noCreate, readOnly} {
		_, err := u.try(mode)
		if swapped, ok := errors.AsType[*root.SwappedError](err); !ok || !strings.HasPrefix(swapped.By, u.Home) {
			t.Errorf("Open of a forged ledger = %v, want a SwappedError by home", err)
		}
	}
}

func TestOneSlotIsEnough(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"missing":   func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"empty":     func(t *testing.T, path string) { write(t, path, nil) },
		"cut short": func(t *testing.T, path string) { b := read(t, path); write(t, path, b[:len(b)/2]) },
		"too long":  func(t *testing.T, path string) { write(t, path, make([]byte, ledger.MaxNoteSize+1)) },
		"flipped":   func(t *testing.T, path string) { b := read(t, path); b[len(b)-10] ^= 1; write(t, path, b) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUser(t)
			dirs, key := u.versions(5)
			newest := "0"
			if s := u.slots(key); s[1] > s[0] {
				newest = "1"
			}
			spoil(t, u.slot(key.Name(), newest))
			u.restore(dirs[2]) // 3 events, while the other slot records 4
			_, err := u.try(readOnly)
			if back, ok := errors.AsType[*home.RolledBackError](err); !ok || back.Seen.Size != 4 {
				t.Errorf("Open with one slot %s = %v, want a RolledBackError by the other", name, err)
			}
			u.restore(dirs[4])
			u.notices = nil
			u.checkSize(5)
			if got := u.slots(key); got != [2]int64{5, 4} && got != [2]int64{4, 5} || len(u.notices) > 0 {
				t.Errorf("the slots hold %v, want 4 and 5; notices %q", got, u.notices)
			}
		})
	}
}

func TestNoSlotIsANotice(t *testing.T) {
	u := newUser(t)
	u.made(5)
	key := u.key()
	must(t, os.Remove(u.slot(key.Name(), "0")))
	write(t, u.slot(key.Name(), "1"), []byte("torn"))
	for _, mode := range []func(*root.Options){readOnly, noCreate} {
		u.notices = nil
		shut(t, u.open(mode))
		if len(u.notices) != 1 || !strings.Contains(u.notices[0], key.Name()) {
			t.Errorf("Open without an outside checkpoint says %q, want one notice", u.notices)
		}
	}
	u.notices = nil
	u.checkSize(5)
	if got := u.slots(key); got != [2]int64{5, -1} || len(u.notices) > 0 {
		t.Errorf("the slots hold %v, want one of 5 events; notices %q", got, u.notices)
	}
}

// A reader never changes the outside checkpoint.
func TestReaderDoesNotWriteTheGuard(t *testing.T) {
	u := newUser(t)
	_, key := u.versions(4)
	must(t, os.Remove(u.slot(key.Name(), "0")))
	must(t, os.Remove(u.slot(key.Name(), "1")))
	shut(t, u.open(readOnly))
	if got := u.slots(key); got != [2]int64{-1, -1} {
		t.Errorf("after reading the slots hold %v, want none", got)
	}
}

func TestGuardBehindTheLedgerCatchesUp(t *testing.T) {
	u := newUser(t)
	u.made(2)
	dir := home.LedgerDir(u.Home, u.key().Name())
	aside := filepath.Join(u.dir, "aside")
	copyDir(t, dir, aside)
	u.made(300) // more than one tile
	must(t, os.RemoveAll(dir))
	must(t, os.Rename(aside, dir))
	u.checkSize(300)
	if got := u.slots(u.key()); max(got[0], got[1]) != 300 || min(got[0], got[1]) != 2 {
		t.Errorf("the slots hold %v, want 2 and 300", got)
	}
}

// Two copies of one root write in turn, with the same home. The second copy must
// be refused when it writes again what the first has written, and the outside
// checkpoint must not move back.
func TestGuardIsNeverMovedBack(t *testing.T) {
	u := newUser(t)
	u.made(2)
	twin := &user{Options: u.Options, t: t, dir: u.dir}
	twin.Dir = filepath.Join(u.dir, "twin")
	copyDir(t, u.Dir, twin.Dir)
	a, b := u.open(), twin.open()
	u.add(a, 3)
	before := u.slots(a.Log.Keys().Current())
	err := twin.tryAdd(b)
	if back, ok := errors.AsType[*home.RolledBackError](err); !ok || errors.Is(err, ledger.ErrOutcomeUnknown) || back.Seen.Size != 5 || b.Log.Head().Size != 2 {
		t.Errorf("Append to the twin = %v, want a RolledBackError before anything is written", err)
	}
	if got := u.slots(a.Log.Keys().Current()); got != before {
		t.Errorf("the slots hold %v, want %v as before", got, before)
	}
	u.add(a, 1)
	shut(t, b)
	if _, err := twin.try(); err == nil {
		t.Error("the twin opens again")
	}
}

func TestTailIsBounded(t *testing.T) {
	u := newUser(t)
	r := u.open()
	origin := r.Log.Origin()
	seed(t, u, r, root.MaxTail+400)
	shut(t, r)
	must(t, os.RemoveAll(home.LedgerDir(u.Home, origin)))
	r = u.open(noCreate)
	if got := r.Log.Head().Size; got != root.MaxTail+401 {
		t.Errorf("the ledger has %d events, want %d", got, root.MaxTail+401)
	}
}

// seed appends n events of job_1 in one batch.
func seed(t *testing.T, u *user, r *root.Root, n int) {
	t.Helper()
	at, head := r.Log.Head(), r.Log.Head()
	var job ledger.JobHead
	var entries []ledger.Entry
	first, err := r.Log.Event(t.Context(), 0)
	must(t, err)
	for range n {
		d := ledger.Draft{
			Seq: ledger.Seq(head.Size), ID: first.ID(), Origin: r.Log.Origin(), Time: head.Time, Actor: "worker_1",
			Prev: head.Leaf, JobID: "job_1", JobSeq: job.JobSeq + 1, JobPrev: job.Leaf, Revision: job.Revision + 1,
			Payload: ledger.Paused{},
		}
		e, err := ledger.Seal(d)
		must(t, err)
		head, err = head.Follow(e)
		must(t, err)
		job, err = job.Follow(e)
		must(t, err)
		entries = append(entries, ledger.Entry{Event: e})
	}
	_, err = r.Log.Append(context.Background(), at, entries...)
	must(t, err)
}

func TestTornSlotOfEveryLength(t *testing.T) {
	u := newUser(t)
	u.made(3)
	a, b := u.slot(u.key().Name(), "0"), u.slot(u.key().Name(), "1")
	older, newer := read(t, a), read(t, b)
	if c, _ := ledger.PeekCheckpoint(older); c.Size > 2 {
		b, older, newer = a, newer, older
	}
	for n := 0; n <= len(newer); n += 7 {
		torn := append(bytes.Clone(newer[:n]), older[min(n, len(older)):]...)
		write(t, b, torn)
		r, err := u.try(readOnly)
		if err != nil {
			t.Fatalf("Open with %d bytes of the newest slot written: %v", n, err)
		}
		shut(t, r)
	}
}

func TestTwoHistoriesInTheSlots(t *testing.T) {
	u := newUser(t)
	origin := u.made(2)
	k, err := ledger.ParsePrivateKey(strings.TrimSuffix(string(read(t, home.KeyPath(u.Home, origin, false))), "\n"))
	must(t, err)
	c, err := ledger.OpenCheckpoint(read(t, u.slot(origin, "1")), k.VerifierKey())
	must(t, err)
	c.Root[0] ^= 1
	signed, err := c.Sign(k)
	must(t, err)
	write(t, u.slot(origin, "0"), signed)
	if _, err := u.try(); !isCorrupt(err) {
		t.Errorf("Open with two histories in the slots = %v, want a CorruptError", err)
	}
	if was := u.retire("the key signed twice"); was.Origin != origin || was.Found.Size != 2 {
		t.Errorf("Retire = %+v, want it to work", was)
	}
}

// A ledger that was created in a root is not taken for a copy, of which less is asked:
// one row would turn the comparison with what was seen off.
func TestCreatedLedgerIsNoCopy(t *testing.T) {
	u := newUser(t)
	u.made(2)
	dir := filepath.Join(u.Dir, "ledger")
	var older ledgertest.Rows
	edit := func(change func(ledgertest.Rows) ledgertest.Rows) {
		t.Helper()
		must(t, ledgertest.EditDir(dir, func(r ledgertest.Rows) (ledgertest.Rows, error) { return change(r), nil }))
	}
	edit(func(r ledgertest.Rows) ledgertest.Rows { older = r.Clone(); return r })
	u.made(4)
	for what, rows := range map[string]ledgertest.Rows{"the newest rows": nil, "older rows": older} {
		edit(func(r ledgertest.Rows) ledgertest.Rows {
			if rows != nil {
				r = rows.Clone()
			}
			r["m/imported"] = []byte("1")
			return r
		})
		for _, mode := range []root.Mode{root.Read, root.Write, root.Once} {
			_, err := u.try(noCreate, func(o *root.Options) { o.Mode = mode })
			if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
				t.Errorf("%s that say that they are a copy, mode %v: Open = %v, want a *ledger.CorruptError", what, mode, err)
			}
		}
	}
}
