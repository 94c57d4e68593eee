package content

// What tests replace.
type (
	Disk = disk
	File = file
)

// OpenOn opens the store in dir on another disk.
func OpenOn(dir string, d Disk) *Store { return openOn(dir, d) }

// OpenJournaled is OpenOn for a store that uses its journal even for one content.
func OpenJournaled(dir string, d Disk) *Store {
	s := openOn(dir, d)
	s.least, s.most = 1, 2
	return s
}

// Records and RecordOf read and write the journal.
var (
	Records  = records
	RecordOf = record
	SyncEach = syncEach
)
