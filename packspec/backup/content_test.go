package backup_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger/content"
	"gait/packspec/backup"
)

// Content that was damaged is not backed up as if it were whole.
func TestBackupOfDamagedContent(t *testing.T) {
	l, o := small(t)
	e, err := o.Content.Put([]byte("whole"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(o.Content.Dir(), e.Digest.String()), []byte("wrong"), 0o600))
	w, err := backup.Begin(t.Context(), io.Discard, l.Log, o)
	must(t, err)
	_, err = w.Continue(t.Context(), l.Log, always)
	if damaged, ok := errors.AsType[*content.DamagedError](err); !ok || damaged.Digest != e.Digest {
		t.Errorf("Continue = %v, want a DamagedError", err)
	}
}
