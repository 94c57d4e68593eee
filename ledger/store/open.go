package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
)

// Open opens the ledger in dir. It checks, with bounded work, that the newest
// checkpoint, the right edge of the tree, the head and the last event agree,
// and that the checkpoint is signed by the key that event 0 names or, after
// rotations, by the one that they lead to. It fails
// with ErrNotFound when there is no dir, and never creates anything in its place.
func Open(dir string, o Options) (*Log, error) {
	return open(dir, newFailStop(o.FS, o.Fatal), o)
}

func open(dir string, stop *failStop, o Options) (*Log, error) {
	if err := checkPlace(dir, stop); err != nil {
		return nil, err
	}
	if err := settle(dir, stop); err != nil {
		return nil, err
	}
	o.OneShot = o.OneShot && !o.ReadOnly
	fs, tidy, err := o.begin(dir, stop)
	if err != nil {
		return nil, err
	}
	db, err := openPebble(dir, stop, func(p *pebble.Options) {
		p.ErrorIfNotExists, p.ReadOnly = true, o.ReadOnly
		if o.Sustained {
			sustain(p)
		}
		if o.OneShot {
			once(p)
			p.DisableAutomaticCompactions = tidy
		}
		if o.tune != nil {
			o.tune(p)
		}
	})
	if err != nil {
		return nil, err
	}
	db.once = fs
	l := newLog(db, &state{}, o)
	if err := l.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", dir, err), l.end())
	}
	if err := checkSigner(o.Signer, l.Key()); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", dir, err), l.end())
	}
	return l, nil
}

// load reads where the log is at, and checks it.
func (l *Log) load() error {
	if err := l.checkFormat(); err != nil {
		return err
	}
	first, err := l.event(0)
	if err != nil {
		return err
	}
	keys, _, err := l.readKeys(first)
	if err != nil {
		return err
	}
	if l.imported, err = l.readImported(); err != nil {
		return err
	}
	st, err := l.readState()
	if err != nil {
		return err
	}
	if err := st.check(keys); err != nil {
		return err
	}
	if err := l.checkEnd(st.head); err != nil {
		return err
	}
	l.advance(st)
	return nil
}

func (l *Log) checkFormat() error {
	b, err := l.meta(keyFormat)
	if err != nil {
		return err
	}
	if string(b) == storeFormat {
		return nil
	}
	if len(b) > 0 && len(b) < 10 && b[0] >= '1' && b[0] <= '9' {
		return fmt.Errorf("store format %q: %w", b, ledger.ErrUnsupportedVersion)
	}
	return corrupt(-1, "store format %.20q", b)
}

// readImported reads whether the log is a copy.
func (l *Log) readImported() (bool, error) {
	b, found, err := l.get(keyImported)
	if err == nil && found && string(b) != importedYes {
		err = corrupt(-1, "expected %s to be %s, found %.20q", keyImported, importedYes, b)
	}
	return found, err
}

const importedYes = "1"

// meta reads a key that every ledger has.
func (l *Log) meta(key []byte) ([]byte, error) {
	b, found, err := l.get(key)
	if err == nil && !found {
		err = corrupt(-1, "no %s", key)
	}
	return b, err
}

func (l *Log) readState() (*state, error) {
	var st state
	b, err := l.meta(keyHead)
	if err != nil {
		return nil, err
	}
	var ok bool
	if st.head, ok = decodeHead(b); !ok {
		return nil, corrupt(-1, "expected a head, found %x", b)
	}
	if b, err = l.meta(keyEdge); err != nil {
		return nil, err
	}
	if err := st.tree.UnmarshalBinary(b); err != nil {
		return nil, corruptBy(err, -1, "the right edge")
	}
	if st.signed, err = l.meta(keyCheckpoint); err != nil {
		return nil, err
	}
	return &st, nil
}

// check opens the checkpoint of a state and holds head and tree against it.
func (st *state) check(keys ledger.Keyring) (err error) {
	st.keys = keys
	if st.checkpoint, err = keys.Open(st.signed); err != nil {
		return corruptBy(err, -1, "the newest checkpoint")
	}
	c := st.checkpoint
	if st.head.Size != c.Size || st.tree.Size() != c.Size {
		return corrupt(-1, "a head of %d events, a right edge of %d, a checkpoint of %d", st.head.Size, st.tree.Size(), c.Size)
	}
	if root := st.tree.Root(); root != c.Root {
		return corrupt(-1, "a right edge with root %s, a checkpoint with %s", root, c.Root)
	}
	return nil
}

// checkEnd holds the last event against the head.
func (l *Log) checkEnd(head ledger.Head) error {
	last, err := l.event(ledger.Seq(head.Size - 1))
	if err != nil {
		return err
	}
	if last.LeafHash() != head.Leaf || !last.Time.Equal(head.Time) {
		return corrupt(last.Seq, "expected leaf hash %s, found %s", head.Leaf, last.LeafHash())
	}
	c := l.scan(eventKey(ledger.Seq(head.Size)), after(prefixEvent))
	if c.next() {
		err = corrupt(ledger.Seq(head.Size), "expected %d events, found key %x", head.Size, c.key())
	}
	return errors.Join(err, c.close())
}
