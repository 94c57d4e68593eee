package root

import "gait/ledger"

// maxTail is how many events, at most, are read again when a ledger is opened.
const maxTail = 10_000

// checkSeen compares a ledger with its outside checkpoint, and reads again what
// lies after it.
func (s *site) checkSeen(log OpenLog, g *guard) error {
	if err := g.check(); err != nil {
		return err
	}
	c, note := log.Checkpoint()
	was, ok := g.seen()
	if !ok {
		s.noteUnseen(c.Origin, g)
		return checkTail(log, c, 0)
	}
	rolledBack := &RolledBackError{Dir: s.ledgerDir(), Seen: was.Checkpoint, Found: c, SeenNote: was.note, FoundNote: note}
	if c.Size < was.Size && log.Imported() {
		s.notice("this copy of %s has %d events; a newer state, of %d, was seen", c.Origin, c.Size, was.Size)
		return checkTail(log, c, 0)
	}
	if c.Size < was.Size {
		return rolledBack
	}
	root := c.Root
	if c.Size > was.Size {
		var err error
		if root, err = log.RootAt(was.Size); err != nil {
			return err
		}
	}
	if root != was.Root {
		return rolledBack
	}
	return checkTail(log, c, was.Size)
}

// noteUnseen says that there is nothing to compare a ledger with, unless it was
// just made.
func (s *site) noteUnseen(origin string, g *guard) {
	then := "one is kept from now on"
	if s.ReadOnly {
		then = "the next command that writes keeps one"
	}
	if s.lock.last.kind != markCreating {
		s.notice("no checkpoint of %s is kept in %s, so an older copy of it would not be noticed; %s", origin, g.dir, then)
	}
}

// checkTail reads again the events from one on, at most maxTail. Each must
// follow the one before, and the tiles that hold their hashes must be in the
// signed tree; with the last event in it, the links back are those of the tree.
func checkTail(log OpenLog, c ledger.Checkpoint, from int64) error {
	from = max(from, c.Size-maxTail)
	if from >= c.Size {
		return nil
	}
	var head ledger.Head
	if from > 0 {
		e, err := log.Event(ledger.Seq(from - 1))
		if err != nil {
			return err
		}
		head = ledger.Head{Size: from, Leaf: e.LeafHash(), Time: e.Time}
	}
	for e, err := range log.Events(ledger.Seq(from)) {
		if err != nil {
			return err
		}
		if head, err = head.Follow(e); err != nil {
			return err
		}
		if head.Size%ledger.TileWidth != 0 && head.Size != c.Size {
			continue
		}
		if err := checkInTree(log, c, e); err != nil {
			return err
		}
	}
	if head.Size != c.Size {
		return corrupt("%d events are signed, %d are there", c.Size, head.Size)
	}
	return nil
}

func checkInTree(log OpenLog, c ledger.Checkpoint, e ledger.Event) error {
	p, err := log.Proof(e.Seq)
	if err != nil {
		return err
	}
	if err := p.Check(e.LeafHash(), c); err != nil {
		return &ledger.CorruptError{Seq: e.Seq, Err: err}
	}
	return nil
}
