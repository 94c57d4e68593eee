package root

import (
	"errors"
	"io/fs"

	"gait/ledger"
	"gait/ledger/home"
)

// putKeyAway moves the private key of a ledger that is retired to the retired keys, and
// returns its new path, or "" if it is missing.
func (s retirer) putKeyAway(n home.RetirementNote) (string, error) {
	inForce, next := s.nextKeyOf(n)
	if next == nextInForce {
		if err := home.PromoteKey(s.Home, inForce); err != nil {
			return "", err
		}
	}
	if err := s.done("promoted"); err != nil {
		return "", err
	}
	path, err := home.RetireKey(s.Home, n.Origin)
	if err == nil && next == nextUnused {
		err = home.DropNextKey(s.Home, n.Origin)
	}
	if !inForce.IsZero() && s.lacks(inForce) {
		path = "" // the key there was put away when the ledger moved
	}
	return path, err
}

// lacks reports whether home does not hold the private half of a key.
func (s retirer) lacks(key ledger.VerifierKey) bool {
	_, err := home.PrivateOf(s.Home, key)
	_, missing := errors.AsType[*home.KeyMissingError](err)
	return missing
}

// A nextUse says what a ledger knows of the key in keys/next, which a rotation has made.
type nextUse int

const (
	nextUnknown nextUse = iota // the ledger or that key cannot be read, or the ledger is older than was seen
	nextInForce                // a crash came after the event of the rotation
	nextUnused                 // the rotation never happened
)

// nextKeyOf returns the key that a ledger has in force, and whether it is the one in
// keys/next. As long as that is not known, the key in keys/next stays: it may be the only
// copy of the key that a newer state of the ledger has in force.
func (s retirer) nextKeyOf(n home.RetirementNote) (ledger.VerifierKey, nextUse) {
	keys, c, err := s.peek()
	if err != nil || c.Origin != n.Origin {
		return ledger.VerifierKey{}, nextUnknown
	}
	next, err := home.NextKey(s.Home, n.Origin)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return keys.Current(), nextUnused
	case err == nil && next.VerifierKey() == keys.Current():
		return keys.Current(), nextInForce
	case err != nil || c.Size < n.Seen.Size:
		return keys.Current(), nextUnknown
	}
	return keys.Current(), nextUnused
}
