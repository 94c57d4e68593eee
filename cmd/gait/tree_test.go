package main

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Files name each other in one direction: main and the groups above, the commands
// below them, and what commands share at the bottom. No file names, in whatever
// number of steps, a file that names it.
func TestFilesFormATree(t *testing.T) {
	uses := fileUses(t)
	done := map[string]bool{}
	var visit func(path []string)
	visit = func(path []string) {
		last := path[len(path)-1]
		if at := slices.Index(path[:len(path)-1], last); at >= 0 {
			t.Errorf("files name each other in a circle: %s", strings.Join(path[at:], " -> "))
			return
		}
		if done[last] {
			return
		}
		for _, next := range uses[last] {
			visit(append(slices.Clone(path), next))
		}
		done[last] = true
	}
	visit([]string{"main.go"})
	if len(done) != len(uses) {
		t.Errorf("main.go leads to %d of %d files", len(done), len(uses))
	}
}

// fileUses returns, for each file of this package, the files that define what it
// names. Imports are not read: names of this package resolve without them.
func fileUses(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	uses := map[string][]string{}
	for _, name := range names {
		here, err := build.Default.MatchFile(".", name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") || !here { // for another system
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files, uses[name] = append(files, f), nil
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	pkg, _ := conf.Check("gait/cmd/gait", fset, files, &info) // fails for the imports
	for ident, used := range info.Uses {
		if _, ok := used.(*types.PkgName); ok || used.Pkg() != pkg {
			continue
		}
		from, to := fset.Position(ident.Pos()).Filename, fset.Position(used.Pos()).Filename
		if from != to && !slices.Contains(uses[from], to) {
			uses[from] = append(uses[from], to)
		}
	}
	for _, list := range uses {
		slices.Sort(list)
	}
	return uses
}

// noImports imports no package.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not read") }
