package hook_test

import (
	"errors"
	"strings"
	"testing"

	"gait/commands/hook"
)

// good are settings in which all is as it should be.
const good = `{"hooks": {
  "PreToolUse": [{"hooks": [{"type": "command", "command": "/opt/gait hook HOST --id job_1 || { [ $? = 2 ] || echo no >&2; exit 2; }", "timeout": 60, "onFailure": "block"}]}],
  "PostToolUse": [{"matcher": "*", "hooks": [{"type": "command", "command": "gait hook HOST --id job_1"}]}],
  "PostToolUseFailure": [{"matcher": "", "hooks": [{"type": "command", "command": "gait hook HOST --id job_1"}]}]}}`

// What is found in settings, and how bad it is.
func TestExamine(t *testing.T) {
	for _, tt := range []struct {
		name       string
		host       hook.Host
		old, new   string // in the good settings
		scope      hook.Scope
		file       string
		code, warn string // one is found
	}{
		{name: "all is well", host: hook.ClaudeCode},
		{name: "no hook", host: hook.ClaudeCode, old: "PreToolUse", new: "PreTool", code: "hook_missing"},
		{name: "another program", host: hook.ClaudeCode, old: "/opt/gait", new: "/opt/gate", code: "hook_missing"},
		{name: "another host's", host: hook.ClaudeCode, old: "hook HOST", new: "hook codex", code: "hook_missing"},
		{name: "not JSON", host: hook.ClaudeCode, old: "{", new: "", code: "settings_unreadable"},
		{name: "a matcher", host: hook.ClaudeCode, old: `[{"hooks"`, new: `[{"matcher": "Bash", "hooks"`, code: "hook_narrow"},
		{name: "async", host: hook.ClaudeCode, old: `"timeout": 60`, new: `"async": true`, code: "hook_narrow"},
		{name: "if", host: hook.ClaudeCode, old: `"timeout": 60`, new: `"if": "Bash(rm *)"`, code: "hook_narrow"},
		{name: "all hooks off", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"disableAllHooks": true, "hooks": {`, code: "hooks_disabled"},
		{name: "a mode that asks nothing", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"permissions": {"defaultMode": "bypassPermissions"}, "hooks": {`, warn: "permissions"},
		{name: "another hook", host: hook.ClaudeCode, old: `"PreToolUse": [`, new: `"PreToolUse": [{"hooks": [{"command": "rewrite"}]}, `, warn: "other hooks"},
		{name: "an old timeout", host: hook.ClaudeCode, old: `"timeout": 60, "onFailure": "block"`, new: `"timeout": 10`, code: "hook_timeout"},
		{name: "a long time of its own", host: hook.ClaudeCode, old: `--id job_1 || { [ $? = 2 ] || echo no >&2; exit 2; }", "timeout": 60, "onFailure": "block"`, new: `--timeout 2m", "timeout": 60`, code: "hook_timeout"},
		{name: "no word about failures", host: hook.ClaudeCode, old: `, "onFailure": "block"`, warn: "onFailure"},
		{name: "no end of the command", host: hook.ClaudeCode, old: ` || { [ $? = 2 ] || echo no >&2; exit 2; }", "timeout": 60, "onFailure": "block"`, new: `"`, warn: "command"},
		{name: "not told of failures", host: hook.ClaudeCode, old: "PostToolUseFailure", new: "Stop", warn: "PostToolUseFailure"},
		{name: "no job", host: hook.ClaudeCode, old: "--id job_1", warn: "job"},
		{name: "in the project", host: hook.ClaudeCode, scope: hook.Project, warn: "PreToolUse"},
		{name: "well", host: hook.Codex, warn: "trust"},
		{name: "a reason", host: hook.Codex, old: "echo no >&2; ", warn: "command"},
		{name: "a short timeout", host: hook.Codex, old: `"timeout": 60`, new: `"timeout": 5`, code: "hook_timeout"},
		{name: "features", host: hook.Codex, file: "[features]\nhooks = false\n", code: "hooks_disabled"},
		{name: "no sandbox", host: hook.Codex, file: "approval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n", warn: "permissions"},
		{name: "any", host: hook.Generic, warn: "host"},
	} {
		text := strings.ReplaceAll(strings.Replace(good, tt.old, tt.new, 1), "HOST", string(tt.host))
		if tt.old == "" {
			text = strings.ReplaceAll(good, "HOST", string(tt.host))
		}
		files := []hook.File{{Name: "a.json", Scope: max(tt.scope, hook.Managed), Bytes: []byte(text)}}
		if tt.file != "" {
			files = append(files, hook.File{Name: "b.toml", Scope: hook.User, Bytes: []byte(tt.file)})
		}
		code, warned := "", ""
		for _, f := range tt.host.Examine(files, false) {
			switch {
			case f.Level == hook.Open:
				code += f.Code
			case f.Level == hook.Warning:
				warned += " " + f.Name
			}
			if (f.Level == hook.OK) != (f.Hint == "") || (f.Level == hook.Open) != (f.Code != "") || f.Detail == "" {
				t.Errorf("%s: it finds %+v", tt.name, f)
			}
		}
		if code != tt.code && !(tt.code == "settings_unreadable" && code == "settings_unreadablehook_missing") || !strings.Contains(warned, tt.warn) || tt.host == hook.ClaudeCode && tt.code+tt.warn == "" && warned != "" {
			t.Errorf("%s, %s: it finds %q, and warns of%s; want %q, and a warning of %q", tt.host, tt.name, code, warned, tt.code, tt.warn)
		}
	}
}

// Managed hooks alone run if managed settings say so, and what cannot be read is said.
func TestExamineManaged(t *testing.T) {
	user := hook.File{Name: "user.json", Scope: hook.User, Bytes: []byte(strings.ReplaceAll(good, "HOST", "claude-code"))}
	only := hook.File{Name: "managed.json", Scope: hook.Managed, Bytes: []byte(`{"allowManagedHooksOnly": true}`)}
	shut := hook.File{Name: "shut.json", Scope: hook.User, Err: errors.New("permission denied")}
	for code, files := range map[string][]hook.File{"hooks_not_managed": {only, user}, "settings_unreadable": {shut, user}} {
		found := hook.ClaudeCode.Examine(files, false)
		var open strings.Builder
		for _, f := range found {
			if f.Level == hook.Open {
				open.WriteString(f.Code)
			}
		}
		if open.String() != code {
			t.Errorf("it finds %q in %+v, want %q", open.String(), found, code)
		}
	}
}
