package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"gait/ledger/mpt"
)

// The keys of a ledger's index. They are hashed, so that no caller can choose ids
// that make long paths, and so that a proof of absence shows no other id.

// JobKey returns the key under which the index holds the leaf hash of a job's
// newest event: SHA-256 of "job/" and the id.
func JobKey(id string) mpt.Key { return indexKey("job/", id) }

// RequestKey returns the key under which the index holds the leaf hash of the event
// that used a request id: SHA-256 of "request/" and the id.
func RequestKey(id string) mpt.Key { return indexKey("request/", id) }

// CallKey returns the key under which the index holds the leaf hash of the newest event
// about a call (see CallOf): SHA-256 of "call/", the job's id, a zero byte and the call's id.
func CallKey(job, call string) mpt.Key { return indexKey("call/", job+"\x00"+call) }

// AuthorityKey is the key under which the index holds the leaf hash of the newest
// authority event: SHA-256 of "authority".
var AuthorityKey = indexKey("authority", "")

func indexKey(kind, id string) mpt.Key {
	var room [272]byte // longer than any id, and than those of a job and a call, so that the key costs no allocation
	return sha256.Sum256(append(append(room[:0], kind...), id...))
}

// IndexEntries returns what an event changes in the index: its job's key, that of its
// request id if it has one, that of its call if it is about one, and that of the authority if
// it is an authority event. Each gets the event's leaf hash.
func IndexEntries(e Event) []mpt.Entry {
	var entries []mpt.Entry
	if id := e.JobID(); id != "" {
		entries = append(entries, mpt.Entry{Key: JobKey(id), Value: mpt.Value(e.LeafHash())})
	}
	if id := e.RequestID(); id != "" {
		entries = append(entries, mpt.Entry{Key: RequestKey(id), Value: mpt.Value(e.LeafHash())})
	}
	if call, ok := CallOf(e.Payload()); ok {
		entries = append(entries, mpt.Entry{Key: CallKey(e.JobID(), call.ID), Value: mpt.Value(e.LeafHash())})
	}
	if e.Type().OfAuthority() {
		entries = append(entries, mpt.Entry{Key: AuthorityKey, Value: mpt.Value(e.LeafHash())})
	}
	return entries
}

// An Inherited yields the keys of the request ids that ledgers before have used, from the
// content that event 0 names (see ReadRequests), or ErrContentMissing.
type Inherited func(Requests) iter.Seq2[mpt.Key, error]

// An IndexFold computes the index of a whole ledger from its events, and compares
// each index_committed with it. The zero IndexFold is that of no events. It holds
// about 150 bytes a key.
type IndexFold struct {
	// Inherited is asked if event 0 names the request ids of a ledger before. If it is
	// nil then, or yields ErrContentMissing, the index stays unknown: see Unchecked.
	Inherited Inherited

	size    int64
	first   Hash // leaf hash of event 0
	unknown bool
	tree    mpt.Tree
	jobs    map[string]*Hash      // newest event of each job since tree was computed; the keys are made with the next one
	changed map[mpt.Key]mpt.Value // other keys that changed since
}

// Add follows the ledger's next event, from event 0 on. It fails with a
// *CorruptError if the event is not the next one, uses a request id that was used before,
// or does not name the newest event before it about its call, with an *IndexError if the
// event commits to another index than that of the events before it, and as
// Event.CheckMeaning does. The fold is of no use after an error.
func (f *IndexFold) Add(e Event) error {
	if e.Seq() != Seq(f.size) {
		return corrupt(Seq(f.size), "expected seq %d, found %d", f.size, e.Seq())
	}
	if err := e.CheckMeaning(); err != nil {
		return err
	}
	if p, commits := e.Payload().(IndexCommitted); commits && !f.unknown {
		if root := f.Root(); root != p.Index {
			return &IndexError{Seq: e.Seq(), Signed: true, Reason: fmt.Sprintf("it commits to the index %s; that of the events before it is %s", p.Index, root)}
		}
	}
	if f.size == 0 {
		f.first = e.LeafHash()
	}
	if r := InheritedRequests(e); r != nil {
		if err := f.inherit(e, *r); err != nil {
			return err
		}
	}
	if f.changed == nil {
		f.changed, f.jobs = map[mpt.Key]mpt.Value{}, map[string]*Hash{}
	}
	if id := e.RequestID(); id != "" {
		key := RequestKey(id)
		if f.has(key) {
			return corrupt(e.Seq(), "the request id %s was used before", id)
		}
		f.changed[key] = mpt.Value(e.LeafHash())
	}
	if err := f.followCall(e); err != nil {
		return err
	}
	if e.Type().OfAuthority() {
		f.changed[AuthorityKey] = mpt.Value(e.LeafHash())
	}
	if id := e.JobID(); id != "" {
		leaf := f.jobs[id]
		if leaf == nil {
			leaf = new(Hash)
			f.jobs[strings.Clone(id)] = leaf // the id alone, not the event that it is a part of
		}
		*leaf = e.LeafHash()
	}
	if f.size++; len(f.changed)+len(f.jobs) >= foldKeys {
		f.Root() // what is in the tree takes less memory
	}
	return nil
}

// foldKeys is how many keys change before an IndexFold computes its tree. With fewer at
// a time more pages would be made twice: with 4,096, a key costs twice as much.
const foldKeys = 1 << 16

// inherit sets the request ids of ledgers before, which event 0 uses up.
func (f *IndexFold) inherit(e Event, r Requests) error {
	if f.unknown = f.Inherited == nil; f.unknown {
		return nil
	}
	var entries []mpt.Entry
	for key, err := range f.Inherited(r) {
		if errors.Is(err, ErrContentMissing) {
			f.unknown, f.tree = true, mpt.Tree{}
			return nil
		}
		if err != nil {
			return err
		}
		entries = append(entries, mpt.Entry{Key: key, Value: mpt.Value(e.LeafHash())})
		if len(entries) == foldKeys {
			f.set(entries)
			entries = entries[:0]
		}
	}
	f.set(entries)
	return nil
}

// Unchecked reports whether the index is not known, because event 0 names the request
// ids of a ledger before and they are not at hand. Then no event that commits to an
// index was compared with it, and Root and Prove are of no use. Request ids used twice
// in this ledger are still found.
func (f *IndexFold) Unchecked() bool { return f.unknown }

// Size returns how many events were added.
func (f *IndexFold) Size() int64 { return f.size }

// Root returns the root of the index over the events added so far.
func (f *IndexFold) Root() Hash {
	if len(f.changed)+len(f.jobs) == 0 {
		return Hash(f.tree.Root())
	}
	entries := make([]mpt.Entry, 0, len(f.changed)+len(f.jobs))
	for key, value := range f.changed {
		entries = append(entries, mpt.Entry{Key: key, Value: value})
	}
	for id, leaf := range f.jobs {
		entries = append(entries, mpt.Entry{Key: JobKey(id), Value: mpt.Value(*leaf)})
	}
	slices.SortFunc(entries, func(a, b mpt.Entry) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	f.set(entries)
	f.changed, f.jobs = nil, nil
	return Hash(f.tree.Root())
}

// set sets entries, which are sorted, in the tree.
func (f *IndexFold) set(entries []mpt.Entry) {
	tree, err := f.tree.Set(context.Background(), nil, entries)
	if err != nil {
		panic("ledger: an index in memory: " + err.Error())
	}
	f.tree = tree
}

// Prove returns the proof of a key in the index over the events added so far.
func (f *IndexFold) Prove(key mpt.Key) mpt.Proof {
	f.Root()
	p, err := f.tree.Prove(context.Background(), nil, key)
	if err != nil {
		panic("ledger: an index in memory: " + err.Error())
	}
	return p
}

// followCall sets the newest event about a call. The event must name the one before it.
func (f *IndexFold) followCall(e Event) error {
	call, ok := CallOf(e.Payload())
	if !ok {
		return nil
	}
	key := CallKey(e.JobID(), call.ID)
	before, known := f.get(key)
	inherited := !known && f.unknown && call.Prev == f.first // the keys that event 0 has are not at hand
	if Hash(before) != call.Prev && !inherited {
		return corrupt(e.Seq(), "it names %s as the event before about call %s, and that is %s", named(call.Prev), call.ID, named(Hash(before)))
	}
	f.changed[key] = mpt.Value(e.LeafHash())
	return nil
}

// named spells a leaf hash in a sentence.
func named(leaf Hash) string {
	if leaf.IsZero() {
		return "none"
	}
	return leaf.String()
}

func (f *IndexFold) has(key mpt.Key) bool {
	_, ok := f.get(key)
	return ok
}

// get returns what the index holds under a key of a request id or of a call.
func (f *IndexFold) get(key mpt.Key) (mpt.Value, bool) {
	if v, ok := f.changed[key]; ok {
		return v, true
	}
	v, ok, err := f.tree.Get(context.Background(), nil, key)
	if err != nil {
		panic("ledger: an index in memory: " + err.Error())
	}
	return v, ok
}

// A RequestIDs remembers request ids that were used, 16 bytes of the hash of each.
// The zero RequestIDs remembers none.
type RequestIDs struct{ used map[[16]byte]struct{} }

// Add remembers the request id of an event. It fails with a *CorruptError if an
// event before had the same.
func (r *RequestIDs) Add(e Event) error {
	id := e.RequestID()
	if id == "" {
		return nil
	}
	key := RequestKey(id)
	short := [16]byte(key[:16])
	if _, used := r.used[short]; used {
		return corrupt(e.Seq(), "the request id %s was used before", id)
	}
	if r.used == nil {
		r.used = map[[16]byte]struct{}{}
	}
	r.used[short] = struct{}{}
	return nil
}
