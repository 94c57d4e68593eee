// Package root opens a root directory: its lock and its ledger, which it compares
// with what the user remembers of it (package home). Programs that embed gait use it.
// The caller passes it directories, clock and entropy, and it knows no rule about
// jobs.
//
// # Files
//
// The root holds the ledger. What its user remembers about it lies in another
// directory, home, which package home specifies.
//
//	<root>/gait.lock                          the lock file, below
//	<root>/ledger/                            the store (package store)
//	<root>/content/                           what events name by digest (package content)
//	<root>/successor/                         the ledger and the content of a successor that is being built
//	<root>/ledger.retired-<name>-<time>/      a ledger that was retired
//	<root>/content.retired-<name>-<time>/     its content
//	<root>/ledger.moved-<name>-<size>/        one as it was when it moved away, before it came back
//	<root>/ledger.arriving/                   one that comes back, until it is whole
//
// Directories are 0700 and files 0600. If other users can write the root, its ledger
// directory or its lock file, or if a symbolic link stands in for one of the last two,
// that is a *home.UnsafeError; so is one that belongs to a user other than this one and
// root, if it is opened to write. What leads to the root is not looked at, unlike what
// leads to home: home remembers enough to tell a ledger that was put in its place.
//
// # The lock file
//
// The process that has the root open holds flock(2) on gait.lock, exclusively unless it
// only reads what it cannot write, below. The
// file is never deleted, and no process takes it over because it is old. Each holder
// rewrites its first line, which has a fixed width. While it gives an old ledger its
// index, or writes all views, a word behind its pid says so ("pid 4711 building", "pid
// 4711 views"), and processes that wait tell their users. The lines after it are the
// root's marks. They are only ever appended, and synced before any step that
// depends on them:
//
//	pid 4711                \n
//	creating <verifier key>\n
//	ledger <verifier key>\n
//	retired <origin> <seen size> <seen root> <found size> <found root>\n
//	restored <origin> <seen size> <seen root> <found size> <found root>\n
//	succeeding <verifier key>\n
//
// Another mark "ledger" for the same origin says that the ledger's key was rotated to
// that one. The last mark gives the state of the root: a ledger is being created, it
// has a ledger, or it has none since the last was retired. The mark "restored" says that
// the ledger is in an older state than one that was seen: it is only read, until it is
// retired or another one takes its place. The mark "succeeding" says for which ledger, the
// successor of the one that is here, a key was made; by itself it changes nothing. A ledger that was created
// here and says that it is a copy is corrupt. If a size is 0, its root is written "-". A last line without its newline was cut off by a
// crash and is ignored; any other line that cannot be read is corruption.
//
// # Reading what cannot be written
//
// A root on a read-only file system, or one that this user may read only, is opened
// to Read, and nothing is written in it. Root opens the ledger of another
// user in the same way: a file that root made there would lock its owner out. Such a
// reader opens gait.lock for reading and holds a shared flock, which keeps out writers
// that use the same file. Writers on another machine, or by another mount, it does not
// keep out. So it lists the ledger's directory before and after it opens it, and opens
// it again if more has changed than that write-ahead logs grew. From then on it sees the
// ledger as it was at that moment. If a file that it has not read yet goes away, that
// is a *ChangedError and no corruption.
//
// To write there is an *home.AccessError that names the directory, or an
// *home.UnsafeError if it is another user's. The same goes for a home in which no
// checkpoint can be kept: that is found when the ledger is opened, and again before
// each batch is committed, so that no event is written that home would not remember.
//
// # Creating
//
// Each step is durable before the next, but for the outside checkpoint, which is not
// synced: the mark "creating", the private key, the ledger with its event 0, the trust
// entry, the outside checkpoint, the mark "ledger". A crash in between leaves a creation
// that the next Open finishes. If the power fails after the mark, there may be no outside
// checkpoint: the next Open that may write keeps one. A root with the mark "ledger" and no ledger is ErrLedgerMissing.
//
// # The outside checkpoint
//
// After each commit, and before the commit is reported, the newest signed checkpoint
// is kept in home. If an opened ledger has fewer events, or another root at that
// size, that is a *home.RolledBackError. Open reads the events after that checkpoint
// again, at most 10,000. If home keeps none, there is nothing to compare with: a
// notice says so, and the next open that may write keeps one.
//
// # Rotating
//
// Rotate replaces the ledger's key. Each step is durable before the next: the new
// private key is written to keys/next; the event is appended, with the checkpoint
// that both keys sign; the new private key replaces the old one, which is lost from
// then on; the new key is trusted too, if the old one is; the keys seen, and then
// the mark, are written. If a crash comes after the event, the next Open that may
// write finishes the rest.
//
// In a ledger with authority an enrolled actor rotates or moves it with a command that an
// admin has signed, and the event carries that command (Order). The ledger's own key vouches
// for what another name does.
//
// # Moving
//
// Move hands the ledger over to another place, which has made a key for it
// (home.AddNextKey). Each step is durable before the next: the event is appended, with the
// checkpoint that the key in force signs alone, and from then on nothing is written here;
// that key is put away in keys/retired. If a crash comes after the event, Move to the same
// key finishes the rest.
//
// The other place gets the ledger from a backup, by Restore: all of it is verified beside its
// place, and signed there by the new key; what the root holds is remembered; content is put
// beside it; the new key is moved from keys/next to its place, and trusted; a state of the
// ledger that moved away from here before is renamed; the ledger takes its place; its
// checkpoint is kept; the mark is written. If a crash comes in between, Restore of the same
// backup finishes the rest.
//
// # Retiring
//
// Retire gives up a ledger that was lost, damaged or rolled back. Each step is
// durable before the next: the note "retired" is written beside the outside
// checkpoint, and from then on nothing is signed for that origin; the private key,
// which a crash may have left in keys/next, is moved to keys/retired; the ledger
// directory is renamed, and then that of its content; the mark "retired" is written. If
// a crash comes in between, Retire or the next creation finishes the rest. The next
// ledger names its predecessor in event 0, from the mark.
//
// # Succeeding
//
// Succeed retires a ledger and puts another one in its place, which continues its jobs.
// Each step is durable before the next: the mark "succeeding", the private key, then the
// content and the ledger of the successor, in <root>/successor. All of it is read again.
// Up to here the ledger is untouched, may be written, and a crash leaves nothing but what
// the next Succeed uses or replaces. Then the note "retired" is written, which names the
// successor's key. The steps of Retire follow; then the mark "creating", the renaming of
// the successor's content and then of its ledger, and what completes a creation. If a
// crash comes behind the note, the next Succeed, or the next Open that may write, finishes
// the rest. A reader sees the ledger as long as it is in its place, and is then told with
// an *UnfinishedError.
//
// The successor begins without authority, whatever actors the ledger had: that is the way on
// if its admins have lost their keys.
package root
