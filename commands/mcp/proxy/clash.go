package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// clash says which member of a call's arguments, at any depth, a server that ignores case could
// take for another one: for another member of the same object, or for one that the tool takes. It
// is "" if there is none.
func (t tool) clash(arguments json.RawMessage) string {
	if arguments == nil {
		return ""
	}
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "the arguments cannot be read"
	}
	return t.clashIn(v, t.input)
}

// clashIn is clash for a value that a schema describes; nil if it is not known which one does.
func (t tool) clashIn(v, schema any) string {
	is, _ := schema.(map[string]any) //nolint:errcheck // nil if it is none
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if clash := t.clashIn(item, is["items"]); clash != "" {
				return clash
			}
		}
	case map[string]any:
		return t.clashOf(v, is)
	}
	return ""
}

// clashOf is clashIn for an object.
func (t tool) clashOf(v, schema map[string]any) string {
	takes, _ := schema["properties"].(map[string]any) //nolint:errcheck // nil if it says nothing of them
	taken := make(map[string]string, len(takes))
	for _, name := range slices.Sorted(maps.Keys(takes)) {
		taken[folded(name)] = name
	}
	given := make(map[string]string, len(v))
	for _, name := range slices.Sorted(maps.Keys(v)) {
		fold := folded(name)
		other, twice := given[fold]
		given[fold] = name
		sub, exact := takes[name]
		switch {
		case twice:
		case exact:
			other = ""
		case taken[fold] != "":
			other = taken[fold]
		case !slices.Contains(t.names[fold], name) && len(t.names[fold]) > 0:
			other = t.names[fold][0]
		}
		if other != "" {
			return fmt.Sprintf("the argument %.60q could be taken for %.60q", name, other)
		}
		if !exact {
			sub = schema["additionalProperties"]
		}
		if clash := t.clashIn(v[name], sub); clash != "" {
			return clash
		}
	}
	return ""
}

// namesIn adds the names of all properties that a schema has at any depth, by what they are
// without case.
func namesIn(schema any, names map[string][]string) {
	switch is := schema.(type) {
	case []any:
		for _, item := range is {
			namesIn(item, names)
		}
	case map[string]any:
		takes, _ := is["properties"].(map[string]any) //nolint:errcheck // nil if it says nothing of them
		for name := range takes {
			if fold := folded(name); !slices.Contains(names[fold], name) {
				names[fold] = append(names[fold], name)
			}
		}
		for _, item := range is {
			namesIn(item, names)
		}
	}
}

// folded returns what is the same for all spellings of a name that differ in case only.
func folded(name string) string {
	return strings.Map(func(c rune) rune {
		least := c
		for next := unicode.SimpleFold(c); next != c; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
