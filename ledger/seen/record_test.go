package seen_test

import (
	"encoding/binary"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/seen"
)

// leaf returns the leaf hash of an event in one of its histories.
func leaf(history byte, number int64) ledger.Hash {
	h := ledger.Hash{history + 1}
	binary.BigEndian.PutUint64(h[8:], uint64(number))
	return h
}

func event(history byte, number int64, seq ledger.Seq) seen.Fact {
	return seen.Fact{Number: number, Seq: seq, Leaf: leaf(history, number)}
}

func end(number int64, seq ledger.Seq) seen.Fact { return seen.Fact{Number: number, Seq: seq} }

func TestContradictions(t *testing.T) {
	stopped := seen.Record{event(0, 1, 1), event(0, 2, 2), event(0, 3, 3), event(0, 4, 4), end(4, 5)}
	for name, tt := range map[string]struct {
		seen, found seen.Record
		want        string // what String says; "" for no contradiction
	}{
		"the same":                    {stopped, stopped, ""},
		"nothing":                     {nil, stopped, ""},
		"more events":                 {stopped, seen.Record{event(0, 4, 4), event(0, 5, 9), end(5, 12)}, ""},
		"fewer events":                {stopped, seen.Record{event(0, 1, 1), event(0, 2, 2)}, ""},
		"an earlier end":              {stopped, seen.Record{event(0, 2, 2), end(2, 2)}, ""},
		"another event":               {stopped, seen.Record{event(0, 1, 1), event(1, 2, 2)}, "another event was seen as number 2 of job j"},
		"an end that leaves one out":  {stopped, seen.Record{event(0, 1, 1), event(0, 2, 2), end(2, 7)}, "it was seen that event 3 of the job is event 3 of the ledger, but here the job has 2 events up to event 7 of the ledger"},
		"an end just before the next": {stopped, seen.Record{end(2, 2)}, ""},
		"an end just after the next":  {stopped, seen.Record{end(2, 3)}, "event 3 of the job is event 3 "},
		"absent too late":             {stopped, seen.Record{end(0, 8)}, "here the ledger has no such job up to its event 8"},
		"absent before":               {seen.Record{event(0, 1, 4)}, seen.Record{end(0, 3)}, ""},
		"more events than there are":  {stopped, seen.Record{event(0, 4, 4), end(5, 6)}, ""},
		"more events than have room":  {stopped, seen.Record{end(6, 5)}, "it was seen that the job has 4 events up to event 5 of the ledger, but here the job has 6 events up to event 5"},
		"an event after an end":       {seen.Record{event(0, 2, 2), end(2, 7)}, seen.Record{event(0, 2, 2), event(0, 3, 8)}, ""},
		"an event before an end":      {seen.Record{event(0, 2, 2), end(2, 7)}, seen.Record{event(0, 3, 3)}, "it was seen that the job has 2 events up to event 7 of the ledger, but here event 3 of the job is event 3 of the ledger"},
		"far events without room":     {seen.Record{event(0, 2, 2), end(2, 7)}, seen.Record{event(0, 5, 9)}, "event 5 of the job is event 9 "},
		"far events with room":        {seen.Record{event(0, 2, 2), end(2, 7)}, seen.Record{event(0, 5, 10)}, ""},
		"an event of an absent job":   {seen.Record{end(0, 8)}, seen.Record{event(0, 1, 3)}, "it was seen that the ledger has no such job up to its event 8, but here"},
		"in another order":            {seen.Record{event(0, 5, 10)}, seen.Record{event(0, 3, 12)}, "it was seen that event 5 of the job is event 10 of the ledger, but here"},
		"too close":                   {seen.Record{event(0, 5, 10)}, seen.Record{event(0, 3, 9)}, "event 3 of the job is event 9"},
		"close":                       {seen.Record{event(0, 5, 10)}, seen.Record{event(0, 3, 8)}, ""},
		"a place that is not known":   {stopped, seen.Record{event(0, 3, 0)}, ""},
		"another event without place": {stopped, seen.Record{event(1, 3, 0)}, "number 3 of job j"},
		"beyond one without a place":  {seen.Record{event(0, 4, 0), event(0, 5, 10)}, seen.Record{event(0, 3, 9)}, "event 5 of the job is event 10"},
		"before one without a place":  {seen.Record{event(0, 4, 9), event(0, 5, 0)}, seen.Record{event(0, 6, 10)}, "event 4 of the job is event 9"},
	} {
		text := func(f *seen.Fork) string {
			if f == nil {
				return ""
			}
			f.Job = "j"
			return f.String()
		}
		_, merged := tt.seen.Merge(tt.found)
		compared, err := seen.Compare(stream(tt.seen), stream(tt.found))
		if err != nil {
			t.Fatal(err)
		}
		if got := text(merged); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: Merge finds %q, want %q", name, got, tt.want)
		}
		if (compared == nil) != (tt.want == "") {
			t.Errorf("%s: Compare finds %q, want %q", name, text(compared), tt.want)
		}
		if _, back := tt.found.Merge(tt.seen); (back == nil) != (tt.want == "") {
			t.Errorf("%s, the other way round: Merge finds %q, want %q", name, text(back), tt.want)
		}
	}
}

func TestForkOfTheLedger(t *testing.T) {
	_, f := seen.Record{event(0, 5, 5)}.Merge(seen.Record{event(1, 5, 5)})
	if f == nil || !strings.Contains(f.String(), "as event 5 of the ledger") {
		t.Errorf("another event 5 of the ledger is %v", f)
	}
}

func stream(r seen.Record) iter.Seq2[seen.Fact, error] {
	return func(yield func(seen.Fact, error) bool) {
		for _, f := range r {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// A world is a job in a ledger: the seqs of its events. Two worlds of one ledger share
// those below their fork.
type world struct {
	history byte
	seqs    []ledger.Seq
}

func (w world) event(n int64) seen.Fact {
	f := event(0, n, w.seqs[n-1])
	f.Leaf[1] = w.history
	return f
}

// part draws what one pack or proof shows of the world.
func (w world) part(t *rapid.T, common int64) seen.Record {
	var r seen.Record
	n := int64(len(w.seqs))
	from := rapid.Int64Range(1, n+1).Draw(t, "from")
	to := rapid.Int64Range(from-1, n).Draw(t, "to")
	show := func(number int64) seen.Fact {
		if number <= common {
			return event(0, number, w.seqs[number-1])
		}
		return w.event(number)
	}
	if from > 1 && from <= to {
		f := show(from - 1)
		f.Seq = 0
		r = append(r, f)
	}
	for i := from; i <= to; i++ {
		r = append(r, show(i))
	}
	if rapid.Bool().Draw(t, "end") && (to >= from || to == 0) {
		low, high := ledger.Seq(1), ledger.Seq(60)
		if to > 0 {
			low = w.seqs[to-1]
		}
		if to < n {
			high = w.seqs[to] - 1
		}
		if low <= high {
			r = append(r, end(to, ledger.Seq(rapid.IntRange(int(low), int(high)).Draw(t, "at"))))
		}
	}
	return r
}

func drawSeqs(t *rapid.T, label string, after ledger.Seq) []ledger.Seq {
	var seqs []ledger.Seq
	for seq := int(after) + 1; seq < 60; seq++ {
		if rapid.IntRange(0, 4).Draw(t, label) == 0 {
			seqs = append(seqs, ledger.Seq(seq))
		}
	}
	return seqs
}

// What is true of one history never contradicts itself, in whatever order and parts it is
// seen, and what is merged is all that was seen.
func TestOneHistoryHasNoFork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{seqs: drawSeqs(t, "seqs", 0)}
		var all seen.Record
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			part := w.part(t, int64(len(w.seqs)))
			merged, fork := all.Merge(part)
			if fork != nil {
				t.Fatalf("%v contradicts %v: %v", part, all, fork)
			}
			for at, f := range slices.Concat(all, part) {
				if _, differ, _ := merged.CompareNear(at, f); differ { // wherever it begins to look
					t.Fatalf("%v contradicts %v, which has it", f, merged)
				}
				if !merged.Has(f) {
					t.Fatalf("%v merged with %v is %v, which has no %v", all, part, merged, f)
				}
			}
			kept := slices.Clone(merged).Keep()
			if !kept.Valid() {
				t.Fatalf("%v is not valid", kept)
			}
			if other, fork := kept.Merge(part); fork != nil || !slices.Equal(other.Keep(), kept) {
				t.Fatalf("%v again: %v, %v", part, other, fork)
			}
			all = kept
		}
	})
}

// Two parts of two histories contradict each other exactly if no one history has both:
// brute force over all histories says so.
func TestForkOfTwoHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		common := drawSeqs(t, "common", 0)
		if len(common) > 4 {
			common = common[:4]
		}
		last := ledger.Seq(0)
		if len(common) > 0 {
			last = common[len(common)-1]
		}
		one := world{history: 1, seqs: slices.Concat(common, drawSeqs(t, "one", last))}
		other := world{history: 2, seqs: slices.Concat(common, drawSeqs(t, "other", last))}
		a, b := one.part(t, int64(len(common))), other.part(t, int64(len(common)))
		_, fork := a.Merge(b)
		compared, err := seen.Compare(stream(a), stream(b))
		if err != nil || (fork == nil) != (compared == nil) {
			t.Fatalf("Merge finds %v, Compare %v, %v", fork, compared, err)
		}
		if possible := fits(slices.Concat(a, b)); possible == (fork != nil) {
			t.Fatalf("%v and %v: one history can have both: %t; found %v", a, b, possible, fork)
		}
	})
}

// fits reports whether a history of events at seqs of at least 1 can have all facts.
func fits(facts []seen.Fact) bool {
	leaves, at := map[int64]ledger.Hash{}, map[int64]ledger.Seq{}
	most := int64(0)
	for _, f := range facts {
		most = max(most, f.Number)
		if f.IsEnd() {
			continue
		}
		if was, ok := leaves[f.Number]; ok && was != f.Leaf {
			return false
		}
		leaves[f.Number] = f.Leaf
		if f.Seq != 0 {
			at[f.Number] = f.Seq
		}
	}
	// Put each event as early as it can be, and see whether the facts allow that.
	seq := ledger.Seq(0)
	for n := int64(1); n <= most; n++ {
		seq++
		for _, f := range facts {
			if f.IsEnd() && f.Number < n {
				seq = max(seq, f.Seq+1)
			}
		}
		if known, ok := at[n]; ok {
			if known < seq {
				return false
			}
			seq = known
		}
		for _, f := range facts {
			if f.IsEnd() && f.Number >= n && f.Seq < seq {
				return false
			}
		}
	}
	return true
}

func TestKeepIsBounded(t *testing.T) {
	var r seen.Record
	const n = 3 * seen.Dense
	for i := range int64(n) {
		r = append(r, event(0, i+1, ledger.Seq(i+1)))
	}
	r = append(r, end(n, n+5)).Keep()
	for f, want := range map[seen.Fact]bool{
		event(0, n, n): true, end(n, n+5): true, event(0, n-seen.Dense+2, n-seen.Dense+2): true, event(0, n-seen.Dense+1, n-seen.Dense+1): false,
		event(0, seen.Sparse, seen.Sparse): true, event(0, 1, 1): false,
	} {
		if r.Has(f) != want {
			t.Errorf("%v is kept: %t, want %t", f, !want, want)
		}
	}
	if again := slices.Clone(r).Keep(); !slices.Equal(again, r) {
		t.Error("what is kept is not kept again")
	}
}

func TestValid(t *testing.T) {
	for name, r := range map[string]seen.Record{
		"out of order":                     {event(0, 2, 2), event(0, 1, 1)},
		"one twice":                        {event(0, 1, 1), event(0, 1, 1)},
		"two ends":                         {end(1, 1), end(1, 2)},
		"no number":                        {event(0, 0, 1)},
		"a negative one":                   {event(0, -1, 1)},
		"a negative seq":                   {event(0, 1, -1)},
		"an end nowhere":                   {end(1, 0)},
		"a contradiction":                  {event(0, 1, 5), event(0, 2, 5)},
		"one over another without a place": {event(0, 1, 5), event(0, 2, 0), event(0, 3, 6)},
	} {
		if r.Valid() {
			t.Errorf("%s: %v is valid", name, r)
		}
	}
	if r := (seen.Record{end(0, 3), event(0, 1, 5), event(0, 2, 0), event(0, 3, 7), end(3, 9)}); !r.Valid() {
		t.Errorf("%v is not valid", r)
	}
}
