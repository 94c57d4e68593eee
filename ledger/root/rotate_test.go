package root_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

func rotateKey(t *testing.T, r *root.Root) root.RotateResult {
	t.Helper()
	did, err := r.Rotate(t.Context(), root.Order{Actor: "tester", Reason: "time to"})
	must(t, err)
	return did
}

// trusts reports whether the user trusts a key.
func (u *user) trusts(key ledger.VerifierKey) bool {
	u.t.Helper()
	keys, err := home.TrustedKeys(u.Home)
	must(u.t, err)
	return slices.ContainsFunc(keys, func(k ledger.PublicKey) bool { return k.Is(key) })
}

func TestRotate(t *testing.T) {
	u := newUser(t)
	u.made(2)
	r := u.open()
	before := r.Log.Keys().Current()
	for range 2 { // one directly after another
		was := r.Log.Keys().Current()
		did := rotateKey(t, r)
		if did.Previous != was || did.Key != r.Log.Keys().Current() || r.Signer.VerifierKey() != did.Key || !did.Trusted {
			t.Errorf("Rotate = %+v, the log's key is %s and the signer's %s", did, r.Log.Keys().Current(), r.Signer.VerifierKey())
		}
	}
	u.add(r, 2)
	key := r.Log.Keys().Current()
	shut(t, r)
	u.checkSize(6)
	if got := u.key(); got != key || !u.trusts(key) || !u.trusts(before) {
		t.Errorf("the private key kept is %s, want %s; trusted: %t", got, key, u.trusts(key))
	}
	if got := names(t, filepath.Join(u.Home, "keys")); len(got) != 2 || len(names(t, filepath.Join(u.Home, "keys", "next"))) > 0 {
		t.Errorf("the keys kept are %v, want the one in force alone", got)
	}
	r = u.open(readOnly)
	defer shut(t, r)
	if at, _, err := home.Seen(u.Home, r.Log.Keys().Keys()...); err != nil || len(at) != 1 || at[0].Size != 6 {
		t.Errorf("the outside checkpoint is %v, %v, want one of 6 events", at, err)
	}
}

// At whatever step a crash comes, the next open uses the key in force, and another
// rotation works.
func TestRotateCrashes(t *testing.T) {
	for _, step := range []string{"next key", "event", "key", "trust", "keys seen", "mark"} {
		t.Run(step, func(t *testing.T) {
			u := newUser(t)
			u.made(2)
			r := u.open(crashAt(step))
			before := r.Log.Keys().Current()
			if _, err := r.Rotate(t.Context(), root.Order{Actor: "tester"}); !errors.Is(err, errCrash) {
				t.Fatalf("Rotate = %v, want the crash", err)
			}
			shut(t, r)
			r = u.open(readOnly)
			size := r.Log.Head().Size
			shut(t, r)
			r = u.open()
			if rotated := r.Log.Keys().Current() != before; rotated != (step != "next key") || r.Log.Head().Size != size {
				t.Errorf("after the crash the key was rotated: %t", rotated)
			}
			u.add(r, 1)
			rotateKey(t, r)
			u.add(r, 1)
			key := r.Log.Keys().Current()
			shut(t, r)
			u.checkSize(size + 3)
			if u.key() != key || !u.trusts(key) || len(names(t, filepath.Join(u.Home, "keys", "next"))) > 0 {
				t.Errorf("the key in force is %s; kept is %s; trusted: %t", key, u.key(), u.trusts(key))
			}
		})
	}
}

// If the old key is not trusted, rotation does not make the new one trusted.
func TestRotateDistrusted(t *testing.T) {
	u := newUser(t)
	u.made(2)
	must(t, os.Remove(filepath.Join(u.Home, "trusted_keys")))
	r := u.open()
	if did := rotateKey(t, r); did.Trusted || u.trusts(did.Key) {
		t.Error("the new key is trusted, though the old one was not")
	}
	shut(t, r)
	must(t, os.Remove(u.lockFile())) // so no mark says which ledger it is
	u.checkSize(3)
	if keys, err := home.TrustedKeys(u.Home); err != nil || len(keys) > 0 {
		t.Errorf("opening the ledger trusted %v (%v)", keys, err)
	}
}

func TestRolledBackBehindARotation(t *testing.T) {
	u := newUser(t)
	dirs, _ := u.versions(3)
	r := u.open()
	rotateKey(t, r)
	u.add(r, 3)
	origin := r.Log.Origin()
	shut(t, r)
	u.restore(dirs[2])
	for _, open := range []func(*root.Options){noCreate, readOnly} {
		_, err := u.try(open)
		if back, ok := errors.AsType[*home.RolledBackError](err); !ok || back.Seen.Size != 7 || back.Found.Size != 3 {
			t.Errorf("Open of a copy from before the rotation = %v, want a RolledBackError", err)
		}
	}
	must(t, os.RemoveAll(home.LedgerDir(u.Home, origin)))
	for _, open := range []func(*root.Options){noCreate, readOnly} {
		_, err := u.try(open)
		if _, ok := errors.AsType[*root.SwappedError](err); !ok {
			t.Errorf("Open without the outside checkpoint = %v, want a SwappedError: the lock file names the later key", err)
		}
	}
}

// The outside checkpoint of a lost ledger counts even if a later key than the one
// that event 0 names has signed it.
func TestRetireAfterARotation(t *testing.T) {
	u := newUser(t)
	u.made(2)
	r := u.open()
	rotateKey(t, r)
	u.add(r, 2)
	shut(t, r)
	must(t, os.RemoveAll(u.ledgerDir()))
	was, err := root.Retire(t.Context(), u.Options, "lost")
	if err != nil || was.Seen.Size != 5 || was.Key == "" {
		t.Errorf("Retire = %+v, %v, want one that saw 5 events", was, err)
	}
	u.made(1)
}

// The key in force is only in keys/next if a crash came after the event of a rotation. It is
// put away with the ledger, whose packs it signs, at whatever step a second crash comes.
func TestRetireAfterARotationCutShort(t *testing.T) {
	for _, step := range []string{"", "note", "promoted", "key"} {
		for _, finish := range []string{"retire", "create", "succeed"} {
			t.Run(step+", then "+finish, func(t *testing.T) {
				u := newUser(t)
				u.made(2)
				inForce := u.rotationCutShort()
				o := u.with(crashAt(step))
				var err error
				if finish == "succeed" {
					_, err = root.Succeed(t.Context(), o, u.succession())
				} else {
					_, err = root.Retire(t.Context(), o, "enough")
				}
				if step != "" && !errors.Is(err, errCrash) || step == "" && err != nil {
					t.Fatalf("giving it up = %v, want the crash at %q", err, step)
				}
				if step != "" && finish == "retire" {
					u.retire("enough")
				}
				if step != "" || finish != "succeed" {
					shut(t, u.open())
				}
				u.checkRetiredSigner(inForce)
			})
		}
	}
}

// rotationCutShort rotates the key of the user's ledger up to a crash after the event, and
// returns the key that is in force then.
func (u *user) rotationCutShort() ledger.VerifierKey {
	u.t.Helper()
	r := u.open(crashAt("event"))
	if _, err := r.Rotate(u.t.Context(), root.Order{Actor: "tester"}); !errors.Is(err, errCrash) {
		u.t.Fatalf("Rotate = %v, want the crash", err)
	}
	key := r.Log.Keys().Current()
	shut(u.t, r)
	return key
}

// checkRetiredSigner checks that a key signs packs of the one retired ledger, and that no key
// of it is left to sign with.
func (u *user) checkRetiredSigner(want ledger.VerifierKey) {
	u.t.Helper()
	dirs, err := filepath.Glob(filepath.Join(u.Dir, "ledger.retired-*"))
	if err != nil || len(dirs) != 1 {
		u.t.Fatalf("the retired ledgers are %v, %v, want one", dirs, err)
	}
	r := u.open(readOnly, func(o *root.Options) { o.Dir = dirs[0] })
	defer shut(u.t, r)
	if signer, err := r.PackSigner(); err != nil || signer.VerifierKey() != want {
		u.t.Errorf("PackSigner = %v, %v, want %s", signer, err, want)
	}
	if key, err := home.SigningKey(u.Home, want.Name()); err == nil {
		u.t.Errorf("%s is left to sign with", key.VerifierKey())
	}
	if left := names(u.t, filepath.Join(u.Home, "keys", "next")); len(left) > 0 {
		u.t.Errorf("%v is left to sign with", left)
	}
}

// An older state of the ledger does not know of a rotation that a crash cut short, and
// neither does one that cannot be read: the only copy of the key stays.
func TestRetireKeepsTheKeyOfANewerState(t *testing.T) {
	for name, spoil := range map[string]func(u *user, before string){
		"older":   func(u *user, before string) { u.restore(before) },
		"missing": func(u *user, _ string) { must(u.t, os.RemoveAll(u.ledgerDir())) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUser(t)
			dirs, key := u.versions(2)
			inForce := u.rotationCutShort()
			spoil(u, dirs[1])
			u.retire("enough")
			if kept, err := home.PrivateOf(u.Home, inForce); err != nil || kept.VerifierKey() != inForce {
				t.Errorf("the key in force was lost: %v", err)
			}
			if _, err := home.PrivateOf(u.Home, key); err != nil {
				t.Errorf("the key of the older state was lost: %v", err)
			}
		})
	}
}

// A key that was made for a rotation that never happened is removed.
func TestRetireDropsAKeyThatWasNeverUsed(t *testing.T) {
	u := newUser(t)
	u.made(2)
	r := u.open(crashAt("next key"))
	if _, err := r.Rotate(t.Context(), root.Order{Actor: "tester"}); !errors.Is(err, errCrash) {
		t.Fatalf("Rotate = %v, want the crash", err)
	}
	inForce := r.Log.Keys().Current()
	shut(t, r)
	u.retire("enough")
	u.checkRetiredSigner(inForce)
}

func TestRotateMissingKey(t *testing.T) {
	u := newUser(t)
	u.made(2)
	r := u.open()
	origin := r.Log.Origin()
	old := read(t, home.KeyPath(u.Home, origin, false))
	rotateKey(t, r)
	shut(t, r)
	write(t, home.KeyPath(u.Home, origin, false), old)
	_, err := u.try(noCreate)
	if missing, ok := errors.AsType[*home.KeyMissingError](err); !ok || missing.Earlier.IsZero() {
		t.Errorf("Open with the old key put back = %v, want a KeyMissingError that names it", err)
	}
	must(t, os.Remove(home.KeyPath(u.Home, origin, false)))
	_, err = u.try(noCreate)
	if _, ok := errors.AsType[*home.KeyMissingError](err); !ok {
		t.Errorf("Open without the key = %v, want a KeyMissingError", err)
	}
}

// Home is from the middle of a rotation, and the root from after it. The key in
// force is in keys/next, and the next rotation does not overwrite it.
func TestRotateWithTheKeyInNext(t *testing.T) {
	u := newUser(t)
	u.made(2)
	r := u.open()
	origin := r.Log.Origin()
	before := read(t, home.KeyPath(u.Home, origin, false))
	rotateKey(t, r)
	shut(t, r)
	place := home.KeyPath(u.Home, origin, false)
	next := filepath.Join(filepath.Dir(place), "next", filepath.Base(place))
	must(t, os.Rename(place, next))
	write(t, place, before)
	r = u.open(crashAt("next key"))
	inForce := r.Log.Keys().Current()
	if _, err := r.Rotate(t.Context(), root.Order{Actor: "tester"}); !errors.Is(err, errCrash) {
		t.Fatalf("Rotate = %v, want the crash", err)
	}
	shut(t, r)
	if got := u.key(); got != inForce {
		t.Errorf("the private key kept is %s, want that in force, %s", got, inForce)
	}
	r = u.open()
	u.add(r, 1)
	rotateKey(t, r)
	shut(t, r)
	u.checkSize(5)
}
