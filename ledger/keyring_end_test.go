package ledger_test

import (
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A key that was seen to end signs nothing after that, and ends nowhere else.
func TestContradictedEnd(t *testing.T) {
	var keys []ledger.VerifierKey
	for n := range uint64(3) {
		keys = append(keys, ledgertest.KeyAfter(ledgertest.Origin, n).VerifierKey())
	}
	tree := func(size int64, root byte) ledger.Checkpoint {
		return ledger.Checkpoint{Origin: ledgertest.Origin, Size: size, Root: ledger.Hash{root}}
	}
	first := ledger.End{Key: keys[0], Size: 3, Root: ledger.Hash{3}}
	elsewhere := ledger.End{Key: keys[0], Size: 4, Root: ledger.Hash{3}}
	for name, tt := range map[string]struct {
		seen []ledger.End
		keys int
		ends []ledger.End
		now  ledger.Checkpoint
		want bool
	}{
		"nothing seen":               {nil, 1, nil, tree(9, 9), false},
		"before the end":             {[]ledger.End{first}, 1, nil, tree(2, 2), false},
		"at the end":                 {[]ledger.End{first}, 1, nil, tree(3, 3), false},
		"another end":                {[]ledger.End{first}, 1, nil, tree(3, 4), true},
		"after the end":              {[]ledger.End{first}, 1, nil, tree(4, 3), true},
		"under the next key":         {[]ledger.End{first}, 2, []ledger.End{first}, tree(9, 9), false},
		"handed on elsewhere":        {[]ledger.End{first}, 2, []ledger.End{elsewhere}, tree(9, 9), true},
		"the end of a later key":     {[]ledger.End{{Key: keys[2], Size: 1}}, 2, []ledger.End{first}, tree(9, 9), false},
		"the second of two ends":     {[]ledger.End{first, {Key: keys[1], Size: 8}}, 2, []ledger.End{first}, tree(9, 9), true},
		"older, under the first key": {[]ledger.End{first, {Key: keys[1], Size: 8}}, 1, nil, tree(3, 3), false},
	} {
		if _, got := ledger.ContradictedEnd(tt.seen, keys[:tt.keys], tt.ends, tt.now); got != tt.want {
			t.Errorf("%s: contradicted %t, want %t", name, got, tt.want)
		}
	}
}
