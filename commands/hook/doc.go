// Package hook speaks with the programs that run agents on a person's machine: hosts. A host
// runs a command, a hook, before each call of a tool, and obeys what it answers. The package
// reads what a host says about a call, writes the answer as the host takes it, and reads a host's
// settings to find what fails open there. It is pure: the caller asks the gate.
//
// # What each host takes
//
// A host says what happens as one JSON object on standard input. All of them take the exit code 0
// as "the hook has nothing against it" and 2 as "no". Any other code, a signal and a timeout are
// an error of the hook, after which the tool runs. So nothing but 0 and 2 is ever used:
//
//	before a call   0  the gate allows it         2  all else; why is on standard error
//	after a call    0  what became of it is kept  2  it is not; why is on standard error
//
// An allow prints nothing, so that the host's own rules and questions come after it: gait takes
// away, and permits nothing that the host forbids. A hook never answers "ask", with which a host
// asks the person at its terminal: that person is no approver of the job.
//
// A host writes all of its input before it waits for the hook, and takes an error of writing for an
// error of the hook. So a hook hears its host to the end, also if it has answered before. Interrupted, or
// still running in the background, is not done, whatever the event is called.
//
// # Claude Code
//
// From the hooks reference, https://code.claude.com/docs/en/hooks, as of October 2026 (Claude Code
// 2.1.302; onFailure since 2.1.295 of 2026-10-08):
//
//	{"session_id": "…", "transcript_path": "…", "cwd": "…", "permission_mode": "default",
//	 "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"},
//	 "tool_use_id": "toolu_01…"}
//
// PostToolUse has tool_response too. PostToolUseFailure comes in its place if the tool failed, and
// has error and is_interrupt. With exit code 2 standard output is ignored, and standard error is
// told to the agent. A hook that cannot be started, ends with another code or takes longer than
// its timeout (600 s unless the settings say otherwise) blocks only if its settings have
// "onFailure": "block".
//
// # Codex
//
// From https://developers.openai.com/codex/hooks and the source, openai/codex, codex-rs/hooks
// (events/pre_tool_use.rs and schema/generated at commit 0082977cebb9, hooks on by default since
// 0.124.0). The input is that of Claude Code, with turn_id and model. What differs:
//
//   - exit code 2 blocks only if standard error has a reason. So if that cannot be written, the
//     denial goes to standard output in the other form that Codex takes, with exit code 0:
//     {"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":"…"}}
//   - standard output that is not of its form is an error of the hook, and the tool runs;
//   - there is no event for a tool that failed: PostToolUse also comes after a command that did, and
//     what it says of a command is a text, without its exit code;
//   - the command is run by the shell that its user logs in with;
//   - a hook that times out lets the tool run, whatever the settings say;
//   - a new or changed hook is skipped until a person has trusted it.
//
// # Any other host
//
// A host without a form of its own, or a script between, uses this one. Names are exact, and
// others are refused:
//
//	{"event": "before", "tool": "pay", "arguments": {"cents": 500}, "target": "acct/7", "call_id": "c1"}
//	{"event": "after",  "tool": "pay", "arguments": {"cents": 500}, "target": "acct/7", "call_id": "c1", "result": {"paid": true}}
//	{"event": "failed", "tool": "pay", "arguments": {"cents": 500}, "target": "acct/7", "call_id": "c1", "error": "timeout", "interrupted": true}
//
// target, error and interrupted are optional. So is call_id before a call: the call is then made
// once in the life of the job, and the answer names it. The answer is one line on standard output,
// with the exit code 0 for allow and settled, and 2 for all else:
//
//	{"schema_version":"1.0.0","decision":"allow","reason_code":"policy_permits","job_id":"job_1","tool":"pay","call_id":"c1","grant":"01…"}
//	{"schema_version":"1.0.0","decision":"deny","reason":"A person has to …","reason_code":"policy_requires_approval","job_id":"job_1","tool":"pay","call_id":"c1","checkpoint_id":"cp_0001"}
//	{"schema_version":"1.0.0","decision":"settled","job_id":"job_1","tool":"pay","call_id":"c1","grant":"01…"}
//
// A host lets the tool run if the exit code is 0 and the line says allow, and its own tool and
// call_id, and never otherwise.
//
// Of a settings file doctor reads the first 4 MiB: what TOML has beyond that is not looked at.
package hook
