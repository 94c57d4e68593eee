package authority

import (
	"fmt"
	"slices"

	"gait/ledger"
)

// A Denial says why authority does not allow something. It is an error.
type Denial struct {
	Code   Code
	Reason string // a sentence for people, without the code

	// Of role_required. What makes up for it is empty in all others.
	Role    ledger.Role // the first role that would do, or ""
	Holders []string    // the actors who have one of the roles that would do, and a key
	Needed  int         // how many admins must agree, if that is what is missing

	Cause Cause  // of a code that has several
	Actor string // whose keys or roles it is about, or ""
}

// A Cause tells apart denials of one code that different things make up for.
type Cause string

// The causes.
const (
	CauseOtherKey    Cause = "other_key"    // the key that signed is none of the actor's
	CauseNotEnrolled Cause = "not_enrolled" // there is no such actor, and a signature
	CauseNoKeyLeft   Cause = "no_key_left"  // the actor has no key in force to sign with
)

// of says what a denial is about.
func (d *Denial) of(actor string, cause Cause) *Denial {
	d.Actor, d.Cause = actor, cause
	return d
}

// A Code is the stable code of a denial.
type Code string

// The codes of denials. The first six are those of refusals too.
const (
	SignatureRequired Code = "signature_required" // a command that needs a signature has none
	SignatureInvalid  Code = "signature_invalid"  // a signature that does not count for the actor or the event
	RoleRequired      Code = "role_required"      // the actor has no role for this, or too few admins agree
	Revoked           Code = "revoked"            // the actor, or the key, counts no more
	CommandExpired    Code = "command_expired"    // the command is not for this time
	CommandUsed       Code = "command_used"       // the request id of the command is used up

	KeyRefused      Code = "key_refused"       // a key that no actor can have
	KeyInUse        Code = "key_in_use"        // a key of another actor, or one that was revoked
	NameInUse       Code = "name_in_use"       // a name that looks like that of another actor
	NotEnrolled     Code = "not_enrolled"      // there is no such actor, or no such key, to revoke
	TooFewAdmins    Code = "too_few_admins"    // fewer admins would be left than must agree
	NotTheFirst     Code = "authority_exists"  // a first actor, in a ledger that has one
	FirstIsRequired Code = "authority_missing" // the first actor is missing, or not enrolled as a first actor is
)

func deny(code Code, format string, args ...any) *Denial {
	return &Denial{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// lacks returns the denial that an actor has none of the roles that something takes.
func (s *State) lacks(actor, what string, roles ...ledger.Role) *Denial {
	no := deny(RoleRequired, "%s takes role %s, which %s does not have", what, ledger.OneOf(roles), actor)
	no.Role, no.Actor = roles[0], actor
	for _, a := range s.Actors() {
		if len(a.Keys) > 0 && slices.ContainsFunc(roles, func(r ledger.Role) bool { return slices.Contains(a.Roles, r) }) {
			no.Holders = append(no.Holders, a.Name)
		}
	}
	return no
}

func (d *Denial) Error() string { return d.Reason }

// Fault returns the denial's code, and what kind of rule it comes from.
func (d *Denial) Fault() ledger.Fault {
	f := ledger.Fault{Code: string(d.Code), Category: ledger.CategoryInvalid}
	switch d.Code {
	case SignatureRequired, SignatureInvalid, RoleRequired, Revoked, CommandExpired, CommandUsed:
		f.Category = ledger.CategoryPolicy
	case KeyRefused, KeyInUse, NameInUse, NotEnrolled, TooFewAdmins, NotTheFirst, FirstIsRequired:
	}
	return f
}
