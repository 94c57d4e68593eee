package main

import (
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

// policyCmd writes a file of lines: policy FILE LINE…
func policyCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: policy FILE LINE…")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(args[1:], "\n")+"\n"), 0o600))
}

// witnesses are those that a script has started, by name.
type witnesses map[string]*ledgertest.WitnessServer

type witnessesKey struct{}

// cmd runs a witness on loopback:
//
//	witness start NAME          sets NAME_URL and NAME_KEY
//	witness know NAME KEY       it cosigns for the ledger of that key
//	witness mode NAME [MODE]    how it answers: see ledgertest.WitnessServer.Mode
//	witness forget NAME ORIGIN  it has never seen that ledger
//	witness stop NAME           it is gone
func (all witnesses) cmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: witness start|know|mode|forget|stop NAME …")
	}
	name, rest := args[1], append(args[2:], "")
	if args[0] == "start" {
		s := ledgertest.Serve(name + ".example")
		ts.Defer(s.Close)
		all[name] = s
		ts.Setenv(name+"_URL", s.URL)
		ts.Setenv(name+"_KEY", s.Key.String())
		return
	}
	s := all[name]
	if s == nil {
		ts.Fatalf("no witness %s was started", name)
	}
	switch args[0] {
	case "know":
		key, err := ledger.ParseVerifierKey(rest[0])
		ts.Check(err)
		s.Know(key)
	case "mode":
		s.Mode(rest[0])
	case "forget":
		s.Forget(rest[0])
	case "stop":
		s.Close()
	default:
		ts.Fatalf("witness %s: no such thing", args[0])
	}
}
