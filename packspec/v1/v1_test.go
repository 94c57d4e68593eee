package v1_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/packspec/v1"
)

// Packs that the PackSpec v1 tool wrote are read whole: the events give the status
// and the revision that the state claims, and the job can be imported.
func TestPacksOfTheTool(t *testing.T) {
	packs, err := filepath.Glob("../../fixtures/packs/packspec-v1/*.zip")
	if err != nil || len(packs) < 8 {
		t.Fatalf("%d packs, %v; want at least 8", len(packs), err)
	}
	for _, name := range packs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, size := bytes.NewReader(b), int64(len(b))
		if old, err := v1.Is(r, size, nil); err != nil || !old {
			t.Errorf("Is(%s) = %t, %v; want true", name, old, err)
		}
		if old, err := v1.Is(r, size, []string{v1.StateEntry}); err != nil || old {
			t.Errorf("Is(%s) with an entry of another format = %t, %v; want false", name, old, err)
		}
		p, err := v1.Open(r, size, func(*v1.Pack) error { return nil })
		if err != nil {
			t.Errorf("Open(%s) = %v", name, err)
			continue
		}
		j, err := p.Job()
		if err != nil {
			t.Errorf("%s: Job() = %v", name, err)
			continue
		}
		revision, status, err := j.CheckRules()
		if err != nil || revision != j.State.Revision || status != j.State.Status || j.Events != revision {
			t.Errorf("%s: the events give revision %d, status %s, %v; the state claims %d and %s", name, revision, status, err, j.State.Revision, j.State.Status)
		}
		if err := j.CheckViews(); err != nil {
			t.Errorf("%s: CheckViews() = %v", name, err)
		}
		if imported, err := j.Imported(); err != nil || imported.Status != status || len(imported.Checkpoints) != len(j.State.Checkpoints) {
			t.Errorf("%s: Imported() = %+v, %v", name, imported, err)
		}
		if _, err := p.CheckRecords(func(string) (ledger.VerifierKey, bool) { return ledger.VerifierKey{}, false }); err != nil {
			t.Errorf("%s: CheckRecords() = %v", name, err)
		}
	}
}
