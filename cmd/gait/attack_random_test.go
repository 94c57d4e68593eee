package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger/ledgertest"
)

// attackedCommands are asked of each ledger that was edited. Those that write come last,
// each on a copy of its own.
var attackedCommands = []string{
	"job status a", "job status ab", "job status b", "job status never", "job list", "job inspect a", "job inspect b", "job events a",
	"job checkpoint list --id a", "job diff a b", "pack build --from a --out OUT", "ledger proof --seq 3",
	"job checkpoint add --id a --summary more --request-id r9", "job stop --id b --reason now", "job submit --id never", "job submit --id c --request-id r1",
	"job approve --id a --actor reviewer_1 --reason fine --request-id r2", "job resume --id b --reason again",
}

const attackedReads = 12

// TestRandomEditsOfADirectory edits a ledger's directory at random. Each command line
// then exits 2, or says what it says of the ledger as it was.
func TestRandomEditsOfADirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of commands")
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 7))
	dir := t.TempDir()
	past := attackedPast(t, dir)
	want := attacked(t, dir, past.Now(), "")
	edits, refused, right := 0, 0, 0
	for range ledgertest.Times(500, 40) {
		steps := past.Attack(random.IntN)
		rows := past.Edited(steps)
		if rows == nil {
			continue
		}
		edits++
		for i, got := range attacked(t, dir, rows, attackedCommands[attackedReads+random.IntN(len(attackedCommands)-attackedReads)]) {
			switch {
			case got == "":
			case isRefused(got):
				refused++
			case got == want[i]:
				right++
			default:
				t.Errorf("seed %d: after %q gait %s\n got %.1500s\nwant %.1500s", seed, steps, attackedCommands[i], got, want[i])
			}
		}
	}
	t.Logf("%d edits of a directory: %d commands were refused, %d said what is true (seed %d)", edits, refused, right, seed)
	if edits == 0 || refused == 0 || right == 0 {
		t.Error("the test shows nothing")
	}
}

// isRefused reports whether a command said that the ledger does not hold, or that it is
// not one that this gait writes.
func isRefused(said string) bool {
	code, out, _ := strings.Cut(said, " ")
	return code == "2" && isAlarmed(commandAnswer{2, out}) || strings.Contains(out, `"error_code":"unsupported_version"`) || strings.Contains(out, `"error_code":"ledger_read_only"`)
}

// attackedPast makes a ledger by commands.
func attackedPast(t *testing.T, dir string) *ledgertest.Past {
	p := &ledgertest.Past{Jobs: []string{"a", "ab", "b", "never"}, Requests: []string{"r1", "r2", "r3", "never"}}
	for _, line := range []string{
		"job submit --id a", "job submit --id ab --request-id r1", "job submit --id b", "job checkpoint add --id b --summary step",
		"job checkpoint add --id a --type decision-needed --summary may_it --required-action decide",
		"job approve --id a --actor reviewer_1 --reason fine --request-id r2", "job resume --id a --reason on",
		"job checkpoint add --id a --type decision-needed --summary delete_all --required-action decide",
		"job stop --id b --reason wild", "job resume --id b --reason again", "job checkpoint add --id ab --type completed --summary done --request-id r3",
		"pack build --from a --out OUT", // commits to the index, so that the next one does not
	} {
		line = strings.ReplaceAll(line, "OUT", filepath.Join(dir, "a.zip"))
		code, out := inProcess(t, dir, append(strings.Fields(line), "--json")...)
		if code != 0 && !strings.HasPrefix(line, "job resume --id b") {
			t.Fatalf("gait %s exits %d: %s", line, code, out)
		}
		if err := ledgertest.EditDir(filepath.Join(dir, "jobs", "ledger"), func(rows ledgertest.Rows) (ledgertest.Rows, error) {
			p.Rows = append(p.Rows, rows.Clone())
			return rows, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// attacked returns what each command says of a ledger with some rows; of those that
// write, all if write is "", and otherwise that one alone.
func attacked(t *testing.T, dir string, rows ledgertest.Rows, write string) []string {
	t.Helper()
	said := make([]string, len(attackedCommands))
	at := filepath.Join(dir, "attacked")
	for i, line := range attackedCommands {
		if i >= attackedReads && write != "" && write != line {
			continue
		}
		if i == 0 || i >= attackedReads {
			restoreAttacked(t, at, dir, rows)
		}
		line = strings.ReplaceAll(line, "OUT", filepath.Join(at, "out.zip"))
		code, out := inProcess(t, at, append(strings.Fields(line), "--json")...)
		said[i] = fmt.Sprintf("%d %s", code, warning.ReplaceAll(out, nil))
		if i >= attackedReads {
			said[i] = changing.ReplaceAllString(said[i], "X")
		}
	}
	return said
}

// restoreAttacked copies a ledger's root and home, and gives the copy its rows.
func restoreAttacked(t *testing.T, at, from string, rows ledgertest.Rows) {
	t.Helper()
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"jobs", "home"} {
		if err := copyPrivate(filepath.Join(at, name), filepath.Join(from, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ledgertest.EditDir(filepath.Join(at, "jobs", "ledger"), func(ledgertest.Rows) (ledgertest.Rows, error) { return rows, nil }); err != nil {
		t.Fatal(err)
	}
}
