// Package daemon lets many processes share one engine: a Server answers for a
// ledger over HTTP, and a Client sends it requests. The caller says where the server
// listens and how a client connects: this package opens no file and no socket.
//
// # The interface
//
// JSON over HTTP/1.1. A command is one request:
//
//	POST /v1/commands
//	{"verb":"checkpoint add","job_id":"job_1","actor":"worker_1",
//	 "arguments":{"type":"progress","summary":"step 1"},
//	 "request_id":"r1","if_revision":2,"dry_run":false,"accept_clock":false,
//	 "timeout_ms":5000,"state":false}
//
// verb, actor and, except for submit, job_id are required. All others may be left
// out; a text that is given is not empty. Most verbs also take a reason; all take trace, a
// traceparent (W3C Trace Context), and those about a job that is there take lease, the epoch
// of the lease that the worker holds. commit-index is about the ledger itself and takes
// neither actor nor job_id. The arguments are those
// of the types of package commands; those of import are an imported event's
// payload. If submit or resume leaves out environment_fingerprint or
// producer_version, the daemon uses its own. The daemon refuses a name that it does
// not know or that is given twice, nesting deeper than 8, and more than 128 KiB. If
// timeout_ms passes while the request still waits, it is not carried out
// (deadline_exceeded); if it passes later and before the answer, the error is
// outcome_unknown. The answer comes when the event is durable:
//
//	{"event":{…},"job":{…},"receipt":{"seq":3,"leaf_hash":"…",
//	 "revision":2,"tree_size":4,"checkpoint":"…"},"replayed":false,"repeated":false}
//
// The event is byte for byte what is stored: its RFC 6962 leaf hash is the
// receipt's. If state is true, the answer also has the job's whole state. A refusal
// has the same fields, and an error:
//
//	{"error":"…","error_code":"invalid_transition","error_category":"invalid_input",
//	 "exit":6,"retryable":false,"hint":"…", …}
//
// All other errors are that object alone. The HTTP status follows the category.
//
// # The gate
//
// A worker asks whether a tool may run now, with the intent in the request, which the daemon
// keeps as content of the job, in its canonical form:
//
//	POST /v1/gate
//	{"job_id":"job_1","actor":"worker_1","tool":"pay","call_id":"c7","request_id":"r9",
//	 "intent":{"tool":"pay","target":"acct_7","arguments":{"amount":12.50}},
//	 "policy":"…","facts":{"environment_fingerprint":"…","not_done_exit":75},"proof":true}
//
// With "once":true in the place of call_id, the call is named after its intent: the
// job does exactly that once. call_id, request_id, policy, facts and proof may be left out, as lease, trace, timeout_ms and
// accept_clock may; of a job that ever had a lease the worker names one that lives. The answer
// is a commands.GateAnswer, with its event and receipt:
//
//	{"ok":true,"verdict":"allow","reason_code":"policy_permits","grant":"…","intent":{…},
//	 "intent_salt":"…","event":{…},"receipt":{…},"proof":"…"}
//
// ok is true if the verdict is allow, and only then may the tool run. Every other answer at this
// address has a verdict too: the status is 200 if the gate has decided, and otherwise the answer
// is an error's object as well, with the verdict block and the exit code 3. An answer that did
// not come whole is none. The grant is then settled, with what the tool answered as any JSON:
//
//	POST /v1/gate/{grant}/settle
//	{"job_id":"job_1","actor":"worker_1","outcome":"done","result":{"ref":"tx_1"}}
//
// The answer has ok, the event and the receipt. Questions that actors sign are the command gate
// eval, whose answer has the gate's in the field gate.
//
// # Reads
//
// Reads are of the ledger at one size of its tree, so that a client sees one
// consistent state while the ledger grows:
//
//	GET  /v1/ledger                         the newest state: checkpoint, keys, process
//	GET  /v1/ledger/event?seq=              one event, byte for byte
//	GET  /v1/ledger/events?from=&size=      a page of events
//	POST /v1/ledger/proof                   {"seq","checkpoint"}: a C2SP tlog-proof
//	POST /v1/ledger/consistency             {"old","checkpoint"}: {"path":[…]}
//	GET  /v1/ledger/root?size=              {"root"}
//	GET  /v1/ledger/file?name=              a file as C2SP tlog-tiles lays it out
//	GET  /v1/ledger/cosigned                what witnesses have cosigned
//	GET  /v1/ledger/cosigned-checkpoint     the newest cosigned checkpoint, as one note
//	POST /v1/ledger/cosignatures            {"checkpoint","witness","line"}: keeps a cosignature
//	POST /v1/ledger/index                   {"size","keys"}: the index's root then, and a proof of each key
//	GET  /v1/ledger/committed?size=         {"event"}: the newest index_committed, if there is one
//	GET  /v1/authority?from=&size=          a page of authority events, from a seq on
//	POST /v1/ledger/verify                  reads the whole ledger again
//	POST /v1/ledger/rebuild                 rebuilds all views
//	POST /v1/ledger/rebuild-index           verifies all events, and rebuilds what follows from them but for the views
//	GET  /v1/jobs?after=&size=              a page of jobs
//	POST /v1/jobs/list                      the first jobs that match a filter, in an order
//	POST /v1/candidates                     {"labels","statuses","limit","wait_ms"}: {"jobs":[…]}
//	GET  /v1/job?id=                        one job's status
//	GET  /v1/job/head?id=&size=             where a job ends, and its view
//	GET  /v1/job/events?id=&from=&size=     a page of a job's events
//	GET  /v1/job/content?id=&digest=        content of a job: 16 bytes of salt, and the bytes
//	GET  /v1/job/contents?id=               {"kept":[{"digest","size"}]}: what is kept of a job
//	POST /v1/job/contents/put?id=&keep=     keeps content: {"digest","salt","size"}
//	GET  /v1/job/call?id=&call=&size=       {"event"}: the newest event about a call of a tool, if there is one
//	POST /v1/gate                           whether a tool may run now
//	POST /v1/gate/{grant}/settle            what became of a grant
//	POST /v1/policies/put                   keeps a policy of at most 256 KiB: {"digest","size"}
//	GET  /v1/policy?digest=                 the bytes of a policy that is kept
//	POST /v1/content/collect                {"age_ms","dry_run"}: removes content that no event names
//	GET  /v1/events?since=&job=&format=     server-sent events, as they are appended
//	GET  /v1/challenge?client=              a challenge, for who is to prove a token
//	GET  /healthz, /readyz, /metrics, /openapi.json
//
// The answer of /readyz is ok, and 200, and then a line for each warning about something else than
// commands, such as a target of notifications that refuses them.
//
// A page is lines: at most limit= of them, and some 1 MiB at most. Those of events
// are byte for byte what is stored. One line {"end":true,"more":false} follows. If
// more is true, the client gets the rest by asking again from after the last line. A
// page without its end line is incomplete.
//
// Content of a job is put before the command that names it, as the bytes alone, with a
// Content-Length of at most 64 MiB unless the daemon says otherwise. The answer has the salt
// and the digest, the SHA-256 of the salt and the bytes, so that a client can compare them
// before it signs. The content is durable once an event names it, or with keep=now when the
// answer comes; with keep=none it is not kept. What no event names is removed one day.
//
// Candidates are the ids of jobs that a worker could claim, the oldest first: each is running
// and could be leased, or, if statuses are given that are not running, waits only for a
// resume. If there is none, the answer comes when there is one, or after wait_ms. For two
// seconds no other client is told of a candidate, unless it is leased and released meanwhile;
// a job that is handed out again and again, and not leased, is kept back for up to a minute.
// All that is a hint: the lease decides.
//
// In a stream of events, the id of each is its seq, the name its type, and the
// data the event, byte for byte. The stream begins after the Last-Event-ID, if there
// is one, or after since (-1: with event 0), or else with the next event that is
// appended. In every 15 seconds without an event the daemon sends a comment. With
// format=cloudevents the data is the event as a CloudEvent, and the name its type
// (package cloudevents).
//
// # Who may ask
//
// At the socket in the root a request is the user's: the system lets no other user connect.
// At a TCP address it carries a token of one of three kinds. With the one in the file of
// gait serve --token-file, as Authorization: Bearer, it is the user's too. With the proof
// of a token of gait serve token add, as package token says, it is that of one actor in one
// role, at the socket too: every role reads, the row of a command says which may send it
// (commands.Row), /v1/ledger/cosignatures, rebuild and rebuild-index take an operator, and
// /v1/candidates takes a worker or an operator. With the token of Door.Agents, as
// Authorization: Bearer, it is that of one actor in one role, and good for one path alone,
// where the user's own is refused: elsewhere the error is token_path.
// Otherwise the error is token_role, or token_actor if the command is by another actor.
// A Client with a Credential proves each request, and believes no answer that the
// ledger's key has not signed.
package daemon
