package home

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
)

// Labels of the secrets that only the holder of a ledger's key can make.
const (
	recordLabel = "gait index record v1"
	viewLabel   = "gait job view v1"
)

// IndexKeys are the secrets under which a ledger's store authenticates what its
// tree does not prove by itself: the record of the index, and the cached views.
type IndexKeys struct{ Record, View [32]byte }

// ReadIndexKeys derives the secrets of a ledger from the private half of its key in
// force, if PrivateOf finds that. ok is false if home does not hold it.
func ReadIndexKeys(home string, key ledger.VerifierKey) (keys IndexKeys, ok bool, err error) {
	k, err := PrivateOf(home, key)
	if _, missing := errors.AsType[*KeyMissingError](err); missing {
		return IndexKeys{}, false, nil
	}
	if err != nil {
		return IndexKeys{}, false, err
	}
	keys, err = DeriveIndexKeys(k)
	return keys, err == nil, err
}

// DeriveIndexKeys derives the secrets of a ledger from its private key.
func DeriveIndexKeys(k ledger.PrivateKey) (keys IndexKeys, err error) {
	if keys.Record, err = k.Derive(recordLabel); err != nil {
		return IndexKeys{}, err
	}
	keys.View, err = k.Derive(viewLabel)
	return keys, err
}

// An IndexNote is what home knows of a ledger's index, since it has computed it from all
// events.
type IndexNote struct {
	Origin string
	At     []IndexAt // by rising size, of which no two are the same

	// Kept says that the ledger's store keeps its index. From then on a store without
	// one is not the ledger's.
	Kept bool
}

// An IndexAt is what is known of an index at one size of its ledger.
type IndexAt struct {
	Size  int64       // number of events
	Tree  ledger.Hash // root of the tree over them
	Index ledger.Hash // root of the index over them
	Jobs  int64       // how many jobs they are of

	// Followed says that not all events were read, but those behind a smaller size that
	// is known. Only the newest such size is kept.
	Followed bool
}

// Newest returns what is known at the largest size. If nothing is, its size is 0.
func (n IndexNote) Newest() (at IndexAt) {
	if len(n.At) > 0 {
		at = n.At[len(n.At)-1]
	}
	return at
}

const (
	indexName          = "index"
	indexSchemaID      = "gait.ledger.index"
	indexSchemaVersion = "1.0.0"
	indexLimit         = 8 << 10

	// maxIndexAt is at how many sizes an index is known.
	maxIndexAt = 16
)

// ReadIndexNote returns what home knows of a ledger's index, and whether it knows
// anything. If the file is not such a note, the error is a *ledger.CorruptError.
func ReadIndexNote(home, origin string) (n IndexNote, found bool, err error) {
	path := indexPath(home, origin)
	b, err := readFile(path, indexLimit, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return IndexNote{}, false, nil
	}
	if err != nil {
		return IndexNote{}, false, fmt.Errorf("reading what is known of the index of %s: %w", origin, err)
	}
	if n, err = decodeIndexNote(b, origin); err != nil {
		return IndexNote{}, false, &ledger.CorruptError{Seq: -1, Reason: "reading " + path, Err: err}
	}
	return n, true, nil
}

// Write adds the note to what home knows, durably. Of two that are of one size, the later
// one is kept. What home knows to be Kept stays so.
func (n IndexNote) Write(home string) error {
	if slices.ContainsFunc(n.At, func(at IndexAt) bool { return at.Size < 1 }) {
		panic("home: an index of no events")
	}
	path := indexPath(home, n.Origin)
	unlock, err := lockFor(home, path)
	if err != nil {
		return err
	}
	defer unlock()
	was, found, err := ReadIndexNote(home, n.Origin)
	if err != nil {
		return err
	}
	next := IndexNote{Origin: n.Origin, At: mergeIndexAt(was.At, n.At), Kept: n.Kept || was.Kept}
	if found && next.Kept == was.Kept && slices.Equal(next.At, was.At) {
		return nil
	}
	b, err := next.encode()
	if err != nil {
		return err
	}
	return replaceFile(path, b)
}

// mergeIndexAt returns what is known by both, as it is kept.
func mergeIndexAt(was, now []IndexAt) []IndexAt {
	all := slices.Clone(now)
	for _, at := range was {
		if !slices.ContainsFunc(now, func(n IndexAt) bool { return n.Size == at.Size }) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(a, b IndexAt) int { return cmp.Compare(a.Size, b.Size) })
	followed := false
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Followed && followed {
			all = slices.Delete(all, i, i+1)
		} else if all[i].Followed {
			followed = true
		}
	}
	return all[max(0, len(all)-maxIndexAt):]
}

func indexPath(home, origin string) string { return filepath.Join(LedgerDir(home, origin), indexName) }

// An indexNote is an IndexNote as it is written: one line of JSON.
type indexNote struct {
	At       []indexAt `json:"at"`
	Kept     bool      `json:"kept"`
	Origin   string    `json:"origin"`
	SchemaID string    `json:"schema_id"`
	Version  string    `json:"schema_version"`
}

type indexAt struct {
	Followed bool        `json:"followed,omitempty"`
	Index    ledger.Hash `json:"index"`
	Jobs     int64       `json:"jobs"`
	Root     ledger.Hash `json:"root"`
	Size     int64       `json:"size"`
}

func (n IndexNote) encode() ([]byte, error) {
	w := indexNote{Kept: n.Kept, Origin: n.Origin, SchemaID: indexSchemaID, Version: indexSchemaVersion}
	for _, at := range n.At {
		w.At = append(w.At, indexAt{Followed: at.Followed, Index: at.Index, Jobs: at.Jobs, Root: at.Tree, Size: at.Size})
	}
	b, err := jcs.Marshal(w)
	return append(b, '\n'), err
}

func decodeIndexNote(b []byte, origin string) (IndexNote, error) {
	var w indexNote
	if err := json.Unmarshal(b, &w); err != nil {
		return IndexNote{}, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	if w.SchemaID == indexSchemaID && w.Version != indexSchemaVersion {
		return IndexNote{}, fmt.Errorf("written as %.20q: %w", w.Version, ledger.ErrUnsupportedVersion)
	}
	n := IndexNote{Origin: w.Origin, Kept: w.Kept}
	bad := w.SchemaID != indexSchemaID || w.Origin != origin || len(w.At) == 0
	for i, at := range w.At {
		bad = bad || at.Size < 1 || i > 0 && at.Size <= w.At[i-1].Size || at.Jobs < 0 || at.Jobs >= at.Size
		n.At = append(n.At, IndexAt{Size: at.Size, Tree: at.Root, Index: at.Index, Jobs: at.Jobs, Followed: at.Followed})
	}
	again, err := n.encode()
	if err != nil || bad || string(b) != string(again) || !slices.Equal(mergeIndexAt(n.At, nil), n.At) {
		return IndexNote{}, fmt.Errorf("%w: not a note of the index of %s", ledger.ErrMalformed, origin)
	}
	return n, nil
}
