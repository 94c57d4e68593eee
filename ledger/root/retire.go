package root

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/home"
)

// A Retirement is the result of Retire.
type Retirement struct {
	home.RetirementNote
	Path string // where the ledger's directory is now; "" if it was missing
	Key  string // where its private key is now; "" if it was missing

	// Goes is the root where its successor goes on, if that is another one than this and is
	// known.
	Goes string
}

// Retire gives up the ledger of a root, in whatever state it is. From then on nothing
// is signed under its origin, and the next ledger created in the root names it as
// its predecessor. Retire finishes a retirement that a crash interrupted, but for one with a
// successor, which Succeed finishes.
//
// Errors are those of Open, an *UnfinishedError for such a one, an *ElsewhereError if the ledger goes on in another root, a
// *ledger.MovedError or *LeftError if it moved away and Options.AlthoughMoved is not set, and
// *ledger.FieldError for the reason.
func Retire(ctx context.Context, o Options, reason string) (Retirement, error) {
	o.Create, o.Mode = false, Write
	if err := ledger.FieldReason.Check(reason); err != nil {
		return Retirement{}, err
	}
	s, err := enter(ctx, o)
	if _, lost := errors.AsType[*LostError](err); lost { // with its root: the mark needs one
		o.Create, o.Begin = true, true
		s, err = enter(ctx, o)
	}
	if err != nil {
		return Retirement{}, fmt.Errorf("retiring the ledger in %s: %w", o.Dir, err)
	}
	var was Retirement
	in := newInstaller(s)
	if err = in.checkUnfinished(); err == nil {
		was, err = in.retire(reason)
	}
	if err := errors.Join(err, s.lock.release()); err != nil {
		return Retirement{}, fmt.Errorf("retiring the ledger in %s: %w", o.Dir, err)
	}
	return was, nil
}

func (s retirer) retire(reason string) (Retirement, error) {
	if err := s.notPutAway(); err != nil {
		return Retirement{}, err
	}
	keys, err := s.retiree()
	if err != nil {
		return Retirement{}, err
	}
	if err := s.checkAlive(keys); err != nil {
		return Retirement{}, err
	}
	n, begun, err := home.ReadRetirementNote(s.Home, keys[0].Name())
	if err != nil {
		return Retirement{}, err
	}
	if err := s.checkSuccessor(); err != nil {
		return Retirement{}, err
	}
	if !begun {
		if n, err = s.describe(keys, reason); err != nil {
			return Retirement{}, err
		}
		// From here on nothing signs for this origin.
		if err := n.Write(s.Home); err != nil {
			return Retirement{}, err
		}
	}
	if err := s.done("note"); err != nil {
		return Retirement{}, err
	}
	was, err := s.putAway(n)
	if err == nil && !n.Successor.IsZero() {
		was.Goes = s.whereNow(n)
	}
	return was, err
}

// retiree returns the keys, as far as they are known, of the ledger that a root
// holds or should hold.
func (s retirer) retiree() ([]ledger.VerifierKey, error) {
	has, err := s.hasLedger()
	last := s.lock.last
	switch {
	case err != nil:
		return nil, err
	case last.kind == markComplete, last.kind == markCreating && has:
		return s.lock.keys, s.mayGiveUp()
	case !has && last.kind == markNone && s.placed:
		return s.lost()
	case !has:
		return nil, s.ended()
	}
	keys, _, err := s.peek()
	if err == nil && last.kind == markRetired && keys.Origin() != last.was.Origin {
		err = &home.UnsafeError{
			Path:    s.ledgerDir(),
			Problem: "holds the ledger " + keys.Origin() + ", which was not created here",
			Hint:    "move it back to where it came from",
		}
	}
	if err == nil {
		err = s.mayGiveUp()
	}
	return keys.Keys(), err
}

// lost returns the key of a ledger that home remembers in a root without marks. If it was
// retired, that must have been here, and its end came before the mark.
func (s retirer) lost() ([]ledger.VerifierKey, error) {
	n, retired, err := home.ReadRetirementNote(s.Home, s.place.Origin())
	if err == nil && retired && n.Root != s.dir {
		err = ErrNoLedger
	}
	return []ledger.VerifierKey{s.place.Key}, err
}

// mayGiveUp refuses a ledger that is written elsewhere: a copy, since to retire it would
// retire that ledger, and one that moved away. If the ledger cannot be opened, it counts as
// neither.
func (s retirer) mayGiveUp() error {
	log, _ := s.readLog(context.Background())
	if log == nil {
		return nil
	}
	origin, copied, moved := log.Origin(), log.Imported(), log.Moved()
	switch err := log.Close(); {
	case err != nil:
		return err
	case copied:
		return &ImportedError{Origin: origin, Dir: s.ledgerDir()}
	}
	return s.NotAway(moved)
}

// NotAway fails with a *ledger.MovedError if a ledger that moved, or did not if moved is nil,
// goes on elsewhere: unless it moved to this user, or went on here later, who has it no more, or
// AlthoughMoved says that it is lost there.
func (o Options) NotAway(moved *ledger.Move) error {
	if moved == nil || o.AlthoughMoved {
		return nil
	}
	_, err := home.PrivateOf(o.Home, moved.To)
	if _, missing := errors.AsType[*home.KeyMissingError](err); !missing {
		return err
	}
	if seen, err := o.wentOnHere(moved); seen > 0 || err != nil {
		return err
	}
	return &ledger.MovedError{Move: *moved}
}

// describe returns a note with the state in which the ledger is, and the newest seen.
func (s retirer) describe(known []ledger.VerifierKey, reason string) (home.RetirementNote, error) {
	found, all := ledger.Checkpoint{}, known
	if got, c, err := s.peek(); err == nil && got.Has(known[0]) {
		found = c
		all = append(got.Keys(), known...)
	}
	g, err := home.LoadGuard(s.Home, all...)
	if err != nil {
		return home.RetirementNote{}, err
	}
	seen, _ := g.Seen()
	return home.RetirementNote{
		Origin: known[0].Name(), Root: s.dir, Seen: seen.Checkpoint, Found: found, Reason: s.whyRetired(reason),
		At: s.Now().UTC().Truncate(time.Millisecond),
	}, nil
}

// whyRetired adds to the reason of a retirement that the ledger had moved away, if the user
// says that it is lost there, and if there is room.
func (s retirer) whyRetired(reason string) string {
	if !s.AlthoughMoved {
		return reason
	}
	log, err := s.readLog(context.Background())
	if err != nil {
		return reason
	}
	moved := log.Moved()
	if err := log.Close(); err != nil || moved == nil {
		return reason
	}
	if long := reason + movedReason + moved.To.String() + ", which is lost"; ledger.FieldReason.Check(long) == nil {
		return long
	}
	return reason
}

// movedReason stands behind the reason of the user.
const movedReason = "; it had moved to "

// sameReason reports whether a note of a retirement has the reason of the user.
func sameReason(n home.RetirementNote, reason string) bool {
	return n.Reason == reason || strings.HasPrefix(n.Reason, reason+movedReason)
}

// putAway does the steps after the note: key, directory, mark. A successor that was built
// before, of a ledger that gets none now, goes first: once another ledger is begun here, no
// mark says what it was.
func (s retirer) putAway(n home.RetirementNote) (Retirement, error) {
	was := Retirement{RetirementNote: n}
	if n.Successor.IsZero() {
		if err := s.dropSuccessor(); err != nil {
			return Retirement{}, err
		}
	}
	var err error
	if was.Key, err = s.putKeyAway(n); err != nil {
		return Retirement{}, err
	}
	if err := s.done("key"); err != nil {
		return Retirement{}, err
	}
	if was.Path, err = s.moveLedger(was); err != nil {
		return Retirement{}, err
	}
	if err := s.done("rename"); err != nil {
		return Retirement{}, err
	}
	if err := s.moveContent(was); err != nil {
		return Retirement{}, err
	}
	if err := s.done("content"); err != nil {
		return Retirement{}, err
	}
	if last := s.lock.last; last.kind == markRetired && last.was.Origin == n.Origin {
		return was, nil
	}
	if err := s.lock.add(mark{kind: markRetired, was: was.predecessor()}); err != nil {
		return Retirement{}, err
	}
	return was, s.done("mark")
}

func (r Retirement) predecessor() *ledger.Predecessor {
	return &ledger.Predecessor{
		Origin:   r.Origin,
		SeenSize: r.Seen.Size, SeenRoot: r.Seen.Root,
		FoundSize: r.Found.Size, FoundRoot: r.Found.Root,
	}
}

// retiredPrefix begins the name of the directory of a retired ledger.
const retiredPrefix = ledgerName + ".retired-"

// name returns the name that the ledger's directory gets.
func (r Retirement) name() string {
	return retiredPrefix + path.Base(r.Origin) + "-" + r.At.Format("20060102T150405Z")
}

// moveLedger renames the ledger's directory, unless that was done before a crash,
// and returns its new path. It returns "" if there is no such directory.
func (s retirer) moveLedger(was Retirement) (string, error) {
	name := was.name()
	to := filepath.Join(s.dir, name)
	has, err := s.hasLedger()
	if err != nil {
		return "", err
	}
	taken, err := home.Exists(to)
	if err != nil {
		return "", err
	}
	if !has && !taken {
		return "", nil
	}
	if !has {
		return to, nil
	}
	for n := 2; taken; n++ {
		to = filepath.Join(s.dir, fmt.Sprintf("%s-%d", name, n))
		if taken, err = home.Exists(to); err != nil {
			return "", err
		}
	}
	return to, home.MoveFile(s.ledgerDir(), to)
}

// finishRetiring finishes a retirement that a crash interrupted, if a new ledger is
// to be created in the root. If not, the ledger stays in its place and can be read.
func (s retirer) finishRetiring() error {
	last := s.lock.last
	if last.kind != markComplete || !s.Mode.writes() {
		return nil
	}
	n, retired, err := home.ReadRetirementNote(s.Home, last.key.Name())
	if err != nil || !retired {
		return err
	}
	if !s.Create || n.Root != s.dir {
		return s.retiredError(last.key.Name())
	}
	_, err = s.putAway(n)
	return err
}

// moveContent renames the directory of the ledger's content to stand beside that of the
// retired ledger, unless that was done before a crash.
func (s retirer) moveContent(was Retirement) error {
	from := filepath.Join(s.dir, contentName)
	there, err := home.Exists(from)
	if err != nil || !there {
		return err
	}
	to := filepath.Join(s.dir, was.name())
	if was.Path != "" {
		to = was.Path
	}
	return home.MoveFile(from, contentOf(to))
}
