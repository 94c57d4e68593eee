package root_test

import (
	"errors"
	"os"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/root"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// heir makes the user's ledger by hand: its event 0 names request ids that were used
// before, whose content it returns.
func (u *user) heir(ids ...string) (origin string, requests []byte) {
	u.t.Helper()
	key := ledgertest.Key(ledgertest.Origin)
	must(u.t, home.AddKey(u.Home, key))
	must(u.t, os.MkdirAll(u.Dir, 0o700))
	var keys []mpt.Key
	for _, id := range ids {
		keys = append(keys, ledger.RequestKey(id))
	}
	draft := ledgertest.First(key.VerifierKey()).Draft()
	p := draft.Payload.(ledger.LedgerCreated)
	p.Predecessor = &ledger.Predecessor{Origin: "gait.test/before"}
	p.Predecessor.Requests, requests = ledger.RequestsOf(keys)
	draft.Payload = p
	first, err := ledger.Seal(draft)
	must(u.t, err)
	o := store.Options{Signer: key, Inherited: ledgertest.Inherits(requests), Keys: func(ledger.VerifierKey) (store.MACKeys, bool, error) {
		k, err := home.DeriveIndexKeys(key)
		return store.MACKeys(k), true, err
	}}
	must(u.t, pebble.Create(u.ledgerDir(), pebble.Options{Fatal: u.Fatal}, func(t store.Table) error {
		return store.Create(u.t.Context(), t, first, o)
	}))
	return key.Name(), requests
}

// A ledger that continues another one finds the request ids used before in the content
// beside it, in its root and where it was retired to.
func TestInheritedContent(t *testing.T) {
	u := newUser(t)
	origin, requests := u.heir("before-1", "before-2")
	r := u.open(noCreate)
	if err := r.Log.Verify(t.Context(), nil, nil); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Verify without the content = %v, want ErrContentMissing", err)
	}
	u.add(r, 2)
	shut(t, r)
	u.putContent(string(requests))
	u.checkSize(3)
	r = u.open(noCreate)
	if _, err := r.Log.Rebuild(t.Context(), nil); err != nil {
		t.Errorf("Rebuild = %v", err)
	}
	shut(t, r)
	was := u.retire("to see")
	u.Dir = was.Path
	must(t, os.RemoveAll(home.KeyPath(u.Home, origin, true)))
	r = u.open(readOnly)
	if err := r.Log.Verify(t.Context(), nil, nil); err != nil {
		t.Errorf("Verify of the retired ledger = %v", err)
	}
	shut(t, r)
}

func TestInheritedContentDamaged(t *testing.T) {
	u := newUser(t)
	_, requests := u.heir("before-1", "before-2")
	e := u.putContent(string(requests))
	write(t, root.ContentOf(u.Dir).Dir()+"/"+e.Digest.String(), append(requests[:40:40], requests[41:]...))
	r := u.open(noCreate)
	defer shut(t, r)
	if err := r.Log.Verify(t.Context(), nil, nil); err == nil {
		t.Error("Verify with a damaged content succeeds")
	}
}
