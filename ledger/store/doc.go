// Package store keeps a ledger in the rows of a table.
//
// A [Log] holds the events of one ledger, their Merkle tree, its newest signed
// checkpoint, and the indexes and cached views that make commands cheap. It
// knows no rule about jobs: views are opaque bytes to it.
//
// It knows no database either. A [Table] reads many rows as of one commit, scans
// a page, and commits one [Change] if the head row is the one expected. Package
// gait/ledger/store/pebble has the table of a ledger's directory, and package
// gait/ledger/store/memtable one in memory, for tests.
//
// What reads a log is three types, each on the one before: what the newest state says, what
// the signed tree proves, and what the index finds. Log adds what writes. The same three types
// read a snapshot of a log.
//
// # Promises
//
// One [Log.Append] is one change, however many events it appends. When Append
// returns, either all of it is durable or none. Append compares the head that its
// caller saw with the log's own, inside the lock; if they differ, it fails with
// [ledger.ErrConflict] and writes nothing.
//
// [Create] writes into an empty table only, and [Open] never creates. Open is
// bounded work: it checks the newest checkpoint, the right edge of the tree, the
// head and the last event against each other. [Log.Verify] checks everything.
//
// A ledger that contradicts itself is a [*ledger.CorruptError]. If rows could not be
// read, the table's error is returned, and that is not corruption.
//
// # Index
//
// The tree proves each event, but not which event is a job's last. So beside the tree
// stands an index, a Merkle Patricia tree (package gait/ledger/mpt) over what the ledger
// says now: for each job the leaf hash of its last event, for each request id the leaf hash
// of the event that used it, for each call of a tool that of the newest event about it
// (ledger.CallOf), and that of the newest authority event. Each batch writes a record of it: the size and
// root of the tree, the root of the index, and an HMAC under a secret that only the
// holder of the ledger's key can make. Open compares the record with the newest
// checkpoint. From then on [Log.Load], [Log.JobEvents] and [Log.Jobs] look everything up in the
// index, and what they read must have the leaf hash that they find there: otherwise they
// fail with a [*ledger.IndexError]. An id that the index does not have has no row that is
// read. So an attacker who writes the rows without the key can make the log fail, but not
// make it forget.
//
// Request ids and calls that ledgers before knew, as event 0 says, have the leaf hash of event 0
// in the index, and no rows. Load gives event 0 for them.
//
// Each event about a call names the newest one before it. Append compares that with the index,
// or, in a copy that has none, with the row of the call. So the index as it was at a smaller
// size follows from the index of now and the events since: a call had the event that the first
// of them about it names.
//
// Authority events need no index: each event names the newest one before it. So the last
// event, which the signed tree proves, leads to all of them, and [Log.AuthorityEvents] finds
// each by its row.
//
// A view is not proved by the index. It has an HMAC of its own, of the job's id, head
// and view: a view that is missing, or another's, or older, is not returned, and its
// job is folded again.
//
// [Log.Index] says whether this holds. It does not without the MAC keys, or in a copy,
// whose record another user may have written, unless the caller knows the index, at a size
// that the log has reached, from reading all events ([Options].Known). An old ledger has no index. It gets one when it is
// opened to be written: all of it is verified, then the index is written. If that is
// interrupted, the next open goes on where it ended. Until then,
// and if that finds it damaged, only events that stop or cancel a job are appended, for
// which [Log.LoadUnproved] reads all events after the job's head.
//
// Pages of the index are written when 512 events were appended since the last time, when
// the log is closed, and with each batch if it is opened for one. Open reads the events
// that came after the pages. If the record is authentic, Open takes the root of the index
// from it. Only when the next batch needs their pages are they made of these events, and
// their root compared with that of the record.
//
// # Tags
//
// A list of the few jobs of many that wait for something must not read all of them. So
// the log keeps tags of each job, which its callers give it with the job's events, in rows
// of many jobs: [Log.Tagged] reads all tags in a few milliseconds. No MAC and no proof
// covers them. Each job that is listed by its tags is then read with its path in the
// index, and there must be as many tags as the index has jobs; but tags that were changed
// can hide a job from a list until [Log.Verify] compares them with the events. [Log.Rebuild]
// makes them again. Damage to them never keeps an event from being appended.
//
// An old ledger gets its tags when it is opened to be written, after its index. Until
// then, and in an old copy, its jobs are listed by reading all of them.
//
// # Costs
//
// The right edge of the tree is a row of a few hashes. The tiles that are not full are
// in memory: the leaf hashes of the last events, which Open hashes again, and the
// hashes above, in one row that is written when a tile fills. Each checkpoint is opened,
// as a verifier opens it, before it is written, which takes 60 µs a batch: one that could
// not be opened would make the ledger unreadable. Verifying and replaying are one pass
// over the events, which are read and decoded ahead on other goroutines.
//
// # Keys
//
// Integers are eight bytes, big-endian, so that keys sort by number. Hashes
// are 32 bytes. A job id never holds the byte 0x00.
//
//	key                       value
//	a seq                     the leaf hash of an authority event
//	b n                       part n of what an unfinished build of the index has found, below
//	c witness key             the newest checkpoint that the witness has cosigned: a note with its cosignature
//	e seq                     the exact bytes of the event
//	g kind n                  row n of the tags of jobs, below
//	h job                     the job's head (64 bytes: job_seq, leaf hash, revision, seq, time in Unix milliseconds)
//	                          and, if the log keeps a view of it, 32 bytes of HMAC and the view
//	i page                    a page of the index: package mpt specifies the key after the i, and the value
//	j job 0x00 job_seq        seq
//	k seq                     the proof of a rotation, in the checkpoint that both keys signed: a .tlog-proof
//	l job 0x00 call           seq of the newest event about the call
//	m/checkpoint              the newest checkpoint, a signed note
//	m/edge                    the right edge of the tree: size, and its hashes from the highest level down
//	m/format                  the version of this table: "5" if an event is about a call, otherwise "4" if there
//	                          is an authority event, otherwise "3"
//	m/head                    the head row: size, leaf hash and time (Unix milliseconds) of the last event
//	m/imported                "1" if the ledger is a copy, which is never written
//	m/index                   the record of the index, below
//	m/tags                    what there is of tags, below
//	m/upper                   the hashes of tiles above level 0 that are not full: the number of full tiles
//	                          of level 0, and the hashes from level 1 up; missing while that number is 0
//	n job                     the number that the job has among tags
//	r request id              seq of the event that used the request id up
//	t level n                 tile n of the row, full: 256 hashes
//
// level is one byte, a level of C2SP tlog-tiles: row 0 holds the leaf hashes,
// row 1 the roots of full tiles of row 0, and so on.
//
// Rows under a, e, j, k, r and t are inserted once and never change. All others are
// slots: they may be put again and removed.
//
// The record of the index is
//
//	version      1 byte, 1
//	state        1 byte: 1 proved, 2 building, 3 refused since the ledger is damaged
//	size         the number of events that the index is of
//	tree         the root of the tree of these events
//	index        the root of the index
//	jobs         the number of jobs
//	flushed      the number of events that the pages are of
//	pages        the root of the index that the pages hold
//	committed    1 and the seq of the newest index_committed, or 0
//	origin       1 byte of length, and the ledger's origin
//	reason       2 bytes of length, and why the index was refused
//	seq          only if it was refused: the event that is damaged, or -1
//	MAC          HMAC-SHA-256 of all of the above; 32 zero bytes in a copy
//
// While an old ledger gets its index, the record says how far its events were read:
// size, tree, jobs and committed are of these events, flushed is the number of parts
// under b, and index is their hash. That of no parts is SHA-256 of nothing; each part
// makes it SHA-256 of the hash before, followed by the part. A part is a list of keys of
// the index with their values, 64 bytes each, sorted. A later part overrules those
// before it. All parts are removed with the record that ends the build.
//
// The MAC keys are derived from the ledger's key in force. The one of the record, and
// the one of views, are HKDF-SHA-256 of the key's Ed25519 seed without salt, with the
// info "gait index record v1" and "gait job view v1". The MAC of a view is of the job's
// id, 0x00, the 64 bytes of the head, and the view; it is zero in a copy.
//
// Tags are in rows of 128 jobs. Jobs have numbers from 0 on, and job n is in row n/128 of
// kind 1, what never changes of it, and of kind 2, its state:
//
//	kind 1    for each job 1 byte of length and its id, 8 bytes when it was created, and
//	          1 byte of length and its fixed tags, 4 bytes each
//	kind 2    for each job 3 bytes of state, and 8 bytes when it was updated
//	kind 3    changes: for each a varint, twice the number of the job, and 1 more if the
//	          job is new; 11 bytes as in kind 2; and for a new job what kind 1 has of it
//
// Rows of kind 3 are the journal: each batch adds its changes there, and a later change
// of a job overrules one before. When the journal has 4096 changes, a batch writes them
// into the rows of the other kinds, and removes it. m/tags is
//
//	state     1 byte: 1 whole, 2 if some jobs have no number yet, 3 if rows were found damaged
//	jobs      how many jobs have a number
//	flushes   how many journals were ended
//	rows      how many rows the journal has
//	changes   how many changes it has
//	job       only in state 2: 1 byte of length, and the last job that got a number, by id
//
// Rows under g, and m/tags, end with the first 8 bytes of the SHA-256 of their key and of
// what is before these bytes.
//
// # Formats 1 to 4
//
// Ledgers of format 4 have no event about a call, and no row under l. The batch of the first
// one makes the format 5, so that programs which know no calls refuse the ledger, and do not
// let a tool run twice. An old ledger that gets its index has no calls. Ledgers of format 3 have no authority event, and no row under a. The batch of the first
// authority event makes the format 4, so that programs which know no such events refuse the
// ledger with ledger.ErrUnsupportedVersion, and do not call it damaged. A ledger without
// authority events stays as it is. Ledgers of format 2 have no tags: no rows under g and n, and no m/tags. Those of format
// 1 have no index either. Both are read for ever. Format 1 also differs in these rows:
//
//	h job                     the job's head alone
//	m/format                  "1"
//	p level n                 one hash of a tile that is not full: hash n of the row
//	v job                     the job's cached view
package store
