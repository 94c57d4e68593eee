package root

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"gait/ledger"
)

const (
	noteSchemaID      = "gait.ledger.retired"
	noteSchemaVersion = "1.0.0"
	noteLimit         = 64 << 10
)

// A retirement is the note that a ledger was retired: one line of JSON beside
// its outside checkpoint. While it is there nothing is signed for the origin.
type retirement struct {
	FoundRoot string `json:"found_root,omitempty"`
	FoundSize int64  `json:"found_size"`
	Origin    string `json:"origin"`
	Reason    string `json:"reason"`
	RetiredAt string `json:"retired_at"`
	Root      string `json:"root"` // the root directory it was retired in
	SchemaID  string `json:"schema_id"`
	Version   string `json:"schema_version"`
	SeenRoot  string `json:"seen_root,omitempty"`
	SeenSize  int64  `json:"seen_size"`
}

func notePath(home, origin string) string { return filepath.Join(guardDir(home, origin), retiredName) }

// newRetirement is the note about a ledger of which seen was known and found
// was there. A size of 0 stands for nothing.
func newRetirement(dir, origin, reason string, now time.Time, seen, found ledger.Checkpoint) retirement {
	n := retirement{
		Origin: origin, Reason: reason, RetiredAt: ledger.FormatTime(now), Root: dir,
		SchemaID: noteSchemaID, Version: noteSchemaVersion, SeenSize: seen.Size, FoundSize: found.Size,
	}
	if seen.Size > 0 {
		n.SeenRoot = seen.Root.String()
	}
	if found.Size > 0 {
		n.FoundRoot = found.Root.String()
	}
	return n
}

func (n retirement) encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(n)
	return b.Bytes(), err
}

// write makes the note durable.
func (n retirement) write(home string) error {
	b, err := n.encode()
	if err != nil {
		return err
	}
	path := notePath(home, n.Origin)
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return replaceFile(path, b)
}

// readNote returns the note that a ledger was retired, if it was. Bytes that are
// no such note do not say that it was not: they are corruption.
func readNote(home, origin string) (n retirement, retired bool, err error) {
	path := notePath(home, origin)
	b, err := readFile(path, noteLimit, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return n, false, nil
	}
	if err != nil {
		return n, true, fmt.Errorf("reading the retirement of %s: %w", origin, err)
	}
	if err := n.decode(b, origin); err != nil {
		return n, true, &ledger.CorruptError{Seq: -1, Reason: "reading " + path, Err: err}
	}
	return n, true, nil
}

func (n *retirement) decode(b []byte, origin string) error {
	if err := json.Unmarshal(b, n); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	if n.SchemaID == noteSchemaID && n.Version != noteSchemaVersion {
		return fmt.Errorf("written as %.20q: %w", n.Version, ledger.ErrUnsupportedVersion)
	}
	again, err := n.encode()
	if err != nil || !bytes.Equal(again, b) || n.SchemaID != noteSchemaID || n.Origin != origin {
		return fmt.Errorf("%w: no note of the retirement of %s", ledger.ErrMalformed, origin)
	}
	if _, err := ledger.ParseTime(n.RetiredAt); err != nil {
		return err
	}
	if _, err := checkpointOf(origin, n.SeenSize, n.SeenRoot); err != nil {
		return err
	}
	_, err = checkpointOf(origin, n.FoundSize, n.FoundRoot)
	return err
}

func checkpointOf(origin string, size int64, root string) (ledger.Checkpoint, error) {
	if size == 0 && root == "" {
		return ledger.Checkpoint{Origin: origin}, nil
	}
	h, err := ledger.ParseHash(root)
	if err == nil && size < 1 {
		err = fmt.Errorf("%w: size %d", ledger.ErrMalformed, size)
	}
	return ledger.Checkpoint{Origin: origin, Size: size, Root: h}, err
}

// retired returns what the note says. It must have come from readNote or
// newRetirement.
func (n retirement) retired() Retired {
	at, err1 := ledger.ParseTime(n.RetiredAt)
	seen, err2 := checkpointOf(n.Origin, n.SeenSize, n.SeenRoot)
	found, err3 := checkpointOf(n.Origin, n.FoundSize, n.FoundRoot)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic("root: retirement: " + err.Error())
	}
	return Retired{Origin: n.Origin, Seen: seen, Found: found, Reason: n.Reason, At: at}
}
