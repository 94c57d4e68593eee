package home

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
)

const (
	noteSchemaID      = "gait.ledger.retired"
	noteSchemaVersion = "1.0.0"
	noteHeirVersion   = "1.1.0" // of a note that names a successor
	noteLimit         = 64 << 10
)

// A RetirementNote says that a ledger was retired. While home holds it, nothing
// is signed for the origin.
type RetirementNote struct {
	Origin string
	Root   string            // the root directory in which it was retired
	Seen   ledger.Checkpoint // the newest state ever seen; Size 0 if none was kept
	Found  ledger.Checkpoint // the state it was in; Size 0 if it could not be read
	Reason string
	At     time.Time

	// Successor is the key of the ledger that continues this one's jobs. It is zero if no
	// ledger was made with the retirement.
	Successor ledger.VerifierKey
}

// ReadRetirementNote returns the note of a ledger's retirement, and whether the ledger
// was retired. If the file is not such a note, the ledger counts as retired and the
// error is a *ledger.CorruptError.
func ReadRetirementNote(home, origin string) (r RetirementNote, retired bool, err error) {
	path := retiredPath(home, origin)
	b, err := readFile(path, noteLimit, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, true, fmt.Errorf("reading the retirement of %s: %w", origin, err)
	}
	if r, err = decodeRetired(b, origin); err != nil {
		return r, true, &ledger.CorruptError{Seq: -1, Reason: "reading " + path, Err: err}
	}
	return r, true, nil
}

// Write keeps the note in home, durably.
func (r RetirementNote) Write(home string) error {
	b, err := r.encode()
	if err != nil {
		return err
	}
	path := retiredPath(home, r.Origin)
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return replaceFile(path, b)
}

func retiredPath(home, origin string) string {
	return filepath.Join(LedgerDir(home, origin), retiredName)
}

// A note is a RetirementNote as it is written: one line of JSON.
type note struct {
	FoundRoot string `json:"found_root,omitempty"`
	FoundSize int64  `json:"found_size"`
	Origin    string `json:"origin"`
	Reason    string `json:"reason"`
	RetiredAt string `json:"retired_at"`
	Root      string `json:"root"`
	SchemaID  string `json:"schema_id"`
	Version   string `json:"schema_version"`
	SeenRoot  string `json:"seen_root,omitempty"`
	SeenSize  int64  `json:"seen_size"`
	Successor string `json:"successor,omitempty"` // since 1.1.0
}

func (r RetirementNote) encode() ([]byte, error) {
	n := note{
		Origin: r.Origin, Reason: r.Reason, RetiredAt: ledger.FormatTime(r.At), Root: r.Root,
		SchemaID: noteSchemaID, Version: noteSchemaVersion, SeenSize: r.Seen.Size, FoundSize: r.Found.Size,
	}
	if r.Seen.Size > 0 {
		n.SeenRoot = r.Seen.Root.String()
	}
	if r.Found.Size > 0 {
		n.FoundRoot = r.Found.Root.String()
	}
	if !r.Successor.IsZero() {
		n.Version, n.Successor = noteHeirVersion, r.Successor.String()
	}
	return n.encode()
}

func (n note) encode() ([]byte, error) {
	b, err := jcs.Marshal(n)
	return append(b, '\n'), err
}

// escapes turns the text of a note into today's spelling: earlier versions escaped
// these characters.
var escapes = strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029", `\ufffd`, "\ufffd")

func decodeRetired(b []byte, origin string) (RetirementNote, error) {
	var n note
	if err := json.Unmarshal(b, &n); err != nil {
		return RetirementNote{}, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	version := noteSchemaVersion
	if n.Successor != "" {
		version = noteHeirVersion
	}
	if n.SchemaID == noteSchemaID && n.Version != version {
		return RetirementNote{}, fmt.Errorf("written as %.20q: %w", n.Version, ledger.ErrUnsupportedVersion)
	}
	again, err := n.encode()
	if err != nil || escapes.Replace(string(b)) != string(again) || n.SchemaID != noteSchemaID || n.Origin != origin {
		return RetirementNote{}, fmt.Errorf("%w: not a note of the retirement of %s", ledger.ErrMalformed, origin)
	}
	at, err1 := ledger.ParseTime(n.RetiredAt)
	seen, err2 := checkpointOf(origin, n.SeenSize, n.SeenRoot)
	found, err3 := checkpointOf(origin, n.FoundSize, n.FoundRoot)
	r := RetirementNote{Origin: origin, Root: n.Root, Seen: seen, Found: found, Reason: n.Reason, At: at}
	var err4 error
	if n.Successor != "" {
		r.Successor, err4 = ledger.ParseVerifierKey(n.Successor)
	}
	return r, cmp.Or(err1, err2, err3, err4)
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
