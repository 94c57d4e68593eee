package authority

import (
	"encoding/base64"
	"slices"

	"gait/ledger"
)

// An Act is what someone wants to do, or has done.
type Act struct {
	Actor   string
	Keys    []ledger.Hash  // IDs of the keys that signed, one for each signature
	Payload ledger.Payload // the event's
}

// May returns nil if authority admits an act, and otherwise why not. It says nothing of
// whether the act fits the state of its job.
func (s *State) May(a Act) *Denial {
	if a.Payload.Type().OfAuthority() {
		_, no := s.admit(a)
		return no
	}
	if !s.Enrolled(a.Actor) {
		return s.mayClaim(a)
	}
	if no := s.signedBy(a.Actor, a.Keys); no != nil {
		return no
	}
	return s.hasRole(a)
}

// mayClaim judges an act under a name that is not enrolled.
func (s *State) mayClaim(a Act) *Denial {
	switch {
	case len(a.Keys) > 0:
		return deny(SignatureInvalid, "no actor is enrolled as %s, so no signature counts for that name", a.Actor).of(a.Actor, CauseNotEnrolled)
	case s.Mode() == ledger.ModeClaims, ofItself(a.Payload):
		return nil
	case s.Mode() == ledger.ModeAll:
		return deny(SignatureRequired, "in mode %s every command needs the signature of an enrolled actor, and %s is none", s.Mode(), a.Actor)
	}
	if t := a.Payload.Type(); t == ledger.TypeApproved || t == ledger.TypeDenied {
		return deny(SignatureRequired, "in mode %s a verdict needs the signature of an enrolled actor, and %s is none", s.Mode(), a.Actor)
	}
	if policy, binds := binding(a.Payload); binds && !s.Binds(policy) {
		return deny(SignatureRequired, "in mode %s it takes the signature of an enrolled actor to bind policy %s, and %s is none", s.Mode(), named(policy), a.Actor)
	}
	return nil
}

// ofItself reports whether an event is written by the ledger, and not on the command of an
// actor: it follows from the events before it, or from those of another ledger.
func ofItself(p ledger.Payload) bool {
	switch p := p.(type) {
	case ledger.LedgerCreated, ledger.IndexCommitted, ledger.Continued:
		return true
	case ledger.CheckpointAdded:
		return !p.Continues.IsZero()
	case ledger.GateDecided:
		return !p.Continues.IsZero()
	default:
		return false
	}
}

// signedBy returns nil if exactly one key signed, and it is the actor's now.
func (s *State) signedBy(actor string, keys []ledger.Hash) *Denial {
	known := s.LooksLike(actor)
	switch {
	case len(keys) == 0 && known != actor:
		return deny(SignatureRequired, "%s looks like the enrolled actor %s, who signs", actor, known)
	case len(keys) == 0:
		if a, _ := s.Actor(actor); len(a.Keys) == 0 {
			return deny(SignatureRequired, "%s signs, and has no key left: all were revoked", actor).of(actor, CauseNoKeyLeft)
		}
		return deny(SignatureRequired, "%s is enrolled, and signs", actor)
	case len(keys) > 1:
		return deny(SignatureInvalid, "there are %d signatures, and one is taken", len(keys))
	case known != actor:
		return deny(SignatureInvalid, "no actor is enrolled as %s, but one as %s", actor, known).of(actor, CauseNotEnrolled)
	}
	return s.ownKey(actor, keys[0])
}

// ownKey returns nil if a key is the actor's now.
func (s *State) ownKey(actor string, key ledger.Hash) *Denial {
	a, _ := s.Actor(actor)
	switch {
	case a.has(key):
		return nil
	case a.Revoked:
		return deny(Revoked, "%s is revoked, since event %d", actor, a.Since)
	case slices.Contains(s.Owners(key), actor):
		return deny(Revoked, "the key %s of %s is no longer in force", fingerprint(key), actor)
	}
	return deny(SignatureInvalid, "the key %s is not one of %s", fingerprint(key), actor).of(actor, CauseOtherKey)
}

// hasRole returns nil if an enrolled actor has the role for an act.
func (s *State) hasRole(a Act) *Denial {
	roles := rolesFor(a.Payload)
	if policy, binds := binding(a.Payload); binds && !s.Binds(policy) {
		roles = []ledger.Role{ledger.RoleOperator}
		if !s.Has(a.Actor, ledger.RoleOperator) {
			return s.lacks(a.Actor, "binding policy "+named(policy), ledger.RoleOperator)
		}
	}
	if roles == nil || slices.ContainsFunc(roles, func(r ledger.Role) bool { return s.Has(a.Actor, r) }) {
		return nil
	}
	return s.lacks(a.Actor, "this", roles...)
}

// rolesFor returns the roles of which an enrolled actor needs one for an event; nil: none.
func rolesFor(p ledger.Payload) []ledger.Role {
	switch p.(type) {
	case ledger.Submitted:
		return []ledger.Role{ledger.RoleOperator, ledger.RoleWorker}
	case ledger.CheckpointAdded, ledger.GateDecided, ledger.DispatchBlocked, ledger.Leased, ledger.LeaseRenewed, ledger.AttemptEnded:
		return []ledger.Role{ledger.RoleWorker}
	case ledger.EffectSettled, ledger.LeaseReleased: // whose grant or lease it is, package projection asks
		return []ledger.Role{ledger.RoleOperator, ledger.RoleWorker}
	case ledger.Paused, ledger.Resumed, ledger.Cancelled, ledger.Stopped, ledger.Imported, ledger.ContentErased, ledger.Continued:
		return []ledger.Role{ledger.RoleOperator}
	case ledger.Approved, ledger.Denied:
		return []ledger.Role{ledger.RoleApprover}
	case ledger.KeyRotated, ledger.LedgerMoved, ledger.ActorEnrolled, ledger.ActorRevoked, ledger.AuthoritySet:
		return []ledger.Role{ledger.RoleAdmin}
	case ledger.Refused, ledger.LedgerCreated, ledger.IndexCommitted:
	}
	return nil
}

// binding returns the policy that an event binds its job to, and whether it binds one: that
// with which a job begins, or another one than the job had.
func binding(p ledger.Payload) (ledger.Hash, bool) {
	switch p := p.(type) {
	case ledger.Submitted:
		return p.PolicyDigest, !p.PolicyDigest.IsZero()
	case ledger.Resumed:
		return p.CurrentPolicyDigest, p.PolicyChanged || p.CurrentPolicyDigest != p.PreviousPolicyDigest
	default:
		return ledger.Hash{}, false
	}
}

// named spells a policy's digest in a sentence.
func named(policy ledger.Hash) string {
	if policy.IsZero() {
		return "none"
	}
	return policy.String()
}

// fingerprint spells the ID of a key as ssh-keygen -l does.
func fingerprint(key ledger.Hash) string {
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(key[:])
}
