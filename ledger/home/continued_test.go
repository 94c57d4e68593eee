package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger/home"
)

// Where a job goes on is remembered once, and a file that was changed is not believed.
func TestSeenContinued(t *testing.T) {
	dir := t.TempDir()
	c := home.ContinuedSeen{JobID: "job_1", JobSeq: 3, Origin: "gait.test/old", Successor: "gait.test/one"}
	if any, err := home.AnyContinued(dir); any || err != nil {
		t.Errorf("an empty home remembers jobs: %v", err)
	}
	if err := home.NoteContinued(dir, c); err != nil {
		t.Fatal(err)
	}
	other := c
	other.Successor = "gait.test/two"
	if err := home.NoteContinued(dir, other); err != nil {
		t.Fatal(err)
	}
	got, known, err := home.SeenContinued(dir, c.Origin, c.JobID)
	if any, _ := home.AnyContinued(dir); got != c || !known || err != nil || !any {
		t.Errorf("remembered is %+v, %t, %v", got, known, err)
	}
	if got.Contradicts("gait.test/two") == "" || got.Contradicts(c.Successor) != "" || got.EndsBefore(4) == "" || got.EndsBefore(3) != "" {
		t.Errorf("%+v contradicts nothing", got)
	}
	if _, known, err := home.SeenContinued(dir, c.Origin, "job_2"); known || err != nil {
		t.Errorf("another job: %t, %v", known, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "continued", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, bad := range []string{"", "{}\n", `{"job_id":"job_2","job_seq":3,"origin":"gait.test/old","successor":"gait.test/one"}` + "\n"} {
		if err := os.WriteFile(files[0], []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := home.SeenContinued(dir, c.Origin, c.JobID)
		if _, ok := errors.AsType[*home.MemoryError](err); !ok {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
