// Package content keeps bytes beside a ledger: those that an event names by their SHA-256,
// and that are too large for the event, or are not the ledger's own, or are to be erased one
// day.
//
// Plain content is what every reader of the ledger may know, such as the proof that a
// continued job brings with it. Its digest is the SHA-256 of the bytes. Content of a job,
// such as the subject of a decision, is kept with a salt, so that its digest in the ledger
// does not tell what it is.
//
// # Files
//
//	<root>/content/<digest>                 plain content: the bytes whose SHA-256 the name is
//	<root>/content/.<digest>                the same, while they are being written
//	<root>/content/jobs/<owner>/<digest>    content of a job: 16 bytes of salt and the bytes
//	<root>/content/jobs/<owner>/secret      32 random bytes: the content secret of the job
//	<root>/content/jobs/.new-<number>       one of those two, while it is being written
//	<root>/content/jobs/.journal-<1 or 2>   content of jobs that is durable and may have no file yet
//
// A digest is 64 lower-case hexadecimal digits. An owner is 48 of them: the first 24 bytes
// of the SHA-256 of the job's id. Directories are 0700 and files 0600.
//
// # Content of a job
//
//	salt    the first 16 bytes of HMAC-SHA-256(secret, bytes)
//	digest  SHA-256(salt ‖ bytes), which is that of the file
//	key     SHA-256(secret), the content_key of the job's first event that names content
//
// Equal contents of one job have equal digests. A reader who is shown one content, with its
// salt, learns nothing of others, and cannot find out short ones by trying. The secret is
// made when it is first needed. Only who puts content needs it: verifying takes the file
// alone.
//
// # What is durable when
//
// Plain content is durable when Put or PutAll returns: a file is written under its second
// name, synced, renamed and the directory synced.
//
// Content of a job is durable when Sync returns, which the engine calls once for a batch of
// events before it commits them: the files of all of them are synced at the same time, get
// their names, and then the directories are synced. Content of more than 64 KiB is synced as
// it is put; what is smaller has a file only then. If a batch names four small contents or
// more, those of jobs whose directory and secret this process has synced before are appended
// to a journal, with one sync, and stay in memory. So an event never names content that a power cut has taken away, and a crash
// leaves no more than bytes that no event names, which Collect removes.
//
// A process that was killed may have given a file its name and not have synced the
// directory, so Sync also syncs what it finds and has not synced itself. If a directory
// cannot be synced, the store keeps nothing any more (SyncError).
//
// # Journals
//
// A journal is a sequence of records:
//
//	4 bytes     how many bytes of the file follow the head: 16 to 65,552
//	24 bytes    the owner
//	32 bytes    the digest
//	4 bytes     CRC-32C of what is before
//	the file    salt and bytes, whose SHA-256 the digest is
//
// Numbers are big-endian. The first record that is not whole ends it: a crash has left that,
// and no event names what it holds. A journal with 4,096 contents or 16 MiB is ended, while
// another one is written: its contents get their files, these and the directories are
// synced, and then the journal is removed. Erase, Collect and Close end both, so no byte that
// was erased stays in one.
//
// A process that finds journals, and checks or erases content, or makes some durable, first
// writes the files that are missing or not whole, and removes the journals. Who only reads
// looks there for what has no whole file.
//
// # What is read
//
// What is read is compared with its name. Bytes that are not those named are a
// *DamagedError, and content that is not there is a *MissingError: the events that name it
// are whole and proved without it. No byte of a job's content is handed out before all of
// the file was verified.
package content
