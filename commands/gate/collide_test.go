package gate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go/types"

	"gait/commands/gate"
)

// TestHashes compares the gate's reading of cedar-go's hashes with the order in which
// cedar-go writes the members of a set, which is that of their hashes.
func TestHashes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var value func(depth int) types.Value
	value = func(depth int) types.Value {
		switch n := random.IntN(7); {
		case depth > 2 || n == 0:
			return types.Long(random.Int64() >> random.IntN(62))
		case n == 1:
			d, err := types.ParseDecimal(fmt.Sprintf("%d.%04d", random.Int64N(1<<40)-1<<39, random.IntN(10_000)))
			if err != nil {
				t.Fatal(err)
			}
			return d
		case n == 2:
			return types.Boolean(random.IntN(2) == 0)
		case n == 3:
			return types.NewRecord(types.RecordMap{"a": value(depth + 1), "bc": value(depth + 1)})
		case n == 4:
			return types.NewSet(value(depth+1), value(depth+1))
		case n == 5:
			return types.NewRecord(nil)
		}
		return types.String(strings.Repeat("é", random.IntN(4)))
	}
	for range 2000 {
		var members []types.Value
		for len(members) < 8 {
			v := value(0)
			if !slices.ContainsFunc(members, func(m types.Value) bool { return gate.HashOf(m) == gate.HashOf(v) }) {
				members = append(members, v)
			}
		}
		slices.SortFunc(members, func(a, b types.Value) int {
			if gate.HashOf(a) < gate.HashOf(b) {
				return -1
			}
			return 1
		})
		var want []string
		for _, m := range members {
			want = append(want, string(m.MarshalCedar()))
		}
		if got := string(types.NewSet(members...).MarshalCedar()); got != "["+strings.Join(want, ", ")+"]" {
			t.Fatalf("cedar-go writes %s, in the order of hashes it is %v", got, want)
		}
	}
	for _, text := range []string{"0.0", "0.0001", "-0.5", "922337203685477.5807", "-922337203685477.5808", "12.34"} {
		d, err := types.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := gate.HashOf(types.NewSet(d)); got != gate.HashOf(d) {
			t.Errorf("the hash of a set of %s is %d, not %d", text, got, gate.HashOf(d))
		}
		if f := d.Float() * 10_000; float64(int64(gate.HashOf(d))) != f {
			t.Errorf("the hash of %s is %d", text, int64(gate.HashOf(d)))
		}
	}
}

// Intents whose lists Cedar's sets would take long to hold are refused, and quickly; lists as
// tools have them are not.
func TestListsAreReadInBoundedTime(t *testing.T) {
	for _, tt := range []struct {
		name    string
		text    func(i int) string
		refused bool
	}{
		{"pairs with one sum", func(i int) string { return fmt.Sprintf("[%d,%d],", i, 10_000-i) }, true},
		{"sets of digits", func(i int) string { return fmt.Sprintf("[%d,%d,%d],", i%10, i/10%10, 1000+i) }, false},
		{"fractions among integers", func(i int) string {
			if i%2 == 0 {
				return fmt.Sprintf("%d,", i/2)
			}
			return fmt.Sprintf("0.%04d,", i/2%9999+1)
		}, true},
		{"integers", func(i int) string { return fmt.Sprintf("%d,", i) }, false},
		{"one integer", func(int) string { return "1," }, false},
		{"texts", func(i int) string { return fmt.Sprintf(`"%d",`, i) }, false},
		{"edges of a path", func(i int) string { return fmt.Sprintf("[%d,%d],", i, i+1) }, false},
		{"objects", func(i int) string { return fmt.Sprintf(`{"id":%d,"price":%d.99},`, i, i) }, false},
		{"one object", func(int) string { return `{"id":1,"price":0.99},` }, false},
		{"prices", func(i int) string { return fmt.Sprintf("%d.%02d,", i%500, i*7%100) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := large(`"l":[`, "]", tt.text)
			var err error
			if took, ok := within(t, gate.MaxCost, func() { _, err = gate.ParseIntent([]byte(text)) }); !ok {
				t.Errorf("it took %v", took)
			}
			problem, is := errors.AsType[*gate.Error](err)
			if is != tt.refused || is && problem.Code != gate.CodeIntentUnsupported {
				t.Errorf("ParseIntent = %v, refused: %t", err, tt.refused)
			}
		})
	}
}
