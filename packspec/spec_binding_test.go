package packspec_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gait/ledger/authority"
)

// bindingTable returns the table of package authority as SPEC.md has it.
func bindingTable() string {
	var b strings.Builder
	for _, row := range append(authority.Bindings(), authority.Binding{Verb: "any", Event: "refused", Fields: authority.RefusedFields()}) {
		fmt.Fprintf(&b, "%-15s %s\n", row.Verb, row.Event)
		for _, kind := range []authority.Kind{authority.Copied, authority.CopiedIfPresent, authority.Derived, authority.Digested, authority.Free} {
			var fields []string
			for _, name := range slices.Sorted(maps.Keys(row.Fields)) {
				f := row.Fields[name]
				if f.Kind != kind {
					continue
				}
				if from := string(f.From); from != "" && from != authority.SourceArgument+name {
					name += " = " + from
				}
				if f.Default != "" {
					name += " or " + f.Default
				}
				fields = append(fields, name)
			}
			if line := fmt.Sprintf("  %-17s ", kind); len(fields) > 0 {
				b.WriteString(wrapped(line, fields))
			}
		}
	}
	return b.String()
}

// wrapped writes fields behind a head, in lines of at most 110 characters.
func wrapped(head string, fields []string) string {
	lines, line := "", head
	for i, f := range fields {
		if i < len(fields)-1 {
			f += ","
		}
		if len(line)+len(f) > 110 {
			lines, line = lines+strings.TrimRight(line, " ")+"\n", strings.Repeat(" ", len(head))
		}
		line += f + " "
	}
	return lines + strings.TrimRight(line, " ") + "\n"
}

// SPEC.md has the table by which an event follows from its signed command.
func TestSpecHasTheBindings(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "```\n" + bindingTable() + "```\n"; !strings.Contains(string(spec), want) {
		t.Errorf("SPEC.md does not have\n%s", want)
	}
}

// actors.py has the same table.
func TestPythonHasTheBindings(t *testing.T) {
	program, err := os.ReadFile("../fixtures/verify/actors.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range authority.Bindings() {
		prefix := row.Verb + ": " + string(row.Event) + ": "
		_, line, found := strings.Cut(string(program), prefix)
		line, _, _ = strings.Cut(line, "\n")
		line, more, _ := strings.Cut(strings.TrimSuffix(line, `"""`), " ; ")
		var want []string
		for _, name := range slices.Sorted(maps.Keys(row.Fields)) {
			want = append(want, pythonField(name, row.Fields[name]))
		}
		got := strings.Fields(line)
		slices.SortFunc(got, func(a, b string) int { return strings.Compare(bare(a), bare(b)) })
		if !found || !slices.Equal(got, want) || !slices.Equal(strings.Fields(more), row.Arguments) {
			t.Errorf("actors.py has for %s\n%s ; %s\nwant\n%s ; %s", row.Verb, got, more, want, row.Arguments)
		}
	}
}

// bare returns the name of a field of actors.py.
func bare(field string) string {
	name, _, _ := strings.Cut(strings.TrimRight(field, "?*"), "=")
	name, _, _ = strings.Cut(name, "|")
	return name
}

// pythonField spells a field as actors.py does.
func pythonField(name string, f authority.Field) string {
	if f.Kind == authority.Derived || f.Kind == authority.Digested || f.Kind == authority.Free {
		return name + "*"
	}
	switch from := string(f.From); {
	case from == authority.SourceReason || from == authority.SourceVerb:
		name += "=$" + from
	case from != authority.SourceArgument+name:
		name += "=" + strings.TrimPrefix(from, authority.SourceArgument)
	}
	if f.Default != "" {
		name += "|" + f.Default
	}
	if f.Kind == authority.CopiedIfPresent {
		name += "?"
	}
	return name
}

// SPEC.md has the command, the key and the signature of an approval in a vector.
func TestSpecAuthorityExample(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	p := whole(t)
	e := p.Events[6]
	for _, want := range []string{string(e.Command()), base64.StdEncoding.EncodeToString(e.CommandSigs()[0].Sig), p.bob.String(), e.LeafHash().String(), e.RequestDigest().String(), p.Events[3].LeafHash().String()} {
		if !strings.Contains(string(spec), want) {
			t.Errorf("SPEC.md does not have %s, of the %s", want, e.Type())
		}
	}
}
