package compliance

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"gait/ledger"
)

// An enrolment is an actor who counts.
type enrolment struct {
	at       Shown
	approver bool
	keys     map[ledger.Hash]bool // those that are not revoked
}

// inForce returns the events of a ledger that show what is in force after all of its authority
// events, given in any order.
func inForce(events []ledger.Event) map[Sign][]Shown {
	events = slices.SortedFunc(slices.Values(events), func(a, b ledger.Event) int { return cmp.Compare(a.Seq(), b.Seq()) })
	actors := map[string]enrolment{}
	var set Shown
	mode := ledger.ModeClaims
	for _, e := range events {
		at := Shown{Seq: e.Seq(), Type: e.Type()}
		switch p := e.Payload().(type) {
		case ledger.ActorEnrolled:
			actors[p.Actor] = enrolment{at, slices.Contains(p.Roles, ledger.RoleApprover), keysOf(p.Keys)}
		case ledger.ActorRevoked:
			delete(actors[p.Actor].keys, p.Key)
			if p.Key.IsZero() || len(actors[p.Actor].keys) == 0 {
				delete(actors, p.Actor)
			}
		case ledger.AuthoritySet:
			mode, set = p.Mode, at
		default:
		}
	}
	found := map[Sign][]Shown{}
	for _, a := range actors {
		found[ActorActive] = append(found[ActorActive], a.at)
		if a.approver {
			found[ApproverActive] = append(found[ApproverActive], a.at)
		}
	}
	if mode != ledger.ModeClaims {
		found[VerdictsProved] = []Shown{set}
	}
	if mode == ledger.ModeAll {
		found[CommandsProved] = []Shown{set}
	}
	return found
}

// keysOf returns the names that revocations have for keys.
func keysOf(keys []string) map[ledger.Hash]bool {
	named := map[ledger.Hash]bool{}
	for _, key := range keys {
		_, text, _ := strings.Cut(key, " ")
		wire, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			named[sha256.Sum256(wire)] = true
		}
	}
	return named
}
