package root

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gait/ledger"
	"gait/ledger/home"
)

// An UnfinishedError says that a ledger was retired and that its successor is not in its
// place yet, since a crash came in between. The next command that writes finishes it.
type UnfinishedError struct {
	Origin string // of the successor
	Dir    string // in which it lies
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("a crash came between the retirement of the ledger that was here and its successor %s, which is whole, in %s", e.Origin, e.Dir)
}

// Fault returns what kind of error it is.
func (*UnfinishedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "successor_unfinished", Category: ledger.CategoryUnsafe}
}

// bequeathed returns the note of the retirement of the ledger of the root, if it was
// retired for a successor whose creation is not complete yet.
func (s installer) bequeathed() (n home.RetirementNote, unfinished bool, err error) {
	if s.lock.heir.IsZero() {
		return n, false, nil
	}
	origin := s.ending()
	if origin == "" {
		return n, false, nil
	}
	n, retired, err := home.ReadRetirementNote(s.Home, origin)
	if err != nil || !retired || n.Root != s.dir {
		return n, false, err
	}
	return n, n.Successor == s.lock.heir, nil
}

// checkUnfinished fails with an *UnfinishedError if a crash came between the retirement of a
// ledger and its successor: to give up the ledger alone would leave the root without either.
func (s installer) checkUnfinished() error {
	n, unfinished, err := s.bequeathed()
	if err == nil && unfinished {
		err = &UnfinishedError{Origin: n.Successor.Name(), Dir: s.successorDir()}
	}
	return err
}

// ending returns the origin of the ledger that has the successor, by the marks or by what
// home remembers.
func (s installer) ending() string {
	switch last := s.lock.last; {
	case s.putAwayFor(last.key) || last.kind == markRetired:
		return s.lock.predecessor.Origin
	case last.kind == markCreating, last.kind == markComplete:
		return last.key.Name()
	case s.placed:
		return s.place.Origin()
	}
	keys, _, err := s.peek()
	if err != nil {
		return ""
	}
	return keys.Origin()
}

// putAwayFor reports whether the ledger before was put away and the creation of its
// successor, with this key, was begun.
func (s builder) putAwayFor(key ledger.VerifierKey) bool {
	return s.lock.last.kind == markCreating && s.lock.isHeir(key) && s.lock.predecessor != nil
}

// handOver does the steps after the note of a retirement: it puts the ledger away, and its
// successor, with its content first, in its place. It opens the successor, which completes
// its creation.
func (s installer) handOver(ctx context.Context, n home.RetirementNote) (was Retirement, r *Root, err error) {
	if s.putAwayFor(n.Successor) {
		if was, err = s.awayAlready(n); err != nil {
			return was, nil, err
		}
	} else if was, err = s.putAway(n); err != nil {
		return was, nil, err
	}
	if s.lock.last.kind != markCreating {
		if err := s.lock.add(mark{kind: markCreating, key: n.Successor}); err != nil {
			return was, nil, err
		}
		if err := s.done("creating"); err != nil {
			return was, nil, err
		}
	}
	for _, name := range []string{contentName, ledgerName} {
		if err := s.moveSuccessor(name); err != nil {
			return was, nil, err
		}
	}
	if err := os.Remove(s.successorDir()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return was, nil, err
	}
	has, err := s.hasLedger()
	if err == nil && !has {
		err = &LostError{Dir: s.successorLedger(), Origin: n.Successor.Name()}
	}
	if err != nil {
		return was, nil, err
	}
	r, err = s.openLedger(ctx)
	return was, r, err
}

// awayAlready returns what putAway returned before a crash.
func (s installer) awayAlready(n home.RetirementNote) (was Retirement, err error) {
	was.RetirementNote = n
	if was.Key, err = home.RetireKey(s.Home, n.Origin); err != nil {
		return was, err
	}
	path := filepath.Join(s.dir, was.name())
	there, err := home.Exists(path)
	if there {
		was.Path = path
	}
	return was, err
}

// moveSuccessor moves the ledger or the content of the successor to its place, unless that
// was done before a crash.
func (s installer) moveSuccessor(name string) error {
	from := filepath.Join(s.successorDir(), name)
	there, err := home.Exists(from)
	if err != nil || !there {
		return err
	}
	if err := home.MoveFile(from, filepath.Join(s.dir, name)); err != nil {
		return err
	}
	return s.done("move " + name)
}

// finishSucceeding puts a successor in its place if a crash came in between. A reader gets
// an *UnfinishedError, unless a ledger is in its place.
func (s installer) finishSucceeding(ctx context.Context) (*Root, error) {
	n, unfinished, err := s.bequeathed()
	if err == nil && !unfinished {
		err = s.checkEnding()
	}
	if err != nil || !unfinished {
		return nil, err
	}
	if s.Mode.writes() {
		_, r, err := s.handOver(ctx, n)
		return r, err
	}
	has, err := s.hasLedger()
	if err == nil && !has {
		err = &UnfinishedError{Origin: n.Successor.Name(), Dir: s.successorDir()}
	}
	return nil, err
}

// succeededBefore reports whether the ledger here is the successor that an earlier Succeed
// for the same reason has put in its place, and nothing was written to it since.
func (s installer) succeededBefore(ctx context.Context, reason string) (did Succeeded, done bool, err error) {
	was := s.lock.predecessor
	if was == nil || s.lock.last.kind != markComplete || s.lock.restored != nil {
		return did, false, nil
	}
	n, retired, err := home.ReadRetirementNote(s.Home, was.Origin)
	if err != nil || !retired || n.Root != s.dir || !sameReason(n, reason) || n.Successor != s.lock.last.key {
		return did, false, err
	}
	log, err := s.readLog(ctx)
	if err != nil {
		return did, false, nil //nolint:nilerr // it is damaged: that is for its own successor
	}
	defer log.Close()
	did.Size = log.Head().Size
	if last, err := log.Event(ctx, ledger.Seq(did.Size-1)); err != nil || !inherited(last) {
		return did, false, nil //nolint:nilerr // the same
	}
	did.Resumed = true
	did.Retirement, err = s.awayAlready(n)
	return did, true, err
}

// inherited reports whether an event is one of those with which a successor begins.
func inherited(e ledger.Event) bool {
	switch p := e.Payload().(type) {
	case ledger.LedgerCreated, ledger.Continued:
		return true
	case ledger.CheckpointAdded:
		return !p.Continues.IsZero()
	case ledger.Paused:
		return p.Hold && (p.Reason == ledger.ReasonEventsLost || p.Reason == ledger.ReasonCallsLost || strings.HasPrefix(p.Reason, ledger.ReasonUnsettled))
	default:
		return false
	}
}
