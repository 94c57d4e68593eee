package root

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/home"
)

// arrives finds out whether a backup is of a ledger that moved, and whether it moved here.
// If so, the backup gets the keys of the ledger as it goes on here.
func (s *directory) arrives(from *Backup, did *Restoration) error {
	moved, err := from.Keys.Moved(from.Moves)
	if err != nil || moved == nil {
		return err
	}
	did.Moved = true
	if from.ReadOnly || from.Succeeded || did.Retired {
		return nil
	}
	key, err := home.PrivateOf(s.Home, moved.To)
	if _, missing := errors.AsType[*home.KeyMissingError](err); missing {
		return nil
	}
	if err != nil {
		return err
	}
	if from.Keys, err = from.Keys.Follow(from.Moves); err != nil {
		return err
	}
	did.Here, from.Next = true, key
	return nil
}

// promoteKey makes the key that was made for a ledger that moves here the one that signs it,
// and trusts it, unless the user distrusts it.
func (s *restorer) promoteKey(key ledger.VerifierKey, did *Restoration) error {
	if err := home.PromoteKey(s.Home, key); err != nil {
		return err
	}
	if err := home.TrustOwn(s.Home, key.PublicKey()); err != nil {
		return err
	}
	did.KeyFile = home.KeyPath(s.Home, key.Name(), false)
	return s.done("key")
}

const (
	arrivingName = ledgerName + ".arriving" // a ledger that is made beside one that moved away before
	movedPrefix  = ledgerName + ".moved-"   // begins the name of the directory of that one
)

// makesIn returns the directory in which a ledger is restored: beside that of the state that
// moved away from here, if there is one.
func (s *restorer) makesIn() (string, error) {
	beside := filepath.Join(s.dir, arrivingName)
	if err := os.RemoveAll(beside); err != nil { // from before a crash
		return "", home.InRoot.Unwritable(s.dir, err)
	}
	if s.left.Size == 0 {
		return s.ledgerDir(), nil
	}
	return beside, nil
}

// putAside puts the state of a ledger that moved away aside, for the ledger that is back.
func (s *restorer) putAside(dir string) error {
	if dir == s.ledgerDir() {
		return nil
	}
	aside := filepath.Join(s.dir, fmt.Sprintf("%s%s-%d", movedPrefix, path.Base(s.left.Origin), s.left.Size))
	if err := home.MoveFile(s.ledgerDir(), aside); err != nil {
		return err
	}
	if err := s.done("aside"); err != nil {
		return err
	}
	return home.MoveFile(dir, s.ledgerDir())
}
