// Package mcp offers a ledger to agents over the Model Context Protocol (2025-11-25 and
// 2026-07-28), on the official Go SDK. It decides nothing: each tool is one command of a Desk.
//
// # Tools
//
//	job_submit      starts a job, under the policy that the server was started with
//	job_status      what a job does, and what it waits for
//	checkpoint_add  records a plan, progress, state to go on from, or that it is blocked or failed
//	ask_decision    asks a person for a decision; the job waits for it
//	gate_check      asks whether a tool may run; only the verdict allow permits it, once
//	effect_settle   says that what a grant permitted was done
//	job_complete    says that the job is done
//
// No tool approves, denies, resumes, settles by hand, names a policy or an actor: those belong to
// people, whose means an agent does not have. What became of a grant that is not known is for a
// person too, so such a grant stays open, and the gate blocks: effect_settle refuses one that a
// person has settled as unknown, or that a newer lease has made so (no_open_grant), although the
// worker that got it may say so by other means. A tool that was refused, and a gate_check that does
// not allow, answers with isError.
//
// A request that is nested more than 512 deep, that has a member twice or whose id is no string and
// no whole number is answered with the error -32600, and is not carried out. What is no message at
// all ends a server on standard input.
//
// A server that is bound to one job (Options.JobID) knows no other and has no job_submit.
//
// # Resources
//
//	gait://jobs/{id}                         the job at a glance, as gait job status prints it
//	gait://jobs/{id}/events{?from}           its events, one a line, from a job_seq on; at most 256
//	gait://jobs/{id}/content/{digest}        content that its events name, of at most 1 MiB
//	gait://jobs/{id}/decisions/{checkpoint}  a decision that it has asked for since it last ran
//
// # Approvals
//
// When a decision is asked for, a client that declares elicitation in URL mode is asked to show its
// user where the decision is made: a page, or, while there is none, the resource
// gait://jobs/{id}/decisions/{checkpoint}. The message has the command that a person runs, and after it,
// quoted, what the agent wrote. A client
// of 2026-07-28 gets that as an input request of the tool's result, an older one as a request of the
// server. What it answers approves nothing and denies nothing. Without URL mode the tool's text
// says where to look. Form mode is never used.
//
// # Tasks
//
// job_submit of a client that declares io.modelcontextprotocol/tasks (2026-07-28, SEP-2663) answers
// with a task. The task's id is that of the job, and nothing of it is kept in the process: any
// server at the same ledger answers for it, also after this one was killed. Only the actor that
// submitted a job has it as a task.
//
//	job                                                       task
//	runs, is paused or blocked                                working, and statusMessage says what it waits for
//	waits for a decision, and the client has URL mode         input_required: one elicitation for each decision, by its checkpoint id
//	waits for a decision, and the client has not              working
//	completed                                                 completed, with the result of the job
//	failed                                                    completed, with a result whose isError is true
//	emergency stop                                            failed: no result will come (code -32000)
//	cancelled                                                 cancelled
//
// As the extension asks, failed stands for errors of the protocol alone: a job whose worker said
// that it failed has a result, which says so. An input request stays outstanding, under the same
// key, until that is decided: tasks/update is acknowledged and changes nothing. tasks/cancel is
// acknowledged in any case. It cancels the job if its actor submitted it and may do that, and it has
// not ended or had an emergency stop; a server that is bound to one job cancels none.
//
// # HTTP
//
// Handler has no doors of its own. Package commands/daemon stands before it: an agent gets a token that
// is good for its path alone, as one worker (daemon.Agents).
package mcp
