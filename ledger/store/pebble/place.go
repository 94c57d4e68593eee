package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"gait/ledger"
	"gait/ledger/store"
)

// checkPlace looks at a directory before Pebble does, which would repair,
// upgrade or create what this package refuses.
func checkPlace(dir string, stop *failStop) error {
	info, err := stop.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", dir, store.ErrNotFound)
	case err != nil:
		return fmt.Errorf("opening a ledger: %w", err)
	case !info.IsDir():
		return corrupt(nil, "%s is not a directory", dir)
	}
	version, err := formatVersion(dir, stop)
	if err != nil {
		return err
	}
	if version > FormatMajorVersion {
		return fmt.Errorf("opening %s: Pebble format %d: %w", dir, version, ledger.ErrUnsupportedVersion)
	}
	found, err := pebble.Peek(dir, stop)
	if err != nil {
		return classify("opening "+dir, err)
	}
	if !found.Exists || version != FormatMajorVersion {
		return corrupt(nil, "%s is not a ledger: found Pebble format %d, want %d", dir, version, FormatMajorVersion)
	}
	return nil
}

// formatVersion reads the Pebble format version that dir names; 0 is none.
func formatVersion(dir string, stop *failStop) (pebble.FormatMajorVersion, error) {
	marker, value, err := atomicfs.LocateMarker(stop, dir, "format-version")
	if err != nil {
		return 0, classify("opening "+dir, err)
	}
	if err := marker.Close(); err != nil {
		return 0, classify("opening "+dir, err)
	}
	if value == "" {
		return 0, nil
	}
	version, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0, corrupt(err, "the Pebble format of %s", dir)
	}
	return pebble.FormatMajorVersion(version), nil
}

// settle makes what lies in the write-ahead logs durable, and the manifest of a
// one-shot process that did not close its table. A process that was killed may
// have left bytes there that the next power cut takes away, and nothing may be
// shown or proved that could still go.
func settle(dir string, stop *failStop) error {
	names, err := stop.List(dir)
	if err != nil {
		return classify("listing "+dir, err)
	}
	found := slices.Contains(names, unsettledName)
	unsettled := found
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") && !(unsettled && strings.HasPrefix(name, "MANIFEST-")) {
			continue
		}
		synced, err := syncFile(stop, stop.PathJoin(dir, name))
		if err != nil {
			return err
		}
		found = found || synced
	}
	if !found {
		return nil
	}
	return syncDir(stop, dir)
}

// syncFile syncs a file that is not empty, and reports whether it was not.
func syncFile(stop *failStop, path string) (synced bool, err error) {
	f, err := stop.Open(path)
	if err != nil {
		return false, classify("opening "+path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, classify("opening "+path, err)
	}
	if info.Size() == 0 {
		return false, nil
	}
	return true, f.Sync()
}

// syncDir syncs a directory.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}
