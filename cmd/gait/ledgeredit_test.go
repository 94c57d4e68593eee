package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

// storedRows holds the rows of a ledger that a gait without an index wrote.
const storedRows = "../../fixtures/stores/1.rows"

// savedKey is the key of the rows that a script has saved, by name.
type savedKey struct{}

// ledgerEditCmd edits the rows of a ledger's directory as anyone can who may write
// there, without a key and without gait:
//
//	ledgeredit DIR save NAME             keeps a copy of all rows
//	ledgeredit DIR load NAME             replaces all rows by a copy, and makes the directory if there is none
//	ledgeredit DIR stored NAME           the same, with a moment of the ledger in fixtures/stores; all its moments are saved
//	ledgeredit DIR STEP… [then STEP…]…   the steps of ledgertest.Rows.Edit
//	ledgeredit DIR split                 leaves the rows as they are, in many small files
//	ledgeredit DIR swap STEP… [then …]   the steps, while a daemon that was started after the split has the directory open
//
// Without swap the directory must not be open.
func ledgerEditCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) < 3 && args[1] != "split" {
		ts.Fatalf("usage: ledgeredit DIR STEP… [then STEP…]…")
	}
	dir, saved := ts.MkAbs(args[0]), ts.Value(savedKey{}).(map[string]ledgertest.Rows)
	switch steps := args[1:]; steps[0] {
	case "split":
		ts.Check(ledgertest.SplitDir(dir))
	case "swap":
		ts.Check(ledgertest.SwapDir(dir, editOf(saved, steps[1:])))
	case "stored":
		ts.Check(readMoments(saved))
		steps[0] = "load"
		ts.Check(os.MkdirAll(filepath.Dir(dir), 0o700))
		fallthrough
	default:
		ts.Check(ledgertest.EditDir(dir, editOf(saved, steps)))
	}
}

// editOf returns the edit that some steps stand for.
func editOf(saved map[string]ledgertest.Rows, steps []string) func(ledgertest.Rows) (ledgertest.Rows, error) {
	return func(rows ledgertest.Rows) (_ ledgertest.Rows, err error) {
		for step := range splitSeq(steps, "then") {
			switch step[0] {
			case "save":
				saved[step[1]] = rows.Clone()
			case "load":
				if rows = saved[step[1]].Clone(); len(rows) == 0 {
					return nil, fmt.Errorf("nothing was saved as %q", step[1])
				}
			default:
				if rows, err = rows.Edit(saved, step...); err != nil {
					return nil, err
				}
			}
		}
		return rows, nil
	}
}

// readMoments saves the moments of the stored ledger.
func readMoments(saved map[string]ledgertest.Rows) error {
	text, err := os.ReadFile(storedRows)
	if err != nil {
		return err
	}
	moments, err := ledgertest.ParseMoments(text)
	for _, m := range moments {
		saved[m.Name] = m.Rows
	}
	return err
}

// testKeyCmd puts the key that signed the stored ledger into a home, which then
// trusts it: testkey HOME
func testKeyCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: testkey HOME")
	}
	key := ledgertest.Key(ledgertest.Origin)
	ts.Check(home.AddKey(ts.MkAbs(args[0]), key))
	_, err := home.Trust(ts.MkAbs(args[0]), key.VerifierKey().PublicKey())
	ts.Check(err)
}
