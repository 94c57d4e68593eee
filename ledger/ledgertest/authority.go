package ledgertest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/authoritytest"
	"gait/ledger/store"
)

// FirstAdmin returns the spec of the event that enrols the first actor of a ledger, an admin.
func FirstAdmin(t testing.TB, actor string) EventSpec {
	t.Helper()
	d := Enroll(t, actor, actor, ledger.RoleAdmin)
	p := d.Payload.(ledger.ActorEnrolled)
	p.Bootstrap = ledger.BootstrapFlag
	d.Payload = p
	return d
}

// Enroll returns the spec of the event with which an admin enrols an actor, with the actor's
// key.
func Enroll(t testing.TB, admin, actor string, roles ...ledger.Role) EventSpec {
	t.Helper()
	slices.Sort(roles)
	p := ledger.ActorEnrolled{Actor: actor, Keys: []string{authoritytest.Key(t, actor).String()}, Roles: roles}
	return EventSpec{Actor: admin, RequestID: "enroll_" + actor, Signers: []string{admin}, Payload: p}
}

// Revoke returns the spec of the event with which an admin revokes an actor.
func Revoke(admin, actor string) EventSpec {
	p := ledger.ActorRevoked{Actor: actor, Reason: "left"}
	return EventSpec{Actor: admin, RequestID: "revoke_" + actor, Signers: []string{admin}, Payload: p}
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
	specs := []EventSpec{FirstAdmin(t, "admin_1"), step("job_a", 3)}
	for i := range 20 {
		actor := fmt.Sprint("actor_", i)
		specs = append(specs, Enroll(t, "admin_1", actor, ledger.RoleApprover), step("job_a", int64(4+i)))
		if i%3 == 0 {
			specs = append(specs, Revoke("admin_1", actor))
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
