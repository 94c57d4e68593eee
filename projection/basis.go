package projection

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
)

// A Basis is what verdicts are judged by: who may decide, and what the clock reads. On the
// zero Basis nothing is judged: verdicts are as they were recorded.
type Basis struct {
	Authority *authority.State // in force; nil if the ledger has none
	Reading   time.Time
}

// BasisOf returns what the verdicts in a log are judged by now.
func BasisOf(ctx context.Context, log HeadLog, now time.Time) (Basis, error) {
	s, err := authority.At(ctx, log, log.Head().Authority)
	return Basis{Authority: s, Reading: now}, err
}

// A HeadLog has a head and authority events.
type HeadLog interface {
	authority.Log

	Head() ledger.Head
}

// IsZero reports whether nothing is judged.
func (b Basis) IsZero() bool { return b.Authority == nil && b.Reading.IsZero() }

// basis returns what the fact is judged by.
func (f Fact) basis() Basis { return Basis{f.Authority, f.reading()} }

// strict reports whether verdicts need a signature, and neither the submitter's approval nor
// the only one of what a claim asked for counts.
func (b Basis) strict() bool { return b.Authority.Mode() != ledger.ModeClaims }

// expired reports whether the reading is at or after a time, as an event spells it; never if
// that is "".
func (b Basis) expired(at string) bool {
	return at != "" && ledger.FormatTime(b.Reading.UTC()) >= at
}

// States gives the authority in force at an event, by the leaf hash that the event names:
// nil for the zero hash. It fails if there is no such authority event before it.
type States func(leaf ledger.Hash) (*authority.State, error)

// StatesOf returns the States of a log.
func StatesOf(ctx context.Context, log authority.Log) States {
	return func(leaf ledger.Hash) (*authority.State, error) {
		if leaf.IsZero() {
			return nil, nil
		}
		return authority.At(ctx, log, leaf)
	}
}

// at returns the state that an event names.
func (s States) at(e ledger.Event) (*authority.State, error) {
	switch leaf := e.Authority(); {
	case leaf.IsZero():
		return nil, nil
	case s == nil:
		return nil, unknownAuthority(e)
	default:
		return s(leaf)
	}
}

// stateIn returns the state after an event of a chain, which may be nil.
func stateIn(c *authority.Chain, leaf ledger.Hash) (*authority.State, error) {
	if leaf.IsZero() {
		return nil, nil
	}
	if c != nil {
		if s, known := c.At(leaf); known {
			return s, nil
		}
	}
	return nil, &ledger.CorruptError{Seq: -1, Reason: "an event names the authority event " + leaf.String() + ", which is not among those before it"}
}

func unknownAuthority(e ledger.Event) error {
	return &ledger.CorruptError{Seq: e.Seq(), Reason: "it names the authority event " + e.Authority().String() + ", which is not among those before it"}
}

// listed reports whether an actor is among those who may decide an ask.
func (a *Ask) listed(b Basis, actor string) bool {
	return len(a.Approvers) == 0 || slices.ContainsFunc(a.Approvers, func(who string) bool {
		if role, ofRole := strings.CutPrefix(who, ledger.RolePrefix); ofRole {
			return b.Authority.Has(actor, ledger.Role(role))
		}
		return who == actor
	})
}

// about returns the digest of what an ask is about now, zero if it is about no content.
func (a *Ask) about() ledger.Hash {
	if a.Amended != (ledger.Content{}) {
		return a.Amended.Digest
	}
	return a.Subject.Digest
}

// needs returns how many must approve an ask.
func (a *Ask) needs(b Basis) int64 {
	n := max(1, a.Quorum)
	if b.strict() && a.AskedKey.IsZero() {
		n = max(2, n)
	}
	return n
}

// given returns the approvals that counted when they were given.
func (a *Ask) given() []Given {
	if len(a.Verdicts) == 0 && a.Verdict == Approved {
		return []Given{{By: a.VerdictBy, Leaf: a.VerdictLeaf, Seq: a.VerdictSeq}}
	}
	return a.Verdicts
}

// counting returns the approvals of an ask that count. Without authority those count that
// counted when they were given: nothing they depend on changes.
func (j *Job) counting(a *Ask, b Basis) []Given {
	given := a.given()
	if b.Authority == nil {
		return given
	}
	return slices.DeleteFunc(slices.Clone(given), func(g Given) bool { return !j.counts(a, g, b) })
}

// counts reports whether an approval counts: whether the one who gave it could give it now,
// leaving aside that it was given and that the ask may have expired.
func (j *Job) counts(a *Ask, g Given, b Basis) bool {
	s := b.Authority
	if g.Key.IsZero() && (b.strict() || s.Enrolled(g.By)) {
		return false
	}
	if !g.Key.IsZero() && (!s.InForce(g.By, g.Key) || !s.Has(g.By, ledger.RoleApprover)) {
		return false
	}
	return a.listed(b, g.By) && j.own(a, b, g.By, g.Key) == ""
}

// same reports whether two names are one's. With authority they are if they look alike: a
// name may have been claimed before an actor was enrolled that it looks like.
func (b Basis) same(name, other string) bool {
	return name == other || b.Authority != nil && authority.Alike(name, other)
}

// own says in words whose own ask it is that an actor, who signs with a key, would approve,
// or returns "" if it is another's. No name counts under which the key was ever enrolled.
func (j *Job) own(a *Ask, b Basis, actor string, key ledger.Hash) string {
	submitter, submitted := "", ledger.Hash{}
	if b.strict() {
		submitter, submitted = j.SubmittedBy, j.SubmittedKey
	}
	why := roleIn(j, a, b, submitter, actor)
	for _, name := range b.Authority.Owners(key) {
		why = cmp.Or(why, roleIn(j, a, b, submitter, name))
	}
	switch {
	case why != "" || key.IsZero():
		return why
	case key == a.AskedKey, slices.ContainsFunc(a.Askers, func(b Asker) bool { return b.Key == key }):
		return "whose key asked for it"
	case key == submitted:
		return "whose key submitted the job"
	}
	return ""
}

// roleIn says in words what makes an ask an actor's own, or returns "".
func roleIn(j *Job, a *Ask, b Basis, submitter, actor string) string {
	switch {
	case b.same(actor, a.Actor):
		return "who asked for it"
	case slices.ContainsFunc(a.Askers, func(before Asker) bool { return b.same(actor, before.By) }):
		return "who asked for what it takes the place of"
	case b.same(actor, j.importerOf(*a)):
		return "who imported the job"
	case b.same(actor, j.Identity):
		return "the job's own identity"
	case b.same(actor, submitter):
		return "who submitted the job"
	}
	return ""
}
