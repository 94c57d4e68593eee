// Package home keeps what a user remembers about ledgers: the private keys that
// sign them, the keys the user trusts, and for each ledger the newest signed
// checkpoint seen, its witnesses, and whether it was retired. All of it lies in one
// directory, apart from the ledgers, so that it is not lost, copied or restored with
// one of them.
//
// A home is named by its directory, which need not exist: functions that write
// create it. The caller passes it to each function; the package has no state, no
// clock and no entropy.
//
// # Files
//
//	<home>/keys/<origin>.key                  a private key, one line; "+" stands for "/"
//	<home>/keys/next/<origin>.key             the new key of a rotation, until it replaces that one
//	<home>/keys/retired/<origin>.key          the key of a ledger that was retired, or that moved away, which signs packs of it at most
//	<home>/trusted_keys                       the keys that the user trusts or distrusts, below
//	<home>/ledgers/<sha256 of origin>/        one directory for each ledger, LedgerDir:
//	    checkpoint.0, checkpoint.1            the outside checkpoint
//	    pack.0, pack.1                        the newest checkpoint in a pack that did not prove how it follows that one
//	    index                                 what is known of the ledger's index, one line of JSON
//	    keys                                  the ledger's verifier keys, oldest first, one a line, once it had two
//	    ends                                  where keys ended, one a line: key, size and root of the last tree that it signs
//	    witnesses                             the ledger's witnesses: key and URL a line, and # comments
//	    tokens                                those whom the ledger's daemon admits, one a line, below
//	    notify/<sha256 of target, 16 digits>  the first event that a target of gait serve --notify may not know of, a number
//	    conflicts/                            evidence from witnesses that have seen another history
//	    jobs/<sha256 of job id>               what packs and proofs showed of a job, below
//	    jobs/ledger                           and of the ledger's own events
//	    forks/<sha256 of file, 16 digits>/    evidence of two histories, below
//	    retired                               the note that the ledger was retired, one line of JSON
//	<home>/continued/<sha256 of origin, \n, job>  in which ledger a job of one was seen to go on, one line of JSON
//	<home>/roots/<sha256 of the path>         which ledger a root holds, or held last, one line of JSON
//
// Directories are 0700 and files 0600. Each file but a slot is replaced whole,
// durably. A process that adds a key, or changes trust or witnesses, holds flock(2) on
// <home>.
//
// # Trusted keys
//
//	# a comment
//	example.com/payments+2f1d6a0c+AX…         this key is trusted, for the ledger of that origin
//	ssh-ed25519 AAAA… ada@example             this one is, whatever ledger it signs
//	!example.com/payments+91c04b3e+AY…        this one is distrusted
//
// A line is a key, in one of the two forms that ledger.ParsePublicKeyLine reads, "!" and
// a key, or a comment, which begins with "#". Spaces around it are ignored, and empty
// lines are too. Anything else is an error that names the line, and no key is trusted.
//
// Trust in a key of a ledger extends to the keys that the ledger was rotated to, but to
// no distrusted key and to none that took over from one. A line with "!" is about the
// key's 32 bytes: none of them is trusted under any origin, whatever other lines say.
//
// # What other users may not do
//
// Each function looks first at what leads to the files that it uses: every directory
// from the root of the file system on, and every symbolic link. All must belong to the
// user or to root, and no other user may write the directories. A directory above the
// files' own may be sticky instead, as /tmp is. Files must belong to the user or to
// root too. Other users may not write them, nor read a key file. A symbolic link may
// stand for a private key, for trusted_keys and for witnesses, if all that leads to its
// target is as safe, and for no other file. The directory of secrets that an
// orchestrator mounts may be sticky if it is mounted read-only. Anything else is an *UnsafeError whose hint is the command line
// that mends it; no home is made in such a directory, and no file of it is used.
//
// In a user namespace in which root has no id, as some sandboxes have, user 65534
// counts as root.
//
// # What cannot be used
//
// If the system does not let the user read or write a home, or its disk is full, that is
// an *AccessError, which names the directory and what to do. Guard.Ready and
// CheckWritable find that out before anything depends on it.
//
// # The outside checkpoint
//
// A Guard keeps the newest signed checkpoint of a ledger in two slots. Each new one
// overwrites the older slot, in place. Slots are synced only when a ledger was imported or
// restored: the next open of one that is written keeps its checkpoint again. The newest
// slot that verifies counts: the ledger must hold at least those events. A ledger that has
// fewer events, or another root at that size, is a *RolledBackError. A crash can
// tear one slot; if both slots hold something that is no checkpoint, that is
// corruption. If there is none yet, there is nothing to compare with. A checkpoint
// that none of the ledger's keys has signed is not compared. Remember does not
// overwrite it: if the slots hold nothing else, it fails with ErrOtherKey. Opening the
// ledger does not fail, and puts the ledger's own checkpoint there.
//
// A user also verifies ledgers and packs of others. Remember keeps their newest
// checkpoint in the same way. If a pack contained a checkpoint without a proof that
// it follows the history seen, that checkpoint goes into slots of its own: it can
// reveal a second history, but opening a ledger does not check the ledger against it.
//
// # What is known of an index
//
//	{"at":[{"index":"9f86…","jobs":2,"root":"9f86…","size":3}],"kept":true,"origin":"gait.local/01J…",
//	 "schema_id":"gait.ledger.index","schema_version":"1.0.0"}
//
// It is canonical JSON with a line feed. Each element of at is the root of the index over
// the first size events, the root of the tree over them and the number of their jobs, as
// this user computed them: from all of those events or, if it says "followed":true, from
// those behind a smaller size. The newest 16 are kept, and of those that were followed
// only the newest. With them a home without the ledger's key, and any home in a copy,
// proves what it reads of a ledger that has reached one of these sizes and no more than
// 65,536 events behind it. kept says that the ledger's store keeps the index too. From
// then on it is damage, or an older copy, if the store has none.
//
// # Jobs seen
//
// The holder of a ledger's key can write two histories. Packs of both verify, and their
// checkpoints need not contradict each other. So home keeps what verified packs and index
// proofs showed, of each job and of the ledger's own events: the facts that package seen
// compares. It keeps the newest 65,536 of them, and of those before them the events whose
// number is a multiple of 1,024, the newest 262,144 of these. Since each event names the
// one before it, another event means another history from there on or before. Of one
// pack at most 262,144 events of jobs are remembered. The format is of no release yet,
// and may change. A file begins with a line of canonical JSON:
//
//	{"commitment":"{…}","commitment_proof":"c2sp.org/tlog-proof@v1\n…","facts":3,"head":"{…}",
//	 "job_id":"job_1","keys":["example.com/payments+…"],"pack_sha256":"9f86…","path":"AQI…",
//	 "proof":"c2sp.org/tlog-proof@v1\n…","schema_id":"gait.job.seen","schema_version":"1.0.0"}
//
// job_id is left out in the file of the ledger's own events. keys are the ledger's, oldest
// first: a ledger that shares none of them is another one, which is neither compared nor
// remembered. pack_sha256 is the file that showed the newest fact, and the others, as far
// as they are there, are what it shows: of a job pack head, its newest event, and proof,
// the C2SP tlog-proof of that; of a range pack checkpoint, the signed checkpoint; of an
// index proof head, if there is such a job; and of a pack or proof that shows where the
// job ended the commitment to the index, its proof, and the path. After the line come the
// facts, in order: 48 bytes each, the number and the seq as 8 bytes, big-endian, and the
// leaf hash, or zeros for an end. The last 32 bytes are the SHA-256 of all others. An
// empty file says nothing, since a crash can leave one; any other file is a *MemoryError.
// A process that changes a file of jobs/ or forks/ holds flock(2) on that directory.
//
// A directory of forks/ holds fork.json, which says what was seen, what was found, and
// the SHA-256 of both files; what is kept of the file seen first: seen.json, its newest
// event, seen.tlog-proof or seen.checkpoint, seen_commitment.json,
// seen_commitment.tlog-proof and seen.mpt-proof; and found.zip or found.proof.json, a copy
// of the file that contradicts it. At most 64 are kept for a ledger.
//
// # Tokens
//
//	{"actor":"reviewer_1","created_at":"2026-11-30T20:00:00.000Z","id":"9f86d081884c","key":"…",
//	 "role":"approver","schema_id":"gait.token","schema_version":"1.0.0"}
//
// A line of canonical JSON admits the holder of a token (package token) to the ledger's
// daemon, as one actor and in one role. key is 64 hexadecimal digits, the public half of
// the Ed25519 key that the token is the seed of: a reader of the file cannot act as
// the holder. If a line is anything else, no token counts. A daemon reads the file again
// when it has changed.
//
// # The note of a retirement
//
//	{"found_root":"9f86…","found_size":3,"origin":"gait.local/01J…","reason":"the disk was lost",
//	 "retired_at":"2026-11-22T20:00:00.000Z","root":"/srv/jobs","schema_id":"gait.ledger.retired",
//	 "schema_version":"1.0.0","seen_root":"9f86…","seen_size":3}
//
// It is canonical JSON (package jcs) with a line feed: the state in which the
// ledger was found, the newest state ever seen, and why and in which root
// directory it was retired. If a state is not known, its size is 0 and its root is
// left out. While the note exists, no event and no checkpoint is signed for the origin. A
// note of version 1.1.0 also has "successor", the verifier key of the ledger that continues
// the jobs; it is written once that ledger is whole and durable.
//
// # Which ledger a root holds
//
//	{"accepted":{"root":"9f86…","size":3},"key":"gait.local/01J…+…","root":"/srv/jobs",
//	 "schema_id":"gait.root","schema_version":"1.0.0"}
//
// It is canonical JSON with a line feed. The root is named by its path, absolute and
// without links, and its ledger by a key. If the ledger is gone, no new one begins there
// unless it was retired or the user asks for that; another ledger in its place is refused.
// accepted is there if the user has accepted an older state of the ledger, to be read:
// only that state, and only in this place.
package home
