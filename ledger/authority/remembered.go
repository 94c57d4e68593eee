package authority

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"gait/ledger"
)

// A Log has all authority events of a ledger.
type Log interface {
	// AuthorityEvents returns them, oldest first.
	AuthorityEvents(context.Context) ledger.Events
}

// At returns the state after the authority event with a leaf hash, from the log's authority
// events: nil for the zero hash. A leaf hash fixes all authority events before it, since each
// names the one before. So At remembers chains by leaf hash, whatever log they are from, and
// reads a log only for an event that it has not seen.
//
// It fails with a *ledger.CorruptError if the log has no such event, or if one up to it is not
// admissible. Events after it are not judged.
func At(ctx context.Context, log Log, leaf ledger.Hash) (*State, error) {
	if s, known := remembered.at(leaf); known {
		return s, nil
	}
	var following *Chain
	for e, err := range log.AuthorityEvents(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the authority events: %w", err)
		}
		if following, err = remembered.follow(following, e); err != nil {
			return nil, err
		}
		if s, reached := following.At(leaf); reached {
			remembered.keep(following)
			return s, nil
		}
	}
	return nil, &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("an event names the authority event %s, which the ledger does not have", leaf)}
}

// with returns a chain that has an event after the one it names as the one before: c itself,
// or a new one if c goes on in another way there. No other goroutine may add to c meanwhile.
func (c *Chain) with(e ledger.Event) (*Chain, error) {
	if _, has := c.At(e.LeafHash()); has {
		return c, nil
	}
	if newest := c.Newest(); newest.Leaf() != e.Authority() {
		before := &Chain{}
		for _, earlier := range c.Events() {
			if before.Newest().Leaf() == e.Authority() {
				break
			}
			if err := before.Add(earlier); err != nil {
				return nil, err
			}
		}
		c = before
	}
	return c, c.Add(e)
}

// maxRemembered bounds how many chains are remembered. A process reads few ledgers, and each
// has one chain, if no one forged a second.
const maxRemembered = 16

// A memory remembers chains, the newest last.
type memory struct {
	mu     sync.Mutex
	chains []*Chain
}

var remembered memory

func (m *memory) at(leaf ledger.Hash) (*State, bool) {
	if leaf.IsZero() {
		return nil, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range slices.Backward(m.chains) {
		if s, known := c.At(leaf); known {
			return s, true
		}
	}
	return nil, false
}

// follow returns a chain that has the next event of a log: the one given, if it goes on with
// the event, or a remembered one that begins with it if none is given.
func (m *memory) follow(c *Chain, e ledger.Event) (*Chain, error) {
	m.mu.Lock() // a remembered chain may be followed by several goroutines
	defer m.mu.Unlock()
	if c == nil {
		c = &Chain{}
		for _, other := range m.chains {
			if _, known := other.At(e.LeafHash()); known {
				c = other
			}
		}
	}
	return c.with(e)
}

func (m *memory) keep(c *Chain) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.chains = slices.DeleteFunc(m.chains, func(other *Chain) bool { return other == c })
	m.chains = append(m.chains, c)
	if extra := len(m.chains) - maxRemembered; extra > 0 {
		m.chains = slices.Delete(m.chains, 0, extra)
	}
}
