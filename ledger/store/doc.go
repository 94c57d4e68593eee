// Package store keeps a ledger in a Pebble directory.
//
// A [Log] holds the events of one ledger, their Merkle tree, its newest signed
// checkpoint, and the indexes and cached views that make commands cheap. It
// knows no rule about jobs: views are opaque bytes to it.
//
// # Promises
//
// One [Log.Append] is one Pebble batch and one sync, or with [Options.OneShot]
// one table and the syncs that it takes. Either all of it is on disk when Append
// returns, or none of it. Append compares the head its caller
// saw with the log's own, inside the lock; it fails with [ledger.ErrConflict]
// when they differ, and nothing was written.
//
// [Create] never overwrites: it builds the ledger beside its place and renames
// it. [Open] never creates. Open is bounded work: it checks the newest
// checkpoint, the right edge of the tree, the head and the last event against
// each other. [Log.Verify] checks everything.
//
// The first failed create, write, sync or rename ends the process through
// [Options.Fatal]. After it, nobody knows what is on disk, so nothing more is
// written; the next open finds out.
//
// What contradicts itself on disk is a [*ledger.CorruptError]. What the
// operating system refused to do keeps its error number and is not.
//
// # Keys
//
// Integers are eight bytes, big-endian, so that keys sort by number. Hashes
// are 32 bytes. A job id never holds the byte 0x00.
//
//	key                       value
//	c witness key             the newest checkpoint that the witness has cosigned: a note with its cosignature
//	e seq                     the exact bytes of the event
//	h job                     the job's head: job_seq, leaf hash, revision, seq, time (Unix milliseconds)
//	j job 0x00 job_seq        seq
//	k seq                     the proof of a rotation, in the checkpoint that both keys signed: a .tlog-proof
//	m/checkpoint              the newest checkpoint, a signed note
//	m/edge                    the right edge of the tree: size, and its hashes from the highest level down
//	m/format                  the version of this table, "1"
//	m/head                    size, leaf hash and time (Unix milliseconds) of the last event
//	m/imported                "1", where the ledger is a copy, which is never written
//	p level n                 one hash of a tile that is not full yet: hash n of the row
//	r request id              seq of the event that used the request id up
//	t level n                 tile n of the row, full: 256 hashes
//	v job                     the job's cached view
//
// level is one byte, a level of C2SP tlog-tiles: row 0 holds the leaf hashes,
// row 1 the roots of full tiles of row 0, and so on. When a tile fills, its p
// keys go and its t key comes, in one batch.
//
// # The directory
//
// The directory is Pebble's, at format major version [FormatMajorVersion],
// mode 0700, files 0600. It survives any crash by itself. But Pebble takes
// damage at the end of its write-ahead log or manifest for a write that a crash
// cut short, and opens an older state, whole in itself; and so is an old copy of
// the directory. So whoever opens a ledger compares [Log.Checkpoint] with one
// kept elsewhere ([Options.Published]).
package store
