package projection_test

import (
	"slices"
	"strings"
	"time"

	"gait/ledger"
)

// A tenure is a lease as the reference sees it.
type tenure struct {
	event ledger.Event // that gave it
	given ledger.Leased
	ttl   int64
	until time.Time
	over  bool // released, or the job has left running, or a newer one was given
	back  bool // released by its holder
}

// lives reports whether a lease lives when a clock reads a time.
func (t *tenure) lives(now time.Time) bool { return t != nil && !t.over && now.Before(t.until) }

// tenures returns the leases of the job after r, the newest last.
func (r reference) tenures() (all []*tenure) {
	for i, e := range r {
		newest := last(all)
		mine := newest.lives(e.Reading()) && e.Lease() == newest.given.Epoch
		switch p := e.Payload().(type) {
		case ledger.Leased:
			if newest != nil {
				newest.over = true
			}
			all = append(all, &tenure{event: e, given: p, ttl: p.TTL, until: e.Reading().Add(time.Duration(p.TTL) * time.Second)})
			continue
		case ledger.LeaseRenewed:
			newest.ttl = p.TTL
		case ledger.LeaseReleased:
			newest.over, mine = true, false
			newest.back = p.Outcome != "lost"
		case ledger.Refused:
			mine = false
		}
		if mine {
			newest.until = e.Reading().Add(time.Duration(newest.ttl) * time.Second)
		}
		if status, _ := r[:i+1].asks(); newest != nil && status != "running" {
			newest.over = true
		}
	}
	return all
}

func last[T any](list []*T) *T {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// fence says whether what an event says of a lease lets it follow.
func (r reference) fence(e ledger.Event) string {
	newest := last(r.tenures())
	lives := newest.lives(e.Reading())
	if e.Lease() == 0 {
		if lives && r.isWorkers(e) || !lives && newest != nil && (acts(e) || r.endsLate(newest, e)) || e.Type() == "lease_renewed" {
			return "fenced"
		}
		return ""
	}
	if newest == nil || newest.given.Epoch != e.Lease() || !r.same(newest.event, e) {
		return "fenced"
	}
	if ends := ofType(e, "completed", "failed") || slices.Contains([]ledger.Type{"lease_renewed", "lease_released"}, e.Type()); !lives && (acts(e) || ends) {
		return "fenced"
	}
	return ""
}

// endsLate reports whether an event would end the job without a lease, by who held one that did
// not end by giving it back.
func (r reference) endsLate(t *tenure, e ledger.Event) bool {
	status, _ := r.asks()
	return ofType(e, "completed", "failed") && !t.back && r.same(t.event, e) && (status == "running" || !ended(status))
}

// acts reports whether the gate lets something happen, or asks whether it may.
func acts(e ledger.Event) bool {
	p, gate := e.Payload().(ledger.GateDecided)
	return gate && p.Verdict != "block"
}

func ofType(e ledger.Event, kinds ...ledger.CheckpointType) bool {
	p, is := e.Payload().(ledger.CheckpointAdded)
	return is && slices.Contains(kinds, p.CheckpointType)
}

// isWorkers reports whether an event is one that only the worker of a job writes.
func (r reference) isWorkers(e ledger.Event) bool {
	if p, settles := e.Payload().(ledger.EffectSettled); settles {
		grants, _ := r.gate()
		return slices.ContainsFunc(grants, func(g *permit) bool { return g.given.Grant == p.Grant && r.isOf(g, e) })
	}
	return slices.Contains([]ledger.Type{"checkpoint_added", "gate_decided", "attempt_ended", "lease_renewed"}, e.Type())
}

// same reports whether one actor wrote two events: by name, by key, or by a name under which
// the key of the other was ever enrolled.
func (r reference) same(a, b ledger.Event) bool {
	if strings.EqualFold(a.Actor(), b.Actor()) || keyOf(a) != "" && keyOf(a) == keyOf(b) {
		return true
	}
	for _, rule := range r {
		p, is := rule.Payload().(ledger.ActorEnrolled)
		if !is {
			continue
		}
		ids := idsOf(p.Keys)
		if strings.EqualFold(p.Actor, a.Actor()) && slices.Contains(ids, keyOf(b)) || strings.EqualFold(p.Actor, b.Actor()) && slices.Contains(ids, keyOf(a)) {
			return true
		}
	}
	return false
}

// take says whether a lease may be given.
func (r reference) take(e ledger.Event, p ledger.Leased) string {
	status, _ := r.asks()
	newest := last(r.tenures())
	begun := r[slices.IndexFunc(r, func(e ledger.Event) bool { return e.Type() == "submitted" })].Payload().(ledger.Submitted)
	switch {
	case status != "running":
		return "invalid_transition"
	case newest.lives(e.Reading()):
		return "lease_held"
	case e.Lease() != 0, p.Epoch != int64(len(r.tenures()))+1:
		return "invalid_transition"
	case e.Reading().Before(begun.NotBefore):
		return "not_due"
	case len(p.After) != len(begun.After), !p.Until.Equal(e.Reading().Add(time.Duration(p.TTL) * time.Second)):
		return "invalid_transition"
	}
	return ""
}

// renew says whether a renewal may follow that is not fenced.
func (r reference) renew(e ledger.Event, p ledger.LeaseRenewed) string {
	newest := last(r.tenures())
	if p.Epoch != newest.given.Epoch || p.Worker != newest.given.Worker || !p.Until.Equal(e.Reading().Add(time.Duration(p.TTL)*time.Second)) {
		return "invalid_transition"
	}
	return ""
}

// release says whether a release may follow that is not fenced.
func (r reference) release(e ledger.Event, p ledger.LeaseReleased) string {
	newest := last(r.tenures())
	switch {
	case !newest.lives(e.Reading()):
		return "invalid_transition"
	case p.Epoch != newest.given.Epoch, p.Worker != newest.given.Worker, p.TTL != newest.ttl, !p.Until.Equal(newest.until),
		(e.Lease() == 0) != (p.Outcome == "lost"):
		return "invalid_transition"
	case e.Lease() == 0 && (r.strict() || r.known(e.Actor())) && !(r.signedBy(e) && r.has(e.Actor(), "operator")):
		return "role_required"
	}
	return ""
}

// attempt says whether an attempt may end that is not fenced.
func (r reference) attempt(p ledger.AttemptEnded) string {
	status, _ := r.asks()
	n := int64(1)
	for _, e := range r {
		if e.Type() == "attempt_ended" {
			n++
		}
	}
	if slices.Contains([]string{"completed", "failed", "cancelled"}, status) || p.Number != n {
		return "invalid_transition"
	}
	return ""
}

// record says whether a checkpoint may follow that records progress or a failure.
func (r reference) record() string {
	if status, _ := r.asks(); status != "running" && ended(status) {
		return "invalid_transition"
	}
	return ""
}

// cancel says whether a job may be cancelled.
func (r reference) cancel() string {
	if status, _ := r.asks(); slices.Contains([]string{"completed", "failed", "cancelled"}, status) {
		return "invalid_transition"
	}
	return ""
}
