package content

// What tests replace.
type (
	Disk = disk
	File = file
)

// OpenOn opens the store in dir on another disk.
func OpenOn(dir string, d Disk) *Store { return openOn(dir, d) }
