package commands_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gait/commands"
)

// Each command has a row of its own in the table, and is in the tests that list
// all of them.
func TestTableHasEveryCommand(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared []string // types with a method row
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "row" && f.Recv != nil {
				declared = append(declared, "commands."+f.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	wantVerbs(t)
	for name, all := range map[string][]commands.Request{"everyVerb": everyVerb(), "barely": barely()} {
		types, verbs := map[string]int{}, map[string]int{}
		for _, r := range all {
			types[fmt.Sprintf("%T", r.Command)]++
			verbs[r.Command.Verb()]++
		}
		for _, typ := range declared {
			if types[typ] != 1 {
				t.Errorf("%s has %d requests of the type %s, want 1", name, types[typ], typ)
			}
		}
		for _, verb := range commands.Verbs() {
			if verbs[verb] != 1 {
				t.Errorf("%s has %d requests of the verb %q, want 1", name, verbs[verb], verb)
			}
		}
		if len(all) != len(declared) || len(all) != len(commands.Verbs()) {
			t.Errorf("%s has %d requests; the package has %d types of commands and %d verbs", name, len(all), len(declared), len(commands.Verbs()))
		}
	}
}

// wantVerbs requires that the transition table and the random histories have
// each command that can come to a job.
func wantVerbs(t *testing.T) {
	t.Helper()
	inTable, drawn := map[string]bool{}, map[string]bool{}
	for _, r := range columns {
		inTable[r.Command.Verb()] = true
	}
	for _, r := range everyVerb() { // those of TestGateTransitions and TestLeaseTransitions have tables of their own
		switch r.Command.(type) {
		case commands.GateEval, commands.GateSettle, commands.LeaseTake, commands.LeaseRenew, commands.LeaseRelease, commands.EndAttempt:
			inTable[r.Command.Verb()] = true
		default: // all others are in columns
		}
	}
	some := rapid.Custom(someCommand)
	for seed := range 1000 {
		drawn[some.Example(seed).Verb()] = true
	}
	for _, verb := range commands.Verbs() {
		if commands.BeginsJob(verb) || commands.OfLedger(verb) {
			continue
		}
		if !inTable[verb] {
			t.Errorf("columns, and so the transition table, has no %q", verb)
		}
		if !drawn[verb] {
			t.Errorf("someCommand never draws %q", verb)
		}
	}
}
