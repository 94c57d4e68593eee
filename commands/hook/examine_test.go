package hook_test

import (
	"errors"
	"strings"
	"testing"

	"gait/commands/hook"
)

// good are settings in which all is as it should be. END is how a command line ends, and BEGIN how that
// of Codex begins.
const good = `{"hooks": {
  "PreToolUse": [{"hooks": [{"type": "command", "command": "BEGIN/opt/gait hook HOST --root /r --id job_1 END", "timeout": 60, "onFailure": "block"}]}],
  "PostToolUse": [{"matcher": "*", "hooks": [{"type": "command", "command": "BEGINgait hook HOST --root=/r --id job_1 END"}]}],
  "PostToolUseFailure": [{"matcher": "", "hooks": [{"type": "command", "command": "BEGINgait hook HOST --root /r --id job_1 --done-if-failed Bash,Read END"}]}]}}`

// forHost returns settings as a host has them.
func forHost(host hook.Host, text string) string {
	begin, end := "", "|| { cat >/dev/null; exit 2; }"
	if host == hook.Codex {
		begin, end = "sh -c '", "|| { echo gait did not say yes >&2; cat >/dev/null; exit 2; }'"
	}
	return strings.NewReplacer("HOST", string(host), "BEGIN", begin, "END", end).Replace(text)
}

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
		{name: "another host's", host: hook.ClaudeCode, old: "hook HOST", new: "hook codex", code: "hook_unclearhook_missing"},
		{name: "names in another case", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"Hooks": {`, code: "hook_missing"},
		{name: "a name twice", host: hook.ClaudeCode, old: `"PostToolUse":`, new: `"PreToolUse": [], "PostToolUse":`, code: "settings_unreadable"},
		{name: "hooks twice", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"hooks": {}, "hooks": {`, code: "settings_unreadable"},
		{name: "a matcher that is a list", host: hook.ClaudeCode, old: `"matcher": "*"`, new: `"matcher": ["*"]`, code: "settings_unreadable"},
		{name: "a switch that is a text", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"disableAllHooks": "yes", "hooks": {`, code: "hooks_disabled"},
		{name: "variables", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"env": {"GAIT_HOME": "/h", "PATH": "/p", "A": "b"}, "hooks": {`, warn: "env"},
		{name: "variables of the project", host: hook.ClaudeCode, scope: hook.Project, old: `{"hooks": {`, new: `{"env": {"GAIT_ROOT": "/h"}, "hooks": {`, code: "settings_env"},
		{name: "no ledger", host: hook.ClaudeCode, old: "--root /r ", warn: "ledger"},
		{name: "not JSON", host: hook.ClaudeCode, old: "{", new: "", code: "settings_unreadable"},
		{name: "a matcher", host: hook.ClaudeCode, old: `[{"hooks"`, new: `[{"matcher": "Bash", "hooks"`, code: "hook_narrow"},
		{name: "async", host: hook.ClaudeCode, old: `"timeout": 60`, new: `"async": true`, code: "hook_narrow"},
		{name: "if", host: hook.ClaudeCode, old: `"timeout": 60`, new: `"if": "Bash(rm *)"`, code: "hook_narrow"},
		{name: "all hooks off", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"disableAllHooks": true, "hooks": {`, code: "hooks_disabled"},
		{name: "a mode that asks nothing", host: hook.ClaudeCode, old: `{"hooks": {`, new: `{"permissions": {"defaultMode": "bypassPermissions"}, "hooks": {`, warn: "permissions"},
		{name: "another hook", host: hook.ClaudeCode, old: `"PreToolUse": [`, new: `"PreToolUse": [{"hooks": [{"command": "rewrite"}]}, `, warn: "other hooks"},
		{name: "an old timeout", host: hook.ClaudeCode, old: `"timeout": 60, "onFailure": "block"`, new: `"timeout": 10`, code: "hook_timeout"},
		{name: "a long time of its own", host: hook.ClaudeCode, old: `--id job_1 END", "timeout": 60, "onFailure": "block"`, new: `--id job_1 --timeout 2m END", "timeout": 60`, code: "hook_timeout"},
		{name: "no word about failures", host: hook.ClaudeCode, old: `, "onFailure": "block"`, warn: "onFailure"},
		{name: "not told of failures", host: hook.ClaudeCode, old: "PostToolUseFailure", new: "Stop", warn: "PostToolUseFailure"},
		{name: "no job", host: hook.ClaudeCode, old: " --id job_1", warn: "job"},
		{name: "in the project", host: hook.ClaudeCode, scope: hook.Project, warn: "PreToolUse"},
		{name: "well", host: hook.Codex, warn: "trust"},
		{name: "a short timeout", host: hook.Codex, old: `"timeout": 60`, new: `"timeout": 5`, code: "hook_timeout"},
		{name: "features", host: hook.Codex, file: "[features]\nhooks = false\n", code: "hooks_disabled"},
		{name: "an inline table", host: hook.Codex, file: "features = { hooks = false }\n", code: "hooks_disabled"},
		{name: "a quoted name", host: hook.Codex, file: "[features]\n\"hooks\" = false\n", code: "hooks_disabled"},
		{name: "a name with an escape", host: hook.Codex, file: "[features]\n\"h\\u006foks\" = false\n", code: "hook_unclear"},
		{name: "hooks of its own", host: hook.Codex, file: "[[hooks.PreToolUse]]\n", code: "hook_unclear"},
		{name: "managed hooks alone", host: hook.Codex, file: "allow_managed_hooks_only = true\n", code: "hook_unclear"},
		{name: "behind a text of lines", host: hook.Codex, file: "features = { a = \"\"\"\n# \"\"\", hooks=\"x\" }\n", code: "hook_unclear"},
		{name: "trust", host: hook.Codex, file: "model = \"m\"\n# hooks\n[features]\nhooks = true\n[hooks.state.\"/h/hooks.json:0\"]\ntrusted_hash = \"sha256:ab\"\n", warn: "trust"},
		{name: "a hook that is off", host: hook.Codex, file: "[hooks.state.\"/h/hooks.json:0\"]\nenabled = false\n", code: "hook_unclear"},
		{name: "no sandbox", host: hook.Codex, file: "approval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n", warn: "permissions"},
		{name: "any", host: hook.Generic, warn: "host"},
	} {
		text := forHost(tt.host, good)
		if tt.old != "" {
			text = forHost(tt.host, strings.Replace(good, tt.old, tt.new, 1))
		}
		files := []hook.File{{Name: "a.json", Scope: max(tt.scope, hook.Managed), Bytes: []byte(text)}}
		if tt.file != "" {
			files = append(files, hook.File{Name: "b.toml", Scope: hook.User, Bytes: []byte(tt.file)})
		}
		code, warned := "", ""
		for _, f := range tt.host.Examine(files, hook.Named{}) {
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
	user := hook.File{Name: "user.json", Scope: hook.User, Bytes: []byte(forHost(hook.ClaudeCode, good))}
	only := hook.File{Name: "managed.json", Scope: hook.Managed, Bytes: []byte(`{"allowManagedHooksOnly": true}`)}
	shut := hook.File{Name: "shut.json", Scope: hook.User, Err: errors.New("permission denied")}
	for code, files := range map[string][]hook.File{"hooks_not_managed": {only, user}, "settings_unreadable": {shut, user}} {
		found := hook.ClaudeCode.Examine(files, hook.Named{})
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

// Only a hook whose command line has the form of the examples asks gait before each tool. Of any other
// that names gait, it is said that it cannot be told.
func TestExamineLines(t *testing.T) {
	const command, end = `"type": "command", "command": "`, " || { cat >/dev/null; exit 2; }"
	for _, hooked := range []string{
		command + "gait hook claude-code --root /r --id j || exit 2",
		command + "gait hook claude-code --root /r --id j",
		command + "gait hook claude-code --root /r --id j || true # " + end,
		command + "gait hook claude-code; exit 0 # " + end,
		command + "gait hook claude-code | cat" + end,
		command + "gait hook claude-code | tee /tmp/log" + end,
		command + "gait hook claude-code 2>>/tmp/log" + end,
		command + "gait hook claude-code & exit 0" + end,
		command + "echo gait hook claude-code" + end,
		command + "true # gait hook claude-code" + end,
		command + "gait --help hook claude-code" + end,
		command + "gait hook claude-code --help" + end,
		command + "gait hook claude-code --actor --help" + end,
		command + "gait hook claude-code --actor $(exit)" + end,
		command + "gait hook claude-code --id a --id b" + end,
		command + "gait hook claude-code --root jobs" + end,
		command + "gait hook claude-code --root ~/jobs" + end,
		command + "gait hook claude-code  --id j" + end,
		command + "gait hook claude-code\\n--id j" + end,
		command + "gait hook claude-code --id j" + end + "\\n",
		command + "gait hook claude-code --id j" + end + " || true",
		command + "GAIT_ROOT=/evil gait hook claude-code" + end,
		command + "./gait hook claude-code" + end,
		command + "false && gait hook claude-code || true" + end,
		command + "gait hook claude-code" + end + `", "args": ["x"], "if": "`,
		command + "gait hook claude-code" + end + `", "shell": "powershell`,
		command + "gait hook claude-code" + end + `", "timeout": "60`,
		`"type": "prompt", "command": "gait hook claude-code` + end,
		`"type": "http", "url": "http://127.0.0.1/gait", "command": "gait hook claude-code` + end,
		`"command": "gait hook claude-code` + end,
	} {
		text := `{"hooks": {"PreToolUse": [{"hooks": [{` + hooked + `"}]}]}}`
		var code strings.Builder
		for _, f := range hook.ClaudeCode.Examine([]hook.File{{Name: "a.json", Scope: hook.Managed, Bytes: []byte(text)}}, hook.Named{Job: true, Ledger: true}) {
			code.WriteString(f.Code)
		}
		if code.String() != "hook_unclearhook_missing" {
			t.Errorf("of %s it finds %q", hooked, code.String())
		}
	}
}
