package authority

import (
	"maps"
	"slices"
	"sync"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// A book is what the authority events of one chain have said of actors and keys, each with
// the place of the event. Its States read it as of their places while a Chain adds to it, so
// that a state costs no copy of all actors.
type book struct {
	mu     sync.RWMutex
	actors map[string][]entry    // by name, in order
	looks  map[string]string     // the name of the actor, by its look
	keys   map[ledger.Hash]ofKey // every key that was ever enrolled
}

// An entry is what was known of an actor from a place on.
type entry struct {
	place int
	Actor
}

// An ofKey is what was ever known of a key.
type ofKey struct {
	owner   string
	since   int // place of the event that enrolled it first
	revoked int // place of the event that revoked it, or never
}

// never is after all places.
const never = int(^uint(0) >> 1)

func newBook() *book {
	return &book{actors: map[string][]entry{}, looks: map[string]string{}, keys: map[ledger.Hash]ofKey{}}
}

func (b *book) actor(name string, place int) (Actor, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return asOf(b.actors[name], place)
}

// asOf returns the newest entry that is not after a place.
func asOf(entries []entry, place int) (Actor, bool) {
	n, _ := slices.BinarySearchFunc(entries, place+1, func(e entry, place int) int { return e.place - place })
	if n == 0 {
		return Actor{}, false
	}
	return entries[n-1].Actor, true
}

func (b *book) all(place int) []Actor {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var all []Actor
	for _, name := range slices.Sorted(maps.Keys(b.actors)) {
		if a, known := asOf(b.actors[name], place); known {
			all = append(all, a)
		}
	}
	return all
}

func (b *book) looksLike(name string, place int) string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	known := b.looks[look(name)]
	if _, already := asOf(b.actors[known], place); !already {
		return ""
	}
	return known
}

// owner returns the actor under whose name a key was enrolled up to a place, or "".
func (b *book) owner(key ledger.Hash, place int) string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if k, known := b.keys[key]; known && k.since <= place {
		return k.owner
	}
	return ""
}

// revoked reports whether a key was revoked up to a place.
func (b *book) revoked(key ledger.Hash, place int) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	k, known := b.keys[key]
	return known && k.revoked <= place
}

// enroll adds what an event says of an actor.
func (b *book) enroll(place int, a Actor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range a.Keys {
		if _, known := b.keys[key.ID()]; !known {
			b.keys[key.ID()] = ofKey{owner: a.Name, since: place, revoked: never}
		}
	}
	b.looks[look(a.Name)] = a.Name
	b.actors[a.Name] = append(b.actors[a.Name], entry{place, a})
}

// revoke adds that keys of an actor were revoked, or with no key, the actor and all keys
// that the actor ever had.
func (b *book) revoke(place int, seq ledger.Seq, name string, key ledger.Hash) {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries := b.actors[name]
	a := entries[len(entries)-1].Actor
	a.Since, a.RevokedKeys = seq, slices.Clone(a.RevokedKeys)
	for _, gone := range everHad(entries) {
		id := gone.ID()
		if !key.IsZero() && id != key || b.keys[id].revoked != never {
			continue
		}
		k := b.keys[id]
		k.revoked = place
		b.keys[id] = k
		a.RevokedKeys = append(a.RevokedKeys, gone)
	}
	a.Keys = slices.DeleteFunc(slices.Clone(a.Keys), func(k sshkey.Key) bool { return b.keys[k.ID()].revoked != never })
	if key.IsZero() {
		a.Roles, a.Revoked = nil, true
	}
	b.actors[name] = append(entries, entry{place, a})
}

// everHad returns the keys that an actor ever had, in the order in which they were enrolled.
func everHad(entries []entry) []sshkey.Key {
	var keys []sshkey.Key
	for _, e := range entries {
		for _, k := range e.Keys {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}
