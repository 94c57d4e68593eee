package projection_test

import (
	"slices"
	"strings"

	"gait/ledger"
)

// A permit is a grant as the reference sees it.
type permit struct {
	event   ledger.Event // that gave it
	given   ledger.GateDecided
	unknown string // who settled it as unknown last
	lost    bool   // a lease was given since
}

// A clearance is an approved intent as the reference sees it.
type clearance struct {
	ask    *request
	resume ledger.Event
}

// asRequest returns what a decision of the gate asks for.
func asRequest(e ledger.Event, p ledger.GateDecided) *request {
	d := ledger.Decision{Approvers: p.Approvers, Quorum: p.Quorum, ExpiresAt: p.ExpiresAt, Subject: p.Intent}
	return &request{event: e, id: p.CheckpointID, decision: d, about: p.Intent.Digest, gate: true}
}

// gate returns the grants after r that are open or unknown, and what is cleared.
func (r reference) gate() (grants []*permit, cleared []clearance) {
	for i, e := range r {
		before := r[:i]
		switch p := e.Payload().(type) {
		case ledger.GateDecided:
			switch p.Verdict {
			case ledger.GateAllow:
				grants = append(grants, &permit{event: e, given: p})
				if at := before.clears(cleared, p, e); at >= 0 {
					cleared = slices.Delete(cleared, at, at+1)
				} else {
					cleared = slices.DeleteFunc(cleared, func(c clearance) bool { return c.ask.about == p.Intent.Digest })
				}
			case ledger.GateBlock:
			case ledger.GateRequireApproval:
				cleared = slices.DeleteFunc(cleared, func(c clearance) bool { return c.ask.about == p.Intent.Digest || c.ask.expired(e.Reading()) })
			}
		case ledger.Leased:
			for _, g := range grants {
				g.lost = true
			}
		case ledger.EffectSettled:
			at := slices.IndexFunc(grants, func(g *permit) bool { return g.given.Grant == p.Grant })
			if grants[at].unknown = e.Actor(); p.Outcome != "unknown" {
				grants = slices.Delete(grants, at, at+1)
			}
		case ledger.Resumed:
			_, asks := before.asks()
			for _, a := range asks {
				if a.gate {
					cleared = append(cleared, clearance{a, e})
				}
			}
		}
	}
	return grants, cleared
}

// clears returns which of the clearances an allow uses up; -1 if none.
func (r reference) clears(cleared []clearance, p ledger.GateDecided, e ledger.Event) int {
	return slices.IndexFunc(cleared, func(c clearance) bool {
		return c.resume.LeafHash() == p.Clearance && c.ask.about == p.Intent.Digest && !c.ask.expired(e.Reading()) && len(r.counting(c.ask)) >= r.needs(c.ask)
	})
}

// decide says whether a decision of the gate may follow.
func (r reference) decide(e ledger.Event, p ledger.GateDecided) string {
	status, _ := r.asks()
	grants, cleared := r.gate()
	switch {
	case p.Verdict == "block" && slices.Contains([]string{"running", "paused", "decision_needed", "blocked"}, status):
		return ""
	case status != "running" || p.PolicyDigest != r.policy():
		return "invalid_transition"
	}
	for _, g := range grants {
		if g.isUnknown() || p.CallID != "" && g.given.CallID == p.CallID || p.CallID == "" && g.given.Intent.Digest == p.Intent.Digest {
			return "effects_unsettled"
		}
	}
	if p.CallID != "" {
		last, outcome, stands := ledger.Hash{}, ledger.EffectOutcome(""), p.Intent.Digest
		for _, e := range r {
			switch q := e.Payload().(type) {
			case ledger.GateDecided:
				if q.CallID == p.CallID && q.Verdict != "block" {
					last, outcome, stands = e.LeafHash(), "", q.Intent.Digest
				}
			case ledger.EffectSettled:
				if q.CallID == p.CallID {
					last, outcome, stands = e.LeafHash(), q.Outcome, q.Intent
				}
			}
		}
		if last != p.CallPrev || outcome == "done" || stands != p.Intent.Digest && !r.inPlace(cleared, stands, p, e) {
			return "invalid_transition"
		}
	}
	switch {
	case p.Verdict == "require_approval" && !p.ExpiresAt.IsZero() && !e.Reading().Before(p.ExpiresAt):
		return "invalid_transition"
	case p.Verdict == "allow" && !r.boundNow():
		return "role_required"
	case p.Verdict == "allow" && !p.Clearance.IsZero() && r.clears(cleared, p, e) < 0:
		return "invalid_transition"
	}
	return ""
}

// inPlace reports whether the intent of a decision was approved in the place of another one, for
// the call of the decision.
func (r reference) inPlace(cleared []clearance, asked ledger.Hash, p ledger.GateDecided, e ledger.Event) bool {
	return slices.ContainsFunc(cleared, func(c clearance) bool {
		was, _ := c.ask.event.Payload().(ledger.GateDecided)
		return was.CallID == p.CallID && was.Intent.Digest == asked && c.ask.about == p.Intent.Digest &&
			!c.ask.expired(e.Reading()) && len(r.counting(c.ask)) >= r.needs(c.ask)
	})
}

// policy returns the policy to which the job is bound.
func (r reference) policy() (digest ledger.Hash) {
	for _, e := range r {
		switch p := e.Payload().(type) {
		case ledger.Submitted:
			digest = p.PolicyDigest
		case ledger.Resumed:
			digest = p.CurrentPolicyDigest
		}
	}
	return digest
}

// boundNow reports whether someone binds the job's policy who counts, leaving aside who acts.
func (r reference) boundNow() bool { return r.bound(ledger.Event{}, r.policy()) }

// settle says whether a grant may be settled.
func (r reference) settle(e ledger.Event, p ledger.EffectSettled) string {
	grants, _ := r.gate()
	at := slices.IndexFunc(grants, func(g *permit) bool { return g.given.Grant == p.Grant })
	if at < 0 {
		return "grant_not_found"
	}
	g := grants[at]
	newest := ledger.Hash{}
	for _, e := range r {
		q, settled := e.Payload().(ledger.EffectSettled)
		if g.given.CallID != "" && (e.LeafHash() == g.event.LeafHash() || settled && q.Grant == p.Grant) {
			newest = e.LeafHash()
		}
	}
	of := g.given.Intent.Digest
	if g.given.CallID == "" {
		of = ledger.Hash{}
	}
	if p.CallID != g.given.CallID || p.CallPrev != newest || p.Intent != of {
		return "invalid_transition"
	}
	again := g.unknown == e.Actor() || r.authority() && strings.EqualFold(g.unknown, e.Actor())
	switch {
	case p.Outcome == "unknown" && g.isUnknown() && again:
		return "invalid_transition"
	case r.isOf(g, e) && p.Outcome == "not_done" && (g.isUnknown() || g.given.Facts.NotDoneExit == 0):
		return "role_required"
	case r.isOf(g, e):
		return ""
	case p.Reason == "":
		return "invalid_transition"
	case (r.strict() || r.known(e.Actor())) && !(r.signedBy(e) && r.has(e.Actor(), "operator")):
		return "role_required"
	}
	return ""
}

// isOf reports whether an actor is the one that got a grant.
func (r reference) isOf(g *permit, e ledger.Event) bool { return r.same(g.event, e) }

// isUnknown reports whether it is unknown what became of a grant.
func (g *permit) isUnknown() bool { return g.lost || g.unknown != "" }

// complete says whether a job may be completed.
func (r reference) complete() string {
	grants, _ := r.gate()
	switch status, _ := r.asks(); {
	case status != "running":
		return "invalid_transition"
	case len(grants) > 0:
		return "effects_unsettled"
	}
	return ""
}

// dispatch says whether a block by an emergency stop may follow.
func (r reference) dispatch() string {
	if status, _ := r.asks(); status != "emergency_stopped" {
		return "invalid_transition"
	}
	return ""
}

// stop says whether an emergency stop may follow.
func (r reference) stop() string {
	if status, _ := r.asks(); slices.Contains([]string{"emergency_stopped", "completed", "failed", "cancelled"}, status) {
		return "invalid_transition"
	}
	return ""
}
