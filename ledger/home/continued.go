package home

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gait/ledger/jcs"
)

const (
	continuedName    = "continued"
	maxContinuedSeen = 4 << 10
)

// A ContinuedSeen says in which ledger a job was seen to go on: a job goes on in one.
type ContinuedSeen struct {
	JobID     string `json:"job_id"`
	JobSeq    int64  `json:"job_seq"` // of the job's last event in the ledger before
	Origin    string `json:"origin"`  // of the ledger before
	Successor string `json:"successor"`
}

// Contradicts says why two cannot both hold, or returns "".
func (c ContinuedSeen) Contradicts(successor string) string {
	if c.Successor == successor {
		return ""
	}
	return fmt.Sprintf("you have seen job %s of %s go on in %s behind its event %d, and this goes on in %s", c.JobID, c.Origin, c.Successor, c.JobSeq, successor)
}

// EndsBefore says why a job cannot have an event of that job_seq in the ledger before, or
// returns "".
func (c ContinuedSeen) EndsBefore(jobSeq int64) string {
	if jobSeq <= c.JobSeq {
		return ""
	}
	return fmt.Sprintf("you have seen job %s of %s go on in %s behind its event %d, and this has its event %d in %s", c.JobID, c.Origin, c.Successor, c.JobSeq, jobSeq, c.Origin)
}

func continuedFile(home, origin, job string) string {
	sum := sha256.Sum256([]byte(origin + "\n" + job))
	return filepath.Join(home, continuedName, hex.EncodeToString(sum[:]))
}

// SeenContinued returns where a job of a ledger was seen to go on, if it was.
func SeenContinued(home, origin, job string) (ContinuedSeen, bool, error) {
	path := continuedFile(home, origin, job)
	b, err := readFile(path, maxContinuedSeen, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return ContinuedSeen{}, false, nil
	}
	if err != nil {
		return ContinuedSeen{}, false, err
	}
	c, err := decodeContinued(b)
	if err == nil && continuedFile(home, c.Origin, c.JobID) != path {
		err = errors.New("it is of another job")
	}
	if err != nil {
		return ContinuedSeen{}, false, &MemoryError{Path: path, Err: err}
	}
	return c, true, nil
}

func decodeContinued(b []byte) (c ContinuedSeen, err error) {
	if err := json.Unmarshal(b, &c); err != nil {
		return c, err
	}
	if again, err := jcs.Marshal(c); err != nil || !bytes.Equal(append(again, '\n'), b) {
		return c, errors.New("it is not in its one form")
	}
	return c, nil
}

// NoteContinued remembers where a job goes on, unless that is known, and returns what is
// remembered: what another process has noted first may contradict c.
func NoteContinued(home string, c ContinuedSeen) (ContinuedSeen, error) {
	if was, known, err := SeenContinued(home, c.Origin, c.JobID); known || err != nil {
		return was, err
	}
	path := continuedFile(home, c.Origin, c.JobID)
	if err := makeDir(filepath.Dir(path)); err != nil {
		return c, err
	}
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return c, err
	}
	defer unlock()
	// Another process may have noted it meanwhile.
	if was, known, err := SeenContinued(home, c.Origin, c.JobID); known || err != nil {
		return was, err
	}
	b, err := jcs.Marshal(c)
	if err != nil {
		return c, err
	}
	return c, replaceFile(path, append(b, '\n'))
}

// AnyContinued reports whether a home remembers such jobs.
func AnyContinued(home string) (bool, error) {
	if err := checkWay(filepath.Join(home, continuedName), false); err != nil {
		return false, err
	}
	names, err := os.ReadDir(filepath.Join(home, continuedName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return len(names) > 0, err
}
