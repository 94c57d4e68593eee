package root

import (
	"gait/ledger"
	"gait/ledger/home"
)

// Restored says that a ledger is in an older state than one that was seen of it. The user
// has accepted that, or the ledger was retired: it is read, and nothing is written to it.
type Restored struct {
	Size int64 // number of its events
	Seen int64 // number of events of the newest state seen
}

// accepts reports whether the user has accepted to read the ledger in an older state than
// was seen: this state, in this place; or the state in which the ledger was retired.
func (s *comparison) accepts(c ledger.Checkpoint) (bool, error) {
	if s.Mode.writes() {
		return false, nil
	}
	if s.accepting || s.placed && s.place.Accepted == c {
		return true, nil
	}
	n, retired, err := home.ReadRetirementNote(s.Home, c.Origin)
	return retired && n.Found == c, err
}

// readOlder notes that an older state of the ledger is read.
func (s *comparison) readOlder(c, seen ledger.Checkpoint) {
	s.seen, s.restored = seen, &Restored{Size: c.Size, Seen: seen.Size}
	s.notice("an older state of %s is shown: it has %d events, and %d were seen; nothing can be written to it", c.Origin, c.Size, seen.Size)
}

// checkMark refuses to write to a ledger that is marked as an older state. Another user
// may have seen the newer one.
func (s *comparison) checkMark(c ledger.Checkpoint) error {
	was := s.lock.restored
	switch {
	case was == nil || was.Origin != c.Origin || s.restored != nil:
		return nil
	}
	seen := ledger.Checkpoint{Origin: was.Origin, Size: was.SeenSize, Root: was.SeenRoot}
	if s.Mode.writes() {
		return &home.RolledBackError{Dir: s.ledgerDir(), Accepted: true, Seen: seen, Found: c}
	}
	s.readOlder(c, seen)
	return nil
}

// Newest fails with a *home.RolledBackError if the ledger is in an older state than was
// seen, which the user has accepted to read.
func (r *Root) Newest() error {
	if r.Restored == nil {
		return nil
	}
	c, _ := r.Log.Checkpoint()
	return &home.RolledBackError{Dir: r.Dir, Accepted: true, Found: c, Seen: ledger.Checkpoint{Origin: c.Origin, Size: r.Restored.Seen}, Alive: r.options.aliveIfKnown(lastKnown{keys: r.Log.Keys().Keys(), older: true})}
}
