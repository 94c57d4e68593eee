package backup_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/packspec"
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

// A backup has no contents among the files of its ledger, as an export has them, and what
// it does not have is known once it is verified.
func TestContentsOfABackup(t *testing.T) {
	requests, text := ledger.RequestsOf([]mpt.Key{{1}, {2}})
	first := ledgertest.First(ledgertest.Key(ledgertest.Origin).VerifierKey()).Draft()
	p, _ := first.Payload.(ledger.LedgerCreated)
	p.Predecessor = &ledger.Predecessor{Origin: "gait.test/before", Requests: requests}
	first.Payload = p
	event0, err := ledger.Seal(first)
	must(t, err)
	log, err := ledgertest.CreateWith(ledgertest.Dir, event0, ledgertest.Options{FS: ledgertest.NewFS(t), Signer: ledgertest.Key(ledgertest.Origin), Inherited: text})
	must(t, err)
	defer log.Close()
	kept := content.Open(filepath.Join(t.TempDir(), "content"))
	for _, lacking := range []int{1, 0} {
		b := open(t, write(t, log, backup.Options{Content: kept}))
		must(t, b.Verify(nil))
		if len(b.Lacking) != lacking || lacking > 0 && b.Lacking[0] != requests.Digest {
			t.Errorf("the backup lacks %v, want %d contents", b.Lacking, lacking)
		}
		_, err := kept.Put(text)
		must(t, err)
	}
	checkForged(t, write(t, log, backup.Options{}), "with contents as an export has them", func(all map[string][]byte) {
		all["ledger/"+packspec.ContentList] = packspec.ListContents([]ledger.Hash{requests.Digest})
		all["ledger/"+packspec.ContentPath(requests.Digest)] = text
	})
}
