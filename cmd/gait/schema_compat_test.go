package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "store the schemas as the shipped ones, if they are compatible")

// shipped is the directory of the schemas as they were shipped.
const shipped = "../../fixtures/schemas"

// Within a version schemas only grow: fields are added, and none changes.
func TestSchemasOnlyGrow(t *testing.T) {
	list, err := listSchemas()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, l := range list {
		known[l.Name+schemaSuffix] = true
		now, err := readSchema(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(shipped, l.Name+schemaSuffix)
		was, err := os.ReadFile(file)
		if err != nil && !(*update && os.IsNotExist(err)) {
			t.Errorf("%s was never shipped (%v): make update", l.Name, err)
			continue
		}
		broken := false
		for _, problem := range broke(decodeJSON(t, was), decodeJSON(t, now), "") {
			t.Errorf("%s: %s", l.Name, problem)
			broken = true
		}
		if *update && !broken {
			if err := os.WriteFile(file, now, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(was, now) {
			t.Logf("%s has grown: make update", l.Name)
		}
	}
	files, err := os.ReadDir(shipped)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("%s was shipped and is gone", f.Name())
		}
	}
}

func decodeJSON(t *testing.T, text []byte) (v any) {
	if len(text) == 0 {
		return map[string]any{} // it was never shipped
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// broke lists the promises of the old schema that the new one does not keep.
func broke(was, now any, at string) (problems []string) {
	switch was := was.(type) {
	case map[string]any:
		grown, ok := now.(map[string]any)
		if !ok {
			return []string{at + " is gone"}
		}
		for _, name := range slices.Sorted(maps.Keys(was)) {
			has, ok := grown[name]
			if list, now := grown["enum"].([]any); now && name == "const" && slices.Contains(list, was[name]) {
				continue // one value became several
			}
			if ok || name == "description" || name == "title" {
				problems = append(problems, brokeMember(name, was[name], has, at+"/"+name)...)
			} else {
				problems = append(problems, at+"/"+name+" is gone")
			}
		}
	case []any:
		grown, _ := now.([]any)
		for i, v := range was {
			if i >= len(grown) {
				return append(problems, fmt.Sprintf("%s/%d is gone", at, i))
			}
			problems = append(problems, broke(v, grown[i], fmt.Sprintf("%s/%d", at, i))...)
		}
	default:
		if was != now {
			problems = append(problems, fmt.Sprintf("%s was %v and is %v", at, was, now))
		}
	}
	return problems
}

// brokeMember is broke for one member of a schema, by its meaning.
func brokeMember(name string, was, now any, at string) []string {
	switch name {
	case "description", "title", "minItems", "maxItems", "minimum", "maximum":
		return nil
	case "required", "enum": // in any order
		var problems []string
		has, ok := now.([]any)
		old, isList := was.([]any)
		if !isList { // a field of that name
			return broke(was, now, at)
		}
		for _, v := range old {
			if !ok || !slices.ContainsFunc(has, func(w any) bool { return reflect.DeepEqual(v, w) }) {
				problems = append(problems, fmt.Sprintf("%s has %v no more", at, v))
			}
		}
		return problems
	}
	return broke(was, now, at)
}

func TestBroke(t *testing.T) {
	was := `{"properties":{"a":{"type":"string"},"b":{"enum":["x","y"]},"required":{"type":"integer"}},"required":["a"],"oneOf":[{"const":1}],"title":"t"}`
	for _, tt := range []struct {
		now  string
		want []string
	}{
		{was, nil},
		{`{"properties":{"a":{"type":"string"},"b":{"enum":["z","y","x"]},"c":{},"required":{"type":"integer"}},"required":["b","a"],"oneOf":[{"const":1},{"const":2}],"title":"u"}`, nil},
		{`{"properties":{"a":{"type":"integer"},"b":{"enum":["x"]},"required":{"type":"string"}},"required":[],"oneOf":[]}`, []string{
			"/oneOf/0 is gone", "/properties/a/type was string and is integer", "/properties/b/enum has y no more",
			"/properties/required/type was integer and is string", "/required has a no more",
		}},
		{`{"properties":{"a":{"type":"string"},"b":{"enum":["x","y"]},"required":{"type":"integer"}},"required":["a"],"oneOf":[{"enum":[1,2]}]}`, nil},
		{`{"properties":{"b":{"enum":["x","y"]},"required":{"type":"integer"}},"required":["a"]}`, []string{"/oneOf is gone", "/properties/a is gone"}},
	} {
		if got := broke(decodeJSON(t, []byte(was)), decodeJSON(t, []byte(tt.now)), ""); !slices.Equal(got, tt.want) {
			t.Errorf("%s breaks %q, want %q", tt.now, got, tt.want)
		}
	}
}
