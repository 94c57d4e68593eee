package authority

import (
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// A change is what an authority event makes of a State.
type change struct {
	enrolled *Actor // whose Since is set later
	revoked  string
	key      ledger.Hash // of the one who is revoked; zero: all
	set      *ledger.AuthoritySet
}

// admit judges an authority event and returns what it changes.
func (s *State) admit(a Act) (change, *Denial) {
	if s == nil {
		return first(a)
	}
	if no := s.agreed(a, s.needed(a.Payload)); no != nil {
		return change{}, no
	}
	switch p := a.Payload.(type) {
	case ledger.ActorEnrolled:
		return s.admitEnrolled(p)
	case ledger.ActorRevoked:
		return s.admitRevoked(p)
	case ledger.AuthoritySet:
		if n := s.adminsWith(Actor{}); p.Admins > int64(n) {
			return change{}, deny(TooFewAdmins, "%s to agree, and %d can sign", plural(int(p.Admins), "admin is", "admins are"), n)
		}
		return change{set: &p}, nil
	default: // no other event is one of authority
		return change{}, deny(RoleRequired, "%s is no event of authority", a.Payload.Type())
	}
}

// first judges the first authority event of a ledger: an actor enrols itself as admin.
func first(a Act) (change, *Denial) {
	p, is := a.Payload.(ledger.ActorEnrolled)
	switch {
	case !is || p.Bootstrap == "":
		return change{}, deny(FirstIsRequired, "the ledger has no actors, and the first one says how it came to be enrolled")
	case !slices.Contains(p.Roles, ledger.RoleAdmin):
		return change{}, deny(FirstIsRequired, "the first actor is an admin, and %s is to be none", p.Actor)
	case p.Actor != a.Actor:
		return change{}, deny(FirstIsRequired, "the first actor enrols itself: %s cannot enrol %s", a.Actor, p.Actor)
	case len(a.Keys) == 0:
		return change{}, deny(SignatureRequired, "the first actor signs with a key that it enrols")
	case len(a.Keys) > 1:
		return change{}, deny(SignatureInvalid, "there are %d signatures, and the first actor signs once", len(a.Keys))
	}
	actor, no := actorOf(p)
	if no != nil {
		return change{}, no
	}
	if !actor.has(a.Keys[0]) {
		return change{}, deny(SignatureInvalid, "the first actor signs with a key that it enrols, and %s is none of them", fingerprint(a.Keys[0]))
	}
	return change{enrolled: &actor}, nil
}

// needed returns how many admins must agree on an event.
func (s *State) needed(p ledger.Payload) int {
	if r, is := p.(ledger.ActorRevoked); is {
		if a, _ := s.Actor(r.Actor); !slices.Contains(a.Roles, ledger.RoleAdmin) {
			return 1
		}
	}
	return s.admins
}

// agreed returns nil if enough admins signed, the actor among them, and no one else.
func (s *State) agreed(a Act, needed int) *Denial {
	if len(a.Keys) == 0 {
		return deny(SignatureRequired, "who may do what is changed with the %s", signaturesOf(needed))
	}
	if known := s.LooksLike(a.Actor); known != a.Actor {
		return deny(SignatureInvalid, "no actor is enrolled as %s", a.Actor).of(a.Actor, CauseNotEnrolled)
	}
	if me, _ := s.Actor(a.Actor); me.Revoked {
		return deny(Revoked, "%s is revoked, since event %d", a.Actor, me.Since)
	}
	var agree []string
	for i, key := range a.Keys {
		if slices.Contains(a.Keys[:i], key) {
			return deny(SignatureInvalid, "two signatures are by one key, %s", fingerprint(key))
		}
		owners := s.Owners(key)
		if len(owners) == 0 {
			return deny(SignatureInvalid, "the key %s is not one of %s, nor of another actor", fingerprint(key), a.Actor).of(a.Actor, CauseOtherKey)
		}
		if no := s.ownKey(owners[0], key); no != nil {
			return no
		}
		if !s.Has(owners[0], ledger.RoleAdmin) {
			return s.lacks(owners[0], "this", ledger.RoleAdmin)
		}
		if !slices.Contains(agree, owners[0]) {
			agree = append(agree, owners[0])
		}
	}
	switch {
	case !slices.Contains(agree, a.Actor):
		return deny(SignatureInvalid, "%s did not sign", a.Actor)
	case len(agree) < needed:
		no := deny(RoleRequired, "%s must agree, and %d did", plural(needed, "admin", "admins"), len(agree))
		no.Needed = needed
		return no
	}
	return nil
}

func (s *State) admitEnrolled(p ledger.ActorEnrolled) (change, *Denial) {
	if p.Bootstrap != "" {
		return change{}, deny(NotTheFirst, "the ledger has actors already, so %s is not the first one", p.Actor)
	}
	actor, no := actorOf(p)
	if no != nil {
		return change{}, no
	}
	if other := s.LooksLike(p.Actor); other != "" && other != p.Actor {
		return change{}, deny(NameInUse, "the name %s looks like that of the actor %s", p.Actor, other)
	}
	for _, key := range actor.Keys {
		id := key.ID()
		if s.book.revoked(id, s.place) {
			return change{}, deny(KeyInUse, "the key %s was revoked", key.Fingerprint())
		}
		if owner := s.book.owner(id, s.place); owner != "" && owner != p.Actor {
			return change{}, deny(KeyInUse, "the key %s belongs to the actor %s", key.Fingerprint(), owner)
		}
	}
	if n := s.adminsWith(actor); n < s.admins {
		return change{}, deny(TooFewAdmins, "%s must agree, and %d would be left", plural(s.admins, "admin", "admins"), n)
	}
	before, _ := s.Actor(p.Actor)
	actor.RevokedKeys = before.RevokedKeys
	return change{enrolled: &actor}, nil
}

func (s *State) admitRevoked(p ledger.ActorRevoked) (change, *Denial) {
	a, known := s.Actor(p.Actor)
	switch {
	case !known:
		return change{}, deny(NotEnrolled, "no actor is enrolled as %s", p.Actor)
	case a.Revoked:
		return change{}, deny(NotEnrolled, "%s is revoked already, since event %d", p.Actor, a.Since)
	case !p.Key.IsZero() && !a.has(p.Key):
		return change{}, deny(NotEnrolled, "the key %s of %s is not in force", fingerprint(p.Key), p.Actor)
	}
	left := Actor{Name: p.Actor, Roles: a.Roles}
	if !p.Key.IsZero() {
		left.Keys = slices.DeleteFunc(slices.Clone(a.Keys), func(k sshkey.Key) bool { return k.ID() == p.Key })
	}
	if n := s.adminsWith(left); n < s.admins {
		return change{}, deny(TooFewAdmins, "%s must agree, and %d would be left", plural(s.admins, "admin", "admins"), n)
	}
	return change{revoked: p.Actor, key: p.Key}, nil
}

// plural spells a number with the word for it.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// signaturesOf says whose signatures a change of the authority needs.
func signaturesOf(admins int) string {
	if admins == 1 {
		return "signature of an admin"
	}
	return fmt.Sprintf("signatures of %d of its admins", admins)
}

// adminsWith counts the admins who can sign, with an actor taken as it is given. With the
// zero Actor it counts those of now.
func (s *State) adminsWith(a Actor) int {
	n := s.signers
	if before, _ := s.Actor(a.Name); before.administers() {
		n--
	}
	if a.administers() {
		n++
	}
	return n
}

// actorOf returns the actor that an event enrols.
func actorOf(p ledger.ActorEnrolled) (Actor, *Denial) {
	a := Actor{Name: p.Actor, Roles: slices.Clone(p.Roles)}
	for _, text := range p.Keys {
		key, err := sshkey.ParseKey(text)
		if err != nil {
			return Actor{}, deny(KeyRefused, "a key of %s: %s", p.Actor, err)
		}
		if key.String() != text {
			return Actor{}, deny(KeyRefused, "a key of %s is not spelt as %s", p.Actor, key)
		}
		a.Keys = append(a.Keys, key)
	}
	return a, nil
}
