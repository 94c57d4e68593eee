// Package authority decides who may do what in a ledger, from the ledger's own events: which
// actors are enrolled, with which keys and roles, which commands must be signed, and whether
// an event is what an actor signed. It is pure: it reads no file and no clock.
package authority
