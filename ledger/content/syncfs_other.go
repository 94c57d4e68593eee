//go:build !linux

package content

// SyncAll syncs files and directories.
func (d realDisk) SyncAll(_ string, files, dirs []string) error {
	return syncEach(d, files, dirs)
}
