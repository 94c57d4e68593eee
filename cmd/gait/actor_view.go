package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/sshkey"
)

// authorityNow reads the authority of the ledger as it is now, and its events.
func authorityNow(ctx context.Context, l *connect.Ledger) (*authority.State, error) {
	return authority.At(ctx, l.Log, l.Log.Head().Authority)
}

// A shownKey is an actor's key as it is shown.
type shownKey struct {
	Type        string      `json:"type"`
	Key         string      `json:"key"` // the OpenSSH public key, on one line
	Fingerprint string      `json:"fingerprint"`
	ID          ledger.Hash `json:"key_id"`
	Revoked     bool        `json:"revoked"`
}

// A shownActor is an actor as it is shown.
type shownActor struct {
	Name    string        `json:"actor"`
	Roles   []ledger.Role `json:"roles"`
	Keys    []shownKey    `json:"keys"`
	Revoked bool          `json:"revoked"`
	Since   ledger.Seq    `json:"seq"` // of the event that says so
}

func showKey(k sshkey.Key, revoked bool) shownKey {
	return shownKey{Type: k.Type(), Key: k.String(), Fingerprint: k.Fingerprint(), ID: k.ID(), Revoked: revoked}
}

func shownActorOf(a authority.Actor) shownActor {
	s := shownActor{Name: a.Name, Roles: append([]ledger.Role{}, a.Roles...), Keys: []shownKey{}, Revoked: a.Revoked, Since: a.Since}
	for _, k := range a.Keys {
		s.Keys = append(s.Keys, showKey(k, false))
	}
	for _, k := range a.RevokedKeys {
		s.Keys = append(s.Keys, showKey(k, true))
	}
	return s
}

// standing says in a word or two whether an actor can sign.
func (a shownActor) standing() string {
	switch {
	case a.Revoked:
		return "revoked"
	case !slices.ContainsFunc(a.Keys, func(k shownKey) bool { return !k.Revoked }):
		return "no key left"
	}
	return "in force"
}

func roleText(roles []ledger.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// actorNotFound says that no actor of a name is enrolled, and which one the name looks like.
func actorNotFound(now *authority.State, name string) error {
	e := &usageError{code: "actor_not_found", text: fmt.Sprintf("no actor %.128q is enrolled", name), hint: "gait actor list"}
	if like := now.LooksLike(name); like != "" {
		e.hint = "gait actor show " + like
	}
	return e
}
