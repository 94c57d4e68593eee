package gate

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/cedar-policy/cedar-go/types"
)

// MaxProbes bounds the steps that Cedar's sets take past values that are in the way.
const MaxProbes = 50_000

// A table tells whether Cedar's sets can hold the values of an intent in bounded time. They
// are hash tables with keys that an agent can foresee, such as the sum of the members for a set of
// sets: 3,000 pairs with one sum took half a second.
type table struct {
	slots  map[uint64]slot // of one list
	probes *int            // in all lists of an intent
}

type slot struct {
	value types.Value
	hash  uint64
	size  int
}

// add adds a member of a list, as types.NewSet does.
func (t table) add(v types.Value) error {
	s := slot{v, hashOf(v), sizeOf(v)}
	for at := s.hash; ; at++ {
		found, taken := t.slots[at]
		switch {
		case !taken:
			t.slots[at] = s
			return nil
		case found.hash != s.hash:
			*t.probes++
		case found.value.Equal(v):
			return nil
		default:
			*t.probes += min(found.size, s.size)
		}
		if *t.probes > MaxProbes {
			return &Error{Code: CodeIntentUnsupported, Reason: fmt.Sprintf("the values in its lists are too much alike: Cedar would take more than %d steps to tell them apart", MaxProbes)}
		}
	}
}

// hashOf returns what cedar-go takes as the hash of a value of an intent.
func hashOf(v types.Value) uint64 {
	switch v := v.(type) {
	case types.Boolean:
		if v {
			return 1
		}
		return 0
	case types.Long:
		return uint64(v)
	case types.Decimal:
		return uint64(tenThousandths(v))
	case types.Set:
		var sum uint64
		for member := range v.All() {
			sum += hashOf(member)
		}
		return sum
	case types.Record:
		return hashOfRecord(v)
	case types.String:
		h := fnv.New64()
		h.Write([]byte(v))
		return h.Sum64()
	}
	panic(fmt.Sprintf("an intent has no value of type %T", v))
}

func hashOfRecord(r types.Record) uint64 {
	if r.Len() == 0 {
		return 0
	}
	members := r.Map()
	h := fnv.New64()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		h.Write([]byte(name))
		h.Write(binary.LittleEndian.AppendUint64(nil, hashOf(members[name])))
	}
	return h.Sum64()
}

// tenThousandths returns how many times 0.0001 a decimal is.
func tenThousandths(d types.Decimal) int64 {
	var n int64
	negative := false
	text := d.String() // with a point, and one to four decimals
	decimals := -1
	for _, c := range []byte(text) {
		switch {
		case c == '-':
			negative = true
		case c == '.':
			decimals = 0
		default:
			n = n*10 - int64(c-'0') // the least has no opposite
			if decimals >= 0 {
				decimals++
			}
		}
	}
	for ; decimals < 4; decimals++ {
		n *= 10
	}
	if negative {
		return n
	}
	return -n
}

// sizeOf returns how many values a value is made of.
func sizeOf(v types.Value) int {
	n := 1
	switch v := v.(type) {
	case types.Set:
		for member := range v.All() {
			n += sizeOf(member)
		}
	case types.Record:
		for _, member := range v.All() {
			n += sizeOf(member)
		}
	default:
	}
	return n
}
