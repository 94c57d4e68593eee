package home

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

// LedgerDir returns the directory in which home keeps what it knows of a ledger.
func LedgerDir(home, origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(home, ledgersName, hex.EncodeToString(sum[:]))
}

// A Guard is the outside checkpoint of a ledger. It has two slots; the newest one
// that verifies counts.
type Guard struct {
	dir   string
	name  string               // of its slots
	keys  []ledger.VerifierKey // that have signed the ledger
	chain []ledger.VerifierKey // those that the ledger is known to have had if it was rotated, oldest first
	slots [2]slot
}

// A slot is the content of a file of the guard when it was last read or written.
type slot struct {
	note []byte
	ledger.Checkpoint
	ok    bool // the note verifies
	other bool // it is a checkpoint of the origin that none of the keys has signed
}

func (g *Guard) path(i int) string { return filepath.Join(g.dir, fmt.Sprintf("%s.%d", g.name, i)) }

// The names of the slots' files.
const (
	linkedName = "checkpoint" // known to lie in one history
	packedName = "pack"       // from a pack that did not prove how it follows that history
)

// LoadGuard reads the outside checkpoint of a ledger. keys are at least one, and
// all of one origin. The checkpoint must be signed by one of them, or by a key
// that the ledger is known to have had before or after them.
func LoadGuard(home string, keys ...ledger.VerifierKey) (*Guard, error) {
	return loadSlots(home, linkedName, keys)
}

func loadSlots(home, name string, keys []ledger.VerifierKey) (*Guard, error) {
	g := &Guard{dir: LedgerDir(home, keys[0].Name()), name: name}
	// A Guard looks once at what leads to its slots, not each time that it keeps a
	// checkpoint.
	if err := checkWay(g.dir, true); err != nil {
		return nil, fmt.Errorf("reading the outside checkpoint: %w", err)
	}
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

// Check fails if the slots prove that the key has signed two histories, or if
// both hold something that is no checkpoint: a crash can tear only one.
func (g *Guard) Check() error {
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

func (g *Guard) load(i int) error {
	b, err := g.readSlot(i)
	if err != nil {
		return fmt.Errorf("reading the outside checkpoint: %w", err)
	}
	g.slots[i] = slot{note: b}
	// A note that does not verify was torn by a crash, or is signed by an unknown key.
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

// readSlot returns the bytes of a slot, or nil if the file is missing or too long
// to be one.
func (g *Guard) readSlot(i int) ([]byte, error) {
	b, err := readIn(g.path(i), ledger.MaxNoteSize, denyWrite)
	if _, long := errors.AsType[*ledger.CorruptError](err); long || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// newest returns the slot that counts. The other one is overwritten next.
func (g *Guard) newest() (i int, ok bool) {
	a, b := g.slots[0], g.slots[1]
	if b.ok && (!a.ok || b.Size > a.Size) {
		return 1, true
	}
	return 0, a.ok
}

// Seen returns the newest checkpoint seen, and whether there is one.
func (g *Guard) Seen() (Sighting, bool) {
	i, ok := g.newest()
	return Sighting{g.slots[i].Checkpoint, g.slots[i].note, g.chain}, ok
}

// Dir returns the directory in which the checkpoint is kept.
func (g *Guard) Dir() string { return g.dir }

// Expect adds a key to those that may have signed the ledger: the new key of a
// rotation that is about to happen.
func (g *Guard) Expect(key ledger.VerifierKey) { g.keys = append(g.keys, key) }

// Keep keeps a verified checkpoint of a ledger with those keys, if it is the newest
// one that home has seen. A process that has the ledger open keeps it in the home of
// its own user; a client of that process keeps it in the client's home.
func Keep(home string, signed []byte, keys ...ledger.VerifierKey) error {
	c, err := ledger.PeekCheckpoint(signed)
	if err != nil {
		return fmt.Errorf("keeping the outside checkpoint: %w", err)
	}
	g, err := LoadGuard(home, keys...)
	if err != nil {
		return err
	}
	if was, ok := g.Seen(); ok && c.Size <= was.Size {
		return nil // another process has seen a newer one since
	}
	return g.Publish(signed)
}

// Ready fails as Guard.Ready does, for the home of a client of the process that has
// the ledger open.
func Ready(home string, keys ...ledger.VerifierKey) error {
	g, err := LoadGuard(home, keys...)
	if err != nil {
		return err
	}
	return g.Ready()
}

// Publish keeps a checkpoint that the ledger has just signed. It never replaces a
// newer one, and never overwrites the newest slot.
func (g *Guard) Publish(signed []byte) error {
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

// refresh reads the slots again if another process, with a copy of this ledger,
// has changed them.
func (g *Guard) refresh() error {
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

// write overwrites a slot in place: the other slot stays valid until this one is
// whole. It truncates the file after writing, not before, because some file systems
// sync a file that was truncated first, which is not needed here.
func (g *Guard) write(i int, signed []byte) error {
	f, err := g.openSlot(i)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(signed, 0)
	if err == nil {
		err = f.Truncate(int64(len(signed)))
	}
	return InHome.Unwritable(g.dir, errors.Join(err, f.Close()))
}

// openSlot opens a slot to write it.
func (g *Guard) openSlot(i int) (*os.File, error) {
	f, err := OpenFile(g.path(i), os.O_WRONLY|os.O_CREATE)
	if errors.Is(err, unix.ENOENT) {
		if err := makeDir(g.dir); err != nil {
			return nil, err
		}
		f, err = OpenFile(g.path(i), os.O_WRONLY|os.O_CREATE)
	}
	if errors.Is(err, fs.ErrPermission) {
		if there, _ := Exists(g.path(i)); there { // it is the file that cannot be written
			return nil, InHome.Unwritable(g.path(i), err)
		}
	}
	return f, InHome.Unwritable(g.dir, err)
}

// Ready fails with an *AccessError if the next checkpoint could not be kept. So what
// that would cover is not written. It changes no checkpoint that is kept, and reads
// those that another process has kept.
func (g *Guard) Ready() error {
	if err := g.refresh(); err != nil {
		return InHome.Unwritable(g.dir, err)
	}
	i, ok := g.newest()
	if !ok {
		return nil // Publish has not been called yet
	}
	f, err := g.openSlot(1 - i)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && st.Size() == 0 { // it takes room on the disk that a slot in use has
		_, err = f.WriteAt(g.slots[i].note, 0)
	}
	if err == nil {
		err = checkRoom(f)
	}
	return InHome.Unwritable(g.dir, errors.Join(err, f.Close()))
}
