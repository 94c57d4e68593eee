package root

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/home"
)

// checkSuccessor refuses to touch the directory of the successor if something is there that
// this home has not made there for the ledger of the root.
func (s builder) checkSuccessor() error {
	entries, err := os.ReadDir(s.successorDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return home.InRoot.Unreadable(s.successorDir(), err)
	}
	for _, e := range entries {
		if e.Name() != contentName && !strings.HasPrefix(e.Name(), ledgerName) || e.Name() == ledgerName && s.lock.heir.IsZero() {
			return s.strange("holds "+e.Name()+", which is of no successor that was begun here", "move that directory away: the ledger's successor is built there")
		}
	}
	built, err := home.Exists(s.successorLedger())
	if err != nil || !built {
		return err
	}
	_, err = home.PrivateOf(s.Home, s.lock.heir)
	if _, missing := errors.AsType[*home.KeyMissingError](err); missing {
		return &home.UnsafeError{
			Path: s.successorDir(), Problem: fmt.Sprintf("holds the successor %s, which another home has built and is to put in its place", s.lock.heir.Name()),
			Advice: home.AdviceFinishSuccessor,
		}
	}
	return err
}

func (s builder) strange(problem, hint string) error {
	return &home.UnsafeError{Path: s.successorDir(), Problem: problem, Hint: hint}
}

// checkEnding refuses to go on in a root whose ledger another home has retired, and whose
// successor it has not put in its place.
func (s builder) checkEnding() error {
	last := s.lock.last
	if s.lock.heir.IsZero() || last.kind != markRetired && !s.putAwayFor(s.lock.heir) {
		return nil
	}
	return s.checkSuccessor()
}

// clearSuccessor removes the ledger that an earlier Succeed has built. If that was whole, its
// key has signed it, and is not used again: it is retired or, if its name is to be used again,
// removed. No other process or user has seen what it signed.
func (s builder) clearSuccessor() error {
	signed, err := home.Exists(s.successorLedger())
	if err != nil {
		return err
	}
	heir := s.lock.heir
	again := !heir.IsZero() && s.Origin == heir.Name()
	if signed && !again {
		if _, err := home.RetireKey(s.Home, heir.Name()); err != nil {
			return err
		}
	}
	if signed {
		if err := os.RemoveAll(s.successorLedger()); err != nil {
			return err
		}
		if err := home.SyncDir(s.successorDir()); err != nil {
			return err
		}
		if err := s.done("cleared"); err != nil {
			return err
		}
	}
	if _, unused := s.unusedHeirKey(); !again || !unused {
		return nil
	}
	return home.RemoveUnused(s.Home, heir) // although no ledger is there: a crash may have come here before
}

// heirKey returns a key for the successor. The mark, durable before the key, shows after a
// crash what the key was for.
func (s builder) heirKey(now time.Time) (key ledger.PrivateKey, err error) {
	if key, usable := s.unusedHeirKey(); usable && (s.Origin == "" || s.Origin == key.Name()) {
		return key, nil
	}
	if key, err = s.newKey(now); err != nil {
		return key, err
	}
	if err := s.lock.add(mark{kind: markSucceeding, key: key.VerifierKey()}); err != nil {
		return key, err
	}
	if err := s.done("succeeding"); err != nil {
		return key, err
	}
	if err := home.AddKey(s.Home, key); err != nil {
		return key, err
	}
	return key, s.done("heir key")
}

// unusedHeirKey returns the private key that was made for a successor, unless it is gone or
// home knows of something that was signed with it.
func (s builder) unusedHeirKey() (ledger.PrivateKey, bool) {
	was := s.lock.heir
	if was.IsZero() {
		return ledger.PrivateKey{}, false
	}
	key, err := home.SigningKey(s.Home, was.Name())
	return key, err == nil && key.VerifierKey() == was && home.CheckUnused(s.Home, was.Name(), was) == nil
}

// emptySuccessor removes what was built of a successor.
func (s builder) emptySuccessor() error {
	if err := s.checkSuccessor(); err != nil {
		return err
	}
	there, err := home.Exists(s.successorDir())
	if err != nil || !there {
		return err
	}
	if err := os.RemoveAll(s.successorDir()); err != nil {
		return err
	}
	return home.SyncDir(s.dir)
}

// dropSuccessor removes a successor that was built of a ledger that is given up without.
func (s builder) dropSuccessor() error {
	if s.lock.heir.IsZero() {
		return nil
	}
	if _, err := home.RetireKey(s.Home, s.lock.heir.Name()); err != nil {
		return err
	}
	return s.emptySuccessor()
}

func (s builder) successorDir() string    { return filepath.Join(s.dir, successorName) }
func (s builder) successorLedger() string { return filepath.Join(s.successorDir(), ledgerName) }
