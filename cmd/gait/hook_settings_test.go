package main

import (
	"encoding/json"
	"os"
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
		for _, broken := range []string{"PATH=/nowhere", "gait() { return 1; }", "gait() { sh -c 'kill -9 $$'; }", "ulimit -f 0"} {
			code, out, talk := b.shell(broken+"\n"+before, inHost(host, goodCall))
			if !denies(host, code, out, talk) {
				t.Errorf("%s after %q: it exits %d with %q and %q, which is no denial", file, broken, code, out, talk)
			}
		}
		for _, name := range []string{"PreToolUse", "PostToolUse"} {
			command, input := before, inHost(host, goodCall)
			if name == "PostToolUse" {
				command, input = after, strings.Replace(input, `"PreToolUse"`, `"PostToolUse", "tool_response": "x"`, 1)
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
