package main

import (
	"bytes"
	"os"
	"testing"
)

// The bundles that package projection makes are valid under the schema that they name.
func TestResumeBundles(t *testing.T) {
	text, err := os.ReadFile("../../projection/testdata/bundles.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if err := checkOutput("schemas", line); err != nil {
			t.Errorf("%v\n%s", err, line)
		}
	}
}
