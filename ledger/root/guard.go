package root

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"gait/ledger"
)

const ledgersName = "ledgers"

// guardDir returns where home keeps what it knows of a ledger.
func guardDir(home, origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(home, ledgersName, hex.EncodeToString(sum[:]))
}

// A guard is the outside checkpoint of a ledger: two slots, of which the newest
// that verifies counts.
type guard struct {
	dir   string
	name  string               // of its slots
	keys  []ledger.VerifierKey // that have signed the ledger
	chain []ledger.VerifierKey // those that it was seen to have had, where it was rotated, oldest first
	slots [2]slot
}

// A slot is what a file of the guard held when it was last read or written.
type slot struct {
	note []byte
	ledger.Checkpoint
	ok    bool // the note verifies
	other bool // it is a checkpoint of the origin that none of the keys has signed
}

func (g *guard) path(i int) string { return filepath.Join(g.dir, fmt.Sprintf("%s.%d", g.name, i)) }

// The names of slots.
const (
	linkedName = "checkpoint" // what is known to lie in one history
	packedName = "pack"       // what a pack showed without its link to that
)

// loadGuard reads the outside checkpoint of the ledger that any of the keys,
// one at least and all of one origin, have signed, or one that was seen to come
// before or after them.
func loadGuard(home string, keys ...ledger.VerifierKey) (*guard, error) {
	return loadSlots(home, linkedName, keys)
}

func loadSlots(home, name string, keys []ledger.VerifierKey) (*guard, error) {
	g := &guard{dir: guardDir(home, keys[0].Name()), name: name}
	if err := g.loadChain(); err != nil {
		return nil, err
	}
	g.keys = slices.Concat(keys, g.chain)
	for i := range g.slots {
		if err := g.load(i); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// check fails where the slots say that the key has signed two histories, and
// where both hold something that is no checkpoint: a crash can tear one alone.
func (g *guard) check() error {
	a, b := g.slots[0], g.slots[1]
	if a.damaged() && b.damaged() {
		return corrupt("neither %s nor %s is a checkpoint of %s; if you know why, move both away", g.path(0), g.path(1), g.keys[0].Name())
	}
	if a.ok && b.ok && a.Size == b.Size && a.Root != b.Root {
		return corrupt("%s holds two checkpoints of %d events, of different histories", g.dir, a.Size)
	}
	return nil
}

func (s slot) damaged() bool { return len(s.note) > 0 && !s.ok && !s.other }

func (g *guard) load(i int) error {
	b, err := g.readSlot(i)
	if err != nil {
		return fmt.Errorf("reading the outside checkpoint: %w", err)
	}
	g.slots[i] = slot{note: b}
	// What does not verify was torn by a crash, or written by nobody who counts.
	for _, key := range g.keys {
		if c, err := ledger.OpenCheckpoint(b, key); err == nil {
			g.slots[i] = slot{note: b, Checkpoint: c, ok: true}
		}
	}
	if c, err := ledger.PeekCheckpoint(b); err == nil && !g.slots[i].ok {
		g.slots[i].other = c.Origin == g.keys[0].Name() && !ledger.HasSignature(b, g.keys...)
	}
	return nil
}

// readSlot returns the bytes of a slot; nil where it is missing or too long to
// be one.
func (g *guard) readSlot(i int) ([]byte, error) {
	b, err := readFile(g.path(i), ledger.MaxNoteSize, denyWrite)
	if _, long := errors.AsType[*ledger.CorruptError](err); long || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// newest returns the slot that counts; the other is written next.
func (g *guard) newest() (i int, ok bool) {
	a, b := g.slots[0], g.slots[1]
	if b.ok && (!a.ok || b.Size > a.Size) {
		return 1, true
	}
	return 0, a.ok
}

// seen returns the newest checkpoint known, if one is.
func (g *guard) seen() (slot, bool) {
	i, ok := g.newest()
	return g.slots[i], ok
}

// publish keeps a checkpoint that the ledger has just signed. It never goes
// back, and never over the newest slot.
func (g *guard) publish(signed []byte) error {
	c, err := ledger.PeekCheckpoint(signed)
	if err != nil {
		return fmt.Errorf("keeping the outside checkpoint: %w", err)
	}
	if err := g.refresh(); err != nil {
		return err
	}
	i, ok := g.newest()
	was := g.slots[i]
	if ok && (c.Size < was.Size || c.Size == was.Size && c.Root != was.Root) {
		return &RolledBackError{Dir: g.dir, Seen: was.Checkpoint, Found: c, SeenNote: was.note, FoundNote: signed}
	}
	if ok && c.Size == was.Size {
		return nil
	}
	if ok {
		i = 1 - i
	}
	if err := g.write(i, signed); err != nil {
		return fmt.Errorf("keeping the outside checkpoint: %w", err)
	}
	g.slots[i] = slot{note: bytes.Clone(signed), Checkpoint: c, ok: true}
	return nil
}

// refresh reads the slots again where a ledger elsewhere, a copy of this one,
// has changed them.
func (g *guard) refresh() error {
	for i := range g.slots {
		b, err := g.readSlot(i)
		if err != nil {
			return fmt.Errorf("reading the outside checkpoint: %w", err)
		}
		if bytes.Equal(b, g.slots[i].note) {
			continue
		}
		if err := g.load(i); err != nil {
			return err
		}
	}
	return nil
}

// write puts a note into a slot, in place: the other slot stands until this one
// is whole. Cutting the file off after writing, not before, keeps file systems
// from syncing it, which nothing here needs.
func (g *guard) write(i int, signed []byte) error {
	f, err := openFile(g.path(i), os.O_WRONLY|os.O_CREATE)
	if errors.Is(err, unix.ENOENT) {
		if err := makeDir(g.dir); err != nil {
			return err
		}
		f, err = openFile(g.path(i), os.O_WRONLY|os.O_CREATE)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(signed, 0)
	if err == nil {
		err = f.Truncate(int64(len(signed)))
	}
	return errors.Join(err, f.Close())
}
