package root

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/home"
)

// isPutAway reports whether a directory is that of a ledger that was retired, or that moved
// away and came back, which is read in its own place.
func isPutAway(dir string) bool {
	name := filepath.Base(dir)
	if !strings.HasPrefix(name, retiredPrefix) && !strings.HasPrefix(name, movedPrefix) {
		return false
	}
	tables, err := filepath.Glob(filepath.Join(escapeGlob.Replace(dir), "MANIFEST-*"))
	return err == nil && len(tables) > 0
}

var escapeGlob = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// RetiredIn returns the directory in a root of a ledger that was retired there, the newest
// one if there are several. It returns "" if there is none.
func RetiredIn(dir, origin string) string {
	all, err := filepath.Glob(filepath.Join(escapeGlob.Replace(dir), retiredPrefix+escapeGlob.Replace(path.Base(origin))+"-[0-9]*"))
	if err != nil || len(all) == 0 {
		return ""
	}
	return slices.Max(all)
}

// notPutAway fails if the root is the directory of a ledger that was put away: that cannot
// be given up once more, and what its origin stands for now is in another root.
func (s *site) notPutAway() error {
	if !isPutAway(s.dir) {
		return nil
	}
	log, err := s.readLog(context.Background())
	if err != nil {
		return err
	}
	origin, moved := log.Origin(), log.Moved()
	if err := log.Close(); err != nil {
		return err
	}
	if moved != nil {
		return &ledger.MovedError{Move: *moved}
	}
	return s.retiredError(origin)
}

// goesOn says where the jobs of a retired ledger go on, if that is known.
func (e *RetiredError) goesOn() string {
	switch {
	case e.Successor.IsZero():
		return ""
	case e.Root == "":
		return "; " + e.Successor.Name() + " continues its jobs"
	}
	return "; " + e.Successor.Name() + " continues its jobs in " + e.Root
}

// retiredError says that the ledger that is here was retired, and where its jobs go on.
func (s *directory) retiredError(origin string) error {
	e := &RetiredError{Origin: origin, Dir: s.ledgerDir()}
	n, retired, err := home.ReadRetirementNote(s.Home, origin)
	if err != nil {
		return err
	}
	if !retired { // another user retired it
		return e
	}
	e.Successor = n.Successor
	e.Root = s.whereNow(n)
	return e
}

// whereNow returns the root, other than this one, in which a retired ledger was or, if it is
// known, in which its successor goes on now. It returns "" if there is none.
func (s *directory) whereNow(n home.RetirementNote) string {
	at, parent := s.continuedIn(n), filepath.Dir(s.dir)
	switch {
	case at != "":
		return at
	case isPutAway(s.dir) && Is(parent): // the root may have moved
		return parent
	case n.Root != s.dir && Is(n.Root):
		return n.Root
	}
	return ""
}

// maxHeirs is how many successors of successors are looked for.
const maxHeirs = 64

// continuedIn returns the other root where the successor of a retired ledger goes on, or the
// successor of that. It returns "" if none is known, or if that cannot be told: the ledger is
// retired all the same.
func (s *directory) continuedIn(n home.RetirementNote) string {
	if s.glancing {
		return ""
	}
	for retired, heirs := true, 0; retired && !n.Successor.IsZero() && heirs < maxHeirs; heirs++ {
		origin := n.Successor.Name()
		at, err := s.goesOnIn(origin)
		if err != nil || at != "" {
			return at
		}
		if n, retired, err = home.ReadRetirementNote(s.Home, origin); err != nil {
			return ""
		}
	}
	return ""
}
