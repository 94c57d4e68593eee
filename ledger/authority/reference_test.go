package authority_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gait/ledger"
)

// A reference decides whether an event is admissible after others. It shares no code with the
// package: for each question it reads the list of events from the beginning.
type reference []ledger.Event

// keys returns the keys that an actor has, by the SHA-256 of their wire forms.
func (r reference) keys(name string) (keys []string) {
	for _, e := range r {
		switch p := e.Payload().(type) {
		case ledger.ActorEnrolled:
			if p.Actor == name {
				keys = nil
				for _, line := range p.Keys {
					keys = append(keys, idOfLine(line))
				}
			}
		case ledger.ActorRevoked:
			if p.Actor == name {
				keys = slices.DeleteFunc(keys, func(k string) bool { return p.Key.IsZero() || k == string(p.Key[:]) })
			}
		}
	}
	return keys
}

// ofJob returns the events of a job.
func (r reference) ofJob(id string) (events []ledger.Event) {
	for _, e := range r {
		if e.JobID() == id {
			events = append(events, e)
		}
	}
	return events
}

func (r reference) roles(name string) (roles []ledger.Role) {
	for _, e := range r {
		switch p := e.Payload().(type) {
		case ledger.ActorEnrolled:
			if p.Actor == name {
				roles = p.Roles
			}
		case ledger.ActorRevoked:
			if p.Actor == name && p.Key.IsZero() {
				roles = nil
			}
		}
	}
	return roles
}

func (r reference) has(name string, role ledger.Role) bool {
	return slices.Contains(r.roles(name), role)
}

// names returns the names that were ever enrolled.
func (r reference) everEnrolled() (names []string) {
	for _, e := range r {
		if p, is := e.Payload().(ledger.ActorEnrolled); is && !slices.Contains(names, p.Actor) {
			names = append(names, p.Actor)
		}
	}
	return names
}

// admins returns the admins who can sign.
func (r reference) admins() (names []string) {
	for _, name := range r.everEnrolled() {
		if r.has(name, ledger.RoleAdmin) && len(r.keys(name)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// set returns what authority_set said last.
func (r reference) set() ledger.AuthoritySet {
	set := ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeClaims}
	for _, e := range r {
		if p, is := e.Payload().(ledger.AuthoritySet); is {
			set = p
		}
	}
	return set
}

// spoiled reports whether a key cannot be enrolled for an actor: another had it, or it was revoked.
func (r reference) spoiled(key, name string) bool {
	for i, e := range r {
		switch p := e.Payload().(type) {
		case ledger.ActorEnrolled:
			for _, line := range p.Keys {
				if idOfLine(line) == key && p.Actor != name {
					return true
				}
			}
		case ledger.ActorRevoked:
			if string(p.Key[:]) == key {
				return true
			}
			for _, before := range r[:i] {
				if q, is := before.Payload().(ledger.ActorEnrolled); is && p.Key.IsZero() && q.Actor == p.Actor {
					for _, line := range q.Keys {
						if idOfLine(line) == key {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// admits reports whether an event is admissible after those in the list.
func (r reference) admits(e ledger.Event) bool {
	var newest ledger.Hash
	for _, before := range r {
		if strings.HasPrefix(string(before.Type()), "actor_") || before.Type() == "authority_set" {
			newest = before.LeafHash()
		}
	}
	if e.Authority() != newest || !saysWhatWasSigned(e) {
		return false
	}
	keys := keysOf(e)
	if t := string(e.Type()); strings.HasPrefix(t, "actor_") || t == "authority_set" {
		return r.admitsAuthority(e, keys)
	}
	enrolled := slices.ContainsFunc(r.everEnrolled(), func(n string) bool { return strings.EqualFold(n, e.Actor()) })
	if !enrolled {
		return len(keys) == 0 && r.admitsClaim(e)
	}
	if len(keys) != 1 || !slices.Contains(r.keys(e.Actor()), keys[0]) {
		return false
	}
	switch p := e.Payload().(type) {
	case ledger.Submitted:
		if !p.PolicyDigest.IsZero() && !slices.Contains(r.set().Policies, p.PolicyDigest) {
			return r.has(e.Actor(), "operator")
		}
		return r.has(e.Actor(), "operator") || r.has(e.Actor(), "worker")
	case ledger.CheckpointAdded, ledger.GateDecided, ledger.DispatchBlocked, ledger.Leased, ledger.LeaseRenewed, ledger.AttemptEnded:
		return r.has(e.Actor(), "worker")
	case ledger.EffectSettled, ledger.LeaseReleased:
		return r.has(e.Actor(), "operator") || r.has(e.Actor(), "worker")
	case ledger.Approved, ledger.Denied:
		return r.has(e.Actor(), "approver")
	case ledger.Refused:
		return true
	}
	return r.has(e.Actor(), "operator")
}

func (r reference) admitsClaim(e ledger.Event) bool {
	set := r.set()
	if set.Mode != "verdicts" {
		return set.Mode == "claims"
	}
	switch p := e.Payload().(type) {
	case ledger.Approved, ledger.Denied:
		return false
	case ledger.Submitted:
		return p.PolicyDigest.IsZero() || slices.Contains(set.Policies, p.PolicyDigest)
	case ledger.Resumed:
		return p.CurrentPolicyDigest == p.PreviousPolicyDigest || slices.Contains(set.Policies, p.CurrentPolicyDigest)
	}
	return true
}

func (r reference) admitsAuthority(e ledger.Event, keys []string) bool {
	after := append(slices.Clone(r), e)
	p, enrols := e.Payload().(ledger.ActorEnrolled)
	if enrols {
		for _, line := range p.Keys {
			if r.spoiled(idOfLine(line), p.Actor) {
				return false
			}
		}
	}
	if len(r.everEnrolled()) == 0 {
		return enrols && p.Bootstrap != "" && p.Actor == e.Actor() && after.has(p.Actor, "admin") &&
			len(keys) == 1 && slices.Contains(after.keys(p.Actor), keys[0])
	}
	need := r.set().Admins
	switch p := e.Payload().(type) {
	case ledger.ActorEnrolled:
		for _, name := range r.everEnrolled() {
			if p.Bootstrap != "" || name != p.Actor && strings.EqualFold(name, p.Actor) {
				return false
			}
		}
	case ledger.ActorRevoked:
		if !r.has(p.Actor, "admin") {
			need = 1
		}
		whole := len(r.roles(p.Actor)) > 0 // each enrolled actor has a role
		if p.Key.IsZero() && !whole || !p.Key.IsZero() && !slices.Contains(r.keys(p.Actor), string(p.Key[:])) {
			return false
		}
	}
	if int64(len(after.admins())) < after.set().Admins {
		return false
	}
	var agree []string
	for _, key := range keys {
		for _, name := range r.admins() {
			if slices.Contains(r.keys(name), key) && !slices.Contains(agree, name) {
				agree = append(agree, name)
			}
		}
	}
	for i, key := range keys {
		if slices.Contains(keys[:i], key) || !slices.ContainsFunc(r.admins(), func(n string) bool { return slices.Contains(r.keys(n), key) }) {
			return false
		}
	}
	return slices.Contains(agree, e.Actor()) && int64(len(agree)) >= need
}

// keysOf reads the key in each SSHSIG: it follows six bytes and a version.
func keysOf(e ledger.Event) (keys []string) {
	for _, sig := range e.CommandSigs() {
		n := binary.BigEndian.Uint32(sig.Sig[10:])
		id := sha256.Sum256(sig.Sig[14 : 14+n])
		keys = append(keys, string(id[:]))
	}
	return keys
}

// saysWhatWasSigned compares an event with its command, of those that the property makes.
func saysWhatWasSigned(e ledger.Event) bool {
	if e.Command() == nil {
		return true
	}
	var c struct {
		Actor      string
		Arguments  map[string]any
		CreatedAt  time.Time `json:"created_at"`
		ExpiresAt  time.Time `json:"expires_at"`
		IfRevision *int64    `json:"if_revision"`
		JobID      string    `json:"job_id"`
		Lease      int64
		Origin     string
		Reason     string
		RequestID  string `json:"request_id"`
		Verb       string
	}
	if json.Unmarshal(e.Command(), &c) != nil {
		return false
	}
	verb := map[ledger.Type]string{
		"submitted": "submit", "checkpoint_added": "checkpoint add", "approved": "approve", "denied": "deny", "paused": "pause", "resumed": "resume",
		"gate_decided": "gate eval", "dispatch_blocked": "gate eval", "effect_settled": "gate settle",
		"leased": "lease take", "lease_renewed": "lease renew", "lease_released": "lease release", "attempt_ended": "attempt end",
		"actor_enrolled": "actor add", "actor_revoked": "actor revoke", "authority_set": "authority set",
	}[e.Type()]
	payload := fieldsOfText(e.PayloadBytes())
	revision := e.Revision() - 1
	if e.Type() == "refused" {
		verb, _ = payload["command"].(string)
		revision = e.Revision()
	}
	if verb != c.Verb || c.Actor != e.Actor() || c.JobID != e.JobID() || c.Lease != e.Lease() || c.Origin != e.Origin() || c.RequestID != e.RequestID() ||
		c.IfRevision != nil && *c.IfRevision != revision || c.CreatedAt.After(e.Time().Add(5*time.Minute)) || c.ExpiresAt.Before(e.Time()) {
		return false
	}
	said, _ := payload["reason"].(string)
	if (e.Type() == "approved" || e.Type() == "denied") && c.Reason == "" {
		said = strings.TrimPrefix(said, string(e.Type()))
	}
	if said != c.Reason {
		return false
	}
	for field, argument := range map[string]string{
		"actor": "actor", "keys": "keys", "roles": "roles", "bootstrap": "bootstrap", "key": "key", "mode": "mode", "admins": "admins", "policies": "policies",
		"ttl": "ttl", "cause": "cause", "exit": "exit", "log": "log",
		"tool": "tool", "grant": "grant", "outcome": "outcome", "target": "target", "hold": "hold", "policy_digest": "policy_digest", "current_policy_digest": "policy_digest", "summary": "summary",
	} {
		if e.Type() == "refused" || e.Type() == "resumed" && field == "policy_digest" || e.Type() == "submitted" && field == "current_policy_digest" ||
			e.Type() == "lease_released" && field == "ttl" {
			continue
		}
		got, want := payload[field], c.Arguments[argument]
		if g, _ := json.Marshal(got); string(g) != marshaled(want) {
			return false
		}
	}
	return true
}

func marshaled(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func fieldsOfText(text []byte) map[string]any {
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(err)
	}
	return fields
}
