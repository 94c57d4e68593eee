// Package ledger is the byte format of a gait ledger: events, the chain that
// links them, the Merkle tree over them, and the keys, checkpoints and proofs
// by which a stranger can check them. It is pure: it reads no file, no clock
// and no randomness that it was not given.
//
// This page specifies the format, versions 1.0.0 and 1.1.0. What it calls malformed is
// refused with an error that wraps [ErrMalformed]; nothing is repaired,
// skipped or guessed. Sizes are in bytes.
//
// # Strings, numbers, times, hashes
//
// An event is one JSON object on one line, in the canonical form of RFC 8785
// (JCS), narrowed until each value has exactly one spelling:
//
//   - No white space between tokens. Keys are ASCII, in ascending order, each
//     once. A field that is empty (a string, list or object without content, or
//     false) is left out; null does not occur.
//   - A string is valid UTF-8 as it stands. Only the quotation mark and the
//     backslash are escaped, each by one backslash. Control characters
//     (U+0000–U+001F, U+007F–U+009F) and bidirectional formatting characters
//     (U+061C, U+200E, U+200F, U+202A–U+202E, U+2066–U+2069) do not occur.
//   - A number is an integer from 0 to 2^53−1 in decimal digits: no sign, no
//     leading zero, no fraction, no exponent.
//   - A boolean is true, or left out.
//   - A time is a string in RFC 3339 form, UTC, with exactly three decimals and
//     a Z: "2026-11-22T20:32:58.058Z". Years are 0001 to 9999; the first
//     instant of them stands for none and does not occur.
//   - A hash or digest is SHA-256, a string of 64 lower-case hexadecimal
//     digits. The hash that is all zeros stands for none and does not occur.
//   - Bytes are a string of base64, standard alphabet, padded (RFC 4648,
//     section 4), without line breaks and with no stray bits at the end.
//
// [Decode] reads an event, encodes what it read, and compares: bytes that are
// not the encoding of their own value are malformed. An event is at most 60 KiB
// ([MaxEventSize]); longer input is refused before it is looked at. No newline
// belongs to an event, though files that hold many put one after each.
//
// # Event
//
// The envelope's fields in order. Those marked ? may be left out. A job event
// has job_id, job_seq and revision; events about the ledger itself
// (ledger_created and key_rotated) have none of job_id, job_prev, job_seq,
// revision.
//
//	actor           who asked for it, a claim unless command says more: name¹
//	clock?          the raw clock reading, where created_at was held back; before created_at
//	command?        reserved: the exact bytes an actor signed, base64 of 1 to 32768
//	command_sigs?   reserved: 1 to 16 of {key_id, sig}, ascending by key_id, each key once; only with command
//	created_at      when it was written; never before that of the event before
//	event_id        a ULID: 26 characters of Crockford's base32 in upper case, the first one 0 to 7
//	job_id          [A-Za-z0-9][A-Za-z0-9._:-]{0,127}
//	job_prev        leaf hash of the job's event before; there unless job_seq is 1
//	job_seq         counts the job's events, refusals included, from 1
//	origin          of the ledger: [a-z0-9.-]+(/[A-Za-z0-9._-]+)*, at most 128
//	payload         an object, by type: see below
//	prev            leaf hash of the ledger's event before; there unless seq is 0
//	request_digest? SHA-256 of the canonical command; with request_id and only then
//	request_id?     the caller's idempotency key, unique in the ledger: [!-~]{1,128}
//	revision        the job's revision after the event, from 1
//	schema_id       "gait.ledger.event"
//	schema_version  the version that first had the type: "1.0.0", or "1.1.0" where
//	                the type says so below
//	seq             the event's leaf index in the ledger, from 0
//	type            a payload type
//
// ¹ A name is [A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}. What it cannot hold is
// percent-encoded: % and two upper-case hexadecimal digits, also counted
// against the 128 ([OSActor]).
//
// In command_sigs, key_id is the SHA-256 of a 32-byte Ed25519 public key and
// sig its signature over command, base64 of 64 bytes. Where command is present,
// actor, job_id, type, request_id and payload must be those derived from it;
// version 1.0.0 defines no derivation, so whoever finds a command treats the
// actor as a claim all the same.
//
// # Payloads
//
// Fields in order; ? may be left out; a number is the greatest length. Text is
// any clean string. target and consumes hold leaf hashes.
//
//	ledger_created    format (integer from 1; this version reads 1)
//	                  key (the ledger's verifier key, 256: see Keys)
//	                  predecessor? {found_root?, found_size, origin, seen_root?, seen_size}
//	submitted         environment_fingerprint (text, 256)
//	                  identity? (name)
//	                  labels? (object of 1 to 16: key [A-Za-z0-9][A-Za-z0-9._/-]{0,62}, value text of 63)
//	                  policy_digest? (digest)
//	                  policy_ref? (text, 256)
//	                  producer_version (text, 128)
//	checkpoint_added  checkpoint_id (cp_ and a number from 1, padded to four digits)
//	                  checkpoint_type (plan, progress, decision-needed, blocked, completed, failed)
//	                  late? (true)
//	                  required_action? (text, 512; not left out of decision-needed)
//	                  summary (text, 512)
//	paused, cancelled, emergency_stop_acknowledged
//	                  reason? (text, 1024)
//	approved, denied  checkpoint_id? (as above), reason (text, 1024), target (hash)
//	resumed           actual_fingerprint (text, 256)
//	                  consumes? (list of 1 to 65 hashes)
//	                  current_policy_digest? (digest), current_policy_ref? (text, 256)
//	                  expected_fingerprint (text, 256)
//	                  identity? (name), identity_validation_source? (text, 128)
//	                  policy_changed? (true)
//	                  previous_policy_digest? (digest), previous_policy_ref? (text, 256)
//	                  reason? (text, 1024)
//	refused           command (a command's name: lower-case letters and spaces, 32)
//	                  exit (integer, 1 to 255)
//	                  reason? (text, 1024)
//	                  refusal (an error code: lower-case letters and _, 64)
//	                  summary? (text, 512: that of a checkpoint, or else what the command named)
//	key_rotated       since 1.1.0
//	                  key (the new verifier key, 256), previous (the one it takes the place of, 256)
//	                  reason? (text, 1024)
//	imported          since 1.1.0; what a pack of PackSpec v1 claims of a job, whose first event it is
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
//
// # Chain
//
// An event's leaf hash is SHA-256(0x00 ‖ event), RFC 6962, section 2.1. It is
// the only digest of an event there is, and it is over the stored bytes, never
// over a value encoded again. A ledger is a sequence of events in which
//
//   - seq counts from 0 without gaps, and prev is the leaf hash of the event before;
//   - the first event, and no other, is ledger_created;
//   - created_at never falls. When a clock steps back, the time of the event
//     before is written again, and the clock's reading goes into clock ([Head.At]).
//
// And in which the events of each job, in ledger order,
//
//   - count job_seq from 1 without gaps, and job_prev is the leaf hash of the
//     job's event before, so that a job's last event vouches for all of them;
//   - have the revision of the event before plus one, except that refused
//     changes nothing and repeats it. The first has revision 1.
//
// [Head.Follow] and [JobHead.Follow] hold these rules; a broken one is a
// [*CorruptError] that names the event.
//
// # Tree
//
// The leaf hashes, in order of seq, are the leaves of the Merkle tree of RFC
// 6962, section 2.1: a node is SHA-256(0x01 ‖ left ‖ right), the root of an
// empty tree SHA-256 of nothing. Hashes are kept in tiles as C2SP tlog-tiles
// lays them out: tile n of level l holds 256 hashes of 32 bytes, the n·256-th
// and following nodes at height 8·l; the last tile of a level may be narrower.
// [Tree] is the right edge, from which a ledger goes on: as bytes, the size in
// 8 bytes big-endian, then the roots of the complete subtrees, largest first.
//
// As files a ledger is a C2SP tlog-tiles log: "checkpoint"; "tile/<L>/<N>" and,
// where it is not full, "tile/<L>/<N>.p/<W>"; and "tile/entries/<N>[.p/<W>]" with
// the events under tile N of level 0, each its length in two bytes, big-endian,
// and its exact bytes. [Coverage] says which files a part of a ledger takes.
//
// # Checkpoint
//
// A checkpoint is the signed state of a ledger's tree (C2SP tlog-checkpoint in
// a C2SP signed-note). Its text is three lines, each with its newline: origin,
// size in decimal, root in base64. Extension lines are malformed. The signature
// is Ed25519 (RFC 8032) over the text, by the key in force (see Keys), whose name
// is the origin; its line is an em dash, a space, the name, a space, and base64 of the
// key's 4-byte id and the 64-byte signature. Lines by keys the reader does not
// know are ignored; one by the known key that fails spoils the note. A note is
// at most 96 KiB ([MaxNoteSize]), which leaves room for the 16 signatures that
// C2SP asks readers to take; gait writes no more than those ([MaxSignatures]).
//
// # Cosignature
//
// A witness that has seen a checkpoint, and that it goes on from the one it saw
// before, says so in a signature line of the same note (C2SP tlog-cosignature,
// Ed25519): base64 of the 4-byte id of the witness's key, the time in seconds
// since the Epoch in 8 bytes big-endian, and the Ed25519 signature over
//
//	cosignature/v1
//	time 1679315147
//	<the text of the checkpoint, three lines>
//
// A time of zero, or after the year 9999, does not verify. ML-DSA-44
// cosignatures are ignored like any line by an unknown key.
//
// # Policy
//
// [ParsePolicy] reads C2SP tlog-policy, strictly: what that page does not allow
// is a [*PolicyError] with a code and a line, and so are a last line without its
// newline and keys of types other than 0x01 for logs and 0x04 for witnesses. A
// policy is at most 64 KiB ([MaxPolicySize]).
//
// # Proof
//
// A proof (C2SP tlog-proof, file name .tlog-proof) is the line
// "c2sp.org/tlog-proof@v1", the line "index " and the seq in decimal, the
// inclusion path of RFC 6962, section 2.1.1, one base64 hash a line from the
// leaf's sibling up, an empty line, and the signed checkpoint to the letter. An
// extra line, which C2SP allows, is malformed here: gait writes none and it
// proves nothing. The path has at most 63 hashes; consistency paths are those
// of RFC 6962, section 2.1.2.
//
// # Keys
//
// A ledger has one Ed25519 key at a time. ledger_created names the first as a
// C2SP signed-note verifier key,
//
//	<origin>+<id>+<base64 of 0x01 ‖ 32 public key bytes>
//
// with id = the first 4 bytes of SHA-256(origin ‖ 0x0A ‖ 0x01 ‖ public key) as
// 8 lower-case hexadecimal digits. The private key is the text that
// golang.org/x/mod/sumdb/note reads, with the 32-byte seed of RFC 8032:
//
//	PRIVATE+KEY+<origin>+<id>+<base64 of 0x01 ‖ 32 seed bytes>
//
// A key_rotated event puts another key of the same origin in its place, one that
// the ledger never had; previous is the key in force. It happens at most 100
// times ([MaxRotations]). The checkpoint whose last event is the rotation, of
// size seq + 1, must have the signatures of both keys; every larger one, up to
// the next rotation's, that of the new key. The event, and its inclusion proof in
// that checkpoint, are a rotation that somebody can follow who trusts an older
// key and does not see the ledger ([Keyring.FollowProved]).
//
// A key under which signatures are made without a private key is refused
// wherever it is read ([ErrWeakKey]): the points of edwards25519 whose order
// divides 8, all zeros among them, in any spelling; and so is every spelling
// with a y coordinate of 2^255−19 or more.
//
// Whoever verifies may hold the key as others keep it, as an OpenSSH line of
// type ssh-ed25519 (RFC 8709) or in PEM (RFC 8410). Such a key has no name, and
// stands for the ledger of any origin ([ParsePublicKey]).
//
// A witness's key is spelt like a ledger's, with 0x04 in the place of 0x01, and
// its name is any key name of C2SP signed-note of at most 128 bytes.
//
// # Versions
//
// An event of any schema_version but 1.0.0 and 1.1.0, in whatever spelling, is
// not malformed: the error wraps [ErrUnsupportedVersion], as does that of a
// ledger_created whose format is not 1. Within a version nothing is added: an
// unknown field or type is malformed; a new type comes with a new version, and
// events of the old types go on saying the old one. A type, field, code or limit, once
// written, is never given another meaning; a stricter rule is a new version.
//
// # Worked example
//
// A ledger whose key has 32 zero bytes for a seed. Its event 0, one line, and
// the leaf hash:
//
//	{"actor":"os:ada","created_at":"2026-11-22T20:32:58.000Z","event_id":"01KAQ2C3TAW6FTY9CXR1Q0KF8M","origin":"gait.example/log1","payload":{"format":1,"key":"gait.example/log1+b7ecafab+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"},"schema_id":"gait.ledger.event","schema_version":"1.0.0","seq":0,"type":"ledger_created"}
//	8a356afee6cca05ae798223b3da676721a589d88c6b680854481af45a93c08cd
//
// Event 1, the first of a job, and its leaf hash:
//
//	{"actor":"worker_1","created_at":"2026-11-22T20:32:58.058Z","event_id":"01KAQ2C3TBW6FTY9CXR1Q0KF8N","job_id":"job_1","job_seq":1,"origin":"gait.example/log1","payload":{"environment_fingerprint":"envfp:1","producer_version":"1.0.0"},"prev":"8a356afee6cca05ae798223b3da676721a589d88c6b680854481af45a93c08cd","revision":1,"schema_id":"gait.ledger.event","schema_version":"1.0.0","seq":1,"type":"submitted"}
//	ff21aa6c0dcf2913947fd2944ab7e235307b461224c8d29c6672622afb86f5fc
//
// And the proof that event 1 is in the tree of two, which ends in the signed
// checkpoint:
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
// The specifications: RFC 6962 (https://www.rfc-editor.org/rfc/rfc6962),
// RFC 8032 (https://www.rfc-editor.org/rfc/rfc8032),
// RFC 8410 (https://www.rfc-editor.org/rfc/rfc8410),
// RFC 8709 (https://www.rfc-editor.org/rfc/rfc8709),
// RFC 8785 (https://www.rfc-editor.org/rfc/rfc8785),
// https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint,
// https://c2sp.org/tlog-tiles, https://c2sp.org/tlog-proof,
// https://c2sp.org/tlog-cosignature, https://c2sp.org/tlog-policy.
package ledger
