package hook_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands/hook"
)

// What the hosts say, as their documentation shows it.
var said = []struct {
	host hook.Host
	text string
	want hook.Call
}{
	{
		hook.ClaudeCode,
		`{"session_id":"abc","transcript_path":"/t.jsonl","cwd":"/w","permission_mode":"default","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_use_id":"toolu_01"}`,
		hook.Call{Event: hook.Before, Tool: "Bash", Arguments: []byte(`{"command":"ls"}`), CallID: "toolu_01"},
	},
	{
		hook.ClaudeCode,
		`{"hook_event_name":"PostToolUse","tool_name":"mcp__bank__pay","tool_input":{},"tool_response":{"ok":true},"tool_use_id":"toolu_01","duration_ms":12}`,
		hook.Call{Event: hook.After, Tool: "mcp__bank__pay", Arguments: []byte(`{}`), CallID: "toolu_01", Response: []byte(`{"ok":true}`)},
	},
	{
		hook.ClaudeCode,
		`{"hook_event_name":"PostToolUseFailure","tool_name":"Bash","tool_input":{"command":"false"},"tool_use_id":"toolu_01","error":"exit 1","is_interrupt":true}`,
		hook.Call{Event: hook.Failed, Tool: "Bash", Arguments: []byte(`{"command":"false"}`), CallID: "toolu_01", Error: "exit 1", Interrupted: true},
	},
	{
		hook.Codex,
		`{"session_id":"abc","turn_id":"t","cwd":"/w","transcript_path":null,"model":"m","permission_mode":"default","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_response":"a\nb","tool_use_id":"call_1"}`,
		hook.Call{Event: hook.After, Tool: "Bash", Arguments: []byte(`{"command":"ls"}`), CallID: "call_1", Response: []byte(`"a\nb"`)},
	},
	{
		hook.Generic,
		`{"event":"before","tool":"pay","arguments":{"cents":500},"target":"acct/7"}`,
		hook.Call{Event: hook.Before, Tool: "pay", Arguments: []byte(`{"cents":500}`), Target: "acct/7"},
	},
	{
		hook.Generic,
		`{"event":"failed","tool":"pay","arguments":{},"call_id":"c","error":""}`,
		hook.Call{Event: hook.Failed, Tool: "pay", Arguments: []byte(`{}`), CallID: "c"},
	},
}

func TestParse(t *testing.T) {
	for _, tt := range said {
		got, err := tt.host.Parse([]byte(tt.text))
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("Parse of %s: %v (-want +got)\n%s", tt.text, err, diff)
		}
	}
}

// Generic has no members but its own, and a call of it that was made has a name.
func TestGenericIsStrict(t *testing.T) {
	for _, text := range []string{
		`{"event":"before","tool":"pay","arguments":{},"result":1}`,
		`{"event":"before","tool":"pay","arguments":{},"call_id":""}`,
		`{"event":"before","tool":"pay","arguments":{},"target":""}`,
		`{"event":"before","tool":"pay","arguments":{},"job_id":"job_2"}`,
		`{"event":"after","tool":"pay","arguments":{},"result":1}`,
		`{"event":"after","tool":"pay","arguments":{},"call_id":"c"}`,
		`{"event":"failed","tool":"pay","arguments":{},"call_id":"c","interrupted":null}`,
	} {
		if got, err := hook.Generic.Parse([]byte(text)); !errors.As(err, new(*hook.InputError)) {
			t.Errorf("Parse of %s = %+v, %v, want an *InputError", text, got, err)
		}
	}
}

func TestIntent(t *testing.T) {
	c := hook.Call{Tool: "pay", Arguments: []byte(`{ "cents": 5e2 }`), Target: `a"b`}
	if got, want := string(c.Intent()), `{"tool":"pay","arguments":{ "cents": 5e2 },"target":"a\"b"}`; got != want {
		t.Errorf("the intent is %s, want %s", got, want)
	}
}

// Only an answer that is yes ends with 0 and without a reason.
func TestOutput(t *testing.T) {
	for _, host := range hook.Hosts {
		yes := host.Output(hook.Answer{OK: true, Event: hook.Before, Tool: "pay", Grant: "g"})
		if yes.Exit != 0 || yes.Stderr != "" || yes.Instead != "" || (yes.Stdout != "") != (host == hook.Generic) {
			t.Errorf("%s is told yes by %+v", host, yes)
		}
		for _, no := range []hook.Answer{{}, {Event: hook.Before, Reason: "\n\x1b\n"}, {Event: hook.After, Reason: "not kept\nnow"}, {Event: hook.Failed, Grant: "g"}} {
			got := host.Output(no)
			if got.Exit != 2 || strings.Count(got.Stderr, "\n") != 1 || len(got.Stderr) < 12 || strings.Contains(got.Stdout, `"allow"`) {
				t.Errorf("%s is told no by %+v", host, got)
			}
			if got.Instead != "" && (host != hook.Codex || !strings.Contains(got.Instead, `"permissionDecision":"deny"`)) {
				t.Errorf("%s is told no by %+v", host, got)
			}
		}
	}
	if got := hook.Codex.Output(hook.Answer{Event: hook.Before, Reason: `a "b"`}).Instead; !json.Valid([]byte(got)) {
		t.Errorf("what Codex is told instead is %s", got)
	}
}

// What is read is an intent of one tool, whatever the host has said.
func FuzzParse(f *testing.F) {
	for _, tt := range said {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, host := range hook.Hosts {
			c, err := host.Parse([]byte(text))
			if err != nil {
				continue
			}
			var in struct {
				Tool      string
				Arguments map[string]json.RawMessage
				Target    string
			}
			if err := json.Unmarshal(c.Intent(), &in); err != nil || in.Tool != c.Tool || in.Target != c.Target || !json.Valid(c.Result()) && c.Event != hook.Before {
				t.Errorf("%s: the intent of %q is %s, %v", host, text, c.Intent(), err)
			}
		}
	})
}
