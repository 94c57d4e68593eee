// Package ledger is the byte format of a gait ledger: events, the chain that links them, the Merkle tree over them,
// and the keys, signed checkpoints and proofs with which anyone can check them. It is pure: it reads no file, no clock
// and no randomness that it was not given.
//
// This page specifies the format, versions 1.0.0 to 1.6.0. What it calls malformed is refused with an error that wraps
// [ErrMalformed]; nothing is repaired, skipped or guessed. Sizes are in bytes. In payloads, and wherever a job is
// meant, a checkpoint is a worker's record of progress; everywhere else it is the signed state of the ledger's tree
// (see Checkpoint).
//
// # Strings, numbers, times, hashes
//
// An event is one JSON object on one line, in the canonical form of RFC 8785 (JCS), narrowed until each value has
// exactly one spelling:
//
//   - No white space between tokens. Keys are ASCII, in ascending order, each once. A field that is empty (a
//     string, list or object without content, or false) is left out; null does not occur.
//   - A string is valid UTF-8 as it stands. Only the quotation mark and the backslash are escaped, each by one
//     backslash. Control characters (U+0000–U+001F, U+007F–U+009F) and bidirectional formatting characters
//     (U+061C, U+200E, U+200F, U+202A–U+202E, U+2066–U+2069) do not occur.
//   - A number is an integer from 0 to 2^53−1 in decimal digits: no sign, no leading zero, no fraction, no
//     exponent.
//   - A boolean is true, or left out.
//   - A time is a string in RFC 3339 form, UTC, with exactly three decimals and a Z:
//     "2026-11-22T20:32:58.058Z". Years are 0001 to 9999; the first instant of the year 0001 stands for "no
//     time" and does not occur.
//   - A hash or digest is SHA-256, a string of 64 lower-case hexadecimal digits. The hash that is all zeros
//     stands for "no hash" and does not occur.
//   - Bytes are a string of base64, standard alphabet, padded (RFC 4648, section 4), without line breaks and
//     with no stray bits at the end.
//
// [Decode] takes only what [Seal] writes: bytes that are not the encoding of their own value are malformed. An event
// is at most 60 KiB ([MaxEventSize]); longer input is refused before it is read. No newline belongs to an event,
// though files that hold several put one after each.
//
// # Event
//
// The envelope's fields in order. Those marked ? may be left out. A job event has job_id, job_seq and revision; events
// about the ledger itself (ledger_created, key_rotated, index_committed, ledger_moved, actor_enrolled, actor_revoked
// and authority_set) have none of job_id, job_prev, job_seq, revision.
//
//	actor           who asked for it, a claim unless there is a command: name¹
//	authority?      since 1.4.0: leaf hash of the newest authority event before; there once there is one
//	clock?          the raw clock reading, if created_at was held back; before created_at
//	command?        since 1.4.0: the exact text that actors signed, 16384; only with request_id
//	command_sigs?   since 1.4.0: a list of {sig}, each base64 of 1 to 1024: 1 in an event of a job, and 1 to
//	                16 in one about the ledger, ascending by their bytes, each once; with command and only then
//	created_at      when it was written; never before the created_at of the event before
//	event_id        a ULID: 26 characters of Crockford's base32 in upper case, the first one 0 to 7
//	job_id          [A-Za-z0-9][A-Za-z0-9._:-]{0,127}
//	job_prev        leaf hash of the job's event before; there unless job_seq is 1
//	job_seq         counts the job's events, refusals included, from 1
//	lease?          since 1.6.0, and not of a job's first event: the epoch of the lease under which the writer acts, or
//	                says so, from 1
//	origin          of the ledger: [a-z0-9.-]+(/[A-Za-z0-9._-]+)*, at most 128
//	payload         an object, by type: see below
//	prev            leaf hash of the ledger's event before; there unless seq is 0
//	request_digest? SHA-256 of the canonical command; with request_id and only then
//	request_id?     the caller's idempotency key, unique in the ledger: [!-~]{1,128}
//	revision        the job's revision after the event, from 1
//	schema_id       "gait.ledger.event"
//	schema_version  the newest version that the event uses: "1.0.0", or a later one
//	                if its type or one of its fields came with that (see Versions)
//	seq             the event's leaf index in the ledger, from 0
//	trace?          since 1.6.0: a traceparent of version 00 (W3C Trace Context) that the writer gave
//	type            a payload type
//
// ¹ A name is [A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}. Other bytes are percent-encoded: % and two upper-case hexadecimal
// digits, which count as three of the 128 bytes ([OSActor]). Commands encode no byte that need not be, so that no two
// of their names are the same name; a decoder takes those that are stored.
//
// A command is canonical JSON of a schema of its own (see gait/ledger/authority, which also says how actor, job_id,
// request_id, request_digest and payload follow from it), and each sig an SSHSIG over it, namespace "gait-command"
// (OpenSSH, PROTOCOL.sshsig). This package compares neither. In versions up to 1.3.0 both had another form, which no
// gait has written: command was base64 of 1 to 32768 bytes, and command_sigs, which could be left out, 1 to 16 of
// {key_id, sig}, ascending by key_id, each once: the SHA-256 of a 32-byte Ed25519 public key, and base64 of 64 bytes.
// Such an event is decoded, but it has no meaning: a reader that folds or verifies it fails with
// [ErrUnsupportedVersion].
//
// # Payloads
//
// Fields in order; ? may be left out; a number is the greatest length. Text is any clean string. target and consumes
// hold leaf hashes.
//
//	ledger_created    format (integer from 1; this version reads 1)
//	                  key (the ledger's verifier key, 256: see Keys)
//	                  predecessor? {found_root?, found_size, origin, requests?, seen_root?, seen_size}
//	                  requests? since 1.3.0: {count, digest} (see Content)
//	submitted         after? (since 1.6.0; list of 1 to 16 job ids, ascending, each once: no lease is given before these
//	                  jobs are completed), content_key? (since 1.6.0; as below, with input only)
//	                  environment_fingerprint (text, 256), identity? (name), input? (since 1.6.0; content: what to work on)
//	                  labels? (object of 1 to 16: key [A-Za-z0-9][A-Za-z0-9._/-]{0,62}, value text of 63)
//	                  not_before? (since 1.6.0; time: no lease is given before it)
//	                  policy_digest? (digest), policy_ref? (text, 256), producer_version (text, 128)
//	checkpoint_added  approvers? (since 1.4.0, with decision-needed only: list of 1 to 16, ascending, each once: who
//	                  may decide, a name or role: and a role)
//	                  attachments? (since 1.4.0; list of 1 to 16 contents, each also with its role: artifact, log or state)
//	                  checkpoint_id (cp_ and a number from 1, padded to four digits)
//	                  checkpoint_type (plan, progress, decision-needed, blocked, completed, failed)
//	                  content_key? (since 1.4.0; digest of the secret of the job's content: see Content; with subject
//	                  or attachments only)
//	                  continues? (since 1.3.0; hash, with decision-needed only: the event that asked for
//	                  the decision in the ledger that the job is continued from)
//	                  expires_at? (since 1.4.0, with decision-needed only; time: from then on it can neither be
//	                  approved nor used up), late? (true)
//	                  progress? (since 1.6.0; {done, total}: done of total steps, total from 1 to 2^40, done from 0 to total)
//	                  quorum? (since 1.4.0, with decision-needed only; 2 to 16: how many must approve, else one)
//	                  replaces? (since 1.4.0, with decision-needed only: the checkpoint_id of the decision or block
//	                  that this takes the place of, or pause, for the pause or hold that the job is in)
//	                  required_action? (text, 512; not left out of decision-needed)
//	                  subject? (since 1.4.0, with decision-needed only; content: what is decided about)
//	                  summary (text, 512)
//	paused, cancelled, emergency_stop_acknowledged
//	                  hold? (since 1.3.0, of paused only; true: another actor must approve the pause before a resume)
//	                  reason? (text, 1024)
//	approved, denied  amended? (since 1.4.0, of approved and with subject only; content: what is approved in its place)
//	                  checkpoint_id? (as above), content_key? (since 1.4.0; as above, with amended only)
//	                  reason (text, 1024), subject? (since 1.4.0; digest of the content that was decided about)
//	                  target (hash)
//	resumed           actual_fingerprint (text, 256), consumes? (list of 1 to 65 hashes), current_policy_digest? (digest)
//	                  current_policy_ref? (text, 256), expected_fingerprint (text, 256), identity? (name)
//	                  identity_validation_source? (text, 128), policy_changed? (true)
//	                  previous_policy_digest? (digest), previous_policy_ref? (text, 256), reason? (text, 1024)
//	refused           command (a command's name: lower-case letters and spaces, 32), exit (integer, 1 to 255)
//	                  reason? (text, 1024), refusal (an error code: lower-case letters and _, 64)
//	                  summary? (text, 512: that of a checkpoint, or else what the command named)
//	key_rotated       since 1.1.0; key (the new verifier key, 256), previous (the one it replaces, 256)
//	                  reason? (text, 1024)
//	index_committed   since 1.2.0; the actor is gait, which commands may not name
//	                  index (hash: the root of the index over all events before, see Index)
//	imported          since 1.1.0; the first event of a job: what a pack of PackSpec v1 claims of the job
//	                  approvals? (list of {actor (text, 128), created_at (time), reason (text, 1024)})
//	                  checkpoints? (list of {actor? (text, 128), checkpoint_type, created_at (time), open? (true: a
//	                  decision asked for since the job last ran), required_action? (text, 512), summary (text, 512)};
//	                  the n-th is that of number n)
//	                  created_at (time), environment_fingerprint (text, 256), identity? (name)
//	                  pack_id (digest), pack_key_id? (digest of the public key said to have signed the manifest)
//	                  pack_sha256 (digest of the file), pack_trusted? (true: the signature held, under a key that
//	                  the importer trusts), policy_digest? (digest), policy_ref? (text, 256)
//	                  producer_version (text, 128), reason? (text, 1024), revision (integer from 1)
//	                  status, status_reason_code, stop_reason (each lower-case letters and _, 64)
//	                  stopped_at? (time), stopped_by? (text, 128), updated_at (time)
//	ledger_moved      since 1.3.0; reason? (text, 1024), to (the verifier key of the new place, 256)
//	continued         since 1.3.0; the first event of a job that another ledger held before: its state there
//	                  after? (since 1.6.0; as above), approval_count (integer), attempt_count? (since 1.6.0; from 1: how many
//	                  attempts ended), checkpoint_count (integer), created_at (time, of the job)
//	                  decision_count (0 to 64: as many of the job's next events ask for decisions again)
//	                  environment_fingerprint (text, 256), epoch? (since 1.6.0; from 1: that of its newest lease)
//	                  hold? (true: its pause or block waits for an approval), identity? (name)
//	                  imported_by? (name: who imported what waits for a verdict), input? (since 1.6.0; as above)
//	                  job_seq (integer from 1), labels? (as above), leaf (hash of its last event there)
//	                  not_before? (since 1.6.0; as above), origin, policy_digest? (digest), policy_ref? (text, 256)
//	                  producer_version (text, 128), proof (content: see Content), refusal_count (integer), revision (from 1)
//	                  root, size (hash; integer from 1: of the signed tree there in which that event is proved)
//	                  status, status_reason_code, stop_reason (each lower-case letters and _, 64), stopped_by? (text, 128:
//	                  who asked for its pause or block), submitted_by? (name: the actor of its first event)
//	actor_enrolled    since 1.4.0; an authority event: who the actor is from here on
//	                  actor (name without %, that, in any case of letters, is not gait and does not begin with role:)
//	                  bootstrap? (of the first authority event: init, terminal or flag), reason? (text, 1024)
//	                  keys (list of 1 to 8, ascending, each once: an OpenSSH public key, its type, a space and base64
//	                  of its wire form, 288; types ssh-ed25519, ecdsa-sha2-nistp256, sk-ssh-ed25519@openssh.com
//	                  and sk-ecdsa-sha2-nistp256@openssh.com)
//	                  roles (list of 1 to 5, ascending, each once: admin, approver, auditor, operator, worker)
//	actor_revoked     since 1.4.0; an authority event: the actor, or one key, counts no more
//	                  actor (as above), key? (digest of the one key's wire form), reason (text, 1024)
//	authority_set     since 1.4.0; an authority event; admins (1 to 8: how many must agree on one), mode (claims, verdicts or all)
//	                  policies? (list of 1 to 16 digests, ascending, each once: anyone may bind them), reason? (text, 1024)
//	content_erased    since 1.4.0; digest (of a content of the job whose bytes were deleted), reason (text, 1024)
//	gate_decided      since 1.5.0; whether a tool may do now what a worker intends
//	                  approvers? (as in checkpoint_added; with require_approval only), call_id? ([!-~]{1,128}: the worker's
//	                  name for this call, unique in the job), call_prev? (hash, with call_id and not with block: what the
//	                  index has of the call before, see Index)
//	                  checkpoint_id? (as above; with require_approval, and only then)
//	                  clearance? (hash, with allow only: the resumed after which the intent was cleared)
//	                  content_key? (as above, with intent only), continues? (hash, with require_approval only; as above)
//	                  determined_by? (list of 1 to 16, ascending, each once: a policy's id, text of 128)
//	                  engine? ([!-~]{1,64}: name and version of what evaluated the policy)
//	                  expires_at? (time, with require_approval only), facts? {environment_fingerprint? (text, 256),
//	                  not_done_exit? (integer, 1 to 255: the exit code with which the tool says that it did nothing),
//	                  shown? (object of 1 to 16: fields of the intent, a path of printable ASCII but space, " and \, 128, and
//	                  its value as JSON, text of 256)}
//	                  grant? (a ULID as of event_id; with allow, and only then)
//	                  intent? (content: see Content; left out of a block only), policy_digest? (digest; left out of a block
//	                  only), quorum? (2 to 16, with require_approval only), reason_code (lower-case letters and _, 64)
//	                  required_action? (text, 512; with require_approval only)
//	                  tool ([A-Za-z0-9_][A-Za-z0-9_.:@/-]{0,127}), verdict (allow, block or require_approval)
//	dispatch_blocked  since 1.5.0; block, since the job had an emergency stop: no policy was asked
//	                  call_id? (as above), content_key? (as above, with intent only)
//	                  intent? (digest as that of the job's content; its bytes are not kept), reason_code, tool (as above)
//	effect_settled    since 1.5.0; what became of a grant
//	                  call_id? (of the grant), call_prev? (hash, with call_id and only then; as above)
//	                  content_key? (as above, with result only), grant (of an allow)
//	                  intent? (digest of the grant's, which the call stands for; with call_id and only then)
//	                  outcome (done, not_done or unknown), reason? (text, 1024), result? (content: what the tool answered)
//	leased            since 1.6.0; a worker may act for the job; after? (list of 1 to 16 hashes: of each job in the after of
//	                  submitted, in that order, the event that completed it), epoch (integer from 1, counts the job's leases)
//	                  ttl (5 to 86400, seconds), until (time: when the lease ends), worker (name of the process that acts)
//	lease_renewed     since 1.6.0; the holder had nothing else to say: epoch, ttl, until, worker (as above)
//	lease_released    since 1.6.0; outcome (done, gave_up or, said by another one than the holder, lost)
//	                  epoch, ttl, until, worker (of the lease, as above)
//	attempt_ended     since 1.6.0; cause (exited, signaled, asked, timeout, deadline, paused, stopped, lease_lost,
//	                  interrupted, not_started or lost), content_key? (as above, with log only), exit? (integer, 0 to 255)
//	                  log? (content: the end of what it wrote), number (integer from 1, counts the job's attempts)
//
// # Content
//
// Content is bytes that are kept beside the ledger and that an event names:
//
//	digest (SHA-256 of what is kept), media_type? (like text/plain, 127), name? (a file's, text of 255 without
//	/ and \, not . or ..), size (of the bytes)
//
// Plain content is kept as it is. Content of a job (subject, amended, attachments, intent, result, input, log) is kept
// as 16 bytes of salt and the bytes, so that its digest does not show what short bytes were once they are erased. The
// salt is the first 16 bytes of HMAC-SHA-256(secret, bytes), and the secret 32 random bytes, kept with the job's
// content: equal contents of a job have equal digests, and to show one shows nothing of others. One event of a job at
// most has content_key, the secret's SHA-256: of those that gait writes, the first that names content. Bytes that a
// content_erased names are gone; what names them stays as it is ([JobContents]).
//
// The proof of a continued is one object of canonical JSON, media type "application/gait-continued-proof" (see
// [ContinuedProof]): it shows the job's last event in the other ledger, and that it is in the signed tree that the
// event names.
//
// The requests of a predecessor are content too: count times 32 bytes, ascending, each once: the keys, in the index,
// of the request ids that the ledgers before have used, which the ledger refuses, and since 1.5.0 of the calls that
// they knew (see Index).
//
// # Chain
//
// An event's leaf hash is SHA-256(0x00 ‖ event), RFC 6962, section 2.1. It is the only digest of an event, and it is
// over the stored bytes, never over a value encoded again. A ledger is a sequence of events that follow these rules:
//
//   - seq counts from 0 without gaps, and prev is the leaf hash of the event before;
//   - the first event, and no other, is ledger_created;
//   - no request_id occurs twice;
//   - authority is the leaf hash of the newest actor_enrolled, actor_revoked or authority_set event before, and
//     is left out before there is one: the authority events are a chain of their own, to which every event
//     after leads;
//   - created_at never falls. When a clock steps back, the time of the event before is written again, and the
//     clock's reading goes into clock ([Head.At]). So a writer asks [CheckClock] first: one time far ahead
//     would be that of all later events.
//
// The events of each job, in ledger order, follow these:
//
//   - job_seq counts from 1 without gaps, and job_prev is the leaf hash of the job's event before, so that a
//     job's last event vouches for all of them;
//   - revision is that of the event before plus one, except that refused changes nothing and repeats it. The
//     first has revision 1.
//
// [Head.Follow] and [JobHead.Follow] check these rules, and [RequestIDs] the one about request ids; a broken one is a
// [*CorruptError] that names the event.
//
// # Tree
//
// The leaf hashes, in order of seq, are the leaves of the Merkle tree of RFC 6962, section 2.1: a node is SHA-256(0x01
// ‖ left ‖ right), the root of an empty tree SHA-256 of nothing. Hashes are kept in tiles as C2SP tlog-tiles lays them
// out: tile n of level l holds 256 hashes of 32 bytes, the n·256-th and following nodes at height 8·l; the last tile
// of a level may be narrower. [Tree] is the right edge, which is all that appending needs. As bytes it is the size in
// 8 bytes big-endian, then the roots of the complete subtrees, largest first.
//
// As files a ledger is a C2SP tlog-tiles log: "checkpoint"; "tile/<L>/<N>" or, if the tile is not full,
// "tile/<L>/<N>.p/<W>"; and "tile/entries/<N>[.p/<W>]" with the events under tile N of level 0, each its length in two
// bytes, big-endian, and its exact bytes. [Coverage] says which files hold a part of a ledger.
//
// # Index
//
// The index is a map of what the ledger says last, in a Merkle Patricia tree (see package gait/ledger/mpt). It has
//
//	SHA-256("job/" ‖ job_id)          the leaf hash of the job's newest event
//	SHA-256("request/" ‖ request_id)  the leaf hash of the event that used the request id,
//	                                  or of event 0 if its predecessor's requests have that key
//	SHA-256("authority")              since 1.4.0: the leaf hash of the newest authority event
//	SHA-256("call/" ‖ job_id ‖ 0x00 ‖ call_id)
//	                                  since 1.5.0: the leaf hash of the newest gate_decided, but for a block, or effect_settled
//	                                  with the call_id; until there is one, of event 0 if its predecessor's requests have
//	                                  that key
//
// The call_prev of those two types is what the index over all events before has under that key, and is left out if it
// has nothing.
//
// An index_committed event puts its root into the tree: the root over all events before it. A proof in the index,
// together with the event's inclusion in a signed tree, shows where a job ended when the event was written, or that
// there was no such job or request id. Only a reader of all events can check the root itself ([IndexFold]), if it has
// the requests that event 0 names. A false one is an [*IndexError] that names the event.
//
// # Checkpoint
//
// A checkpoint is the signed state of a ledger's tree (C2SP tlog-checkpoint in a C2SP signed-note). Its text is three
// lines, each with its newline: origin, size in decimal, root in base64. Extension lines are malformed. The signature
// is Ed25519 (RFC 8032) over the text, by the key in force (see Keys), whose name is the origin; its line is an em
// dash, a space, the name, a space, and base64 of the key's 4-byte id and the 64-byte signature. Lines by keys the
// reader does not know are ignored; if one by the known key fails, the whole note is refused. A note is at most 96 KiB
// ([MaxNoteSize]), which leaves room for the 16 signatures that C2SP asks readers to take; gait writes no more than
// those ([MaxSignatures]).
//
// # Cosignature
//
// A witness cosigns a checkpoint once it has checked that the checkpoint continues the one it saw before. The
// cosignature is a signature line of the same note (C2SP tlog-cosignature, Ed25519): base64 of the 4-byte id of the
// witness's key, the time in seconds since the Epoch in 8 bytes big-endian, and the Ed25519 signature over
//
//	cosignature/v1
//	time 1679315147
//	<the text of the checkpoint, three lines>
//
// A time of zero, or after the year 9999, does not verify. ML-DSA-44 cosignatures are ignored like any line by an
// unknown key.
//
// # Policy
//
// [ParsePolicy] reads C2SP tlog-policy strictly. Anything that page does not allow is a [*PolicyError] with a code and
// a line, and so are a last line without its newline and keys of types other than 0x01 for logs and 0x04 for
// witnesses. A policy is at most 64 KiB ([MaxPolicySize]).
//
// # Proof
//
// A proof (C2SP tlog-proof, file name .tlog-proof) is the line "c2sp.org/tlog-proof@v1", the line "index " and the seq
// in decimal, the inclusion path of RFC 6962, section 2.1.1, one base64 hash a line from the leaf's sibling up, an
// empty line, and the signed checkpoint, byte for byte. An extra line, which C2SP allows, is malformed here: gait
// writes none and it proves nothing. The path has at most 63 hashes; consistency paths are those of RFC 6962, section
// 2.1.2.
//
// # Keys
//
// A ledger has one Ed25519 key at a time. ledger_created names the first as a C2SP signed-note verifier key,
//
//	<origin>+<id>+<base64 of 0x01 ‖ 32 public key bytes>
//
// with id = the first 4 bytes of SHA-256(origin ‖ 0x0A ‖ 0x01 ‖ public key) as 8 lower-case hexadecimal digits. The
// private key is the text that golang.org/x/mod/sumdb/note reads, with the 32-byte seed of RFC 8032:
//
//	PRIVATE+KEY+<origin>+<id>+<base64 of 0x01 ‖ 32 seed bytes>
//
// A key_rotated event replaces the key by another one of the same origin that the ledger never had; previous is the
// key in force. It happens at most 100 times ([MaxRotations]). The checkpoint whose last event is the rotation, of
// size seq + 1, must have the signatures of both keys; every larger one, up to the next rotation's, that of the new
// key. The event, and its inclusion proof in that checkpoint, are a rotation. A verifier that trusts an older key can
// follow it without seeing the ledger ([Keyring.FollowProved]).
//
// A ledger_moved event hands the ledger over to the key of another place, and counts as a rotation. But the place
// before signs the checkpoint that ends with the event alone, and nothing after it: the ledger ends there. The new
// place adds its signature to the same checkpoint before it writes. That is then the rotation's proof.
//
// A key is refused wherever it is read ([ErrWeakKey]) if signatures under it can be made without a private key: the
// points of edwards25519 whose order divides 8, all zeros among them, in any spelling. So is every spelling with a y
// coordinate of 2^255−19 or more.
//
// A verifier may hold the key in another form: as an OpenSSH line of type ssh-ed25519 (RFC 8709) or in PEM (RFC 8410).
// Such a key has no name, and stands for the ledger of any origin ([ParsePublicKey]).
//
// A witness's key is spelt like a ledger's, with 0x04 instead of 0x01, and its name is any key name of C2SP
// signed-note of at most 128 bytes.
//
// # Versions
//
// A version is closed once it is on the main branch: nothing is added to it. A type, field, value, code or limit, once
// written, is never given another meaning. The format grows by new versions. A new version adds types, optional fields
// or values; a type may also get another shape. A stricter rule is a new version, too. Each addition is marked with
// the version that brought it. An event names the newest version it uses: for its type, for its payload's shape, or
// for a field or value that it has. It never names a newer one, so earlier events keep their bytes, and a reader of an
// older version reads a ledger up to the first event that it cannot know.
//
// So an event is malformed if its schema_version is not the newest that it uses. A field of a later version is an
// unknown field in an event of an older one, and an unknown field or type is malformed. command and command_sigs have
// one form in versions up to 1.3.0 and another from 1.4.0 on: an event of the first form can use nothing of 1.4.0.
//
// An event of any schema_version but 1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0 and 1.6.0, in any spelling, is not
// malformed: the error wraps [ErrUnsupportedVersion], as does the error for a ledger_created whose format is not 1.
//
// # Worked example
//
// This ledger's key has 32 zero bytes as its seed. Its event 0, one line, and the leaf hash:
//
//	{"actor":"os:ada","created_at":"2026-11-22T20:32:58.000Z","event_id":"01KAQ2C3TAW6FTY9CXR1Q0KF8M","origin":"gait.example/log1","payload":{"format":1,"key":"gait.example/log1+b7ecafab+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"},"schema_id":"gait.ledger.event","schema_version":"1.0.0","seq":0,"type":"ledger_created"}
//	8a356afee6cca05ae798223b3da676721a589d88c6b680854481af45a93c08cd
//
// Event 1, the first of a job, and its leaf hash:
//
//	{"actor":"worker_1","created_at":"2026-11-22T20:32:58.058Z","event_id":"01KAQ2C3TBW6FTY9CXR1Q0KF8N","job_id":"job_1","job_seq":1,"origin":"gait.example/log1","payload":{"environment_fingerprint":"envfp:1","producer_version":"1.0.0"},"prev":"8a356afee6cca05ae798223b3da676721a589d88c6b680854481af45a93c08cd","revision":1,"schema_id":"gait.ledger.event","schema_version":"1.0.0","seq":1,"type":"submitted"}
//	ff21aa6c0dcf2913947fd2944ab7e235307b461224c8d29c6672622afb86f5fc
//
// And the proof that event 1 is in the tree of two, which ends in the signed checkpoint:
//
//	c2sp.org/tlog-proof@v1
//	index 1
//	ijVq/ubMoFrnmCI7PaZ2chpYnYjGtoCFRIGvRak8CM0=
//
//	gait.example/log1
//	2
//	uJRU8vUR9ZR8H4Jg5kfoQ1okO/8cmXEQ6VJWg/sIYfM=
//
//	— gait.example/log1 t+yvq91P5/fNr9e2x23R7WIXdKTuytuNVLPA5QlZvn54wZ3jl19g4/Qny/gUxCto10fj+g9E98l6a+tvsENcdRk7aAs=
//
// Any tool checks the first step (RFC 6962 puts a zero byte before a leaf):
//
//	(printf '\0'; cat event) | sha256sum
//
// RFC 6962, 8032, 8410, 8709 and 8785 are at https://www.rfc-editor.org, and signed-note, tlog-checkpoint, tlog-tiles,
// tlog-proof, tlog-cosignature and tlog-policy at https://c2sp.org.
package ledger
