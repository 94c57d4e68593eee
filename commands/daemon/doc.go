// Package daemon lets many processes share one engine: a Server answers for a
// ledger over HTTP, and a Client asks it. Where requests come in and how a
// connection is made, the caller says: this package opens no file and no socket.
//
// # The interface
//
// JSON over HTTP/1.1. A command is one request:
//
//	POST /v1/commands
//	{"verb":"checkpoint add","job_id":"job_1","actor":"worker_1",
//	 "arguments":{"type":"progress","summary":"step 1"},
//	 "reason":"","request_id":"r1","if_revision":2,"dry_run":false,"timeout_ms":5000,
//	 "state":false}
//
// Verb, actor and, but for submit, job_id are required. The arguments are those
// of the types of package commands; those of import are an imported event's
// payload. Where submit and resume do not say environment_fingerprint and
// producer_version, the daemon says its own. What is not known, given twice,
// nested deeper than 8 or longer than 128 KiB is refused. Where timeout_ms passes
// first, a request that still waits is not carried out (deadline_exceeded); one
// that does not has an outcome_unknown. The answer comes when the event is durable:
//
//	{"event":{…},"job":{…},"receipt":{"seq":3,"leaf_hash":"…",
//	 "revision":2,"tree_size":4,"checkpoint":"…"},"replayed":false,"repeated":false}
//
// The event is to the letter what is stored: its RFC 6962 leaf hash is the
// receipt's. Where state is true, the answer has the job's whole state too. A refusal has the same, and an error:
//
//	{"error":"…","error_code":"invalid_transition","error_category":"invalid_input",
//	 "exit":6,"retryable":false,"hint":"…", …}
//
// All other errors are that object alone. The HTTP status follows the category.
//
// What is read comes as of a size of the tree, so that a client sees one state
// of a ledger that goes on:
//
//	GET  /v1/ledger                         the newest state: checkpoint, keys, process
//	GET  /v1/ledger/event?seq=              one event, to the letter
//	GET  /v1/ledger/events?from=&size=      a page of events
//	POST /v1/ledger/proof                   {"seq","checkpoint"}: a C2SP tlog-proof
//	POST /v1/ledger/consistency             {"old","checkpoint"}: {"path":[…]}
//	GET  /v1/ledger/root?size=              {"root"}
//	GET  /v1/ledger/file?name=              a file as C2SP tlog-tiles lays it out
//	GET  /v1/ledger/cosigned                what witnesses have cosigned
//	GET  /v1/ledger/cosigned-checkpoint     the newest of it, as one note
//	POST /v1/ledger/cosignatures            {"checkpoint","witness","line"}: keeps one
//	POST /v1/ledger/verify                  reads the whole ledger again
//	POST /v1/ledger/rebuild                 makes all views anew
//	GET  /v1/jobs?after=&size=              a page of jobs
//	GET  /v1/job?id=                        one job's status
//	GET  /v1/job/head?id=&size=             where a job ends, and its view
//	GET  /v1/job/events?id=&from=&size=     a page of a job's events
//	GET  /v1/events?since=&job=             server-sent events, as they come
//	GET  /healthz, /readyz, /metrics, /openapi.json
//
// A page is lines of at most some 1 MiB, to the letter, and at most limit= of
// them; then one line {"end":true,"more":false}. Where more is true, whoever
// wants the rest asks from behind the last line on. A page without its end is
// not whole.
//
// A stream of events has the seq as the id of each, its type as its name, and
// the event to the letter as its data. It begins behind since (-1: with event
// 0), or behind the Last-Event-ID, or else with what is appended from now on.
// Every 15 seconds without any there is a comment.
package daemon
