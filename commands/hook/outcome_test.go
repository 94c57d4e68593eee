package hook_test

import (
	"strings"
	"testing"

	"gait/commands/hook"
)

// A call that was interrupted, goes on or failed is not known to be done, although its host says that it returned.
func TestDoubt(t *testing.T) {
	for _, tt := range []struct {
		host            hook.Host
		input, response string
		why             string // "": it is done
		ended           bool
	}{
		{hook.ClaudeCode, `{"command": "ls"}`, `{"stdout": "a", "stderr": "", "interrupted": false, "isImage": false, "backgroundTaskId": null}`, "", true},
		{hook.ClaudeCode, `{"command": "ls"}`, `{"stdout": "a", "interrupted": true}`, "interrupted", false},
		{hook.ClaudeCode, `{"command": "ls"}`, `{"stdout": "", "interrupted": true, "backgroundTaskId": "b1"}`, "interrupted", false},
		{hook.ClaudeCode, `{"command": "ls"}`, `{"stdout": "", "backgroundTaskId": "b1"}`, "background", false},
		{hook.ClaudeCode, `{"command": "ls", "run_in_background": true}`, `{"stdout": ""}`, "background", false},
		{hook.ClaudeCode, `{"prompt": "x"}`, `{"isAsync": true, "status": "async_launched", "agentId": "a1"}`, "background", false},
		{hook.ClaudeCode, `{"prompt": "x"}`, `{"status": "completed", "content": []}`, "", true},
		{hook.ClaudeCode, `{}`, `{"status": "ok", "status": "running"}`, "cannot be read", false},
		{hook.ClaudeCode, `{}`, `[{"type": "text", "text": "a"}]`, "", true},
		{hook.ClaudeCode, `{}`, `"a"`, "", true},
		{hook.Codex, `{"command": "false"}`, `"exit 1"`, "does not say", true},
		{hook.Codex, `{}`, `{"content": [], "isError": false}`, "", true},
		{hook.Codex, `{}`, `{"content": [], "isError": true}`, "failed", true},
		{hook.Codex, `{}`, `{"output": "", "exit_code": 1}`, "failed", true},
		{hook.Codex, `{}`, `{"output": "", "exit_code": 0}`, "", true},
		{hook.Codex, `{}`, `{"output": "", "session_id": 7}`, "background", false},
	} {
		c, err := tt.host.Parse([]byte(`{"hook_event_name": "PostToolUse", "tool_name": "T", "tool_use_id": "c", "tool_input": ` + tt.input + `, "tool_response": ` + tt.response + `}`))
		if err != nil {
			t.Fatal(err)
		}
		why, ended := tt.host.Doubt(c)
		if ended != tt.ended || (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
			t.Errorf("%s, %s after %s: %q, %v, want %q, %v", tt.host, tt.response, tt.input, why, ended, tt.why, tt.ended)
		}
	}
	c, err := hook.ClaudeCode.Parse([]byte(`{"hook_event_name": "PostToolUseFailure", "tool_name": "T", "tool_use_id": "c", "tool_input": {}, "error": "e", "is_interrupt": null}`))
	if why, ended := hook.ClaudeCode.Doubt(c); err != nil || why == "" || !ended {
		t.Errorf("a failure of which it is not said whether it was interrupted: %q, %v, %v", why, ended, err)
	}
}
