package root

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"time"

	"gait/ledger"
	"gait/ledger/store"
)

// Retired says what Retire did.
type Retired struct {
	Origin string
	Path   string            // where the ledger's directory is now; "" where it was missing
	Key    string            // where its private key is now; "" where it was missing
	Seen   ledger.Checkpoint // the newest state ever seen; Size 0 where none was kept
	Found  ledger.Checkpoint // the state it was in; Size 0 where it could not be read
	Reason string
	At     time.Time
}

// Retire puts the ledger of a root away, whatever state it is in: nothing is
// signed under its origin again, and the next ledger created in the root names
// it as its predecessor. Retiring again finishes what a crash cut short.
//
// Errors are those of Open, and *ledger.FieldError for the reason.
func Retire(ctx context.Context, o Options, reason string) (Retired, error) {
	o.Create, o.ReadOnly = false, false
	if err := ledger.FieldReason.Check(reason); err != nil {
		return Retired{}, err
	}
	s, err := enter(ctx, o)
	if err != nil {
		return Retired{}, fmt.Errorf("retiring the ledger in %s: %w", o.Dir, err)
	}
	was, err := s.retire(reason)
	if err := errors.Join(err, s.lock.release()); err != nil {
		return Retired{}, fmt.Errorf("retiring the ledger in %s: %w", o.Dir, err)
	}
	return was, nil
}

func (s *site) retire(reason string) (Retired, error) {
	keys, err := s.retiree()
	if err != nil {
		return Retired{}, err
	}
	n, begun, err := readNote(s.Home, keys[0].Name())
	if err != nil {
		return Retired{}, err
	}
	if !begun {
		if n, err = s.describe(keys, reason); err != nil {
			return Retired{}, err
		}
		// From here on nothing signs for this origin.
		if err := n.write(s.Home); err != nil {
			return Retired{}, err
		}
	}
	if err := s.done("note"); err != nil {
		return Retired{}, err
	}
	return s.putAway(n)
}

// retiree returns the keys, as far as they are known, of the ledger that a root
// holds, or should hold.
func (s *site) retiree() ([]ledger.VerifierKey, error) {
	has, err := s.hasLedger()
	last := s.lock.last
	switch {
	case err != nil:
		return nil, err
	case last.kind == markComplete, last.kind == markCreating && has:
		return s.lock.keys, s.notCopy()
	case !has:
		return nil, ErrNoLedger
	}
	keys, _, err := s.peek()
	if err == nil && last.kind == markRetired && keys.Origin() != last.was.Origin {
		err = &UnsafeError{
			Path:    s.ledgerDir(),
			Problem: "holds the ledger " + keys.Origin() + ", which was not created here",
			Hint:    "move it back to where it came from",
		}
	}
	return keys.Keys(), err
}

// notCopy refuses a copy of a ledger that is written elsewhere: to retire it would
// be to retire that one. What cannot be opened to see is taken for the ledger itself.
func (s *site) notCopy() error {
	log, err := store.Open(s.ledgerDir(), store.Options{FS: s.FS, ReadOnly: true, Fatal: s.Fatal})
	if err != nil {
		return nil
	}
	origin, copied := log.Origin(), log.Imported()
	if err := log.Close(); err != nil || !copied {
		return err
	}
	return &ImportedError{Origin: origin, Dir: s.ledgerDir()}
}

// describe says in what state the ledger is found, and in which it was seen.
func (s *site) describe(known []ledger.VerifierKey, reason string) (retirement, error) {
	found, all := ledger.Checkpoint{}, known
	if got, c, err := s.peek(); err == nil && got.Has(known[0]) {
		found = c
		all = append(got.Keys(), known...)
	}
	g, err := loadGuard(s.Home, all...)
	if err != nil {
		return retirement{}, err
	}
	seen, _ := g.seen()
	return newRetirement(s.dir, known[0].Name(), reason, s.Now(), seen.Checkpoint, found), nil
}

// putAway does what the note says: key, directory, mark.
func (s *site) putAway(n retirement) (Retired, error) {
	was := n.retired()
	var err error
	if was.Key, err = retireKey(s.Home, n.Origin); err != nil {
		return Retired{}, err
	}
	if err := dropNext(s.Home, n.Origin); err != nil {
		return Retired{}, err
	}
	if err := s.done("key"); err != nil {
		return Retired{}, err
	}
	if was.Path, err = s.moveLedger(was); err != nil {
		return Retired{}, err
	}
	if err := s.done("rename"); err != nil {
		return Retired{}, err
	}
	if last := s.lock.last; last.kind == markRetired && last.was.Origin == n.Origin {
		return was, nil
	}
	if err := s.lock.add(mark{kind: markRetired, was: was.predecessor()}); err != nil {
		return Retired{}, err
	}
	return was, s.done("mark")
}

func (r Retired) predecessor() *ledger.Predecessor {
	return &ledger.Predecessor{
		Origin:   r.Origin,
		SeenSize: r.Seen.Size, SeenRoot: r.Seen.Root,
		FoundSize: r.Found.Size, FoundRoot: r.Found.Root,
	}
}

// moveLedger renames the ledger's directory, and returns where it is. Where it
// was renamed before, or was missing, there is none to rename.
func (s *site) moveLedger(was Retired) (string, error) {
	name := "ledger.retired-" + path.Base(was.Origin) + "-" + was.At.Format("20060102T150405Z")
	to := filepath.Join(s.dir, name)
	has, err := s.hasLedger()
	if err != nil {
		return "", err
	}
	taken, err := exists(to)
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
		if taken, err = exists(to); err != nil {
			return "", err
		}
	}
	return to, moveFile(s.ledgerDir(), to)
}

// finishRetiring finishes a retirement that a crash cut short, where the root is
// to be given a new ledger. Where it is not, the ledger stays where it is, to be
// read.
func (s *site) finishRetiring() error {
	last := s.lock.last
	if last.kind != markComplete || s.ReadOnly {
		return nil
	}
	n, retired, err := readNote(s.Home, last.key.Name())
	if err != nil || !retired {
		return err
	}
	if !s.Create || n.Root != s.dir {
		return &RetiredError{Origin: last.key.Name(), Dir: s.ledgerDir()}
	}
	_, err = s.putAway(n)
	return err
}
