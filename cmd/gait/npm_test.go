package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/ask"
	"gait/ledger"
)

// oldestNode is the oldest major version of Node.js that the examples in TypeScript run on.
const oldestNode = 20

// needNPM returns the absolute path of examples/typescript with the packages of its lockfile
// installed: other people's clients, servers and SDKs, from npm. Without them the test is skipped
// with the reason, and fails in CI, where .ci/run has installed them before.
func needNPM(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "examples", "typescript"))
	if err != nil {
		t.Fatal(err)
	}
	switch missing := missingOfNPM(dir); {
	case missing == "":
	case os.Getenv("CI") != "":
		t.Fatalf("%s; .ci/run installs it with make npm", missing)
	default:
		t.Skipf("%s: not tested against packages of npm (make npm installs them)", missing)
	}
	return dir
}

// missingOfNPM says what is missing to run programs in a directory with packages of npm.
func missingOfNPM(dir string) string {
	out, err := exec.Command("node", "--version").Output()
	if err != nil {
		return "node is not installed"
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		return fmt.Sprintf("node is %q, and %d is needed", version, oldestNode)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil { // npm writes it last
		return filepath.Join("examples", "typescript", "node_modules") + " is not there"
	}
	return ""
}

// What is missing is said, so that a test that is skipped says why.
func TestMissingOfNPM(t *testing.T) {
	t.Run("nothing is installed", func(t *testing.T) {
		if got := missingOfNPM(t.TempDir()); got == "" {
			t.Error("an empty directory has packages of npm")
		}
	})
	t.Run("no node", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if got, want := missingOfNPM(t.TempDir()), "node is not installed"; got != want {
			t.Errorf("without node, what is missing is %q, want %q", got, want)
		}
	})
	t.Run("an old node", func(t *testing.T) {
		bin := t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "node"), []byte("#!/bin/sh\necho v18.19.0\n"), 0o700); err != nil { //nolint:gosec // it is a program
			t.Fatal(err)
		}
		t.Setenv("PATH", bin)
		if got, want := missingOfNPM(t.TempDir()), `node is "18.19.0", and 20 is needed`; got != want {
			t.Errorf("with an old node, what is missing is %q, want %q", got, want)
		}
	})
}

var (
	wordRows = regexp.MustCompile(`\[\s*"([^"]+)",\s*"([a-z_ ]+)",?\s*\]`)
	codeRows = regexp.MustCompile("(?m)^\\| `(\\w+)` \\|")
)

// The client in TypeScript tells an agent about each reason code what gait's own adapters tell it.
func TestTypeScriptSaysTheSame(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "..", "examples", "typescript", "failure.ts"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "gate.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, row := range wordRows.FindAllStringSubmatch(string(source), -1) {
		for code := range strings.FieldsSeq(row[2]) {
			said[code] = row[1] + " (" + code + ")"
		}
	}
	_, table, _ := strings.Cut(string(page), "\n## Reason codes\n")
	table, _, _ = strings.Cut(table, "\n## ")
	codes := codeRows.FindAllStringSubmatch(table, -1)
	if len(codes) < 30 {
		t.Fatalf("the page has %d reason codes", len(codes))
	}
	for _, row := range append(codes, []string{"", "fenced"}, []string{"", "outcome_unknown"}) {
		want := ask.Words(commands.GateAnswer{Verdict: ledger.GateBlock, ReasonCode: row[1]})
		if got := said[row[1]]; got != want && row[1] != "policy_permits" && row[1] != "approved" {
			t.Errorf("about %s the client says %q, want %q", row[1], got, want)
		}
	}
}

// imports are what a file in TypeScript is made with.
var imports = regexp.MustCompile(`(?m)(?:from|import\()\s*"([^"]+)"`)

// The client in TypeScript needs nothing but Node.js: only its adapters import packages, and each
// those of its framework alone. A file to copy is one to read: it has 400 lines at most.
func TestTypeScriptNeedsNoPackages(t *testing.T) {
	allowed := map[string]string{
		"failure.ts": "", "ways.ts": "", "gait.ts": "",
		"openai_agents.ts": "@openai/", "langgraph.ts": "@langchain/", "mcp.ts": "@modelcontextprotocol/",
	}
	dir := filepath.Join("..", "..", "examples", "typescript")
	files, err := filepath.Glob(filepath.Join(dir, "*.ts"))
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "quickstart.ts" }) // shows how an SDK is used
	if err != nil || len(files) != len(allowed) {
		t.Errorf("there are %d files, and this test knows of %d (%v)", len(files), len(allowed), err)
	}
	for name, framework := range allowed {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > 400 {
			t.Errorf("%s has %d lines", name, n)
		}
		for _, found := range imports.FindAllStringSubmatch(string(text), -1) {
			ours := strings.HasPrefix(found[1], "./") || strings.HasPrefix(found[1], "node:")
			if !ours && (framework == "" || !strings.HasPrefix(found[1], framework)) {
				t.Errorf("%s imports %s", name, found[1])
			}
		}
	}
}
