package commands

import (
	"slices"

	"gait/ledger"
)

// AddActor enrolls an actor: from then on the actor signs with one of the keys. It replaces
// what was known of the actor. The first one of a ledger has a Bootstrap.
type AddActor struct {
	Actor     string        `json:"actor"`
	Bootstrap string        `json:"bootstrap,omitempty"` // how the ledger's first actor came to be enrolled
	Keys      []string      `json:"keys"`                // OpenSSH public keys, "type base64", in any order
	Roles     []ledger.Role `json:"roles"`               // in any order
}

var addActorRow = add(verb[AddActor]{
	Row:          Row{Verb: "actor add", Roles: []ledger.Role{ledger.RoleAdmin}},
	check:        AddActor.check,
	digested:     func(c AddActor) any { return c.sorted() },
	encode:       encodeSorted[AddActor],
	decideLedger: AddActor.decide,
})

// Verb returns "actor add".
func (AddActor) Verb() string { return addActorRow.Verb }

func (AddActor) row() *Row { return addActorRow }

func (c AddActor) sorted() AddActor {
	c.Keys, c.Roles = slices.Sorted(slices.Values(c.Keys)), slices.Sorted(slices.Values(c.Roles))
	return c
}

func (c AddActor) payload(by Request) ledger.ActorEnrolled {
	c = c.sorted()
	return ledger.ActorEnrolled{Actor: c.Actor, Bootstrap: c.Bootstrap, Keys: c.Keys, Reason: by.Reason, Roles: c.Roles}
}

func (c AddActor) check(by Request) error {
	p := c.payload(by)
	return checkAll(checkOnce("keys", p.Keys), checkOnce("roles", p.Roles), checkPayload(p))
}

func (c AddActor) decide(_ LedgerState, by Request) (ledger.Payload, error) {
	return c.payload(by), nil
}
