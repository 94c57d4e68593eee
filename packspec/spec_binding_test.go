package packspec_test

import (
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
		for _, kind := range []authority.Kind{authority.Copied, authority.CopiedIfPresent, authority.Derived, authority.Free} {
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
