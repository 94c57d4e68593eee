package home

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"gait/ledger"
	"gait/ledger/jcs"
)

const (
	rootsName          = "roots"
	knownSchemaID      = "gait.root"
	knownSchemaVersion = "1.0.0"
	knownLimit         = 64 << 10
)

// A KnownRoot is what home remembers of a root directory: which ledger it holds, or held
// last.
type KnownRoot struct {
	Dir string             // of the root, absolute and without links
	Key ledger.VerifierKey // a key of the ledger, the newest that was known

	// Accepted is the state of the ledger there that the user has accepted although a
	// newer one was seen: that state may be read. Size is 0 if there is none.
	Accepted ledger.Checkpoint
}

// Origin returns the name of the ledger.
func (p KnownRoot) Origin() string { return p.Key.Name() }

// KnownRootPath returns the file in which home remembers a root directory.
func KnownRootPath(home, dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(home, rootsName, hex.EncodeToString(sum[:]))
}

// ReadKnownRoot returns what home remembers of a root directory, and whether it remembers
// any ledger there. If the file is not such a memory, the error is a *ledger.CorruptError.
func ReadKnownRoot(home, dir string) (p KnownRoot, found bool, err error) {
	if !utf8.ValidString(dir) { // the file could not say which path it is about
		return KnownRoot{}, false, nil
	}
	path := KnownRootPath(home, dir)
	b, err := readFile(path, knownLimit, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return KnownRoot{}, false, nil
	}
	if err != nil {
		return KnownRoot{}, false, fmt.Errorf("reading which ledger was in %s: %w", dir, err)
	}
	if p, err = decodeKnownRoot(b); err == nil && p.Dir != dir {
		err = fmt.Errorf("%w: it is about %s", ledger.ErrMalformed, p.Dir)
	}
	if err != nil {
		return KnownRoot{}, false, &ledger.CorruptError{Seq: -1, Reason: "reading " + path, Err: err}
	}
	return p, true, nil
}

// Write keeps it in home, durably. A path that is not UTF-8 is not remembered.
func (p KnownRoot) Write(home string) error {
	if !utf8.ValidString(p.Dir) {
		return nil
	}
	b, err := p.encode()
	if err != nil {
		return err
	}
	path := KnownRootPath(home, p.Dir)
	if err := makeDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("remembering which ledger is in %s: %w", p.Dir, err)
	}
	return replaceFile(path, b)
}

// KnownRoots returns the root directories that home remembers, by their paths.
func KnownRoots(home string) ([]KnownRoot, error) {
	dir := filepath.Join(home, rootsName)
	if err := checkWay(dir, true); err != nil {
		return nil, fmt.Errorf("listing the roots known: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the roots known: %w", err)
	}
	var all []KnownRoot
	for _, f := range files {
		if len(f.Name()) != 2*sha256.Size || f.IsDir() {
			continue
		}
		b, err := readIn(filepath.Join(dir, f.Name()), knownLimit, denyWrite)
		if err != nil {
			return nil, fmt.Errorf("listing the roots known: %w", err)
		}
		p, err := decodeKnownRoot(b)
		if err != nil || filepath.Base(KnownRootPath(home, p.Dir)) != f.Name() {
			return nil, corrupt("%s does not say which ledger a root holds", filepath.Join(dir, f.Name()))
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b KnownRoot) int { return cmp.Compare(a.Dir, b.Dir) })
	return all, nil
}

// A knownNote is a KnownRoot as it is written: one line of JSON.
type knownNote struct {
	Accepted *acceptedState `json:"accepted,omitempty"`
	Key      string         `json:"key"`
	Root     string         `json:"root"`
	SchemaID string         `json:"schema_id"`
	Version  string         `json:"schema_version"`
}

type acceptedState struct {
	Root ledger.Hash `json:"root"`
	Size int64       `json:"size"`
}

func (p KnownRoot) encode() ([]byte, error) {
	n := knownNote{Key: p.Key.String(), Root: p.Dir, SchemaID: knownSchemaID, Version: knownSchemaVersion}
	if p.Accepted.Size > 0 {
		n.Accepted = &acceptedState{Root: p.Accepted.Root, Size: p.Accepted.Size}
	}
	b, err := jcs.Marshal(n)
	return append(b, '\n'), err
}

func decodeKnownRoot(b []byte) (KnownRoot, error) {
	var n knownNote
	if err := json.Unmarshal(b, &n); err != nil {
		return KnownRoot{}, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	if n.SchemaID == knownSchemaID && n.Version != knownSchemaVersion {
		return KnownRoot{}, fmt.Errorf("written as %.20q: %w", n.Version, ledger.ErrUnsupportedVersion)
	}
	key, err := ledger.ParseVerifierKey(n.Key)
	if err != nil {
		return KnownRoot{}, err
	}
	p := KnownRoot{Dir: n.Root, Key: key}
	if n.Accepted != nil {
		p.Accepted = ledger.Checkpoint{Origin: key.Name(), Size: n.Accepted.Size, Root: n.Accepted.Root}
	}
	again, err := p.encode()
	if err != nil || string(again) != string(b) || n.SchemaID != knownSchemaID || !filepath.IsAbs(p.Dir) {
		return KnownRoot{}, fmt.Errorf("%w: not a memory of a root", ledger.ErrMalformed)
	}
	return p, nil
}
