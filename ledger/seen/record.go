package seen

import (
	"cmp"
	"iter"
	"slices"

	"gait/ledger"
)

// A Fact is what was seen of one place in a job's history, or in the ledger's.
type Fact struct {
	Number int64       // the event's job_seq or, of an end, how many events the job has
	Seq    ledger.Seq  // the event's place in the ledger, or up to which event of the ledger the job has so many; 0: not known
	Leaf   ledger.Hash // the event's leaf hash; zero: this is an end
}

// IsEnd reports whether the fact is that a job has so many events and no more.
func (f Fact) IsEnd() bool { return f.Leaf.IsZero() }

// room is what never falls along a history.
func (f Fact) room() int64 { return int64(f.Seq) - f.Number }

// order compares the places of two facts. Two events of one number have the same place,
// and two ends have.
func order(a, b Fact) int {
	if n := cmp.Compare(a.Number, b.Number); n != 0 || a.IsEnd() == b.IsEnd() {
		return n
	}
	if b.IsEnd() {
		return -1
	}
	return 1
}

// contradict reports whether two facts, in order, cannot both hold.
func contradict(a, b Fact) bool {
	if a.Number == b.Number && !a.IsEnd() && !b.IsEnd() {
		return a.Leaf != b.Leaf
	}
	if order(a, b) == 0 || a.Seq == 0 || b.Seq == 0 {
		return false
	}
	return a.room() > b.room()
}

// A Record is what was seen of one job, or of the ledger's own events: facts that do not
// contradict each other, in order. It has one end for a number, the latest.
type Record []Fact

// Valid reports whether the facts are in order, and none contradicts another.
func (r Record) Valid() bool {
	var known Fact
	for i, f := range r {
		switch {
		case f.Number < 0 || f.Seq < 0 || !f.IsEnd() && f.Number == 0 || f.IsEnd() && f.Seq == 0:
			return false
		case i > 0 && (order(r[i-1], f) >= 0 || contradict(known, f)):
			return false
		case f.Seq != 0:
			known = f
		}
	}
	return true
}

// Compare returns the fact of the record that contradicts f, and whether there is one.
func (r Record) Compare(f Fact) (Fact, bool) {
	was, differ, _ := r.CompareNear(0, f)
	return was, differ
}

// CompareNear is Compare, and returns where in the record f would be. Comparing the next
// fact near there is faster than searching for it.
func (r Record) CompareNear(near int, f Fact) (was Fact, differ bool, at int) {
	if len(r) == 0 {
		return Fact{}, false, 0
	}
	at, same := r.find(near, f)
	was, differ = r.compareAt(at, same, f)
	return was, differ, at
}

// find returns the place of f, and whether a fact is there.
func (r Record) find(near int, f Fact) (at int, same bool) {
	for at := near; at <= near+1 && at < len(r); at++ {
		if at > 0 && order(r[at-1], f) < 0 && order(r[at], f) >= 0 {
			return at, order(r[at], f) == 0
		}
	}
	return slices.BinarySearchFunc(r, f, order)
}

func (r Record) compareAt(at int, same bool, f Fact) (Fact, bool) {
	if same && contradict(r[at], f) {
		return r[at], true
	}
	for i := at - 1; i >= 0; i-- {
		if contradict(r[i], f) {
			return r[i], true
		}
		if r[i].Seq != 0 {
			break
		}
	}
	if same {
		at++
	}
	for ; at < len(r); at++ {
		if contradict(f, r[at]) {
			return r[at], true
		}
		if r[at].Seq != 0 {
			break
		}
	}
	return Fact{}, false
}

// Has reports whether the record says all that f says.
func (r Record) Has(f Fact) bool {
	at, same := slices.BinarySearchFunc(r, f, order)
	if same && r[at].Seq >= f.Seq {
		return true
	}
	return f.IsEnd() && r.follows(at, f.Number)
}

// follows reports whether the place of the event after number is known. Then an end with that
// number says nothing more. at is where that end is or would be.
func (r Record) follows(at int, number int64) bool {
	for at < len(r) && r[at].Number == number {
		at++
	}
	return at < len(r) && r[at].Number == number+1 && !r[at].IsEnd() && r[at].Seq != 0
}

// Merge returns what both records say, or the first facts that contradict each other:
// one of r, and one of other.
func (r Record) Merge(other Record) (Record, *Fork) {
	all := make(Record, 0, len(r)+len(other))
	for _, f := range other {
		if was, differ := r.Compare(f); differ {
			return nil, &Fork{Seen: was, Found: f}
		}
	}
	for len(r) > 0 && len(other) > 0 {
		switch n := order(r[0], other[0]); {
		case n < 0:
			all, r = append(all, r[0]), r[1:]
		case n > 0:
			all, other = append(all, other[0]), other[1:]
		default:
			f := r[0]
			f.Seq = max(f.Seq, other[0].Seq) // the later end, or the place that one of them does not know
			all, r, other = append(all, f), r[1:], other[1:]
		}
	}
	return append(append(all, r...), other...), nil
}

// In what Keep keeps, the newest dense facts are whole, and before them are events whose number is a
// multiple of sparse, at most maxSparse of these.
const (
	Dense     = 65_536
	Sparse    = 1_024
	MaxSparse = 1 << 18
)

// Keep returns what is remembered of a record: the newest Dense facts, and before them
// those of the events whose number is a multiple of Sparse, the newest MaxSparse. An end is left out if
// the event after it is there. Keep changes r.
func (r Record) Keep() Record {
	kept := r[:0]
	for i, f := range r {
		if !f.IsEnd() || !r.follows(i, f.Number) {
			kept = append(kept, f)
		}
	}
	dense := max(0, len(kept)-Dense)
	older := slices.DeleteFunc(slices.Clone(kept[:dense]), func(f Fact) bool { return f.IsEnd() || f.Seq == 0 || f.Number%Sparse != 0 })
	return append(older[max(0, len(older)-MaxSparse):], kept[dense:]...)
}

// Compare compares two streams of facts about one job, each in order and without a
// contradiction in itself. It returns the first facts that contradict each other, or
// nil. Its errors are those of the streams.
func Compare(a, b iter.Seq2[Fact, error]) (*Fork, error) {
	one, other := newStream(a), newStream(b)
	defer one.stop()
	defer other.stop()
	for one.more || other.more {
		from, to := one, other
		if !one.more || other.more && order(other.next, one.next) < 0 {
			from, to = other, one
		}
		if from.err != nil {
			return nil, from.err
		}
		f := from.next
		if was, differ := to.contradicts(f); differ && from == one {
			return &Fork{Seen: f, Found: was}, nil
		} else if differ {
			return &Fork{Seen: was, Found: f}, nil
		}
		from.advance()
	}
	return nil, nil
}

// A stream is a stream of facts, and the last ones that were taken from it.
type stream struct {
	pull        func() (Fact, error, bool)
	stop        func()
	next        Fact
	err         error
	more        bool // there is a next fact, or an error
	last, known Fact // known is the last one whose place is known
}

func newStream(facts iter.Seq2[Fact, error]) *stream {
	s := &stream{}
	s.pull, s.stop = iter.Pull2(facts)
	s.next, s.err, s.more = s.pull()
	return s
}

func (s *stream) advance() {
	if s.last = s.next; s.last.Seq != 0 {
		s.known = s.last
	}
	s.next, s.err, s.more = s.pull()
}

// contradicts returns the fact before f, or in its place, that contradicts it.
func (s *stream) contradicts(f Fact) (Fact, bool) {
	for _, was := range []Fact{s.last, s.known} {
		if was != (Fact{}) && contradict(was, f) {
			return was, true
		}
	}
	return Fact{}, false
}
