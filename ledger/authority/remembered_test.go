package authority_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// A counted log counts how often its authority events are read.
type counted struct {
	authority.Log

	mu    sync.Mutex
	reads int
}

func (c *counted) AuthorityEvents(ctx context.Context) ledger.Events {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return c.Log.AuthorityEvents(ctx)
}

// A broken log fails after n events.
type broken struct {
	*at.Ledger

	n   int
	err error
}

func (b broken) AuthorityEvents(ctx context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		n := b.n
		for e, err := range b.Ledger.AuthorityEvents(ctx) {
			if n == 0 {
				yield(ledger.Event{}, b.err)
				return
			}
			n--
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestAt(t *testing.T) {
	c := newCast(t)
	c.Enroll("root", c.root, "tess", at.Key(t, t.Name()), ledger.RoleWorker) // a chain that no other test has
	leaf := c.Events[len(c.Events)-1].LeafHash()
	log := &counted{Log: c.Ledger}
	if s, err := authority.At(t.Context(), log, ledger.Hash{}); s != nil || err != nil || log.reads != 0 {
		t.Errorf("At of no event = %v, %v after %d reads, want the nil State", s, err, log.reads)
	}
	ctx := t.Context()
	failure := errors.New("disk on fire")
	if _, err := authority.At(ctx, broken{c.Ledger, 2, failure}, leaf); !errors.Is(err, failure) {
		t.Errorf("At of a log that cannot be read = %v", err)
	}
	_, err := authority.At(ctx, log, hashOf("no event"))
	if _, is := errors.AsType[*ledger.CorruptError](err); !is {
		t.Errorf("At of an event that is not there = %v", err)
	}
	first, err := authority.At(ctx, log, leaf)
	if err != nil || first.Leaf() != leaf || !first.Has("tess", ledger.RoleWorker) {
		t.Fatalf("At = %v, %v", first, err)
	}
	reads := log.reads
	if again, err := authority.At(ctx, log, leaf); err != nil || again != first || log.reads != reads {
		t.Errorf("At of an event that is remembered reads the log again")
	}
	more := c.Set("root", c.root, ledger.ModeAll)
	if s, err := authority.At(ctx, log, more.LeafHash()); err != nil || s.Mode() != ledger.ModeAll || first.Mode() != ledger.ModeClaims {
		t.Errorf("At of an event that came later = %v, %v", s, err)
	}
}

// TestAtOfForks checks that two chains that begin alike are kept apart.
func TestAtOfForks(t *testing.T) {
	a, b := newFork(t), newFork(t)
	strict, loose := a.Set("root", a.root, ledger.ModeAll), b.Set("root", b.root, ledger.ModeVerdicts)
	for range 2 {
		for _, tt := range []struct {
			log  cast
			leaf ledger.Hash
			want ledger.Mode
		}{{a, strict.LeafHash(), ledger.ModeAll}, {b, loose.LeafHash(), ledger.ModeVerdicts}} {
			if s, err := authority.At(t.Context(), tt.log, tt.leaf); err != nil || s.Mode() != tt.want {
				t.Errorf("At of a fork = %v, %v, want mode %s", s, err, tt.want)
			}
		}
	}
}

// newFork returns a ledger that is the same in each call.
func newFork(t *testing.T) cast {
	c := cast{Ledger: at.New(t), root: at.Key(t, "root of forks")}
	c.Begin("root", c.root)
	c.Enroll("root", c.root, "wim", at.Key(t, "wim of forks"), ledger.RoleWorker)
	return c
}

// TestAtJudges checks that At refuses a chain with an event that is not admissible, and
// takes the events before it.
func TestAtJudges(t *testing.T) {
	c := cast{Ledger: at.New(t), root: at.Key(t, "root judged")}
	c.Begin("root", c.root)
	good := c.Set("root", c.root, ledger.ModeVerdicts)
	forged := c.Claim("root", "", ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeClaims})
	after := c.Set("root", c.root, ledger.ModeAll)
	if s, err := authority.At(t.Context(), c, good.LeafHash()); err != nil || s.Mode() != ledger.ModeVerdicts {
		t.Errorf("At before the forged event = %v, %v", s, err)
	}
	for _, e := range []ledger.Event{forged, after} {
		_, err := authority.At(t.Context(), c, e.LeafHash())
		wantCorrupt(t, "At of a chain with a forged event", err, forged, "signature_required")
	}
}

// TestAtConcurrently follows one chain, and reads its states, from several goroutines.
func TestAtConcurrently(t *testing.T) {
	c := cast{Ledger: at.New(t), root: at.Key(t, "root of many")}
	c.Begin("root", c.root)
	for i := range 20 {
		c.Enroll("root", c.root, []string{"ann", "bob", "cid"}[i%3], at.Key(t, string(rune('a'+i))), ledger.RoleWorker)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for _, e := range c.Events[1:] {
				s, err := authority.At(context.Background(), c, e.LeafHash())
				if err != nil || s.Leaf() != e.LeafHash() || !s.Has("root", ledger.RoleAdmin) {
					t.Errorf("At of event %d = %v, %v", e.Seq(), s, err)
				}
			}
		})
	}
	running.Wait()
}
