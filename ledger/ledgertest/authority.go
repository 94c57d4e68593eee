package ledgertest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/store"
)

// SSHKey returns the public key of an actor, as OpenSSH writes it. The n-th key of an actor
// is always the same.
func SSHKey(actor string, n int) string {
	seed := sha256.Sum256([]byte(fmt.Sprint("key ", n, " of ", actor)))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	const kind = "ssh-ed25519"
	blob := slices.Concat([]byte{0, 0, 0, byte(len(kind))}, []byte(kind), []byte{0, 0, 0, byte(len(public))}, public)
	return kind + " " + base64.StdEncoding.EncodeToString(blob)
}

// Enroll returns the spec of the event that enrols an actor with the actor's first key.
// The first actor of a ledger is an admin and says how it came to be one.
func Enroll(actor string, roles ...ledger.Role) EventSpec {
	slices.Sort(roles)
	return EventSpec{Actor: actor, RequestID: "enroll_" + actor, Payload: ledger.ActorEnrolled{Actor: actor, Keys: []string{SSHKey(actor, 0)}, Roles: roles}}
}

// FirstAdmin is Enroll for the first actor of a ledger.
func FirstAdmin(actor string) EventSpec {
	d := Enroll(actor, ledger.RoleAdmin)
	p := d.Payload.(ledger.ActorEnrolled)
	p.Bootstrap = ledger.BootstrapFlag
	d.Payload = p
	return d
}

// Revoke returns the spec of the event with which an admin revokes an actor.
func Revoke(admin, actor string) EventSpec {
	return EventSpec{Actor: admin, RequestID: "revoke_" + actor, Payload: ledger.ActorRevoked{Actor: actor, Reason: "left"}}
}

// checkAuthority compares the authority events of a log with those among all its events.
func checkAuthority(t testing.TB, log *store.Log, all []ledger.Event) {
	t.Helper()
	var want []ledger.Event
	for _, e := range all {
		if e.Type().OfAuthority() {
			want = append(want, e)
		}
	}
	equal := func(x, y ledger.Event) bool { return bytes.Equal(x.Bytes(), y.Bytes()) }
	if got := readTwice(t, log.AuthorityEvents(t.Context())); !slices.EqualFunc(got, want, equal) {
		t.Fatalf("AuthorityEvents yields %d events, there are %d", len(got), len(want))
	}
	if got, want := log.Head(), ledger.HeadAfter(all[len(all)-1]); got != want {
		t.Fatalf("Head = %+v, want %+v", got, want)
	}
}

// testAuthority tests that a log has the authority events, all of them and no others.
func testAuthority(t *testing.T, s *subject) {
	s.fill(t)
	same(t, "AuthorityEvents without any", s.Log.AuthorityEvents(t.Context()))
	specs := []EventSpec{FirstAdmin("admin_1"), step("job_a", 3)}
	for i := range 20 {
		actor := fmt.Sprint("actor_", i)
		specs = append(specs, Enroll(actor, ledger.RoleApprover), step("job_a", int64(4+i)))
		if i%3 == 0 {
			specs = append(specs, Revoke("admin_1", actor))
		}
	}
	for i := range specs {
		if specs[i].Payload.Type().OfAuthority() {
			specs[i].Actor = "admin_1"
		}
	}
	s.add(t, specs...)
	var want []ledger.Event
	for _, e := range s.events {
		if e.Type().OfAuthority() {
			want = append(want, e)
		}
	}
	same(t, "AuthorityEvents", s.Log.AuthorityEvents(t.Context()), want...)
	for range s.Log.AuthorityEvents(t.Context()) {
		break // the caller may stop early
	}
	if got, want := s.Log.Head(), ledger.HeadAfter(s.events[len(s.events)-1]); got != want {
		t.Errorf("Head = %+v, want %+v", got, want)
	}
	found, err := s.Log.Load(t.Context(), nil, []string{"enroll_actor_7", "revoke_actor_6"})
	if err != nil || found.Requests["enroll_actor_7"].Type() != ledger.TypeActorEnrolled || found.Requests["revoke_actor_6"].Type() != ledger.TypeActorRevoked {
		t.Errorf("Load of request ids of authority events = %v, %v", found.Requests, err)
	}
	for size := range len(s.events) + 1 {
		if root, _, err := s.Log.IndexAt(t.Context(), int64(size), ledger.AuthorityKey); err != nil || root != IndexRoot(s.events[:size]) {
			t.Fatalf("IndexAt(%d) = %s, %v, want %s", size, root, err, IndexRoot(s.events[:size]))
		}
	}
	if err := s.Log.Verify(t.Context(), nil, nil); err != nil {
		t.Errorf("Verify = %v", err)
	}
}
