// Package backup writes and reads backups of a ledger: one file with everything that is
// needed to go on with the ledger on another disk, but for its key, which a backup holds
// only if that was asked for, and only sealed by a passphrase.
//
// # The file
//
// A backup is a zip (APPNOTE 6.3) in which nothing is compressed. Its entries, in the
// order of their names, are
//
//	backup.json               the summary, below
//	content/<sha256>          plain content, which events name by digest (package gait/ledger/content)
//	content/jobs/<owner>/…    content of jobs, as it is kept, and their content secrets
//	ledger/…                  the files of gait ledger export but for contents, as C2SP tlog-tiles lays a log out
//	private_key.pem           the private key that signs the ledger, sealed by a passphrase
//
// so that a backup, unzipped, has a log of C2SP tlog-tiles in the directory ledger, which
// gait ledger import reads too. Names, modes and times are fixed: the bytes depend on the
// ledger, its cosignatures and its content alone. A sealed key has other bytes each time.
//
// Each entry has the mode 0600 and the time 1980-01-01 00:00; no entry has a flag, a
// comment or a data descriptor, and entries follow one another without gaps. If the
// directory begins at 4 GiB or later, if it has 65,535 records or more, or if it has as
// many bytes as four bytes cannot say, the zip64 records and extra fields are there, as
// APPNOTE says, and otherwise they are not. So each backup has one spelling, and one in
// which a bit of a header was changed is refused.
//
// # The summary
//
//	{"as_of":"2026-11-30T05:40:07.000Z","cosigned":[{"note":"…","witness":"…"}],
//	 "origin":"gait.local/01J…","public_key":"gait.local/01J…+…","root":"9f86…",
//	 "schema_id":"gait.ledger.backup","schema_version":"1.0.0","size":5}
//
// It is canonical JSON (package jcs) with a line feed. size and root are those of
// ledger/checkpoint, public_key is the key in force, as_of is the time of the last event,
// and cosigned is what witnesses have cosigned, in the order of their keys. It says what
// the backup is of. schema_version is 1.1.0 if there is content of jobs, which older versions
// of gait do not read. What is relied on is derived from the events and their signed
// checkpoint.
package backup
