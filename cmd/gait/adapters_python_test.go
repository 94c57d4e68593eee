package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// adapterWorkers are workers with one call of a tool, which leaves the file ran, behind the
// adapters for frameworks of Python, against the doubles of these.
var adapterWorkers = map[string]string{
	"langchain": `import gait, langchain_gait
from langchain.agents import ToolCallRequest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
@tool
def post(step: int):
    """Posts."""
    open("ran", "a").close()
with gait.job() as job:
    request = ToolCallRequest({"name": "post", "args": {"step": 1}, "id": "call_1"}, post)
    def handler(request):
        return ToolMessage(str(post.func(**request.tool_call["args"])), "call_1")
    print(langchain_gait.GaitMiddleware(job).wrap_tool_call(request, handler))
`,
	"langchain_async": `import asyncio, gait, langchain_gait
from langchain.agents import ToolCallRequest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
@tool
def post(step: int):
    """Posts."""
    open("ran", "a").close()
with gait.job() as job:
    request = ToolCallRequest({"name": "post", "args": {"step": 1}, "id": "call_1"}, post)
    async def handler(request):
        return ToolMessage(str(post.func(**request.tool_call["args"])), "call_1")
    print(asyncio.run(langchain_gait.GaitMiddleware(job).awrap_tool_call(request, handler)))
`,
	"crewai": `import crewai, crewai_gait, gait
from crewai.tools import tool
@tool
def post(step: int):
    """Posts."""
    open("ran", "a").close()
with gait.job() as job, crewai_gait.Guard(job) as guard:
    print(crewai.react_call(guard.tools(post), "post", {"step": 1}))
`,
	"openai": `import asyncio, double, sys
sys.modules["agents"] = double
import gait, openai_agents_gait
def post(step: int) -> str:
    """Posts."""
    open("ran", "a").close()
class Script(double.Model):
    async def get_response(self, instructions, input, *args, **kwargs):
        if any(item.get("type") == "function_call_output" for item in input):
            said = double.ResponseOutputMessage("m", [double.ResponseOutputText("done")])
        else:
            said = double.ResponseFunctionToolCall('{"step": 1}', "call_1", "post")
        return double.ModelResponse([said], double.Usage())
    def stream_response(self, *args, **kwargs):
        raise NotImplementedError
with gait.job() as job:
    host = openai_agents_gait.Host(job)
    print(asyncio.run(host.run(double.Agent("a", tools=[host.tool(post)], model=Script()), "go")).final_output)
`,
}

// An adapterRun is a worker behind an adapter, with what stands for gait.
type adapterRun struct {
	t   *testing.T
	dir string
}

func newAdapterRun(t *testing.T, worker, answer, exit string) adapterRun {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	r := adapterRun{t: t, dir: t.TempDir()}
	for name, text := range map[string]string{"worker.py": worker, "gait": kitGait, "answer": answer, "exit": exit} {
		r.write(name, text)
	}
	return r
}

func (r adapterRun) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // one is a program
		r.t.Fatal(err)
	}
}

// run returns whether the tool ran, the exit code of the worker and what it said.
func (r adapterRun) run() (bool, int, string) {
	r.t.Helper()
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		r.t.Fatal(err)
	}
	path := []string{filepath.Join(examples, "python"), filepath.Join(examples, "python", "doubles"), filepath.Join(examples, "integrations", "openai_agents")}
	cmd := exec.Command("python3", "worker.py")
	cmd.Dir = r.dir
	cmd.Env = append(cmd.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+strings.Join(path, string(os.PathListSeparator)),
		"GAIT_JOB=job_1", "GAIT_LEASE=1", "GAIT_BIN="+filepath.Join(r.dir, "gait"), "GAIT_ROOT="+filepath.Join(r.dir, "ledger"))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	_, missing := os.Stat(filepath.Join(r.dir, "ran"))
	return missing == nil, cmd.ProcessState.ExitCode(), string(out)
}

// adapterAllow is an answer of gate eval that allows the call.
const adapterAllow = `{"ok":true,"verdict":"allow","operation":"eval","job_id":"job_1","call_id":"CALL","tool":"post","grant":"01M8RKSJF74B1GTB700M3AWXBK","reason_code":"policy_permits","schema_id":"gait.gate.output","schema_version":"1.0.0"}`

// Whatever gait answers, no adapter runs a tool but after a full, well formed yes to this very call.
func TestAdaptersInPythonFailClosed(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of processes")
	}
	with := func(words ...string) string { return strings.NewReplacer(words...).Replace(adapterAllow) }
	answers := map[string]struct{ answer, exit string }{
		"nothing":           {"", "0"},
		"truncated":         {adapterAllow[:len(adapterAllow)-1], "0"},
		"no JSON":           {"allow", "0"},
		"a list":            {"[" + adapterAllow + "]", "0"},
		"another schema":    {with("gait.gate.output", "gait.job.output"), "0"},
		"another job":       {with("job_1", "job_2"), "0"},
		"another call":      {with("CALL", "call_0"), "0"},
		"another tool":      {with(`"post"`, `"drop"`), "0"},
		"no grant":          {with(`"grant":"01M8RKSJF74B1GTB700M3AWXBK",`, ""), "0"},
		"not ok":            {with(`"ok":true`, `"ok":false`), "0"},
		"unknown verdict":   {with(`"allow"`, `"permit"`), "0"},
		"block with exit 0": {with(`"allow"`, `"block"`), "0"},
		"allow with exit 3": {adapterAllow, "3"},
		"killed":            {adapterAllow, "killed"},
		"absent":            {adapterAllow, "absent"},
		"forbidden":         {with(`"allow"`, `"block"`, `"ok":true`, `"ok":false`, "policy_permits", "policy_forbids"), "3"},
		"must be approved":  {with(`"allow"`, `"require_approval"`, `"ok":true`, `"ok":false`, "policy_permits", "policy_requires_approval"), "4"},
		"fenced":            {with(`"allow"`, `"block"`, `"ok":true`, `"ok":false`, "policy_permits", "fenced"), "3"},
	}
	for adapter, worker := range adapterWorkers {
		t.Run(adapter, func(t *testing.T) {
			t.Parallel()
			if ran, code, said := newAdapterRun(t, worker, adapterAllow, "0").run(); !ran || code != 0 {
				t.Fatalf("the tool ran: %t, although it was allowed; the worker exits %d\n%s", ran, code, said)
			}
			for name, tt := range answers {
				r := newAdapterRun(t, worker, tt.answer, tt.exit)
				switch tt.exit {
				case "killed":
					r.write("dies", "")
				case "absent":
					if err := os.Remove(filepath.Join(r.dir, "gait")); err != nil {
						t.Fatal(err)
					}
				}
				ran, code, said := r.run()
				if ran {
					t.Errorf("%s: the tool ran\n%s", name, said)
				}
				if code == 0 && name != "forbidden" { // the agent is told that it may not, and goes on
					t.Errorf("%s: the worker ends as if all were well\n%s", name, said)
				}
				if name == "must be approved" && code != 75 && !strings.HasPrefix(adapter, "langchain") { // there is no graph that pauses
					t.Errorf("%s: the worker exits %d, want 75\n%s", name, code, said)
				}
			}
		})
	}
}
