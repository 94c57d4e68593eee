package commands

import (
	"encoding/json"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
)

// SetAuthority says which commands need signatures, how many admins must agree on what
// changes the authority, and which policies anyone may bind a job to.
type SetAuthority struct {
	Admins   int64         `json:"admins"`
	Mode     ledger.Mode   `json:"mode"`
	Policies []ledger.Hash `json:"policies,omitempty"` // in any order
}

var setAuthorityRow = add(verb[SetAuthority]{
	Row:          Row{Verb: "authority set", Roles: []ledger.Role{ledger.RoleAdmin}},
	check:        SetAuthority.check,
	digested:     func(c SetAuthority) any { return c.sorted() },
	encode:       encodeSorted[SetAuthority],
	decideLedger: SetAuthority.decide,
})

// Verb returns "authority set".
func (SetAuthority) Verb() string { return setAuthorityRow.Verb }

func (SetAuthority) row() *Row { return setAuthorityRow }

func (c SetAuthority) sorted() SetAuthority {
	c.Policies = slices.SortedFunc(slices.Values(c.Policies), func(a, b ledger.Hash) int { return slices.Compare(a[:], b[:]) })
	return c
}

func (c SetAuthority) payload(by Request) ledger.AuthoritySet {
	return ledger.AuthoritySet{Admins: c.Admins, Mode: c.Mode, Policies: c.sorted().Policies, Reason: by.Reason}
}

func (c SetAuthority) check(by Request) error { return checkPayload(c.payload(by)) }

func (c SetAuthority) decide(_ LedgerState, by Request) (ledger.Payload, error) {
	return c.payload(by), nil
}

// encodeSorted encodes a command whose lists may be in any order.
func encodeSorted[C interface{ sorted() C }](c C) (json.RawMessage, error) {
	return jcs.Marshal(c.sorted())
}
