package commands

import "gait/ledger"

// RevokeActor takes from an actor one key, or all keys and roles.
type RevokeActor struct {
	Actor string      `json:"actor"`
	Key   ledger.Hash `json:"key,omitzero"` // SHA-256 of the key's wire form; zero: all
}

var revokeActorRow = add(verb[RevokeActor]{
	Row:          Row{Verb: "actor revoke", Roles: []ledger.Role{ledger.RoleAdmin}},
	check:        RevokeActor.check,
	decideLedger: RevokeActor.decide,
})

// Verb returns "actor revoke".
func (RevokeActor) Verb() string { return revokeActorRow.Verb }

func (RevokeActor) row() *Row { return revokeActorRow }

func (c RevokeActor) payload(by Request) ledger.ActorRevoked {
	return ledger.ActorRevoked{Actor: c.Actor, Key: c.Key, Reason: by.Reason}
}

func (c RevokeActor) check(by Request) error { return checkPayload(c.payload(by)) }

func (c RevokeActor) decide(_ LedgerState, by Request) (ledger.Payload, error) {
	return c.payload(by), nil
}
