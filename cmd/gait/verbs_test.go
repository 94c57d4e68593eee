package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
)

// commandPaths returns the paths of all commands, such as "gait job pause".
func commandPaths() (paths []string) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		paths = append(paths, c.CommandPath())
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(gaitCommand(new(app)))
	return paths
}

// pathOf returns the path of the command that issues a verb of package commands.
func pathOf(paths []string, verb string) (path string, ok bool) {
	i := slices.IndexFunc(paths, func(path string) bool { return strings.HasSuffix(path, " "+verb) })
	if i < 0 {
		return "", false
	}
	return paths[i], true
}

// Each verb of package commands has a command here.
func TestEveryVerbHasACommand(t *testing.T) {
	paths := commandPaths()
	for _, verb := range commands.Verbs() {
		if _, ok := pathOf(paths, verb); !ok {
			t.Errorf("gait has no command %q: write one and add it to its group", verb)
		}
	}
}

// The lists in schemas and in the daemon's interface hold what the tables of
// packages ledger and commands hold. With -update, what is missing is added.
func TestListsHoldEveryName(t *testing.T) {
	const event, openAPI = "schemas/gait.ledger.event.schema.json", "../../commands/daemon/openapi.json"
	var types []string
	for _, typ := range ledger.Types() {
		types = append(types, string(typ))
	}
	wantInList(t, event, "type", types)
	wantInList(t, event, "schema_version", ledger.Versions())
	wantInList(t, openAPI, "verb", commands.Verbs())
	paths := commandPaths()
	for _, verb := range commands.Verbs() {
		if path, ok := pathOf(paths, verb); ok {
			words := strings.Fields(path)
			wantInList(t, "schemas/gait."+words[1]+".output.schema.json", "operation", []string{strings.Join(words[2:], " ")})
		}
	}
}

// wantInList requires that a file lists the names as values of a field.
func wantInList(t *testing.T, file, field string, names []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	missing, grown, err := listed(text, field, names)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	switch {
	case len(missing) == 0:
	case *update:
		if err := os.WriteFile(file, grown, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not list %q as values of %q: make update", file, missing, field)
	}
}

// listed returns which of the names are not among the values that a JSON text
// lists for a field, and the text with them at the end of the list.
func listed(text []byte, field string, names []string) (missing []string, grown []byte, err error) {
	list := regexp.MustCompile(`"` + field + `": \{\s*"enum": (\[[^\]]*\])`).FindSubmatchIndex(text)
	if list == nil {
		return nil, nil, fmt.Errorf("no list of the values of %q", field)
	}
	from, to := list[2], list[3]
	var values []string
	if err := json.Unmarshal(text[from:to], &values); err != nil {
		return nil, nil, err
	}
	last := bytes.LastIndexByte(text[:to], '"') + 1
	indent := text[from+1 : from+bytes.IndexByte(text[from:], '"')]
	grown = append(grown, text[:last]...)
	for _, name := range names {
		if !slices.Contains(values, name) {
			missing = append(missing, name)
			grown = fmt.Appendf(grown, ",%s%q", indent, name)
		}
	}
	return missing, append(grown, text[last:]...), nil
}

func TestListed(t *testing.T) {
	const text = `{"a": {"enum": ["x"]}, "b": {
  "enum": [
    "x",
    "y"
  ]
}}`
	missing, grown, err := listed([]byte(text), "b", []string{"y", "z", "x"})
	want := strings.Replace(text, `"y"`, `"y",
    "z"`, 1)
	if err != nil || !slices.Equal(missing, []string{"z"}) || string(grown) != want {
		t.Errorf("listed = %q, %v and\n%s\nwant\n%s", missing, err, grown, want)
	}
	if _, _, err := listed([]byte(text), "c", nil); err == nil {
		t.Error("a field that has no list is found")
	}
}
