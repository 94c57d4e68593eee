package ledger

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// A Role says which commands an enrolled actor may give.
type Role string

// The roles.
const (
	RoleAdmin    Role = "admin"    // actors, modes, policies that anyone may bind, rotation and moves
	RoleApprover Role = "approver" // verdicts
	RoleAuditor  Role = "auditor"  // reads, where reading is guarded
	RoleOperator Role = "operator" // submit, pause, resume, cancel, stop, erase, bind policies
	RoleWorker   Role = "worker"   // submit and checkpoint
)

// Roles lists every role, in the order in which events name them.
var Roles = []Role{RoleAdmin, RoleApprover, RoleAuditor, RoleOperator, RoleWorker}

// A Mode says which commands need the signature of an enrolled actor.
type Mode string

// The modes, each stricter than the one before.
const (
	ModeClaims   Mode = "claims"   // those of enrolled actors; every other name is a claim
	ModeVerdicts Mode = "verdicts" // verdicts, and binding a policy that not everyone may bind
	ModeAll      Mode = "all"      // every command
)

// Modes lists every mode, from the least strict.
var Modes = []Mode{ModeClaims, ModeVerdicts, ModeAll}

// How the first actor of a ledger came to be enrolled.
const (
	BootstrapInit     = "init"     // when the ledger was created
	BootstrapTerminal = "terminal" // someone at a terminal confirmed it
	BootstrapFlag     = "flag"     // a flag said so
)

// Limits of what authority events hold.
const (
	MaxActorKeys = 8   // keys of an actor
	MaxAdmins    = 8   // admins that must agree
	MaxPolicies  = 16  // policies that anyone may bind
	MaxActorKey  = 288 // bytes of an actor's key as text, which is 207 for the longest type and longer if it names an application
)

// ActorEnrolled says who an actor is from here on: the keys under which the actor signs,
// and the roles. It replaces what was known of the actor.
type ActorEnrolled struct {
	Actor     string
	Bootstrap string   // of the ledger's first authority event: BootstrapInit, BootstrapTerminal or BootstrapFlag; "" in all others
	Keys      []string // 1 to MaxActorKeys OpenSSH public keys, "type base64", ascending, each once
	Reason    string   // optional
	Roles     []Role   // at least one, ascending, each once
}

// ActorRevoked says that an actor, or one key of the actor, counts no more.
type ActorRevoked struct {
	Actor  string
	Key    Hash // optional: SHA-256 of the one key's wire form; zero: all keys and roles
	Reason string
}

// AuthoritySet says which commands need signatures, and how many admins must agree on
// authority events.
type AuthoritySet struct {
	Admins   int64  // 1 to MaxAdmins
	Mode     Mode   // of Modes
	Policies []Hash // at most MaxPolicies digests of policies that anyone may bind, ascending, each once
	Reason   string // optional
}

// OfAuthority reports whether events of type t say who may do what.
func (t Type) OfAuthority() bool {
	return t == TypeActorEnrolled || t == TypeActorRevoked || t == TypeAuthoritySet
}

// Type returns TypeActorEnrolled.
func (ActorEnrolled) Type() Type { return TypeActorEnrolled }

// Type returns TypeActorRevoked.
func (ActorRevoked) Type() Type { return TypeActorRevoked }

// Type returns TypeAuthoritySet.
func (AuthoritySet) Type() Type { return TypeAuthoritySet }

func (ActorEnrolled) sealed() {}
func (ActorRevoked) sealed()  {}
func (AuthoritySet) sealed()  {}

func (p *ActorEnrolled) walk(c *coder) {
	c.text("actor", &p.Actor, required, enrolledRule)
	c.text("bootstrap", &p.Bootstrap, optional, bootstrapRule)
	ascending(c, "keys", &p.Keys, MaxActorKeys, actorKeyRule)
	c.text("reason", &p.Reason, optional, reasonRule)
	ascending(c, "roles", &p.Roles, len(Roles), roleRule)
	if len(p.Keys) == 0 {
		c.missing("keys", required)
	}
	if len(p.Roles) == 0 {
		c.missing("roles", required)
	}
}

func (p *ActorRevoked) walk(c *coder) {
	c.text("actor", &p.Actor, required, enrolledRule)
	c.hash("key", &p.Key, optional)
	c.text("reason", &p.Reason, required, reasonRule)
}

func (p *AuthoritySet) walk(c *coder) {
	c.int("admins", &p.Admins, 1)
	mode := string(p.Mode)
	c.text("mode", &mode, required, modeRule)
	p.Mode = Mode(mode)
	c.hashes("policies", &p.Policies, MaxPolicies)
	c.text("reason", &p.Reason, optional, reasonRule)
	if p.Admins > MaxAdmins {
		c.fail("admins", "%d, at most %d", p.Admins, MaxAdmins)
	}
	if !slices.IsSortedFunc(p.Policies, compareHashes) || len(slices.Compact(slices.Clone(p.Policies))) != len(p.Policies) {
		c.fail("policies", "not in order, each once")
	}
}

func compareHashes(a, b Hash) int { return bytes.Compare(a[:], b[:]) }

// ascending walks a list of texts that stand in order, each once. An empty list is left out.
func ascending[T ~string](c *coder, name string, v *[]T, limit int, rule textRule) {
	c.list(name, len(*v), limit, func(i int) {
		*v = grown(c, *v)
		s := string((*v)[i])
		c.textValue(name, &s, rule)
		(*v)[i] = T(s)
		if c.err == nil && i > 0 && (*v)[i-1] >= (*v)[i] {
			c.fail(name, "not in order, each once")
		}
	})
}

// actorKeyTypes are the types of keys that an actor can have.
var actorKeyTypes = []string{"ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com", "sk-ssh-ed25519@openssh.com", "ssh-ed25519"}

// isActorKey reports whether s is a type and the base64 of a wire form that begins with
// the type. Whether there is such a key, the rules of authority say.
func isActorKey(s string) bool {
	kind, encoded, _ := strings.Cut(s, " ")
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	prefix := append([]byte{0, 0, 0, byte(len(kind))}, kind...)
	return err == nil && slices.Contains(actorKeyTypes, kind) && !strings.ContainsAny(encoded, "\r\n") && bytes.HasPrefix(blob, prefix)
}

// RolePrefix is what an approver that stands for all actors of a role begins with.
const RolePrefix = "role:"

// isApprover reports whether s names who may decide: an actor, or "role:" and a role.
func isApprover(s string) bool {
	if role, ok := strings.CutPrefix(s, RolePrefix); ok {
		return slices.Contains(Roles, Role(role))
	}
	return isActor(s)
}

// isEnrolled reports whether an actor of this name can be enrolled: one that nothing
// is percent-encoded in, and that is not gait or a role in any case of letters, so that
// it looks like what it is.
func isEnrolled(s string) bool {
	small := strings.ToLower(s)
	return isActor(s) && !strings.Contains(s, "%") && small != ActorGait && !strings.HasPrefix(small, RolePrefix)
}

func oneOf[T ~string](all []T) func(string) bool {
	return func(s string) bool { return slices.Contains(all, T(s)) }
}

var (
	enrolledRule  = textRule{max: nameRule.max, form: isEnrolled, like: "the name of an actor who can be enrolled: letters, digits and ._:@/- alone, not gait and not role:…", wider: &nameRule}
	approverRule  = textRule{max: nameRule.max, form: isApprover, like: "an actor's name, or role: and a role", wider: &nameRule}
	actorKeyRule  = textRule{max: MaxActorKey, form: isActorKey, like: "an OpenSSH public key of type " + strings.Join(actorKeyTypes, ", ")}
	roleRule      = textRule{max: 32, form: oneOf(Roles), like: "a role: " + OneOf(Roles)}
	modeRule      = textRule{max: 32, form: oneOf(Modes), like: "a mode: " + OneOf(Modes)}
	bootstrapRule = textRule{max: 32, form: oneOf([]string{BootstrapFlag, BootstrapInit, BootstrapTerminal}), like: "init, terminal or flag"}
)
