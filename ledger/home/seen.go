package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
)

// ErrOtherKey says that home knows another key of the same origin, from a checkpoint
// seen or from the trusted keys, which is none of the ledger's.
var ErrOtherKey = ledger.NewError("another key is known for that origin", ledger.Fault{Code: "origin_key_conflict", Category: ledger.CategoryVerification})

// A Sighting is the newest checkpoint of a ledger that a user has seen.
type Sighting struct {
	ledger.Checkpoint
	Note []byte               // the signed note, byte for byte
	Keys []ledger.VerifierKey // that the ledger is known to have had, oldest first; nil if it had only one
}

// Seen returns the newest checkpoints that home has seen of a ledger, the user's
// own or another's. They must be signed by one of its keys, or by one that it is
// known to have had before or after them. There are up to two: the newest that is
// known to lie in one history with those before it, and the newest from a pack
// that did not prove so. dir is the directory that holds them. Seen fails with
// ErrOtherKey if checkpoints were seen but other keys have signed them all.
func Seen(home string, keys ...ledger.VerifierKey) (seen []Sighting, dir string, err error) {
	other := false
	for _, name := range []string{linkedName, packedName} {
		g, err := loadSlots(home, name, keys)
		if err == nil {
			err = g.Check()
		}
		if err != nil {
			return nil, "", err
		}
		dir, other = g.dir, other || g.other()
		if at, ok := g.Seen(); ok {
			seen = append(seen, at)
		}
	}
	if len(seen) == 0 && other {
		return nil, dir, fmt.Errorf("%w: see %s", ErrOtherKey, dir)
	}
	return seen, dir, nil
}

// Remember keeps a checkpoint that home has seen, if it is newer than the one kept.
// keys are the ledger's, oldest first; the newest has signed it. linked says that
// its tree is known to continue everything seen before; a checkpoint from a pack
// that does not prove so is kept apart, and opening a ledger of the user's does not
// check against it. Remember fails with a *RolledBackError if two checkpoints of
// one size differ, and with ErrOtherKey.
func Remember(home string, signed []byte, linked bool, keys ...ledger.VerifierKey) error {
	c, err := ledger.OpenCheckpoint(signed, keys[len(keys)-1])
	if err != nil {
		return err
	}
	seen, dir, err := Seen(home, keys...)
	if err != nil {
		return err
	}
	for _, at := range seen {
		if !ledger.OneHistory(keys, at.Keys) {
			return fmt.Errorf("%w: see %s", ErrOtherKey, dir)
		}
	}
	name := packedName
	if linked {
		name = linkedName
	}
	g, err := loadSlots(home, name, keys)
	if err != nil {
		return err
	}
	if was, ok := g.Seen(); ok && c.Size < was.Size {
		return nil
	}
	// The keys go first: without them, a user who brings an earlier key could not
	// read a checkpoint that a later one has signed.
	if err := g.KeepKeys(keys); err != nil {
		return err
	}
	return g.Publish(signed)
}

// SyncSeen makes durable what Remember keeps of a ledger. A ledger that is written needs it
// not: its next open keeps the newest checkpoint again. A copy has no such open.
func SyncSeen(home, origin string) error {
	g := &Guard{dir: LedgerDir(home, origin), name: linkedName}
	if err := checkWay(g.dir, true); err != nil {
		return fmt.Errorf("syncing the outside checkpoint: %w", err)
	}
	for i := range g.slots {
		f, err := OpenFile(g.path(i), os.O_WRONLY)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return fmt.Errorf("syncing the outside checkpoint: %w", InHome.Unwritable(g.dir, err))
		}
	}
	return SyncDir(g.dir)
}

// other reports whether other keys have signed all that is kept.
func (g *Guard) other() bool {
	return slices.ContainsFunc(g.slots[:], func(s slot) bool { return s.other }) && !g.slots[0].ok && !g.slots[1].ok
}

func (g *Guard) chainPath() string { return filepath.Join(g.dir, keysName) }

// loadChain reads the keys that a ledger is known to have had.
func (g *Guard) loadChain() error {
	b, err := readIn(g.chainPath(), (ledger.MaxRotations+1)*257, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the keys seen: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		key, err := ledger.ParseVerifierKey(strings.TrimSuffix(line, "\n"))
		if err != nil || LedgerDir(filepath.Dir(filepath.Dir(g.dir)), key.Name()) != g.dir {
			return corrupt("%s: %.120q is not a key of that ledger", g.chainPath(), line)
		}
		g.chain = append(g.chain, key)
	}
	return nil
}

// KeepKeys keeps the keys of a ledger, if it was rotated more often than was known.
func (g *Guard) KeepKeys(keys []ledger.VerifierKey) error {
	if len(keys) < 2 || len(keys) <= len(g.chain) {
		return nil
	}
	if !ledger.OneHistory(keys, g.chain) {
		return fmt.Errorf("%w: see %s", ErrOtherKey, g.chainPath())
	}
	var text strings.Builder
	for _, key := range keys {
		text.WriteString(key.String() + "\n")
	}
	if err := makeDir(g.dir); err != nil {
		return err
	}
	if err := replaceFile(g.chainPath(), []byte(text.String())); err != nil {
		return fmt.Errorf("keeping the keys seen: %w", err)
	}
	g.chain = slices.Clone(keys)
	return nil
}

// RotatedKeys returns the keys of the ledgers that home has seen and that were
// rotated, each once.
func RotatedKeys(home string) (keys []ledger.VerifierKey, err error) {
	ledgers := filepath.Join(home, ledgersName)
	entries, err := os.ReadDir(ledgers) // not a Glob: home is no pattern
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		g := &Guard{dir: filepath.Join(ledgers, e.Name())}
		if there, err := Exists(g.chainPath()); e.Type().IsRegular() || !there && err == nil {
			continue
		}
		if err := checkWay(g.dir, true); err != nil {
			return nil, err
		}
		if err := g.loadChain(); err != nil {
			return nil, err
		}
		for _, key := range g.chain {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}
