package projection_test

import (
	"os"
	"strings"
	"testing"
)

// The package's doc shows the table of transitions that the tests read.
func TestDocHasTheTable(t *testing.T) {
	table, err := os.ReadFile("testdata/transitions.txt")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	want := "//\n//\t" + strings.ReplaceAll(strings.TrimSpace(string(table)), "\n", "\n//\t") + "\n//\n"
	if !strings.Contains(string(doc), want) {
		t.Errorf("doc.go does not have the table of testdata/transitions.txt, which is\n%s", want)
	}
}
