package root

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
)

// ErrOtherKey says that of the same origin another key is known, which is none of
// the ledger's: by a checkpoint that was seen, or because it is trusted.
var ErrOtherKey = errors.New("another key is known for that origin")

// A Sighting is the newest checkpoint of a ledger that a user has seen.
type Sighting struct {
	ledger.Checkpoint
	Note []byte               // the signed note, to the letter
	Keys []ledger.VerifierKey // that the ledger was seen to have had, oldest first; nil where it had one
}

// Seen returns what home has seen of a ledger, of the user's own or in what
// others handed over, signed by one of its keys or by one that was seen to come
// before or after them: the newest checkpoint that is known to lie in one history
// with those before it, and the newest that a pack showed without that, where
// there are any. dir is where they are kept. It fails with ErrOtherKey where
// there is something, and all of it is by other keys.
func Seen(home string, keys ...ledger.VerifierKey) (seen []Sighting, dir string, err error) {
	other := false
	for _, name := range []string{linkedName, packedName} {
		g, err := loadSlots(home, name, keys)
		if err == nil {
			err = g.check()
		}
		if err != nil {
			return nil, "", err
		}
		dir, other = g.dir, other || g.other()
		if at, ok := g.seen(); ok {
			seen = append(seen, Sighting{at.Checkpoint, at.note, g.chain})
		}
	}
	if len(seen) == 0 && other {
		return nil, dir, fmt.Errorf("%w: see %s", ErrOtherKey, dir)
	}
	return seen, dir, nil
}

// Remember keeps a checkpoint that home has seen, signed by the newest of a
// ledger's keys, which are given oldest first, where it is newer than the one
// kept. linked says that its tree continues those of all that was seen; what a
// pack showed without that is kept apart, and no ledger of the user's own is held
// to it. It fails with a *RolledBackError where two of one size cannot both hold,
// and with ErrOtherKey.
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
	if was, ok := g.seen(); ok && c.Size < was.Size {
		return nil
	}
	// The keys first: without them a checkpoint by a later one would be unreadable
	// to whoever brings the earlier.
	return errors.Join(g.keepChain(keys), g.publish(signed))
}

// other reports whether all that is kept is by other keys.
func (g *guard) other() bool {
	return slices.ContainsFunc(g.slots[:], func(s slot) bool { return s.other }) && !g.slots[0].ok && !g.slots[1].ok
}

func (g *guard) chainPath() string { return filepath.Join(g.dir, keysName) }

// loadChain reads the keys that a ledger was seen to have had.
func (g *guard) loadChain() error {
	b, err := readFile(g.chainPath(), (ledger.MaxRotations+1)*257, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the keys seen: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		key, err := ledger.ParseVerifierKey(strings.TrimSuffix(line, "\n"))
		if err != nil || guardDir(filepath.Dir(filepath.Dir(g.dir)), key.Name()) != g.dir {
			return corrupt("%s: %.120q is no key of that ledger", g.chainPath(), line)
		}
		g.chain = append(g.chain, key)
	}
	return nil
}

// keepChain keeps the keys of a ledger, where it was rotated more often than was known.
func (g *guard) keepChain(keys []ledger.VerifierKey) error {
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

// HandedOn returns the keys that home trusts, and that were seen to have handed a
// ledger on to key, directly or over others: what key signs verifies through them,
// whether it is trusted itself or not.
func HandedOn(home string, key ledger.PublicKey) (by []ledger.PublicKey, err error) {
	trusted, err := TrustedKeys(home)
	if err != nil {
		return nil, err
	}
	chains, err := filepath.Glob(filepath.Join(home, ledgersName, "*", keysName))
	if err != nil {
		return nil, err
	}
	for _, path := range chains {
		g := &guard{dir: filepath.Dir(path)}
		if err := g.loadChain(); err != nil {
			return nil, err
		}
		at := slices.IndexFunc(g.chain, func(k ledger.VerifierKey) bool { return k.ID() == key.ID() })
		for _, earlier := range g.chain[:max(at, 0)] {
			if i := slices.IndexFunc(trusted, func(k ledger.PublicKey) bool { return k.Is(earlier) }); i >= 0 && !slices.Contains(by, trusted[i]) {
				by = append(by, trusted[i])
			}
		}
	}
	return by, nil
}
