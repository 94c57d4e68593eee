package hook

import (
	"encoding/json"
	"slices"
)

// Members of what a tool returned that say more than that it did. The hosts name them so: Claude Code
// those of Bash and of its agents, MCP isError, and Codex those of commands.
var (
	runsOn  = []string{"backgroundTaskId", "background_task_id", "backgroundedByUser", "assistantAutoBackgrounded", "isAsync", "is_async"}
	cutOff  = []string{"interrupted", "is_interrupt", "timedOut", "timed_out", "aborted", "cancelled"}
	failure = []string{"isError", "is_error"}
	codes   = []string{"exit_code", "exitCode"}
	going   = []string{"async_launched", "remote_launched", "running", "in_progress", "inProgress"}
)

// Doubt says why a call that a host tells of, after it, is not known to be done; "" if it is. ended
// reports whether the call is over for certain, so that it is done for a tool whose failure is its end.
func (h Host) Doubt(c Call) (why string, ended bool) {
	const interrupted, running = "the host says that it was interrupted", "the host says that it goes on in the background"
	switch {
	case c.Interrupted:
		return interrupted, false
	case c.Event == Failed:
		return "the host says that it failed", true
	case h == Generic:
		return "", true
	}
	if asked, err := members(c.Arguments); err != nil || asked.isSet("run_in_background") {
		return running, false
	}
	if len(c.Response) > 0 && c.Response[0] == '"' && h == Codex {
		return "the host does not say whether it failed", true
	}
	if len(c.Response) == 0 || c.Response[0] != '{' {
		return "", true
	}
	said, err := members(c.Response)
	if err != nil {
		return "what it returned cannot be read", false
	}
	var status string
	_ = json.Unmarshal(said["status"], &status)
	switch {
	case said.isSet(cutOff...):
		return interrupted, false
	case said.isSet(runsOn...), slices.Contains(going, status), h == Codex && said.isSet("session_id"):
		return running, false
	case said.isSet(failure...), said.isSet(codes...), string(said["success"]) == "false":
		return "the host says that it failed", true
	}
	return "", true
}

// isSet reports whether one of some members is there and says something: it is not null, false, 0, or empty.
func (o object) isSet(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return !slices.Contains([]string{"", "null", "false", "0", `""`, "{}", "[]"}, string(o[name]))
	})
}
