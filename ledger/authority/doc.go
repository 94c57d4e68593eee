// Package authority decides who may do what in a ledger, from the ledger's own events: which
// actors are enrolled, with which keys and roles, which commands must be signed, and whether
// an event is what an actor signed. It is pure: it reads no file and no clock.
//
// Authority events are actor_enrolled, actor_revoked and authority_set. After the first one,
// each event of the ledger names in authority the leaf hash of the newest one before it: the
// authority in force, a [State]. A [Chain] follows the authority events, [State.Check] judges
// an event by the authority in force, and [VerifySignatures] does the cryptography, which
// nothing else here does. A verifier needs all three.
//
// # Commands
//
// A [Command] is canonical JSON (package jcs, RFC 8785), at most 16 KiB, with these members:
//
//	actor           who signs it: a name that a command may use
//	arguments       an object: those of the verb, and no others
//	created_at      when it was made, spelt as the times of events
//	expires_at      until when it can be carried out
//	if_revision     optional: the only revision of the job to act on, from 0
//	job_id          the job; not of verbs about the ledger; optional of submit
//	lease           optional: the epoch of the lease under which it is given, from 1; not of verbs
//	                about the ledger, submit and import
//	origin          the ledger
//	reason          optional; not of submit, checkpoint add, gate eval, lease take, lease renew,
//	                lease release and attempt end, whose events have no place for one
//	request_id      makes it a command that is carried out once
//	schema_id       gait.command
//	schema_version  1.0.0; with lease 1.1.0
//	verb            one of the table below
//
// For example:
//
//	{"actor":"vera","arguments":{"checkpoint_id":"cp_0002","subject":"85fa…","target":"0c6f…"},
//	 "created_at":"2026-11-22T20:32:58.058Z","expires_at":"2026-11-22T20:42:58.058Z","job_id":"job_1",
//	 "origin":"gait.example/log1","request_id":"r-1","schema_id":"gait.command","schema_version":"1.0.0",
//	 "verb":"approve"}
//
// without the line breaks. An optional member that is not given is left out, and there is no
// member of another name. A command has this one spelling, so its reader reads what was
// signed. A signature is an SSHSIG blob of namespace gait-command over exactly these bytes, as
// ssh-keygen -Y sign -n gait-command makes it (package sshkey).
//
// The arguments have one spelling too, and gait carries out no other. These are always there:
//
//	submit, resume               environment_fingerprint (not ""), policy_digest ("" for none)
//	checkpoint add               summary, type
//	approve, deny                target
//	content erase                digest
//	gate eval                    tool
//	gate settle                  grant, outcome
//	lease take                   ttl, worker
//	lease release                outcome
//	attempt end                  cause
//	import                       claim_sha256, pack_sha256
//	actor add                    actor, keys, roles
//	actor revoke                 actor
//	authority set                admins, mode
//	move                         to
//	cancel, lease renew, pause, rotate, stop
//	                             none
//
// and each other argument is left out if it is empty, false or 0, but for exit, which can be 0. Lists are in bytewise order,
// but attachments are in the actor's and labels by key.
//
// The request digest of a command is the SHA-256 of the canonical JSON
//
//	{"actor":…,"arguments":…,"job_id":…,"reason":…,"verb":…}
//
// in which job_id and reason are "" if the command has none, and the arguments of approve and
// deny are without target and subject, and those of gate eval without policy. So a command that
// is signed again, with new times or under a newer lease, is a retry, and has the digest that the
// same request has without a signature.
//
// The reading of an event is its clock, or else its created_at. By the reading at which a
// command is carried out, created_at is at most 5 minutes later, and expires_at is not before
// it; expires_at is not before created_at and at most 30 days after it.
//
// # What a command fixes
//
// An event with a command has the command's actor, lease, origin, request_id, request digest and,
// if the command names one, job_id. Its trace is what the writer says: no command has one. If the command has if_revision, the event's revision is one
// more; of refused, it is that. The reading is within the command's times. The command's verb
// leads to the types of events that the table names, and, if it is about a job, to refused. Of
// the payload, each field is one of these:
//
//   - copied: equal, as canonical JSON, to the argument that the table names or, if the table
//     names none, to the argument of the field's name; the field is absent if the argument is
//     absent or "". The reason is the command's reason, or the word that the table names if there
//     is none.
//   - copied if given: as copied, but derived if the argument is absent or "".
//   - derived: it follows from the job, and each fold of the events checks it.
//   - digested: the argument claim_sha256, which the request digest leaves out, is the SHA-256
//     of the payload without its reason, as canonical JSON, in hexadecimal.
//   - free: neither.
//
// A name such as facts.shown is that of a member of an object, whose members follow each in a
// way of its own; in an argument of that name no other members are taken. What the gate decides
// follows from a policy, which the events name by its digest and do not hold: no fold can
// derive it, so it is free, and only a reader who has the policy can check it. What a leased has
// in after are events of other jobs, which only a reader who has these can check.
//
// A field that the table does not name makes the event inadmissible. Labels are a list of
// {"key":…,"value":…} in a command, sorted by key, and one object in an event.
//
//	submit → submitted
//	    copied: after, identity, input, labels, not_before, policy_digest, policy_ref
//	    copied if given: environment_fingerprint
//	    derived: producer_version
//	    free: content_key
//	checkpoint add → checkpoint_added
//	    copied: approvers, attachments, checkpoint_type from type, expires_at, progress, quorum, replaces, required_action, subject, summary
//	    derived: checkpoint_id, continues, late
//	    free: content_key
//	pause → paused
//	    copied: hold, reason
//	cancel → cancelled
//	    copied: reason
//	stop → emergency_stop_acknowledged
//	    copied: reason
//	approve → approved
//	    copied: amended, reason or "approved", subject, target
//	    copied if given: checkpoint_id
//	    free: content_key
//	deny → denied
//	    copied: reason or "denied", subject, target
//	    copied if given: checkpoint_id
//	resume → resumed
//	    copied: current_policy_digest from policy_digest, identity_validation_source, reason
//	    copied if given: actual_fingerprint from environment_fingerprint, current_policy_ref from policy_ref, identity
//	    derived: consumes, expected_fingerprint, policy_changed, previous_policy_digest, previous_policy_ref
//	    further arguments: allow_env_mismatch
//	content erase → content_erased
//	    copied: digest, reason
//	import → imported
//	    copied: pack_sha256, reason
//	    digested: approvals, checkpoints, created_at, environment_fingerprint, identity, pack_id, pack_key_id, pack_trusted, policy_digest, policy_ref, producer_version, revision, status, status_reason_code, stop_reason, stopped_at, stopped_by, updated_at
//	    further arguments: claim_sha256
//	gate eval → gate_decided
//	    copied: call_id, facts.environment_fingerprint, facts.not_done_exit, intent, tool
//	    derived: call_prev, checkpoint_id, clearance, continues, policy_digest
//	    free: approvers, content_key, determined_by, engine, expires_at, facts.shown, grant, quorum, reason_code, required_action, verdict
//	    further arguments: policy, problem
//	gate eval → dispatch_blocked
//	    copied: call_id, intent from intent.digest, tool
//	    free: content_key, reason_code
//	gate settle → effect_settled
//	    copied: grant, outcome, reason, result
//	    derived: call_id, call_prev, intent
//	    free: content_key
//	lease take → leased
//	    copied: ttl, worker
//	    derived: epoch, until
//	    free: after
//	lease renew → lease_renewed
//	    copied if given: ttl
//	    derived: epoch, until, worker
//	lease release → lease_released
//	    copied: outcome
//	    copied if given: epoch
//	    derived: ttl, until, worker
//	attempt end → attempt_ended
//	    copied: cause, exit, log
//	    copied if given: number
//	    free: content_key
//	actor add → actor_enrolled
//	    copied: actor, bootstrap, keys, reason, roles
//	actor revoke → actor_revoked
//	    copied: actor, key, reason
//	authority set → authority_set
//	    copied: admins, mode, policies, reason
//	rotate → key_rotated
//	    copied: reason
//	    derived: key, previous
//	move → ledger_moved
//	    copied: reason, to
//	any verb about a job → refused
//	    copied: command from the verb, reason
//	    derived: exit, refusal, summary
//
// So a verdict that is signed names its target, the leaf hash of the event that asks, and the
// digest of its subject, and cannot be put under another decision, even if a job id is used
// again. No command leads to ledger_created, index_committed or continued.
//
// # Actors
//
// An actor is enrolled under a name with keys and roles. The name has no percent-encoding. Two
// names look alike if they are equal once percent-encodings are decoded and A to Z are written
// as a to z; no name is enrolled that looks like one that was, but the same. A key is known by its ID,
// the SHA-256 of its wire form. It belongs to one actor for ever: a key that another actor ever
// had, or that was ever revoked, is not enrolled. A key is in force from the event that enrols
// it until one that revokes it or its actor, or that enrols the actor again without it. An actor
// who is revoked has no keys and no roles, and all keys that the actor ever had are revoked; the
// actor can be enrolled again, with new keys.
//
// # Who may do what
//
// [State.May] judges an event that is not of authority by its actor, by the keys that signed,
// and by its payload. Before the first authority event nothing is asked, and a signature is
// signature_invalid. After it:
//
// Of a name that was ever enrolled, or looks like one that was, in every mode: there is one
// signature (signature_required if there is none), the name is exactly that of the actor, and
// the key is in force for the actor. If it is not: revoked if the actor is, or if the key was
// the actor's before; else signature_invalid. The actor has one of the roles, else role_required:
//
//	submitted                                                    worker, operator
//	checkpoint_added, gate_decided, dispatch_blocked,
//	leased, lease_renewed, attempt_ended                         worker
//	effect_settled, lease_released                               operator, worker
//	approved, denied                                             approver
//	paused, resumed, cancelled, emergency_stop_acknowledged,
//	imported, continued, content_erased                          operator
//	key_rotated, ledger_moved                                    admin
//	refused                                                      any
//
// and operator, if the event binds a policy that is not one of the policies of authority_set. A
// submitted binds its policy_digest if it has one; a resumed binds its current_policy_digest if
// that is not the previous one.
//
// Of any other name a signature is signature_invalid, and without one the event is a claim.
// Claims are admissible
//
//	claims     all
//	verdicts   all but approved, denied, and submitted and resumed that bind a policy that is
//	           not one of the policies
//	all        none
//
// by mode, and else signature_required. In every mode these are: ledger_created,
// index_committed, continued, and checkpoint_added and gate_decided with continues, which a
// ledger writes.
//
// # The chain
//
// The first authority event is an actor_enrolled with bootstrap, by the actor whom it enrols,
// with role admin among the roles, and with one signature, by a key that it enrols. Its own
// authority is absent. After it the mode is claims, and one admin must agree. No later event has a bootstrap.
//
// Each later authority event is signed by admins alone, each with a key in force, no key
// twice, and its actor is one of them. There are at least as many of them as must agree: the
// number that authority_set set last, but one for an actor_revoked of an actor without role
// admin. An actor's two keys count once. After the event there are at least as many admins with
// a key in force as must agree. An actor_revoked names an actor who is enrolled and not revoked
// and, with key, a key in force for the actor.
//
// Whether what a decision asks for was approved, by enough actors who may, whether they still
// may when a job resumes or a tool is let act, whose grant a worker may settle, and which lease
// counts, are rules of jobs: see package projection.
package authority
