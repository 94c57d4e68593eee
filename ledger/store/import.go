package store

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
)

// importBatch is how many events Import writes at once.
const importBatch = 1024

// A Copy is a ledger as it was handed over, to be imported.
type Copy struct {
	Entries   iter.Seq2[ledger.Entry, error] // all events, from event 0 on, with views
	Rotations []ledger.Rotation              // of its key, in order
	Signed    []byte                         // the checkpoint that covers all events
	Progress  func(done int64) error         // may be nil; an error of it ends the work
}

// Import makes a copy of a ledger in dir, which must not exist: the same
// events, hashes and signed checkpoint. The copy is never written, whoever
// holds the key. It fails, and leaves nothing in dir, where the events do not
// follow each other from event 0 on, are not those of the checkpoint, or are
// signed by other keys than they name; such an error wraps ledger.ErrUnverified.
//
// Like Create it builds beside dir and renames.
func Import(dir string, from Copy, o Options) error {
	stop := newFailStop(o.FS, o.Fatal)
	switch _, err := stop.Stat(dir); {
	case err == nil:
		return fmt.Errorf("importing: %s: %w", dir, ErrExists)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("importing: %w", err)
	}
	if err := removeLeftovers(stop, dir); err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	temporary := dir + creating + "import"
	if err := from.fill(temporary, stop, o); err != nil {
		return fmt.Errorf("importing: %w", errors.Join(err, stop.RemoveAll(temporary)))
	}
	if err := stop.Rename(temporary, dir); err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	return syncDir(stop, stop.PathDir(dir))
}

// fill makes the whole copy in dir, and closes it.
func (f Copy) fill(dir string, stop *failStop, o Options) error {
	if err := stop.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	db, err := openPebble(dir, stop, func(o *pebble.Options) { o.ErrorIfExists = true })
	if err != nil {
		return err
	}
	l := newLog(db, &state{}, o)
	err = f.into(l)
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	return syncDir(stop, dir)
}

func (f Copy) into(l *Log) error {
	p := l.newCopyPlan()
	defer func() { p.Discard() }()
	left := f.Rotations
	n := 0
	for e, err := range f.Entries {
		if err != nil {
			return err
		}
		if left, err = p.copy(e, left); err != nil {
			return unverified(err)
		}
		if n++; n%importBatch != 0 {
			continue
		}
		if err := p.commitPart(&state{keys: p.keys, head: p.head, tree: p.tree}); err != nil {
			return err
		}
		if f.Progress != nil {
			if err := f.Progress(p.head.Size); err != nil {
				return err
			}
		}
		p.Discard()
		p = l.newCopyPlan()
	}
	if len(left) > 0 {
		return fmt.Errorf("%w: the rotation at event %d is not among the events", ledger.ErrUnverified, left[0].Event.Seq)
	}
	st := &state{head: p.head, tree: p.tree, signed: f.Signed}
	if err := st.check(p.keys); err != nil {
		return unverified(err)
	}
	if err := p.batch.Set(keyImported, []byte(importedYes), nil); err != nil {
		return err
	}
	return p.commitPart(st)
}

func (l *Log) newCopyPlan() *plan {
	p := l.newPlan(nil)
	p.copying = true
	return p
}

// copy plans one event of a copy. A rotation is the next of those handed over.
func (p *plan) copy(entry ledger.Entry, left []ledger.Rotation) (_ []ledger.Rotation, err error) {
	e := entry.Event
	if e.Seq == 0 {
		if p.keys, err = ledger.NewKeyring(e); err != nil {
			return left, err
		}
	}
	if e.Type() != ledger.TypeKeyRotated {
		return left, p.add(entry)
	}
	if len(left) == 0 || left[0].Event.LeafHash() != e.LeafHash() {
		return left, fmt.Errorf("event %d: the rotation is without its proof", e.Seq)
	}
	if p.keys, err = p.keys.FollowProved(left[0]); err != nil {
		return left, err
	}
	if err := p.batch.Set(rotationKey(e.Seq), []byte(left[0].Proof.String()), nil); err != nil {
		return left, err
	}
	return left[1:], p.addEvent(e, nil)
}

// commitPart commits a part of a copy. Before the last one there is no
// checkpoint, and nobody can open what is there.
func (p *plan) commitPart(st *state) error {
	if err := p.writeHeads(); err != nil {
		return err
	}
	if err := p.writeMeta(st); err != nil {
		return err
	}
	if err := p.log.commit(p.batch); err != nil {
		return err
	}
	p.log.advance(st)
	return nil
}

// unverified says that what was given to be copied does not hold: the ledger
// that would be corrupt was never made.
func unverified(err error) error {
	if isIO(err) {
		return err
	}
	return fmt.Errorf("%w: %s", ledger.ErrUnverified, err.Error())
}
