package pebble_test

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

// enroll changes who may do what: it enrols the ledger's first admin or another actor, or
// revokes the actor enrolled last.
func (l *life) enroll() bool {
	size := l.log.Head().Size
	var last ledger.Event
	for e, err := range l.log.AuthorityEvents(context.Background()) {
		l.fail("reading authority events", err)
		last = e
	}
	spec := ledgertest.Enroll(l.t, "admin", fmt.Sprint("actor_", size), ledger.RoleApprover)
	switch p, enrolled := last.Payload().(ledger.ActorEnrolled); {
	case last.Bytes() == nil:
		spec = ledgertest.FirstAdmin(l.t, "admin")
	case enrolled && p.Bootstrap == "" && l.chance(40):
		spec = ledgertest.Revoke("admin", p.Actor)
	}
	entries := ledgertest.Seal(l.t, l.log, spec)
	alive := l.attempt("enroll", 50, 10, func() {
		_, err := l.log.Append(context.Background(), l.log.Head(), entries...)
		l.must("changing the authority", err)
	})
	if !alive {
		return false
	}
	l.note("%s", spec.RequestID)
	l.count.add("authority events")
	if l.log.Head().Size != size+1 {
		l.t.Fatalf("%d events after an authority event, want %d", l.log.Head().Size, size+1)
	}
	l.acked[entries[0].Event.Seq()] = entries[0].Event
	l.checkEvent(entries[0].Event)
	return true
}
