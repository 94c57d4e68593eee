// Package proxy stands between an MCP client and an MCP server, and asks the gate before each
// call of a tool.
//
//	client ──► proxy ──► server
//	             │
//	             ▼
//	           the gate of a job
//
// It reads and writes JSON-RPC messages, one a line, and knows both generations of the protocol:
// that of 2025-11-25 and before, which begins with initialize, and that of 2026-07-28, whose
// requests say their version themselves. A message goes on as the values that were read, so that
// the server reads the same message: never bytes that another reader could take for another one.
// Lines are split here and not by the SDK, whose connection ends at the first line that is no
// message; servers that print one by mistake are common.
//
// # What passes
//
// Each request has an id of the proxy's own towards the server, and is answered with the id that
// the client has spelt.
//
// Only what a table names passes, in each direction. Of requests of the client: initialize, ping,
// server/discover, what lists and reads resources, their templates and prompts, subscriptions,
// completion/complete and logging/setLevel; tools/list is answered in part, and tools/call only
// after an allow. Of requests of the server: ping, sampling/createMessage, elicitation/create and
// roots/list. Another request is answered with the error -32601, another notification is
// dropped, and so is a response to what was not asked. An array of messages is refused, as the
// protocol does since 2025-06-18. Tasks are refused in both forms of the protocol (a call that
// asks for one, tasks/…), and neither end is told that the other can do them: a tool that goes on
// after its answer cannot be settled by it. What passes runs no tool, and it is not asked of the
// gate: it also passes while the job is paused, and after an emergency stop.
//
// # A call
//
// The call of a tool is this intent, which the gate decides about:
//
//	{"tool": "mcp:SERVER/TOOL", "arguments": {…}, "target": "mcp:SERVER"}
//
// SERVER is the name that the operator has given the server, never what the server calls itself.
// So a policy names one tool by action == Action::"mcp:fs/read_file", and all of a server by
// resource == Target::"mcp:fs". The arguments are those of the call. One that could be taken for
// another by a server that ignores case (Path beside path, or if the tool has path) is refused, at
// any depth.
//
// A call has no call id, since a client has no name for it that outlives its session: the same
// intent again is another call, and is blocked as long as it is not known what became of the one
// before. A client that has a name for its call gives it as "gait/call-id" in the call's _meta;
// then the call is done once, and if it is asked for again it is answered with the result that
// was recorded.
//
// What is not an allow is answered with isError, in words that are meant for the agent, and never
// reaches the server. "gait/answer" in the _meta of the result has the verdict, the reason code,
// the job and the decision that is waited for. The same is answered to a call whose answer never
// came: it may have run.
//
// # What became of it
//
// A result settles the grant as done, and is kept as content of the job, before the client gets
// it. A result that is an error, and an error of the protocol, settle the grant as done only if
// the recorded tool only reads (readOnlyHint). Otherwise part of the work may have been done: the
// grant is left open, and so is that of a call without an answer. The gate then blocks that
// call, and no other, until a person has said what became of it. If the server asks for input
// before it goes on (input_required), the next call with the same tool, arguments and
// requestState goes on under the same grant, once. No other call may bring such input, and that
// one does not go on unless the job runs still, under the same lease and policy, and the grant is
// open: a grant that was settled, or whose outcome is unknown, permits nothing more.
//
// # The tools
//
// The first time, all tools of the server are recorded as content of the job, which a checkpoint
// names as mcp-tools.json:
//
//	{"server": "fs", "tools": [{"name": "read_file", …}, …]}
//
// The tools stand in the order of their names, each as the server described it, with its members
// in order. After that only recorded tools are there for the client. If a tool is described in
// another way, also in a later session, the proxy asks for a decision about
//
//	{"server": "fs", "tools": [{"is": {…}, "tool": "read_file", "was": {…}}]}
//
// and the tool is hidden until it is approved and the job was resumed; then it is there as "is"
// says. A tool that is new is hidden; with AskNew it is a change too, and was is null. A name
// that is listed twice, or is no name for the gate, is hidden.
//
// Of records the first one counts that the proxy's own actor has made, and no later one: what the
// tools are follows from that and from the changes that were approved, without an amendment, and
// used up by a resume. A change whose was is not what the tool was then counts for nothing. In a
// ledger that needs signatures, or if the actor is enrolled, the record counts only if its command
// is signed. If there is a record that does not count, or the actor cannot sign one, the first
// tools are changes as well: they are hidden until they are approved. In a ledger of claims any
// process may bear the proxy's name, as it may bear an approver's.
//
// One decision about a server's tools is open at a time, and a session asks about each tool once:
// one that changes again after that is hidden until the next session, so that a description that
// is never the same does not stop the job for ever. If no decision can be asked for, what has
// changed is hidden all the same.
package proxy
