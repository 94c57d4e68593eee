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
	keys  []ledger.VerifierKey // that have signed the ledger
	slots [2]slot
}

// A slot is what a file of the guard held when it was last read or written.
type slot struct {
	note []byte
	ledger.Checkpoint
	ok bool // the note verifies
}

func (g *guard) path(i int) string { return filepath.Join(g.dir, fmt.Sprintf("checkpoint.%d", i)) }

// loadGuard reads the outside checkpoint of the ledger that any of the keys,
// one at least and all of one origin, have signed.
func loadGuard(home string, keys ...ledger.VerifierKey) (*guard, error) {
	g := &guard{dir: guardDir(home, keys[0].Name()), keys: keys}
	for i := range g.slots {
		if err := g.load(i); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// check fails where the slots say that the key has signed two histories.
func (g *guard) check() error {
	a, b := g.slots[0], g.slots[1]
	if a.ok && b.ok && a.Size == b.Size && a.Root != b.Root {
		return corrupt("%s holds two checkpoints of %d events, of different histories", g.dir, a.Size)
	}
	return nil
}

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

// A Sighting is the newest checkpoint of a ledger that a user has seen.
type Sighting struct {
	ledger.Checkpoint
	Note []byte // the signed note, to the letter
}

// Seen returns the newest checkpoint signed by one of a ledger's keys that home
// has seen, of a ledger of the user's own or in what others handed over, nil
// where there is none, and the directory it is kept in.
func Seen(home string, keys ...ledger.VerifierKey) (*Sighting, string, error) {
	g, err := loadGuard(home, keys...)
	if err != nil {
		return nil, "", err
	}
	if err := g.check(); err != nil {
		return nil, "", err
	}
	at, ok := g.seen()
	if !ok {
		return nil, g.dir, nil
	}
	return &Sighting{at.Checkpoint, at.note}, g.dir, nil
}

// Remember keeps a checkpoint that home has seen, signed by the newest of a
// ledger's keys, where it is newer than the one kept. It fails with a
// *RolledBackError where the two cannot both hold.
func Remember(home string, signed []byte, keys ...ledger.VerifierKey) error {
	c, err := ledger.OpenCheckpoint(signed, keys[len(keys)-1])
	if err != nil {
		return err
	}
	g, err := loadGuard(home, keys...)
	if err != nil {
		return err
	}
	if was, ok := g.seen(); ok && c.Size < was.Size {
		return g.check()
	}
	return errors.Join(g.check(), g.publish(signed))
}
