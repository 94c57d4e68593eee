// Package pebble keeps a [store.Table] in a directory, in a Pebble database.
//
// [Create] never overwrites: it builds a table beside its place and renames it
// there. [Open] opens one, and never creates. What the log above it writes is in
// package gait/ledger/store. A table is always such a [store.Table] here; a sorted
// file of Pebble is an SSTable.
//
// # Durability
//
// One [Table.Commit] is one batch and one sync, or with [Options.OneShot] one
// SSTable and the syncs that it takes. Pebble shows a batch to readers before it
// is synced, so all reading is done in a snapshot that was taken after the
// newest sync. Close flushes to SSTables what was committed: damage to the end of
// a write-ahead log goes unseen, damage to an SSTable does not.
//
// The first failed create, write, sync or rename ends the process through
// [Options.Fatal]. What is on disk is unknown then, so nothing more is
// written; the next open finds out. Before Open shows anything, it syncs what a
// killed process may have left unsynced.
//
// A table that contradicts itself on disk is a [*ledger.CorruptError]. If the
// operating system refuses something, its error number is returned, and that is not
// corruption.
//
// # Sustained and one-shot
//
// A table that stays open ([Options.Sustained]) has eight times the memtable,
// merges half as often and compresses with Pebble's fastest algorithm: that saves
// a third of a command's CPU under load and takes a quarter more of the disk. A
// one-shot table has no write-ahead log, which would be synced, flushed and
// replayed by the next open; about every 32nd one merges small SSTables, up to
// 4 MiB. No write waits for a merge: a process that runs one command may leave
// before its merge is through, every time, and at Pebble's default the thirteenth
// small SSTable would stall the next write.
//
// # The directory
//
// The directory is Pebble's, at format major version [FormatMajorVersion],
// mode 0700, files 0600. It survives any crash by itself. But Pebble takes
// damage at the end of its write-ahead log or manifest for a write that a crash
// cut short, and opens an older state, whole in itself; and so is an old copy of
// the directory. So the caller that opens a ledger compares its newest
// checkpoint with one kept elsewhere.
package pebble
