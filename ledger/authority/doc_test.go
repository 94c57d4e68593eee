package authority_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
)

// TestDocHasTheTable checks that the package's doc spells the table of bindings.
func TestDocHasTheTable(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	bindings := append(authority.Bindings(), authority.Binding{
		Verb: "any verb about a job", Event: ledger.TypeRefused, Fields: authority.RefusedFields(),
	})
	for _, b := range bindings {
		if text := spelt(b); !strings.Contains(string(doc), text) {
			t.Errorf("doc.go does not have\n%s", text)
		}
	}
	if rows := strings.Count(string(doc), " → "); rows != len(bindings) {
		t.Errorf("the table in doc.go has %d rows, want %d", rows, len(bindings))
	}
}

// spelt returns a row of the table as the doc spells it.
func spelt(b authority.Binding) string {
	lines := map[authority.Kind][]string{}
	for _, name := range slices.Sorted(maps.Keys(b.Fields)) {
		f, words := b.Fields[name], name
		if argument, is := f.Argument(); is && argument != name {
			words += " from " + argument
		}
		if f.From == authority.SourceVerb {
			words += " from the verb"
		}
		if f.Default != "" {
			words += ` or "` + f.Default + `"`
		}
		lines[f.Kind] = append(lines[f.Kind], words)
	}
	var text strings.Builder
	text.WriteString("//\t" + b.Verb + " → " + string(b.Event) + "\n")
	for _, part := range []struct {
		name  string
		words []string
	}{
		{"copied", lines[authority.Copied]},
		{"copied if given", lines[authority.CopiedIfPresent]},
		{"derived", lines[authority.Derived]},
		{"digested", lines[authority.Digested]},
		{"free", lines[authority.Free]},
		{"further arguments", b.Arguments},
	} {
		if len(part.words) > 0 {
			text.WriteString("//\t    " + part.name + ": " + strings.Join(part.words, ", ") + "\n")
		}
	}
	return text.String()
}
