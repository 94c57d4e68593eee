package home_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/seen"
)

func TestKeepFork(t *testing.T) {
	a := newAuditor(t)
	fork := home.JobFork{
		Origin: ledgertest.Origin, Fork: seen.Fork{Job: "job_1", Seen: factOf("x", 3), Found: seen.Fact{Number: 2, Seq: 7}},
		First: home.PackSeen{
			SHA256: leafOf("pack", 1), Head: []byte("an event"), Proof: []byte("a proof"),
			Commitment: []byte("a commitment"), CommitmentProof: []byte("its proof"), Path: []byte("a path"),
		},
	}
	kept := func(n int64) (string, error) {
		return home.KeepFork(a.dir, &fork, home.FoundPack, strings.NewReader("a pack"), leafOf("found", n))
	}
	dir, err := kept(0)
	must(t, err)
	for name, want := range map[string]string{
		"found.zip": "a pack", "seen.json": "an event", "seen.tlog-proof": "a proof",
		"seen_commitment.json": "a commitment", "seen_commitment.tlog-proof": "its proof", "seen.mpt-proof": "a path",
		"fork.json": fmt.Sprintf(`{"found":{"job_events":2,"seq":7},"found_sha256":"%s","job_id":"job_1","origin":"%s","schema_id":"gait.job.forked","schema_version":"1.0.0",`+
			`"seen":{"job_seq":3,"leaf":"%s","seq":3},"seen_sha256":"%s","what":"%s"}`+"\n",
			leafOf("found", 0), ledgertest.Origin, fork.Seen.Leaf, fork.First.SHA256, fork.String()),
	} {
		if got := string(read(t, filepath.Join(dir, name))); got != want {
			t.Errorf("%s is\n%swant\n%s", name, got, want)
		}
	}
	if again, err := kept(0); err != nil || again != dir {
		t.Errorf("the same pack again is kept in %s, %v, want %s", again, err, dir)
	}
	must(t, os.Mkdir(filepath.Join(filepath.Dir(dir), ".fork-1"), 0o700)) // of a crash
	for n := int64(1); n < home.MaxForks-1; n++ {
		if _, err := kept(n); err != nil {
			t.Fatalf("fork %d: %v", n, err)
		}
	}
	_, err = kept(home.MaxForks - 1)
	must(t, err)
	if _, err := kept(home.MaxForks); !errors.Is(err, home.ErrTooManyForks) {
		t.Errorf("one fork too many: %v", err)
	}
	if all, err := home.Forks(a.dir); err != nil || len(all) != home.MaxForks {
		t.Errorf("%d forks are kept, %v, want %d", len(all), err, home.MaxForks)
	}
}

// Forks and jobs seen are found wherever the home is: its path is no pattern.
func TestWhatWasSeenInAnyHome(t *testing.T) {
	for _, name := range []string{"home", "h[1]", "h[", "ho*me", "h?", `back\slash`} {
		a := newAuditor(t)
		a.dir = filepath.Join(filepath.Dir(a.dir), name)
		if n, err := home.Remembered(a.dir); n != 0 || err != nil {
			t.Errorf("Remembered in no home %s = %d, %v, want none", name, n, err)
		}
		a.remember("job_1", "x", 1, 5)
		a.remember("job_2", "x", 6, 7)
		if n, err := home.Remembered(a.dir); n != 2 || err != nil {
			t.Errorf("Remembered in %s = %d, %v, want 2 jobs", name, n, err)
		}
		if all, err := home.Forks(a.dir); len(all) != 0 || err != nil {
			t.Errorf("Forks in %s = %v, %v, want none", name, all, err)
		}
		fork := home.JobFork{Origin: ledgertest.Origin, Fork: seen.Fork{Job: "job_1", Seen: factOf("x", 3), Found: factOf("y", 3)}}
		dir, err := home.KeepFork(a.dir, &fork, home.FoundPack, strings.NewReader("a pack"), leafOf("found", 1))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(a.dir, "ledgers", "a file"), nil, 0o600))
		if all, err := home.Forks(a.dir); len(all) != 1 || all[0] != dir || err != nil {
			t.Errorf("Forks in %s = %v, %v, want %s", name, all, err, dir)
		}
	}
}
