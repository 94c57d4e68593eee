package root

import (
	"cmp"
	"context"
	"errors"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
)

// maxTail is how many events Open reads again at most.
const maxTail = 10_000

// checkSeen compares a ledger with its outside checkpoint, and reads the events
// after it again.
func (s *comparison) checkSeen(ctx context.Context, log ledger.Reader, g *home.Guard) error {
	if err := g.Check(); err != nil {
		return err
	}
	c, note := log.Checkpoint()
	was, ok := g.Seen()
	if !ok {
		s.noteUnseen(c.Origin, g)
		return checkTail(ctx, log, c, 0)
	}
	rolledBack := &home.RolledBackError{Dir: s.ledgerDir(), Seen: was.Checkpoint, Found: c, SeenNote: was.Note, FoundNote: note}
	if c.Size < was.Size {
		ended, err := s.mayBeOlder(ctx, log, was)
		if err != nil {
			return err
		}
		if ended {
			return checkTail(ctx, log, c, 0)
		}
	}
	if c.Size < was.Size {
		accepted, err := s.accepts(c)
		if err != nil || !accepted {
			rolledBack.Accepted = s.placed && s.place.Accepted == c
			return cmp.Or(err, error(rolledBack))
		}
		s.readOlder(c, was.Checkpoint)
		return checkTail(ctx, log, c, 0)
	}
	root := c.Root
	if c.Size > was.Size {
		var err error
		if root, err = log.RootAt(ctx, was.Size); err != nil {
			return err
		}
	}
	if root != was.Root {
		return rolledBack
	}
	return checkTail(ctx, log, c, was.Size)
}

// mayBeOlder reports whether a ledger may be in an older state than was seen, since it is
// written elsewhere: a copy, or one that moved away.
func (s *comparison) mayBeOlder(ctx context.Context, log ledger.Reader, was home.Sighting) (bool, error) {
	c, _ := log.Checkpoint()
	if log.Imported() {
		s.notice("this copy of %s has %d events; a newer state, of %d, was seen", c.Origin, c.Size, was.Size)
		return true, nil
	}
	moved, err := ledger.MovedAway(ctx, log)
	return moved != nil, err
}

// noteMoved reports that a ledger goes on in another place.
func (s *comparison) noteMoved(log *store.Log) {
	moved := log.Moved()
	if moved == nil || log.Imported() {
		return
	}
	back, older := errors.AsType[*BackError](s.movedError(moved))
	if older {
		s.notice("an older state of %s is shown, of when it moved: it has %d events, and %d were seen; nothing can be written to it", moved.Origin, moved.Seq+1, back.Seen)
	} else {
		s.notice("%s moved to %s at event %d, and goes on there; what is shown here is as of then", moved.Origin, moved.To, moved.Seq)
	}
}

// noteUnseen reports that there is nothing to compare a ledger with, unless it was
// just created.
func (s *comparison) noteUnseen(origin string, g *home.Guard) {
	then := "one is kept from now on"
	if !s.Mode.writes() {
		then = "the next command that writes keeps one"
	}
	if s.lock.shared {
		then = "verifying all of it keeps one"
	}
	if s.lock.last.kind != markCreating {
		s.notice("no checkpoint of %s is kept in %s, so an older copy of it would not be noticed; %s", origin, g.Dir(), then)
	}
}

// checkTail reads the events from a seq on again, at most maxTail. Each must
// follow the one before, and the tiles that hold their hashes must be in the
// signed tree. If the last event is in the tree, so are those that it links to.
func checkTail(ctx context.Context, log ledger.Reader, c ledger.Checkpoint, from int64) error {
	from = max(from, c.Size-maxTail)
	if from >= c.Size {
		return nil
	}
	var head ledger.Head
	if from > 0 {
		e, err := log.Event(ctx, ledger.Seq(from-1))
		if err != nil {
			return err
		}
		head = ledger.HeadAfter(e)
	}
	for e, err := range log.Events(ctx, ledger.Seq(from)) {
		if err != nil {
			return err
		}
		if head, err = head.Follow(e); err != nil {
			return err
		}
		if head.Size%ledger.TileWidth != 0 && head.Size != c.Size {
			continue
		}
		if err := checkInTree(ctx, log, c, e); err != nil {
			return err
		}
	}
	if head.Size != c.Size {
		return corrupt("%d events are signed, %d are there", c.Size, head.Size)
	}
	return nil
}

func checkInTree(ctx context.Context, log ledger.Reader, c ledger.Checkpoint, e ledger.Event) error {
	p, err := ledger.NewestProof(ctx, log, e.Seq())
	if err != nil {
		return err
	}
	if err := p.Check(e.LeafHash(), c); err != nil {
		return &ledger.CorruptError{Seq: e.Seq(), Err: err}
	}
	return nil
}
