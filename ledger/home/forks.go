package home

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/ledger/seen"
)

const (
	forksName      = "forks"
	forkSchemaID   = "gait.job.forked"
	forkVersion    = "1.0.0"
	forkReportName = "fork.json"
	tmpFork        = ".fork-"

	// maxForks bounds how many forks of a ledger are kept: the holder of its key can make
	// any number of them.
	maxForks = 64
)

// ErrTooManyForks says that home keeps as many forks of a ledger as it ever does.
var ErrTooManyForks = errors.New("no more forks of this ledger are kept")

// Names of the file in the directory of a fork that contradicts what was seen.
const (
	FoundPack  = "found.zip"
	FoundProof = "found.proof.json"
)

// A forkReport says what the files beside it show.
type forkReport struct {
	Found     forkFact `json:"found"`
	FoundPack string   `json:"found_sha256"`
	JobID     string   `json:"job_id,omitempty"`
	Origin    string   `json:"origin"`
	SchemaID  string   `json:"schema_id"`
	Version   string   `json:"schema_version"`
	Seen      forkFact `json:"seen"`
	SeenPack  string   `json:"seen_sha256"`
	What      string   `json:"what"`
}

// A forkFact is a seen.Fact: an event, or that a job has so many up to event seq.
type forkFact struct {
	JobEvents *int64 `json:"job_events,omitempty"`
	JobSeq    int64  `json:"job_seq,omitempty"`
	Leaf      string `json:"leaf,omitempty"`
	Seq       int64  `json:"seq,omitempty"`
}

func (f *JobFork) fact(of seen.Fact) forkFact {
	switch {
	case of.IsEnd():
		return forkFact{JobEvents: &of.Number, Seq: int64(of.Seq)}
	case f.Job == ofLedger:
		return forkFact{Leaf: of.Leaf.String(), Seq: int64(of.Seq)}
	}
	return forkFact{JobSeq: of.Number, Leaf: of.Leaf.String(), Seq: int64(of.Seq)}
}

// KeepFork keeps, durably, the evidence of a fork: what was kept of the pack or proof seen
// first, and a copy of the one found now, whose SHA-256 is sum, under name: FoundPack or
// FoundProof. It returns the directory that holds it; the same file always has the same
// one. It fails with ErrTooManyForks.
func KeepFork(home string, f *JobFork, name string, found io.Reader, sum ledger.Hash) (dir string, err error) {
	all := filepath.Join(LedgerDir(home, f.Origin), forksName)
	dir = filepath.Join(all, hex.EncodeToString(sum[:8]))
	if err := makeDir(all); err != nil {
		return "", fmt.Errorf("keeping a fork: %w", err)
	}
	unlock, err := lock(all)
	if err != nil {
		return "", err
	}
	defer unlock()
	if there, err := Exists(dir); err != nil || there {
		return dir, err
	}
	kept, err := os.ReadDir(all)
	if err != nil {
		return "", fmt.Errorf("keeping a fork: %w", err)
	}
	for _, e := range kept {
		if strings.HasPrefix(e.Name(), tmpFork) { // a crash left it
			if err := os.RemoveAll(filepath.Join(all, e.Name())); err != nil {
				return "", fmt.Errorf("keeping a fork: %w", err)
			}
		}
	}
	if len(kept) >= maxForks {
		return "", fmt.Errorf("%w: see %s", ErrTooManyForks, all)
	}
	if err := f.write(all, dir, name, found, sum); err != nil {
		return "", fmt.Errorf("keeping a fork: %w", err)
	}
	return dir, nil
}

// write makes the directory beside its place, and renames it.
func (f *JobFork) write(all, dir, name string, found io.Reader, sum ledger.Hash) (err error) {
	tmp, err := os.MkdirTemp(all, tmpFork)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	report, err := jcs.Marshal(forkReport{
		Found: f.fact(f.Found), FoundPack: sum.String(), JobID: f.Job, Origin: f.Origin, SchemaID: forkSchemaID,
		Version: forkVersion, Seen: f.fact(f.Seen), SeenPack: f.First.SHA256.String(), What: f.String(),
	})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		forkReportName: append(report, '\n'), "seen.json": f.First.Head, "seen.tlog-proof": f.First.Proof, "seen.checkpoint": f.First.Checkpoint,
		"seen_commitment.json": f.First.Commitment, "seen_commitment.tlog-proof": f.First.CommitmentProof, "seen.mpt-proof": f.First.Path,
	} {
		if content == nil {
			continue
		}
		if err := replaceFile(filepath.Join(tmp, name), content); err != nil {
			return err
		}
	}
	if err := writeFrom(filepath.Join(tmp, name), found); err != nil {
		return err
	}
	if err := SyncDir(tmp); err != nil {
		return err
	}
	return MoveFile(tmp, dir)
}

// writeFrom writes a new file, durably but for its name.
func writeFrom(path string, from io.Reader) error {
	to, err := OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Sync(), to.Close())
}

// Forks returns the directories of the forks that home keeps, of all ledgers.
func Forks(home string) ([]string, error) {
	all, err := ofLedgers(home, forksName)
	if err != nil {
		return nil, fmt.Errorf("looking for forks: %w", err)
	}
	return slices.DeleteFunc(all, func(dir string) bool { return strings.HasPrefix(filepath.Base(dir), tmpFork) }), nil
}
