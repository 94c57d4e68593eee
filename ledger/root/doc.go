// Package root opens a root directory: its lock, its ledger, the key that signs
// it, the keys its user trusts and the checkpoint kept outside of it. It is what
// a program embeds. It is given directories, clock and entropy, and knows no
// rule about jobs.
//
// # Files
//
// Two directories belong to a ledger. The root holds the ledger; home belongs
// to the user and holds what must not be lost, copied or restored with it.
//
//	<root>/gait.lock                          the lock file, below
//	<root>/ledger/                            the store (package store)
//	<root>/ledger.retired-<name>-<time>/      a ledger that was retired
//	<home>/keys/<origin>.key                  a private key, one line; "+" stands for "/"
//	<home>/keys/next/<origin>.key             a key that is to take that one's place, until it did
//	<home>/keys/retired/<origin>.key          a key that signs nothing any more
//	<home>/trusted_keys                       keys, one a line: verifier keys or OpenSSH lines; and # comments
//	<home>/ledgers/<sha256 of origin>/        the outside checkpoint: checkpoint.0, checkpoint.1; and the newest that
//	                                          a pack showed without its link to that: pack.0, pack.1
//	<home>/ledgers/<sha256 of origin>/keys    the ledger's verifier keys, oldest first, one a line, once it had two
//	<home>/ledgers/<sha256 of origin>/witnesses    the ledger's witnesses: key and URL a line, and # comments
//	<home>/ledgers/<sha256 of origin>/conflicts/   what witnesses said that had seen another history
//	<home>/ledgers/<sha256 of origin>/retired that and why the ledger was retired
//
// Directories are 0700 and files 0600. A key file that others can read, a
// ledger directory that others can write, or a symbolic link in place of the
// ledger or the lock is an *UnsafeError.
//
// # The lock file
//
// Whoever has the root open holds flock(2) on gait.lock, exclusively. It is
// never deleted, and never taken over by age. Its first line, of fixed width,
// is rewritten by each holder. The lines after it are the root's marks, only
// ever appended, and synced before anything rests on them:
//
//	pid 4711                \n
//	creating <verifier key>\n
//	ledger <verifier key>\n
//	retired <origin> <seen size> <seen root> <found size> <found root>\n
//
// Another mark "ledger" for the same origin says that the ledger's key was rotated to
// that one. The last mark says what the root is: being given a ledger, holding one, or
// without one since the last was retired. A root of size 0 is written "-". A
// last line without its newline was cut off by a crash and counts for nothing;
// any other line that cannot be read is corruption.
//
// # Creating
//
// Each step is durable before the next: the mark "creating", the private key,
// the ledger with its event 0, the trust entry, the outside checkpoint, the
// mark "ledger". A crash in between leaves a creation that the next Open
// finishes. A root with the mark "ledger" and no ledger is ErrLedgerMissing.
//
// # The outside checkpoint
//
// After each commit, and before it is reported, the newest signed checkpoint
// goes into the older of two slots; they are not synced. The newest slot that
// verifies counts: a lower bound of what the ledger must hold. A ledger that
// has fewer events, or another root at that size, is a *RolledBackError. What
// lies after it is read again when the ledger is opened, at most 10,000 events.
// Where there is none there is nothing to compare with: that is said in a
// notice, and the slots are made anew by the next open that may write. A crash can
// tear one slot; where both hold something that is no checkpoint, that is corruption.
// A checkpoint by a key that is none of the ledger's is neither read nor overwritten.
//
// What others handed over is remembered in the same way, by who verified it. What
// a pack showed without its link to the rest is kept in slots of its own, to which
// opening a ledger is not held.
//
// # Rotating
//
// Rotate puts another key in the ledger's place. Each step is durable before the
// next: the new private key in keys/next; the event, with the checkpoint that both
// keys sign; the key in the place of the old one, which is gone then; the trust of
// the old key, which goes over to the new one; the keys seen; the mark. The next
// Open that may write finishes what a crash cut short after the event.
//
// # Retiring
//
// Retire is the way out of a ledger that was lost, damaged or rolled back.
// Each step is durable before the next: the note "retired" beside the outside
// checkpoint, from which on nothing signs for that origin again; the private
// key goes to keys/retired; the ledger directory is renamed; the mark
// "retired". Retire, or the next creation, finishes what a crash cut short. The
// ledger created next names its predecessor in event 0, from the mark.
package root
