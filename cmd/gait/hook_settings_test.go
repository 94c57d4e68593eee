package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gait/commands/hook"
)

// The settings that people copy ask the gate, and say no if gait is missing, killed or fails.
func TestHookSettingsOfExamples(t *testing.T) {
	t.Parallel()
	for host, file := range map[hook.Host]string{hook.ClaudeCode: "claude_code/settings.json", hook.Codex: "codex/hooks.json"} {
		b := hookLedger(t)
		b.env = append(b.env, "GAIT_JOB=job_1")
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", "integrations", file))
		if err != nil {
			t.Fatal(err)
		}
		var settings struct {
			Hooks map[string][]struct {
				Hooks []struct{ Command string }
			}
		}
		if err := json.Unmarshal(text, &settings); err != nil {
			t.Fatal(err)
		}
		before, after := settings.Hooks["PreToolUse"][0].Hooks[0].Command, settings.Hooks["PostToolUse"][0].Hooks[0].Command
		for _, broken := range []string{"", "GAIT_LEASE=x", "GAIT_ROOT=", "GAIT_JOB=nobody", "PATH=" + withoutGait(t), "PATH=" + withGait(t, "kill -9 $$"), "PATH=" + withGait(t, "exit 1"), "ulimit -f 0"} {
			for _, input := range []string{goodCall, long(goodCall)} {
				if broken == "" {
					input = strings.Replace(input, "Read", "Bash", 1)
				}
				code, out, talk, unheard := b.asHost("export "+broken+" A=b\n"+before, inHost(host, input))
				if strings.HasPrefix(broken, "ulimit") {
					code, out, talk, unheard = b.asHost(broken+"\n"+before, inHost(host, input))
				}
				if !denies(host, code, out, talk) || unheard != nil {
					t.Errorf("%s after %q: it exits %d with %q and %q, %v, which is no denial", file, broken, code, out, talk, unheard)
				}
			}
		}
		for _, name := range []string{"PreToolUse", "PostToolUse"} {
			command, input := before, inHost(host, goodCall)
			if name == "PostToolUse" {
				command, input = after, strings.Replace(input, `"PreToolUse"`, `"PostToolUse", "tool_response": {"content": []}`, 1)
			}
			if code, out, talk := b.shell(command, input); code != 0 || out+talk != "" {
				t.Errorf("%s, %s: it exits %d with %q and %q", file, name, code, out, talk)
			}
		}
		if n := b.grants("job_1"); n != 0 {
			t.Errorf("%s: %d grants are open after the call", file, n)
		}
	}
}

// withoutGait returns a directory with what the settings' command lines run, and without gait.
func withoutGait(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"sh", "cat"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// withGait returns such a directory in which a script is gait.
func withGait(t *testing.T, script string) string {
	dir := withoutGait(t)
	if err := os.WriteFile(filepath.Join(dir, "gait"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The policy that people copy keeps an agent in its project, and out of what decides about it, in any case.
func TestHookPolicyOfExamples(t *testing.T) {
	t.Parallel()
	b := hookLedger(t)
	policy, err := filepath.Abs("../../examples/integrations/claude_code/policy.cedar")
	if err != nil {
		t.Fatal(err)
	}
	if code, _, talk := b.shell("gait job submit --id ex --actor boss --policy "+policy, ""); code != 0 {
		t.Fatal(talk)
	}
	n := 0
	ask := func(tool, arguments string) int {
		n++
		code, _, talk := b.shell("gait hook claude-code --id ex --actor w", fmt.Sprintf(`{"hook_event_name": "PreToolUse", "tool_name": %q, "tool_input": %s, "tool_use_id": "c%d"}`, tool, arguments, n))
		if code != 0 && !strings.Contains(talk, "(policy_") {
			t.Errorf("%s %s is denied for another reason: %s", tool, arguments, talk)
		}
		if code == 0 { // so that the next call is not denied because of this one
			b.shell("gait hook claude-code --id ex --actor w", fmt.Sprintf(`{"hook_event_name": "PostToolUse", "tool_name": %q, "tool_input": %s, "tool_use_id": "c%d", "tool_response": {}}`, tool, arguments, n))
		}
		return code
	}
	for _, path := range []string{
		"/home/me/project/.claude/settings.json", "/home/me/project/.CLAUDE/settings.local.json", "/home/me/project/sub/.Claude/hooks/x", "/home/me/project/.mcp.json", "/home/me/project/.MCP.json",
		"/home/me/project/.git/hooks/pre-commit", "/home/me/project/.GIT/config", "/home/me/project/.codex/hooks.json", "/home/me/project/../.claude.json", "/home/me/project/a\\\\.claude\\\\x", "/home/me/project/CLAUDE~1/x",
		"/home/me/.config/gait/keys/x.key", "/home/me/.gait/jobs/ledger", "/etc/passwd", "project/x", "~/.claude/settings.json",
	} {
		for _, tool := range []string{"Read", "Write", "Edit"} {
			if testing.Short() && tool == "Edit" {
				continue
			}
			if code := ask(tool, `{"file_path": "`+path+`"}`); code != 2 {
				t.Errorf("%s of %s exits %d", tool, path, code)
			}
		}
	}
	for _, arguments := range []string{`{"pattern": "x", "path": "/home/me"}`, `{"pattern": "x", "path": "/home/me/project/.git"}`, `{"pattern": "x", "path": "/home/me/project/.."}`} {
		if ask("Grep", arguments) != 2 || ask("Glob", arguments) != 2 {
			t.Errorf("a search of %s is allowed", arguments)
		}
	}
	for _, pattern := range []string{"/home/me/.config/**", "../**", "**/.claude/*", ".mcp.json"} {
		if ask("Glob", `{"pattern": "`+pattern+`"}`) != 2 {
			t.Errorf("the pattern %s is allowed", pattern)
		}
	}
	for tool, arguments := range map[string]string{"Read": `{"file_path": "/home/me/project/a.go"}`, "Write": `{"file_path": "/home/me/project/a/b.go"}`, "Grep": `{"pattern": "a.*b"}`, "Glob": `{"pattern": "**/*.go", "path": "/home/me/project"}`, "Bash": `{"command": "go test ./..."}`} {
		if code := ask(tool, arguments); code != 0 {
			t.Errorf("%s of %s exits %d", tool, arguments, code)
		}
	}
}
