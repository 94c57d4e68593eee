package projection_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/ledger/jcs"
	"gait/projection"
)

func TestDiff(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{`{"a":1}`, `{"a":1}`, `[]`},
		{`1`, `2`, `[{"path":"","op":"changed","before":1,"after":2}]`},
		{`null`, `{}`, `[{"path":"","op":"changed","before":null,"after":{}}]`},
		{`[]`, `{}`, `[{"path":"","op":"changed","before":[],"after":{}}]`},
		{`{"a":1}`, `{}`, `[{"path":"/a","op":"removed","before":1}]`},
		{`{}`, `{"a":[1,"x"]}`, `[{"path":"/a","op":"added","after":[1,"x"]}]`},
		{`{"a":null}`, `{"a":false}`, `[{"path":"/a","op":"changed","before":null,"after":false}]`},
		{`{"a/b":{"~":"x"}}`, `{"a/b":{"~":"y"}}`, `[{"path":"/a~1b/~0","op":"changed","before":"x","after":"y"}]`},
		{`[1,2,3]`, `[1,4,3,5]`, `[{"path":"/1","op":"changed","before":2,"after":4},{"path":"/3","op":"added","after":5}]`},
		{`[[1],[2]]`, `[[1]]`, `[{"path":"/1","op":"removed","before":[2]}]`},
		{
			`[{"b":1,"a":[{"c":1}]}]`, `[{"b":2,"a":[{"c":2}]}]`,
			`[{"path":"/0/a/0/c","op":"changed","before":1,"after":2},{"path":"/0/b","op":"changed","before":1,"after":2}]`,
		},
		{`{"1":1}`, `{"1":"1"}`, `[{"path":"/1","op":"changed","before":1,"after":"1"}]`},
	} {
		list, err := projection.Diff([]byte(tt.a), []byte(tt.b))
		if err != nil {
			t.Errorf("Diff(%s, %s): %v", tt.a, tt.b, err)
			continue
		}
		if got, _ := json.Marshal(list); string(got) != tt.want {
			t.Errorf("Diff(%s, %s) = %s\nwant %s", tt.a, tt.b, got, tt.want)
		}
	}
	for _, text := range []string{``, `{`, `1 2`, `nul`} {
		if _, err := projection.Diff([]byte(text), []byte(`1`)); err == nil {
			t.Errorf("Diff(%q, 1) did not fail", text)
		}
		if _, err := projection.Diff([]byte(`1`), []byte(text)); err == nil {
			t.Errorf("Diff(1, %q) did not fail", text)
		}
	}
}

// The difference of a value to itself is empty. The difference of two values,
// applied to the first, gives the second.
func TestDiffApplies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyTree(3).Draw(t, "a"), anyTree(3).Draw(t, "b")
		before, after := asJSON(t, a), asJSON(t, b)
		if same, err := projection.Diff(before, before); err != nil || len(same) != 0 {
			t.Fatalf("Diff(%s, itself) = %v, %v", before, same, err)
		}
		list, err := projection.Diff(before, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			a = applied(t, a, strings.Split(c.Path, "/")[1:], c)
		}
		if diff := cmp.Diff(string(after), string(asJSON(t, a))); diff != "" {
			t.Errorf("%s with %s applied (-want +got):\n%s", before, asJSON(t, list), diff)
		}
	})
}

func anyTree(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.IntRange(0, 3), func(n int) any { return float64(n) }), rapid.Map(rapid.StringMatching(`[ab~/]{0,2}`), func(s string) any { return s }))
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(anyTree(depth-1), 0, 4), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[ab~/]{1,2}`), anyTree(depth-1), 0, 4), func(m map[string]any) any { return m }))
}

func asJSON(t *rapid.T, v any) []byte {
	b, err := jcs.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// applied returns v with c applied at path. It removes only the last element of a
// list, since Diff removes elements only there.
func applied(t *rapid.T, v any, path []string, c projection.Change) any {
	if len(path) == 0 {
		var after any
		if err := json.Unmarshal(c.After, &after); err != nil {
			t.Fatal(err)
		}
		return after
	}
	key := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	last := len(path) == 1
	if object, ok := v.(map[string]any); ok {
		if last && c.Op == projection.Removed {
			delete(object, key)
			return object
		}
		object[key] = applied(t, object[key], path[1:], c)
		return object
	}
	list := v.([]any)
	i, err := strconv.Atoi(key)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case last && c.Op == projection.Removed:
		// The changes that follow remove the elements after i.
		return list[:len(list)-1]
	case last && c.Op == projection.Added:
		return append(list, applied(t, nil, nil, c))
	}
	list[i] = applied(t, list[i], path[1:], c)
	return list
}
