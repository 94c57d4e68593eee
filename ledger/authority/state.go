package authority

import (
	"slices"
	"strconv"
	"strings"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// A State is who may do what after an authority event. It never changes. The nil State is
// that of a ledger without authority: no actor is enrolled, and nothing need be signed.
// It is safe for concurrent use.
type State struct {
	book     *book
	place    int // of the event among the authority events, from 0
	leaf     ledger.Hash
	mode     ledger.Mode
	admins   int // that must agree
	signers  int // admins who can sign
	policies []ledger.Hash
}

// An Actor is what a State knows of an enrolled actor.
type Actor struct {
	Name        string
	Keys        []sshkey.Key  // in force, in the order in which the event names them
	Roles       []ledger.Role // in force
	Revoked     bool          // the actor is revoked, and has neither keys nor roles
	RevokedKeys []sshkey.Key  // of this actor, in the order in which they were revoked
	Since       ledger.Seq    // of the event that says so
}

// has reports whether a key is in force.
func (a Actor) has(key ledger.Hash) bool {
	return slices.ContainsFunc(a.Keys, func(k sshkey.Key) bool { return k.ID() == key })
}

// administers reports whether the actor is an admin who can sign.
func (a Actor) administers() bool {
	return len(a.Keys) > 0 && slices.Contains(a.Roles, ledger.RoleAdmin)
}

// Mode returns which commands need a signature.
func (s *State) Mode() ledger.Mode {
	if s == nil {
		return ledger.ModeClaims
	}
	return s.mode
}

// Leaf returns the leaf hash of the event after which this is the state, zero if there is none.
func (s *State) Leaf() ledger.Hash {
	if s == nil {
		return ledger.Hash{}
	}
	return s.leaf
}

// Admins returns how many admins must agree on authority events: 0 if there are none.
func (s *State) Admins() int {
	if s == nil {
		return 0
	}
	return s.admins
}

// Policies returns the digests of the policies that anyone may bind, ascending.
func (s *State) Policies() []ledger.Hash {
	if s == nil {
		return nil
	}
	return slices.Clone(s.policies)
}

// Binds reports whether anyone may bind a policy.
func (s *State) Binds(policy ledger.Hash) bool {
	return s != nil && slices.Contains(s.policies, policy)
}

// Actor returns what is known of an actor, revoked or not, and whether anything is.
func (s *State) Actor(name string) (Actor, bool) {
	if s == nil {
		return Actor{}, false
	}
	return s.book.actor(name, s.place)
}

// Actors returns all actors that were ever enrolled, by name.
func (s *State) Actors() []Actor {
	if s == nil {
		return nil
	}
	return s.book.all(s.place)
}

// Enrolled reports whether what an actor of this name does must be signed: whether an actor of
// the name was ever enrolled, or one whose name looks like it.
func (s *State) Enrolled(name string) bool { return s.LooksLike(name) != "" }

// LooksLike returns the enrolled actor that a name is taken for: the one of the same name, or
// the one whose name differs only in upper and lower case or in percent-encoding. It returns
// "" if there is none. There is at most one.
func (s *State) LooksLike(name string) string {
	if s == nil {
		return ""
	}
	return s.book.looksLike(name, s.place)
}

// Has reports whether an actor has a role, and is not revoked.
func (s *State) Has(name string, role ledger.Role) bool {
	a, _ := s.Actor(name)
	return slices.Contains(a.Roles, role)
}

// InForce reports whether a key, by its ID, is now one of the actor's.
func (s *State) InForce(name string, key ledger.Hash) bool {
	a, _ := s.Actor(name)
	return a.has(key)
}

// Owners returns every name under which a key, by its ID, was ever enrolled. It is at most
// one, since a key belongs to one actor for ever.
func (s *State) Owners(key ledger.Hash) []string {
	if s == nil {
		return nil
	}
	if owner := s.book.owner(key, s.place); owner != "" {
		return []string{owner}
	}
	return nil
}

// Alike reports whether one of two names can be taken for the other: whether they differ at
// most in upper and lower case and in percent-encoding.
func Alike(a, b string) bool { return look(a) == look(b) }

// look returns what a name looks like: in lower case, and without percent-encoding.
func look(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' && i+2 < len(name) {
			if decoded, err := strconv.ParseUint(name[i+1:i+3], 16, 8); err == nil {
				c, i = byte(decoded), i+2
			}
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
