package projection_test

import (
	"os"
	"strings"
	"testing"
)

// The package's doc shows the tables that the tests read.
func TestDocHasTheTable(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"transitions.txt", "decisions.txt", "verdicts.txt", "gate.txt", "leases.txt"} {
		table, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		want := "//\n//\t" + strings.ReplaceAll(strings.TrimSpace(string(table)), "\n", "\n//\t") + "\n//\n"
		if !strings.Contains(string(doc), want) {
			t.Errorf("doc.go does not have the table of testdata/%s, which is\n%s", name, want)
		}
	}
}
