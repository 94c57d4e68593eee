package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An mcpStep is what came of one step of a client.
type mcpStep struct {
	Step   string          `json:"step"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

func (s mcpStep) String() string { return string(s.Result) + s.Error }

// An mcpClient runs the official clients of MCP, of both generations of the protocol.
type mcpClient struct {
	builtGait

	npm  string
	seen string // a file with what the server has read
}

func newMCPClient(t *testing.T) *mcpClient {
	t.Helper()
	npm := needNPM(t)
	c := &mcpClient{builtGait: newGait(t), npm: npm}
	c.seen = filepath.Join(c.dir, "seen")
	return c
}

// server returns the command line of a server of npm that writes down what it reads.
func (c *mcpClient) server(name string, args ...string) []string {
	program := filepath.Join(c.npm, "node_modules", "@modelcontextprotocol", name, "dist", "index.js")
	return append([]string{"sh", "-c", `tee -a "$0" | node "$@"`, c.seen, program}, args...)
}

// behind returns the command line of a server that stands behind the gate, under a policy.
func (c *mcpClient) behind(policy string, server []string, flags ...string) []string {
	c.t.Helper()
	file := filepath.Join(c.dir, "policy.cedar")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		c.t.Fatal(err)
	}
	line := append([]string{c.path, "mcp", "proxy", "--policy", file, "--name", "s", "--actor", "agent"}, flags...)
	return append(append(line, "--"), server...)
}

// run runs a scenario of a client with a server, and returns what came of each step.
func (c *mcpClient) run(generation, scenario string, server []string, env ...string) (steps []mcpStep) {
	c.t.Helper()
	cmd := exec.Command("node", append([]string{filepath.Join(c.npm, "test", "mcp", "proxy.mjs"), generation, scenario}, server...)...)
	cmd.Dir, cmd.Env = c.dir, append(slices.Clone(c.env), env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("the client: %v\n%s\n%s", err, out, said.String())
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var s mcpStep
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			return steps
		} else if err != nil {
			c.t.Fatal(err)
		}
		steps = append(steps, s)
	}
}

// ran returns which calls of tools have reached the server.
func (c *mcpClient) ran() string {
	c.t.Helper()
	b, err := os.ReadFile(c.seen)
	if err != nil {
		c.t.Fatal(err)
	}
	var calls []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, `"tools/call"`) {
			calls = append(calls, line)
		}
	}
	return strings.Join(calls, "")
}

// The reference server, which does all that MCP has, is the same to its clients with the gate
// before it, but for what the gate blocks and does not pass.
func TestMCPProxyEverything(t *testing.T) {
	for _, generation := range []string{"v1", "v2"} {
		t.Run(generation, func(t *testing.T) {
			c := newMCPClient(t)
			server := c.server("server-everything")
			plain := c.run(generation, "everything", server)
			if !strings.Contains(c.ran(), "get-env") {
				t.Fatal("what the server reads is not written down")
			}
			if err := os.Remove(c.seen); err != nil {
				t.Fatal(err)
			}
			through := c.run(generation, "everything", c.behind(`permit (principal, action, resource == Target::"mcp:s") unless { action == Action::"mcp:s/get-env" };`, server))
			differs := map[string]mcpStep{}
			for i, s := range plain {
				if i >= len(through) || through[i].Step != s.Step {
					t.Fatalf("step %s is missing with the gate before the server", s.Step)
				}
				if through[i].String() != s.String() {
					differs[s.Step] = through[i]
				}
			}
			delete(differs, "progress") // depends on when the last report comes
			if got := strings.Join(slices.Sorted(maps.Keys(differs)), " "); got != "get-env server tools" {
				t.Errorf("these steps differ: %s", got)
			}
			if s := differs["tools"].String(); strings.Contains(s, "simulate-research-query") || !strings.Contains(s, "get-env") {
				t.Errorf("the tools are %s", s)
			}
			if s := differs["get-env"].String(); !strings.Contains(s, "policy_permits_none") || !strings.Contains(s, `"isError":true`) {
				t.Errorf("what is blocked is answered %s", s)
			}
			if s := differs["server"].String(); strings.Contains(s, "tasks") {
				t.Errorf("the server can do %s", s)
			}
			if ran := c.ran(); strings.Contains(ran, "get-env") || !strings.Contains(ran, "get-sum") {
				t.Errorf("these calls have reached the server:\n%s", ran)
			}
		})
	}
}

// The reference server for files does what the policy permits, and nothing else.
func TestMCPProxyFiles(t *testing.T) {
	c := newMCPClient(t)
	dir := filepath.Join(c.dir, "files")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "a.txt"), []byte("hello"), 0o600)); err != nil {
		t.Fatal(err)
	}
	const policy = `permit (principal, action == Action::"mcp:s/read_text_file", resource);
permit (principal, action == Action::"mcp:s/write_file", resource) when { context.arguments.path like "*/allowed.txt" };
@gait_verdict("require_approval")
permit (principal, action == Action::"mcp:s/create_directory", resource);`
	line := c.behind(policy, c.server("server-filesystem", dir), "--auto-resume")
	steps := c.run("v1", "files", line, "DIR="+dir)
	for i, want := range []string{"create_directory", "hello", "ENOENT", "Successfully wrote", "policy_permits_none", "require_approval", "not_running"} {
		if got := steps[i].String(); !strings.Contains(got, want) {
			t.Errorf("step %d, %s, is %s, want %s", i, steps[i].Step, got, want)
		}
	}
	there := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	if !there("allowed.txt") || !there("a.txt") || there("gone.txt") || there("new") {
		t.Error("the server has done something else than was allowed")
	}
	if ran := c.ran(); strings.Contains(ran, "move_file") || strings.Contains(ran, "create_directory") {
		t.Errorf("these calls have reached the server:\n%s", ran)
	}
	c.must("job", "approve", "--id", "mcp-s", "--actor", "boss")
	steps = c.run("v2", "files", line, "DIR="+dir)
	if got := steps[5].String(); !strings.Contains(got, "Successfully created") || !there("new") {
		t.Errorf("what was approved is %s", got)
	}
	if got := steps[6].String(); !strings.Contains(got, "require_approval") {
		t.Errorf("the next call is %s", got)
	}
}

// If gait is killed while a tool runs, the server ends with it, and the same call is blocked.
func TestMCPProxyKilled(t *testing.T) {
	c := newGait(t)
	for name, text := range map[string]string{
		"policy.cedar": "permit (principal, action, resource);",
		"server.sh": `echo $$ >pid
while read -r line; do
  id=$(printf '%s' "$line" | sed 's/.*"id":\([^,}]*\).*/\1/')
  case $line in
  *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"pay"}]}}\n' "$id" ;;
  *) echo "$line" >>ran; sleep 600 ;;
  esac
done
`,
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"cents":5}}}` + "\n"
	cmd := c.command("mcp", "proxy", "--policy", "policy.cedar", "--name", "s", "--actor", "agent", "--", "sh", "server.sh")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = io.WriteString(in, call)
	}
	if err != nil {
		t.Fatal(err)
	}
	waitFor := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it took too long until %s", what)
			}
		}
	}
	waitFor("the tool runs", func() bool { _, err := os.Stat(filepath.Join(c.dir, "ran")); return err == nil })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	var pid int
	if b, err := os.ReadFile(filepath.Join(c.dir, "pid")); err != nil {
		t.Fatal(err)
	} else if _, err := fmt.Sscan(string(b), &pid); err != nil {
		t.Fatal(err)
	}
	waitFor("the server has ended", func() bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) })

	cmd = c.command("mcp", "proxy", "--name", "s", "--actor", "agent", "--", "sh", "server.sh")
	cmd.Stdin = strings.NewReader(call)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "effects_unsettled") {
		t.Errorf("the same call, after the crash, is answered %s %v", out, err)
	}
	if b, err := os.ReadFile(filepath.Join(c.dir, "ran")); err != nil || strings.Count(string(b), "\n") != 1 {
		t.Errorf("the tool has run for %q", b)
	}
}

// What a call costs, beside the same without the gate; for docs/figures.md, with -v.
func TestMCPProxySpeed(t *testing.T) {
	c := newMCPClient(t)
	calls := "CALLS=1000"
	if testing.Short() {
		calls = "CALLS=20"
	}
	const policy = "permit (principal, action, resource);"
	server := []string{"node", filepath.Join(c.npm, "node_modules", "@modelcontextprotocol", "server-everything", "dist", "index.js")}
	t.Logf("floor: a write and sync of 4 KiB takes %v", syncFloor(t, filepath.Join(c.dir, "floor")))
	t.Logf("no proxy: %v", c.run("v1", "speed", server, calls))
	t.Logf("no daemon: %v", c.run("v1", "speed", c.behind(policy, server), calls))
	d := c.serve()
	t.Logf("through a daemon: %v", c.run("v1", "speed", c.behind(policy, server), calls))
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}

// syncFloor returns how long a write and sync of 4 KiB takes, at the median.
func syncFloor(t *testing.T, path string) time.Duration {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	took := make([]time.Duration, 51)
	for i := range took {
		began := time.Now()
		if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// The name that a server has by default is that of what runs, not of a file that many have.
func TestMCPServerName(t *testing.T) {
	for command, want := range map[string]string{
		"npx -y @modelcontextprotocol/server-filesystem /srv/data":     "server-filesystem",
		"npx -y @modelcontextprotocol/server-filesystem@2.1.0 /srv":    "server-filesystem",
		"node /x/node_modules/@m/server-filesystem/dist/index.js /srv": "server-filesystem",
		"python3 A/dist/index.py":                                      "A", "python3 B/src/server.py": "B", "python3 mail_server.py": "mail_server",
		"python3 -m mcp_server_fetch": "mcp_server_fetch", "uvx mcp-server-git": "mcp-server-git", "docker run -i --rm mcp/time": "time",
		"/usr/bin/python3 /opt/my.tool/main.py": "my.tool", "./server --stdio": "", "python3 index.py": "", "node dist/index.js": "", "npx": "",
	} {
		if got := mcpServerName(strings.Fields(command)); got != want {
			t.Errorf("the server of %s is %q, want %q", command, got, want)
		}
	}
	if got := mcpServerName([]string{"sh", "-c", "exec node a.js"}); got != "" {
		t.Errorf("the server of a script is %q", got)
	}
}
