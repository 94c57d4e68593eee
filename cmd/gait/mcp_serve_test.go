package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// serveSteps runs a scenario of an official client with gait mcp serve, and returns what came of
// each step, by its name.
func serveSteps(t *testing.T, g builtGait, generation, scenario string, flags ...string) map[string]map[string]any {
	t.Helper()
	npm := needNPM(t)
	file := filepath.Join(g.dir, "policy.cedar")
	policy := `permit (principal, action == Action::"read", resource);
@gait_verdict("require_approval") permit (principal, action == Action::"pay", resource);`
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{filepath.Join(npm, "test", "mcp", "serve.mjs"), generation, scenario, g.path}, flags...)
	cmd := exec.Command("node", append(args, "--policy", file, "--actor", "agent")...)
	cmd.Dir, cmd.Env = g.dir, append(slices.Clone(g.env), "POLICY="+file)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the client: %v\n%s\n%s", err, out, said.String())
	}
	steps := map[string]map[string]any{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var s struct {
			Step   string
			Result any
			Error  string
		}
		switch err := d.Decode(&s); {
		case errors.Is(err, io.EOF):
			return steps
		case err != nil:
			t.Fatal(err)
		}
		fields, isObject := s.Result.(map[string]any)
		if !isObject {
			fields = map[string]any{"is": s.Result}
		}
		if s.Error != "" {
			fields["error"] = s.Error
		}
		steps[s.Step] = fields
	}
}

// wantSteps compares members of steps.
func wantSteps(t *testing.T, steps map[string]map[string]any, want map[string]map[string]any) {
	t.Helper()
	for step, fields := range want {
		for name, value := range fields {
			if got := steps[step][name]; fmt.Sprint(got) != fmt.Sprint(value) {
				t.Errorf("step %s: %s is %v, want %v: %v", step, name, got, value, steps[step])
			}
		}
	}
}

// The official clients, of both generations of the protocol, do a job from its submission to its
// end. Their users are shown where to decide, and only people decide.
func TestMCPServeOfficialClients(t *testing.T) {
	for _, generation := range []string{"v1", "v2"} {
		t.Run(generation, func(t *testing.T) {
			steps := serveSteps(t, newGait(t), generation, "job")
			wantSteps(t, steps, map[string]map[string]any{
				"submit":        {"isError": false, "status": "running"},
				"checkpoint":    {"isError": false, "checkpoint_id": "cp_0001"},
				"allowed":       {"isError": false, "verdict": "allow", "reason_code": "policy_permits"},
				"settled":       {"isError": false, "unsettled": nil},
				"done":          {"isError": true, "verdict": "block", "reason_code": "already_done"},
				"forbidden":     {"isError": true, "verdict": "block", "reason_code": "policy_permits_none", "grant": nil},
				"asked":         {"isError": true, "verdict": "require_approval", "checkpoint_id": "cp_0002", "grant": nil},
				"waits":         {"isError": true, "verdict": "block", "reason_code": "not_running"},
				"approved":      {"isError": false, "verdict": "allow", "reason_code": "approved"},
				"settled again": {"isError": false, "unsettled": nil},
				"decision":      {"checkpoint_id": "cp_0003", "status": "decision_needed"},
				"too early":     {"isError": true},
				"completed":     {"isError": false, "status": "completed"},
				"status":        {"status": "completed", "last_checkpoint": "ended"},
				"resource":      {"is": "completed"},
				"events":        {"is": 17},
			})
			for step, cp := range map[string]string{"shown": "cp_0002", "shown again": "cp_0003"} {
				switch shown := fmt.Sprint(steps[step]["is"]); {
				case strings.Count(shown, "mode:url") != 1, !strings.Contains(shown, "url:gait://jobs/j1/decisions/"+cp),
					!strings.Contains(shown, "gait job approve --id j1 --checkpoint "+cp), strings.Contains(shown, "requestedSchema"):
					t.Errorf("the user was shown %s", shown)
				}
			}
			if !strings.Contains(fmt.Sprint(steps["no tool"]["error"]), "unknown tool") {
				t.Errorf("a tool that approves: %v", steps["no tool"])
			}
		})
	}
}

// A job is a task of the client that implements the extension. The server is killed while the job
// runs, and again while it waits for a person.
func TestMCPServeTasks(t *testing.T) {
	steps := serveSteps(t, newGait(t), "v2", "tasks")
	wantSteps(t, steps, map[string]map[string]any{
		"begun":             {"kind": "task", "id": "t1", "status": "working", "retentionMs": nil},
		"still":             {"is": "input_required"},
		"working":           {"is": "working"},
		"completed":         {"status": "completed", "isError": false},
		"failed job":        {"status": "completed", "isError": true},
		"stopped":           {"status": "failed", "code": -32000},
		"cancelled":         {"status": "cancelled"},
		"another's":         {"error": "there is no such task"},
		"cancel another's":  {"error": "there is no such task"},
		"none":              {"error": "there is no such task"},
		"undeclared submit": {"kind": "result"},
	})
	if shown := fmt.Sprint(steps["input_required"]["is"]); strings.Count(shown, "key:cp_0001") != 1 || !strings.Contains(shown, "mode:url") {
		t.Errorf("the client was asked %s", shown)
	}
	if lacks := fmt.Sprint(steps["undeclared"]); !strings.Contains(lacks, "-32021") || !strings.Contains(lacks, "requiredCapabilities:map[extensions:map[io.modelcontextprotocol/tasks:map[]]]") {
		t.Errorf("a client that does not declare tasks is answered %s", lacks)
	}
	if submitted := fmt.Sprint(steps["undeclared submit"]); strings.Contains(submitted, "taskId") || !strings.Contains(submitted, "job_id:t6") {
		t.Errorf("a job_submit of a client that does not declare tasks is answered %s", submitted)
	}
}

// An mcpDaemon is a daemon that serves MCP at an address, to an agent that has a token of its own.
type mcpDaemon struct {
	builtGait
	address, own, agents string // where it listens, the user's token, and the one of agents
	stop                 func()
}

func serveMCP(t *testing.T, flags ...string) *mcpDaemon {
	t.Helper()
	g := newGait(t)
	policy, own, agents := filepath.Join(g.dir, "served.cedar"), filepath.Join(g.dir, "own.token"), filepath.Join(g.dir, "agent.token")
	rules := `permit (principal, action == Action::"read", resource);
@gait_verdict("require_approval") permit (principal, action == Action::"pay", resource);`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	d := g.serve(append([]string{"--listen", address, "--token-file", own, "--mcp-policy", policy, "--mcp-token-file", agents, "--mcp-actor", "agent"}, flags...)...)
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	return &mcpDaemon{builtGait: g, address: address, own: read(own), agents: read(agents), stop: func() { d.stop() }}
}

// ask sends a request, and returns what it is answered.
func (d *mcpDaemon) ask(client *http.Client, url, token, body string, header ...string) (int, string) {
	d.t.Helper()
	q, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	r, err := client.Do(q)
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// A daemon serves MCP to an agent, by the official clients of both generations, as the actor of its
// token.
func TestServeMCP(t *testing.T) {
	for _, generation := range []string{"v1", "v2"} {
		t.Run(generation, func(t *testing.T) {
			d := serveMCP(t)
			d.env = append(slices.Clone(d.env), "MCP_URL=http://"+d.address+mcpPath, "MCP_TOKEN="+d.agents)
			// The daemon's policy and the one of the scenario are the same text.
			steps := serveSteps(t, d.builtGait, generation, "job")
			wantSteps(t, steps, map[string]map[string]any{
				"submit":    {"isError": false, "status": "running"},
				"allowed":   {"isError": false, "verdict": "allow"},
				"forbidden": {"isError": true, "verdict": "block"},
				"asked":     {"isError": true, "verdict": "require_approval", "checkpoint_id": "cp_0002"},
				"waits":     {"isError": true, "verdict": "block", "reason_code": "not_running"},
				"approved":  {"isError": false, "verdict": "allow", "reason_code": "approved"},
				"completed": {"isError": false, "status": "completed"},
			})
			if said := fmt.Sprint(steps["asked"]["text"]); !strings.Contains(said, "gait://jobs/j1/decisions/cp_0002") {
				t.Errorf("where to decide is not said: %s", said)
			}
			if shown := fmt.Sprint(steps["shown"]["is"]); generation == "v2" && (!strings.Contains(shown, "mode:url") || strings.Contains(shown, "--root") || strings.Contains(shown, d.dir)) {
				t.Errorf("the user was shown %s", shown)
			}
			out, err := d.command("job", "inspect", "j1", "--json").Output()
			if err != nil || !strings.Contains(string(out), `"actor":"agent"`) {
				t.Errorf("the job is not the agent's: %s, %v", out, err)
			}
			d.stop()
		})
	}
}

// What an agent holds opens /mcp alone, as its actor, and what its user holds is refused there.
func TestServeMCPTokens(t *testing.T) {
	dir := t.TempDir()
	if err := writeCertificates(dir); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	encrypted := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	const submit = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"job_submit","arguments":{"job_id":"j1"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
	const version, method, tool = "2026-07-28", "tools/call", "job_submit"
	form := []string{"MCP-Protocol-Version", version, "Mcp-Method", method, "Mcp-Name", tool}
	for name, flags := range map[string][]string{"http": nil, "https": {"--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem")}} {
		t.Run(name, func(t *testing.T) {
			d := serveMCP(t, flags...)
			defer d.stop()
			client, at := http.DefaultClient, name+"://"+d.address
			if name == "https" {
				client = encrypted
			}
			for what, tt := range map[string]struct {
				path, token string
				header      []string
				code        int
				says        string
			}{
				"no token":                  {mcpPath, "", nil, http.StatusUnauthorized, "token_invalid"},
				"the user's token":          {mcpPath, d.own, nil, http.StatusForbidden, "--mcp-token-file"},
				"the user's token, named":   {mcpPath, d.own, []string{actorHeader, "boss"}, http.StatusForbidden, "token_path"},
				"a command":                 {"/v1/commands", d.agents, nil, http.StatusForbidden, "token_path"},
				"the gate":                  {"/v1/gate", d.agents, nil, http.StatusForbidden, "token_path"},
				"jobs":                      {"/v1/jobs", d.agents, nil, http.StatusForbidden, "token_path"},
				"MCP as somebody else":      {mcpPath, d.agents, []string{actorHeader, "boss"}, http.StatusForbidden, "token_actor"},
				"MCP from a page":           {mcpPath, d.agents, []string{"Origin", "https://evil.example"}, http.StatusForbidden, "foreign_request"},
				"MCP with half of a token":  {mcpPath, d.agents[:32], nil, http.StatusUnauthorized, "token_invalid"},
				"a path below with a token": {mcpPath + "/x", d.agents, nil, http.StatusForbidden, "token_path"},
			} {
				if code, said := d.ask(client, at+tt.path, tt.token, submit, append(slices.Clone(form), tt.header...)...); code != tt.code || !strings.Contains(said, tt.says) {
					t.Errorf("%s: answered %d %s, want %d with %s", what, code, said, tt.code, tt.says)
				}
			}
			if code, said := d.ask(client, at+mcpPath, d.agents, submit, form...); code != http.StatusOK || !strings.Contains(said, `"job_id":"j1"`) {
				t.Errorf("MCP with the token of agents: answered %d %s", code, said)
			}
			if name == "https" { // a proxy, or a tunnel, gives it another name
				_, port, _ := net.SplitHostPort(d.address)
				named := &http.Client{Transport: &http.Transport{
					TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"},
					DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
						return new(net.Dialer).DialContext(ctx, network, d.address)
					},
				}}
				if code, said := d.ask(named, "https://gait.example:"+port+mcpPath, d.agents, submit, form...); code != http.StatusOK {
					t.Errorf("under another name: answered %d %s", code, said)
				}
			}
		})
	}
}

// What a token does not allow, no tool does for its holder, and no client acts as another actor.
func TestServeMCPForHolders(t *testing.T) {
	refuse := errors.New("refused")
	d := &claimDesk{app: newApp(nil), actor: "agent", admits: func(r commands.Request) error {
		if r.Actor != "agent" {
			t.Errorf("%T is asked for by %q", r.Command, r.Actor)
		}
		return refuse
	}}
	if _, err := d.Do(t.Context(), commands.Request{JobID: "j1", Actor: "boss", Command: commands.Cancel{}}); !errors.Is(err, refuse) {
		t.Errorf("a command: %v", err)
	}
	if a, _ := d.Ask(t.Context(), connect.GateQuestion{JobID: "j1", Actor: "boss", Tool: "read", Intent: []byte(`{"tool":"read","arguments":{}}`)}); a.Verdict != ledger.GateBlock {
		t.Errorf("the gate answers %+v", a)
	}
	if _, err := d.Settle(t.Context(), connect.Settlement{JobID: "j1", Actor: "boss", Grant: "01M8RKSJF74B1GTB700M3AWXBK", Outcome: ledger.EffectDone}); !errors.Is(err, refuse) {
		t.Errorf("a settlement: %v", err)
	}
}
