package main

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gait/ledger/ledgertest"
	"gait/projection"
)

// transitions returns the rows of package projection's table, its head first,
// for each status alone. It writes a cell as the built binary shows it: the
// status that follows, "=" for the same, "=late" for recorded late, "no" for
// exit 6 and "no4" for exit 4.
func transitions(t testing.TB) (rows []string) {
	t.Helper()
	text, err := os.ReadFile("../../projection/testdata/transitions.txt")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"=approved": "=", "denied": string(projection.Blocked), "no!": "no4", "no:twice": "no"}
	for line := range strings.Lines(string(text)) {
		cells := strings.Fields(line)
		if strings.Contains(cells[0], ",") { // a status in which decisions wait
			continue
		}
		for i, cell := range cells {
			cells[i] = cmp.Or(shown[cell], cell)
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows
}

// reasons gives the stop reason and reason code of a job that has just got into
// a status by a command of the table.
var reasons = map[string][2]string{
	"running":           {"none", "resumed"},
	"paused":            {"paused_by_user", "paused"},
	"decision_needed":   {"decision_needed", "decision_needed"},
	"blocked":           {"blocked", "blocked"},
	"completed":         {"completed", "completed"},
	"failed":            {"failed", "failed"},
	"cancelled":         {"cancelled_by_user", "cancelled"},
	"emergency_stopped": {"emergency_stopped", "emergency_stop_preempted"},
}

// into names the column that brings a job into a status; "" is submit alone.
var into = map[string]string{
	"running": "", "paused": "pause", "decision_needed": "decision-needed", "blocked": "blocked",
	"completed": "completed", "failed": "failed", "cancelled": "cancel", "emergency_stopped": "stop",
}

// columnArgs is the command line of a column for a job.
func columnArgs(column, id string) []string {
	args := []string{"job", column, "--id", id, "--actor", "worker", "--json"}
	switch column {
	case "approve", "deny":
		args[5] = "reviewer"
	case "erase": // what checkCell has attached
		args[0] = "content"
		args = append(args, "--reason", "personal data")
	case "hold":
		args[1] = "pause"
		args = append(args, "--hold")
	case "plan", "progress", "decision-needed", "blocked", "completed", "failed":
		args = append([]string{"job", "checkpoint", "add", "--type", column, "--summary", "about " + column}, args[2:]...)
		if column == "decision-needed" {
			args = append(args, "--required-action", "decide")
		}
	}
	return args
}

// A jsonOutput is the JSON output of a command.
type jsonOutput struct {
	OK        bool   `json:"ok"`
	Error     string `json:"error"`
	ErrorCode string `json:"error_code"`
	Retryable bool   `json:"retryable"`
	Job       struct {
		Status       string `json:"status"`
		StopReason   string `json:"stop_reason"`
		ReasonCode   string `json:"status_reason_code"`
		Revision     int64  `json:"revision"`
		RefusalCount int64  `json:"refusal_count"`
	} `json:"job"`
	Receipt struct {
		Seq      int64 `json:"seq"`
		Revision int64 `json:"revision"`
	} `json:"receipt"`
}

// A builtGait is the built gait with a home and a root of its own.
type builtGait struct {
	t    testing.TB
	path string
	env  []string
	dir  string
}

func newGait(t testing.TB) builtGait {
	t.Helper()
	path, err := exec.LookPath("gait")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	schemas, err := filepath.Abs("schemas")
	if err != nil {
		t.Fatal(err)
	}
	return builtGait{t: t, path: path, dir: dir, env: append(os.Environ(), "GAIT_HOME="+filepath.Join(dir, "home"), "GAIT_TEST_SCHEMAS="+schemas)}
}

func (b builtGait) command(args ...string) *exec.Cmd {
	cmd := exec.Command(b.path, args...)
	cmd.Dir, cmd.Env = b.dir, b.env
	return cmd
}

// run runs a command line and returns its exit code and its JSON output.
func (b builtGait) run(args ...string) (int, jsonOutput) {
	b.t.Helper()
	cmd := b.command(args...)
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		b.t.Fatal(err)
	}
	var said jsonOutput
	if err := json.Unmarshal(out, &said); err != nil {
		b.t.Fatalf("gait %s prints %q: %v", strings.Join(args, " "), out, err)
	}
	return cmd.ProcessState.ExitCode(), said
}

// Each cell takes five processes, so go test tries a sample of them.
func TestTransitionTable(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred processes")
	}
	t.Parallel()
	b := newGait(t)
	lines := transitions(t)
	columns := strings.Fields(lines[0])[1:]
	var cells [][3]string // from, column, what is wanted
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		for i, want := range fields[1:] {
			cells = append(cells, [3]string{fields[0], columns[i], want})
		}
	}
	tried := ledgertest.Pick(t, cells, 20)
	for n, cell := range tried {
		checkCell(b, "job_"+strconv.Itoa(n+1), cell[0], cell[1], cell[2])
	}
	if code, _ := b.run("ledger", "verify", "--json"); code != 0 {
		t.Errorf("ledger verify after %d cells exits %d", len(tried), code)
	}
	t.Logf("%d of %d cells", len(tried), len(cells))
}

func checkCell(b builtGait, id, from, column, want string) {
	t := b.t
	t.Helper()
	if code, _ := b.run("job", "submit", "--id", id, "--json"); code != 0 {
		t.Fatalf("submit exits %d", code)
	}
	args := columnArgs(column, id)
	if column == "erase" {
		args = append(args, b.attach(id))
	}
	if into[from] != "" {
		if code, _ := b.run(columnArgs(into[from], id)...); code != 0 {
			t.Fatalf("getting %s into %s exits %d", id, from, code)
		}
	}
	_, before := b.run("job", "status", id, "--json")
	code, said := b.run(args...)
	_, after := b.run("job", "status", id, "--json")
	name := column + " of a job that is " + from
	if exit, refused := map[string]int{"no": 6, "no4": 4}[want]; refused {
		checkRefused(t, name, exit, code, said, before, after)
		return
	}
	status := want
	if strings.HasPrefix(want, "=") {
		status = from
	}
	reason := reasons[status]
	switch {
	case column == "approve":
		reason = [2]string{before.Job.StopReason, "approval_recorded"}
	case column == "deny":
		reason = [2]string{"decision_denied", "decision_denied"}
	case strings.HasPrefix(want, "="):
		reason = [2]string{before.Job.StopReason, before.Job.ReasonCode}
	}
	got := [3]string{after.Job.Status, after.Job.StopReason, after.Job.ReasonCode}
	if code != 0 || got != [3]string{status, reason[0], reason[1]} || after.Job.Revision != before.Job.Revision+1 {
		t.Errorf("%s exits %d and leads to %q at revision %d, want %q, %q at %d", name, code, got, after.Job.Revision, status, reason, before.Job.Revision+1)
	}
}

// attach attaches a file to a job, and returns its digest.
func (b builtGait) attach(id string) string {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "log"), []byte("personal data"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if code, _ := b.run("job", "checkpoint", "add", "--id", id, "--summary", "s", "--attach", filepath.Join(b.dir, "log"), "--json"); code != 0 {
		b.t.Fatalf("attaching a file exits %d", code)
	}
	out, err := b.command("content", "list", "--id", id, "--json").Output()
	if err != nil {
		b.t.Fatal(err)
	}
	var list struct {
		Contents []struct{ Digest string }
	}
	if err := json.Unmarshal(out, &list); err != nil || len(list.Contents) != 1 {
		b.t.Fatalf("content list prints %s", out)
	}
	return list.Contents[0].Digest
}

// checkRefused requires that a refusal is on the ledger, and changes no state and no
// revision.
func checkRefused(t testing.TB, name string, exit, code int, said, before, after jsonOutput) {
	t.Helper()
	wantCode := map[int]string{6: "invalid_transition", 4: "approval_required"}[exit]
	if code != exit || said.OK || said.ErrorCode != wantCode {
		t.Errorf("%s exits %d with %q, want %d with %q", name, code, said.ErrorCode, exit, wantCode)
	}
	before.Job.RefusalCount++
	if after.Job != before.Job || said.Receipt.Seq == 0 || said.Receipt.Revision != before.Job.Revision {
		t.Errorf("%s: the job is %+v and the receipt %+v, want %+v", name, after.Job, said.Receipt, before.Job)
	}
}
