package home_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
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
	if now, err := home.NoteContinued(dir, c); now != c || err != nil {
		t.Fatalf("NoteContinued = %+v, %v", now, err)
	}
	other := c
	other.Successor = "gait.test/two"
	if now, err := home.NoteContinued(dir, other); now != c || err != nil {
		t.Fatalf("NoteContinued of what contradicts = %+v, %v, want what was noted first", now, err)
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

// Of several processes that have seen a job go on in ledgers of their own, all learn of the
// one that is remembered.
func TestNoteContinuedAtOnce(t *testing.T) {
	dir := t.TempDir()
	const many = 16
	var noted [many]home.ContinuedSeen
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			var err error
			noted[i], err = home.NoteContinued(dir, home.ContinuedSeen{JobID: "job_1", JobSeq: 3, Origin: "gait.test/old", Successor: fmt.Sprintf("gait.test/%d", i)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	kept, known, err := home.SeenContinued(dir, "gait.test/old", "job_1")
	if !known || err != nil {
		t.Fatal(known, err)
	}
	for _, got := range noted {
		if got != kept {
			t.Errorf("a process was told %+v, and remembered is %+v", got, kept)
		}
	}
}
