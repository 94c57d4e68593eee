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

// gatePolicy permits t, forbids no, and asks for an approval of ask.
const gatePolicy = `permit (principal, action in [Action::"t", Action::"no"], resource);
forbid (principal, action == Action::"no", resource);
@gait_verdict("require_approval")
permit (principal, action == Action::"ask", resource);`

// newGateRig returns a rig that asks the gate whether a tool may run, which exits with exit, and
// the calls that this makes.
func newGateRig(t *testing.T, tool string, exit int) (straceRig, []fileCall) {
	policy := filepath.Join(t.TempDir(), "policy.cedar")
	if err := os.WriteFile(policy, []byte(gatePolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStraceRig(t, "--policy", policy)
	intent := filepath.Join(s.dir, "intent.json")
	if err := os.WriteFile(intent, fmt.Appendf(nil, `{"tool": %q, "arguments": {"n": 1}}`, tool), 0o600); err != nil {
		t.Fatal(err)
	}
	s.command, s.exit = []string{"gate", "eval", "--id", "a", "--tool", tool, "--intent", intent, "--json"}, exit
	return s, s.recordCalls(gateCalls, gateCall)
}

// gateFaults calls f with a sample of the calls, at most that many, and what is done to each:
// it fails, it is the last one, or it reads nothing.
func gateFaults(t *testing.T, calls []fileCall, most int, f func(fileCall, string)) {
	if *thorough {
		most = len(calls)
	}
	for n, i := range ledgertest.Sample(t, len(calls), most) {
		faults := []string{"error=EIO", "signal=KILL", "error=ENOSPC", "error=EACCES"}
		if c := calls[i].call; c == "read" || c == "pread64" {
			faults = append(faults, "retval=0")
		}
		if !*thorough {
			faults = faults[n%len(faults):][:1]
		}
		for _, fault := range faults {
			f(calls[i], fault)
		}
	}
}

// Whatever call of gait gate eval fails, and wherever it is killed, it exits with 0 only if
// an allow is on the ledger, which a second evaluation then knows of.
func TestStraceGateNeverAllowsUnseen(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of traced processes")
	}
	s, calls := newGateRig(t, "t", exitOK)
	counted := map[string]int{}
	gateFaults(t, calls, 16, func(c fileCall, fault string) { s.failGate(c, fault, counted) })
	if counted["blocked"]+counted["killed"] == 0 {
		t.Errorf("of %d calls none led to a block: %v", len(calls), counted)
	}
	t.Logf("%d calls: %v", len(calls), counted)
}

// Whatever fails, what the policy forbids and what needs an approval is never allowed: a policy, an
// intent or a ledger that cannot be read, or is read in part, does not turn a no into a yes.
func TestStraceGateNeverAllowsForbidden(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of traced processes")
	}
	for tool, wanted := range map[string]int{"no": exitPolicy, "ask": exitApproval} {
		t.Run(tool, func(t *testing.T) {
			s, calls := newGateRig(t, tool, wanted)
			counted := map[string]int{}
			gateFaults(t, calls, 8, func(c fileCall, fault string) { s.failDenied(c, fault, counted) })
			if counted["failed"] == 0 {
				t.Errorf("of %d calls none failed: %v", len(calls), counted)
			}
			t.Logf("%d calls: %v", len(calls), counted)
		})
	}
}

// failDenied makes one call of an evaluation fail, or kills the process in it. The evaluation ends
// without an allow, and so does one after it, of which nothing fails.
func (s straceRig) failDenied(c fileCall, fault string, counted map[string]int) {
	t := s.t
	s.restore()
	what := fmt.Sprintf("%s of %s: %s", c.call, strings.TrimPrefix(c.path, s.dir), fault)
	code, out := s.traceRun("-P", c.path, "-e", "trace="+c.call, "-e", "inject="+c.call+":"+fault+":when=1+")
	switch {
	case code == exitOK || strings.Contains(out, `"grant"`) || strings.Contains(out, `"verdict":"allow"`):
		t.Errorf("%s: exit %d: %s", what, code, out)
	case code == s.exit && strings.Contains(out, deniedFor[code]):
		counted["decided anyway"]++
	default:
		counted["failed"]++
	}
	after, then := s.runGate()
	waits := s.exit == exitApproval && after == exitPolicy && then == "not_running" // the first one asked
	if !waits && (after != s.exit || then != deniedFor[after]) {
		t.Errorf("%s: exit %d, and then the same intent exits %d: %s", what, code, after, then)
	}
	if out, err := s.builtGait.command("gate", "list", "a", "--json").Output(); err != nil || !strings.Contains(string(out), `"grants":[]`) {
		t.Errorf("%s: gate list: %v: %s", what, err, out)
	}
}

// deniedFor are the reasons of answers by exit code, if nothing fails.
var deniedFor = map[int]string{exitPolicy: "policy_forbids", exitApproval: "policy_requires_approval"}

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
