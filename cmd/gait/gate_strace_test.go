package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gait/ledger/ledgertest"
)

// gateCall finds the calls that an evaluation of the gate makes on files: those that change
// one, and those that read or look for one.
var gateCall = regexp.MustCompile(`(?m)^\d+ +(write|pwrite64|fsync|fdatasync|ftruncate|read|pread64|fstat|getdents64|flock)\(\d+<([^>]+)>|^\d+ +(renameat2?|rename|linkat|openat|newfstatat|mkdirat)\((?:AT_FDCWD[^,]*, )?"([^"]+)"`)

const gateCalls = "write,pwrite64,fsync,fdatasync,ftruncate,read,pread64,fstat,getdents64,flock,rename,renameat,renameat2,linkat,openat,newfstatat,mkdirat"

// Whatever call of gait gate eval fails, and wherever it is killed, it exits with 0 only if
// an allow is on the ledger, which a second evaluation then knows of.
func TestStraceGateNeverAllowsUnseen(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of traced processes")
	}
	dir := t.TempDir()
	policy, intent := filepath.Join(dir, "all.cedar"), filepath.Join(dir, "one.json")
	for name, text := range map[string]string{policy: `permit (principal, action == Action::"t", resource);`, intent: `{"tool": "t", "arguments": {"n": 1}}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newStraceRig(t, "--policy", policy)
	s.command = []string{"gate", "eval", "--id", "a", "--tool", "t", "--intent", intent, "--json"}
	calls := s.recordCalls(gateCalls, gateCall)
	most := 16
	if *thorough {
		most = len(calls)
	}
	counted := map[string]int{}
	for n, i := range ledgertest.Sample(t, len(calls), most) {
		faults := []string{"error=EIO", "signal=KILL", "error=ENOSPC", "error=EACCES"}
		if !*thorough {
			faults = faults[n%len(faults):][:1]
		}
		for _, fault := range faults {
			s.failGate(calls[i], fault, counted)
		}
	}
	if counted["blocked"]+counted["killed"] == 0 {
		t.Errorf("of %d calls none led to a block: %v", len(calls), counted)
	}
	t.Logf("%d calls: %v", len(calls), counted)
}

// failGate makes one call of an evaluation fail, or kills the process in it.
func (s straceRig) failGate(c fileCall, fault string, counted map[string]int) {
	t := s.t
	s.restore()
	what := fmt.Sprintf("%s of %s: %s", c.call, strings.TrimPrefix(c.path, s.dir), fault)
	code, out := s.traceRun("-P", c.path, "-e", "trace="+c.call, "-e", "inject="+c.call+":"+fault+":when=1+")
	var said struct {
		Verdict string
		Grant   string
		Receipt struct{ Seq int64 }
	}
	parsed := json.Unmarshal([]byte(out), &said) == nil
	switch {
	case code == 0 && (!parsed || said.Verdict != "allow"):
		t.Errorf("%s: exit 0 and %s", what, out)
	case code == 0:
		counted["allowed"]++
	case code == exitPolicy:
		counted["blocked"]++
		if parsed && said.Verdict != "block" {
			t.Errorf("%s: exit %d and verdict %s", what, code, said.Verdict)
		}
	default: // killed, or the runtime of Go gave up
		counted["killed"]++
	}
	if parsed && code != 0 && said.Grant != "" {
		t.Errorf("%s: exit %d, and the grant %s", what, code, said.Grant)
	}
	after, then := s.runGate()
	switch {
	case code == 0 && (after != exitPolicy || then != "effects_unsettled"):
		t.Errorf("%s: it was allowed, and then the same intent exits %d: %s", what, after, then)
	case after == 0:
		counted["asked again"]++
	case after != exitPolicy || then != "effects_unsettled":
		t.Errorf("%s: exit %d, and then the same intent exits %d: %s", what, code, after, then)
	}
	if verified, failed := s.run("ledger", "verify", "--json"); verified != 0 {
		t.Errorf("%s: ledger verify exits %d: %s", what, verified, failed.ErrorCode)
	}
}

// runGate evaluates the same intent again, and returns the exit code and the reason.
func (s straceRig) runGate() (int, string) {
	cmd := s.builtGait.command(s.command...)
	out, _ := cmd.Output()
	var said struct {
		ReasonCode string `json:"reason_code"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		s.t.Errorf("gait gate eval prints %s", out)
	}
	return cmd.ProcessState.ExitCode(), said.ReasonCode
}
