package root

import (
	"io"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/store"
)

// A Backup is what Restore makes a root from. The caller has verified whose it is, and that
// it contradicts nothing that was seen of the ledger, but for what is newer.
type Backup struct {
	store.Copy
	Checkpoint ledger.Checkpoint
	Keys       ledger.Keyring

	// Content calls keep with each plain content that the backup has.
	Content func(keep func(digest ledger.Hash, from io.ReadSeeker) error) error

	// OfJobs calls keep with each content of a job that the backup has, and each secret. It
	// may be nil: then there is none.
	OfJobs func(keep func(c content.Carried, from io.Reader) error) error

	// Key is the key in force. It is zero if the backup does not have it.
	Key ledger.PrivateKey

	// Moves is the last event, if it moves the ledger to another place. If home has made the
	// key that it names, the ledger goes on here.
	Moves ledger.Event

	// Continues reports whether the backup continues a state of its ledger. It is needed to
	// restore a ledger where it was before it moved away.
	Continues func(ledger.Checkpoint) (bool, error)

	// Newest says that the user knows that nothing was written after the backup. It is
	// needed to continue a ledger of which home has seen nothing.
	Newest bool

	// ReadOnly makes a copy, which is only read, whatever home has seen.
	ReadOnly bool

	// Succeeded says that Succeed comes next: the ledger itself is not continued. It is only
	// read, and may have been retired in this root.
	Succeeded bool
}

// A Restoration is the result of Restore.
type Restoration struct {
	// Seen is the newest state of the ledger that was seen. Its Size is 0 if none was.
	Seen ledger.Checkpoint

	// The ledger is only read if one of these is set. Older says that the backup is older
	// than Seen, and not because the ledger moved away; Retired, that the ledger was retired;
	// Copy, that Backup.ReadOnly asked for a copy.
	Older, Retired, Copy bool

	// Moved says that the last event moves the ledger away from where the backup was made, and
	// Here that it moves it to this place: the ledger goes on here, under a key that was made
	// here.
	Moved, Here bool

	// KeyFile is the file of the private key. It is "" if the key is not here.
	KeyFile string

	// KeyAdded says that the private key came with the backup.
	KeyAdded bool

	// There says that the root held that state of the ledger before.
	There bool

	// KeyLate says that the key came after the ledger was there: its index has to be made
	// again before it can be written.
	KeyLate bool

	// Back says that the ledger moved, and that events were seen with which it went on under
	// the key that signs it here: it is an older state, and no root goes on with it.
	Back bool

	// Alive says why an older ledger is not to be given up here: it goes on elsewhere. It is
	// nil if no other place is known.
	Alive error
}

// Writable reports whether the ledger can be continued.
func (r Restoration) Writable() bool {
	return !r.Older && !r.Retired && !r.Copy && r.Moved == r.Here && r.KeyFile != "" && !r.KeyLate
}
