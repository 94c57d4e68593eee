package projection_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"gait/ledger"
)

// A reference says whether an act may follow, and what a resume uses up. It shares no code
// with the package: for each question it reads the list of events from the beginning.
type reference []ledger.Event

// A request is an ask as the reference sees it.
type request struct {
	event    ledger.Event
	id       string // of a decision
	decision ledger.Decision
	hold     bool
	stop     bool           // a pause or hold
	gate     bool           // the gate asked, about an intent
	given    []ledger.Event // approvals that counted when they, and those after them, were given
	denied   bool
	reached  bool // enough counted when the last approval was given
	about    ledger.Hash
	askers   []ledger.Event // that asked for what it took the place of
}

func (r reference) authority() bool {
	return slices.ContainsFunc(r, func(e ledger.Event) bool { return e.Type() == "actor_enrolled" })
}

func (r reference) keys(name string) (keys []string) {
	for _, e := range r {
		switch p := e.Payload().(type) {
		case ledger.ActorEnrolled:
			if p.Actor == name {
				keys = idsOf(p.Keys)
			}
		case ledger.ActorRevoked:
			if p.Actor == name {
				keys = slices.DeleteFunc(keys, func(k string) bool { return p.Key.IsZero() || k == string(p.Key[:]) })
			}
		}
	}
	return keys
}

func idsOf(lines []string) (ids []string) {
	for _, line := range lines {
		_, encoded, _ := strings.Cut(line, " ")
		blob, _ := base64.StdEncoding.DecodeString(encoded)
		id := sha256.Sum256(blob)
		ids = append(ids, string(id[:]))
	}
	return ids
}

// keyOf returns the key that signed an event, or "".
func keyOf(e ledger.Event) string {
	if len(e.CommandSigs()) == 0 {
		return ""
	}
	sig := e.CommandSigs()[0].Sig
	id := sha256.Sum256(sig[14 : 14+binary.BigEndian.Uint32(sig[10:])])
	return string(id[:])
}

func (r reference) has(name string, role ledger.Role) (has bool) {
	for _, e := range r {
		switch p := e.Payload().(type) {
		case ledger.ActorEnrolled:
			if p.Actor == name {
				has = slices.Contains(p.Roles, role)
			}
		case ledger.ActorRevoked:
			has = has && (p.Actor != name || !p.Key.IsZero())
		}
	}
	return has
}

func (r reference) known(name string) bool {
	return slices.ContainsFunc(r, func(e ledger.Event) bool {
		p, is := e.Payload().(ledger.ActorEnrolled)
		return is && strings.EqualFold(p.Actor, name)
	})
}

func (r reference) set() ledger.AuthoritySet {
	set := ledger.AuthoritySet{Mode: "claims"}
	for _, e := range r {
		if p, is := e.Payload().(ledger.AuthoritySet); is {
			set = p
		}
	}
	return set
}

func (r reference) strict() bool { return r.set().Mode != "claims" }

// signedBy reports whether an event is signed by its actor with a key that counts after r.
func (r reference) signedBy(e ledger.Event) bool {
	return keyOf(e) != "" && slices.Contains(r.keys(e.Actor()), keyOf(e))
}

// asks returns the status after r, and what was asked for since the job last ran.
func (r reference) asks() (status string, asks []*request) {
	for i, e := range r {
		before := r[:i]
		switch p := e.Payload().(type) {
		case ledger.Submitted:
			status = "running"
		case ledger.Resumed:
			status, asks = "running", nil
		case ledger.Paused:
			status = "paused"
			if at := slices.IndexFunc(asks, func(a *request) bool { return a.stop }); at >= 0 {
				if before.held(asks[at], e.Reading()) {
					continue
				}
				asks = slices.Delete(asks, at, at+1)
			}
			asks = append(asks, &request{event: e, hold: p.Hold, stop: true})
		case ledger.Stopped:
			status = "emergency_stopped"
		case ledger.Cancelled:
			status = "cancelled"
		case ledger.GateDecided:
			if p.Verdict == "require_approval" {
				status, asks = "decision_needed", append(asks, asRequest(e, p))
			}
		case ledger.CheckpointAdded:
			switch string(p.CheckpointType) {
			case "completed", "failed":
				status = string(p.CheckpointType)
				continue
			case "progress":
				continue
			}
			var askers []ledger.Event
			for _, a := range asks {
				if p.Replaces != "" && p.Replaces == cmp.Or(a.id, "pause") {
					askers = append(slices.Clone(a.askers), a.event)
				}
			}
			asks = slices.DeleteFunc(asks, func(a *request) bool { return p.Replaces != "" && p.Replaces == cmp.Or(a.id, "pause") })
			asks = append(asks, &request{event: e, id: p.CheckpointID, decision: p.Decision, about: p.Subject.Digest, askers: askers})
			status = "decision_needed"
		case ledger.Approved:
			a := asks[slices.IndexFunc(asks, func(a *request) bool { return a.event.LeafHash() == p.Target })]
			a.given = before.counting(a)
			if !p.Amended.Digest.IsZero() {
				a.given, a.about = nil, p.Amended.Digest
			}
			a.given, a.denied = append(a.given, e), false
			a.reached = len(a.given) >= before.needs(a)
		case ledger.Denied:
			a := asks[slices.IndexFunc(asks, func(a *request) bool { return a.event.LeafHash() == p.Target })]
			a.given, a.denied, a.reached, status = nil, true, false, "blocked"
		}
	}
	return status, asks
}

// counting returns the approvals of an ask that count after r.
func (r reference) counting(a *request) (count []ledger.Event) {
	for _, e := range a.given {
		claim := keyOf(e) == "" && !r.strict() && !r.known(e.Actor())
		signed := r.signedBy(e) && r.has(e.Actor(), "approver")
		if !r.authority() || (claim || signed) && r.listed(a, e.Actor()) && !r.own(a, e) {
			count = append(count, e)
		}
	}
	return count
}

func (r reference) listed(a *request, name string) bool {
	for _, who := range a.decision.Approvers {
		if who == name || strings.HasPrefix(who, "role:") && r.has(name, ledger.Role(who[5:])) {
			return true
		}
	}
	return len(a.decision.Approvers) == 0
}

// own reports whether a verdict is by the one who asked, the job's identity, or a submitter
// who may not judge.
func (r reference) own(a *request, verdict ledger.Event) bool {
	names := []string{verdict.Actor()}
	for _, e := range r {
		if p, is := e.Payload().(ledger.ActorEnrolled); is && slices.Contains(idsOf(p.Keys), keyOf(verdict)) {
			names = append(names, p.Actor)
		}
	}
	for _, e := range r {
		p, submits := e.Payload().(ledger.Submitted)
		if submits && slices.Contains(names, p.Identity) {
			return true
		}
		asked := slices.ContainsFunc(append(slices.Clone(a.askers), a.event), func(by ledger.Event) bool { return by.LeafHash() == e.LeafHash() })
		if (submits && r.strict() || asked) && (slices.Contains(names, e.Actor()) || keyOf(e) != "" && keyOf(e) == keyOf(verdict)) {
			return true
		}
	}
	return false
}

func (r reference) needs(a *request) int {
	n := max(1, int(a.decision.Quorum))
	if r.strict() && keyOf(a.event) == "" {
		n = max(2, n)
	}
	return n
}

func (a *request) expired(now time.Time) bool {
	return !a.decision.ExpiresAt.IsZero() && !now.Before(a.decision.ExpiresAt)
}

// keeps reports whether an ask keeps the job from resuming.
func (r reference) keeps(a *request, now time.Time) bool {
	if a.denied || a.expired(now) {
		return true
	}
	return (a.hold || !a.stop) && len(r.counting(a)) < r.needs(a)
}

// held reports whether a pause or hold keeps another one from taking its place: it keeps the
// job from resuming, or no approval was enough when it was given.
func (r reference) held(a *request, now time.Time) bool {
	return a.denied || a.hold && !a.reached || r.keeps(a, now)
}

// approve says whether an approval may follow: "", or the code of a refusal.
func (r reference) approve(e ledger.Event, p ledger.Approved) string {
	a, no := r.target(p.Target, p.CheckpointID)
	if no != "" {
		return no
	}
	count := r.counting(a)
	switch {
	case a.denied && r.authority():
		return "already_decided"
	case !a.denied && !a.expired(e.Reading()) && len(count) >= r.needs(a):
		return "already_decided"
	case !r.listed(a, e.Actor()):
		return "role_required"
	case r.own(a, e):
		return "self_approval"
	case a.expired(e.Reading()):
		return "decision_expired"
	case p.Subject != a.about && (r.authority() || !p.Subject.IsZero()):
		return "subject_changed"
	}
	for _, other := range count {
		if other.Actor() == e.Actor() || keyOf(other) != "" && keyOf(other) == keyOf(e) {
			return "already_decided"
		}
	}
	return ""
}

func (r reference) target(leaf ledger.Hash, id string) (*request, string) {
	status, asks := r.asks()
	if ended(status) {
		return nil, "invalid_transition"
	}
	for _, a := range asks {
		if a.event.LeafHash() == leaf && a.id == id {
			return a, ""
		}
	}
	return nil, "nothing_to_approve"
}

// ended reports whether nothing waits in a status.
func ended(status string) bool {
	return slices.Contains([]string{"running", "emergency_stopped", "completed", "failed", "cancelled"}, status)
}

func (r reference) deny(e ledger.Event, p ledger.Denied) string {
	a, no := r.target(p.Target, p.CheckpointID)
	switch {
	case no != "":
		return no
	case a.denied:
		return "already_decided"
	case !r.listed(a, e.Actor()):
		return "role_required"
	case p.Subject != a.about && (r.authority() || !p.Subject.IsZero()):
		return "subject_changed"
	}
	return ""
}

// resume says whether a resume may follow, and which approvals it uses up, or would if
// nothing else kept the job from it.
func (r reference) resume(e ledger.Event, p ledger.Resumed) (uses []ledger.Hash, code string) {
	status, asks := r.asks()
	grants, _ := r.gate()
	open, pending, expired := 0, 0, false
	var newest []ledger.Event
	for _, a := range asks {
		count := r.counting(a)
		switch {
		case r.keeps(a, e.Reading()):
			expired = expired || a.expired(e.Reading()) && !a.denied
			if len(count) > 0 && !a.denied {
				pending++
			}
			open++
		case len(count) >= r.needs(a):
			newest = append(newest, count[len(count)-1])
		}
	}
	slices.SortFunc(newest, func(x, y ledger.Event) int { return int(x.Seq() - y.Seq()) })
	for _, e := range newest {
		uses = append(uses, e.LeafHash())
	}
	switch {
	case ended(status):
		return uses, "invalid_transition"
	case len(grants) > 0:
		return uses, "effects_unsettled"
	case expired:
		return uses, "decision_expired"
	case open > 0 && open == pending:
		return uses, "quorum_pending"
	case open > 0:
		return uses, "approval_required"
	case !r.bound(e, p.CurrentPolicyDigest):
		return uses, "role_required"
	}
	return uses, ""
}

// bound reports whether someone binds the policy of a resume who counts.
func (r reference) bound(e ledger.Event, policy ledger.Hash) bool {
	if !r.strict() || policy.IsZero() || slices.Contains(r.set().Policies, policy) || r.signedBy(e) && r.has(e.Actor(), "operator") {
		return true
	}
	var binder ledger.Event
	digest := ledger.Hash{}
	for i, before := range r {
		switch p := before.Payload().(type) {
		case ledger.Submitted:
			binder, digest = before, p.PolicyDigest
		case ledger.Resumed:
			switch then := r[:i]; {
			case then.signedBy(before) && then.has(before.Actor(), "operator"):
				binder = before
			case p.CurrentPolicyDigest != digest:
				binder = ledger.Event{}
			}
			digest = p.CurrentPolicyDigest
		}
	}
	return policy == digest && r.signedBy(binder) && r.has(binder.Actor(), "operator")
}

func (r reference) ask(e ledger.Event, p ledger.CheckpointAdded) string {
	status, asks := r.asks()
	if ended(status) && status != "running" {
		return "invalid_transition"
	}
	if !p.ExpiresAt.IsZero() && !e.Reading().Before(p.ExpiresAt) || p.Replaces == "" && status == "paused" {
		return "invalid_transition"
	}
	found := slices.ContainsFunc(asks, func(a *request) bool {
		return a.id != "" && a.id == p.Replaces || a.id == "" && p.Replaces == "pause" && a.denied
	})
	if p.Replaces != "" && !found {
		return "decision_not_open"
	}
	return ""
}

func (r reference) pause(e ledger.Event, p ledger.Paused) string {
	status, asks := r.asks()
	if ended(status) && status != "running" {
		return "invalid_transition"
	}
	held := slices.ContainsFunc(asks, func(a *request) bool { return a.stop && r.held(a, e.Reading()) })
	if status == "paused" && !p.Hold || p.Hold && held {
		return "invalid_transition"
	}
	return ""
}
