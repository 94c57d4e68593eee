package authority

import (
	"slices"
	"sync"

	"gait/ledger"
)

// A Chain follows all authority events of a ledger, oldest first. The zero Chain is that of
// a ledger without authority. It is safe for concurrent use.
type Chain struct {
	mu     sync.RWMutex
	book   *book
	origin string
	events []ledger.Event
	states []*State
	places map[ledger.Hash]int // by leaf hash
}

// Add adds the next authority event. It fails with a *ledger.CorruptError, and adds nothing,
// if the event is not admissible after those before. It does no cryptography.
func (c *Chain) Add(e ledger.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.newest()
	switch {
	case !e.Type().OfAuthority():
		return corrupt(e, "%s is no event of authority", e.Type())
	case now != nil && e.Origin() != c.origin:
		return corrupt(e, "it is of the ledger %s, and the one before of %s", e.Origin(), c.origin)
	case now != nil && e.Seq() <= c.events[len(c.events)-1].Seq():
		return corrupt(e, "the authority event before it is event %d", c.events[len(c.events)-1].Seq())
	}
	signed, err := now.read(e)
	if err != nil {
		return err
	}
	changes, no := now.admit(Act{Actor: e.Actor(), Keys: signed.Keys, Payload: e.Payload()})
	if no != nil {
		return corrupt(e, "%s: %s", no.Code, no.Reason)
	}
	c.apply(e, now, changes)
	return nil
}

// apply adds an event that is admissible.
func (c *Chain) apply(e ledger.Event, now *State, changes change) {
	if now == nil {
		c.origin, c.book, c.places = e.Origin(), newBook(), map[ledger.Hash]int{}
		now = &State{book: c.book, place: -1, mode: ledger.ModeClaims, admins: 1}
	}
	next := *now
	next.book, next.place, next.leaf = c.book, len(c.events), e.LeafHash()
	switch {
	case changes.enrolled != nil:
		changes.enrolled.Since = e.Seq()
		next.signers = now.adminsWith(*changes.enrolled)
		c.book.enroll(next.place, *changes.enrolled)
	case changes.revoked != "":
		before, _ := now.Actor(changes.revoked)
		c.book.revoke(next.place, e.Seq(), changes.revoked, changes.key)
		if after, _ := next.Actor(changes.revoked); before.administers() && !after.administers() {
			next.signers--
		}
	case changes.set != nil:
		next.mode, next.admins, next.policies = changes.set.Mode, int(changes.set.Admins), slices.Clone(changes.set.Policies)
	}
	c.places[next.leaf] = next.place
	c.events = append(c.events, e)
	c.states = append(c.states, &next)
}

// At returns the state after the event with a leaf hash, and whether the chain has it. It
// returns nil and true for the zero hash.
func (c *Chain) At(leaf ledger.Hash) (*State, bool) {
	if leaf.IsZero() {
		return nil, true
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	place, found := c.places[leaf]
	if !found {
		return nil, false
	}
	return c.states[place], true
}

// Newest returns the state after the newest event: nil if there is none.
func (c *Chain) Newest() *State {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.newest()
}

func (c *Chain) newest() *State {
	if len(c.states) == 0 {
		return nil
	}
	return c.states[len(c.states)-1]
}

// Events returns the events that were added, oldest first.
func (c *Chain) Events() []ledger.Event {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.events)
}
