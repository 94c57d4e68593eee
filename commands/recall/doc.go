// Package recall compares what a reader is shown of a ledger with what its user remembers
// of it, and remembers what verified: the newest signed checkpoint, the newest events of
// jobs, and in which ledger a job goes on. A ledger's key can sign two histories. Each of
// them verifies alone, and only a reader who has seen the other one can tell.
//
// Every reader asks the same Memory: a pack or an index proof is verified by
// Memory.VerifyPack and Memory.VerifyIndexProof, and the events of a whole ledger pass
// through a Ledger. What contradicts the memory is the failure job_forked of a report, or
// a *ForkedError or *ConflictError.
package recall

import (
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
	"gait/packspec"
	"gait/packspec/finding"
)

// A Memory is what a user remembers. The zero Memory remembers nothing.
type Memory struct {
	Home string // the user's home; "" if there is none

	// Notice is told what cannot be remembered, which is no error. It may be nil.
	Notice func(string)
}

func (m Memory) notice(format string, args ...any) {
	if m.Notice != nil {
		m.Notice(fmt.Sprintf(format, args...))
	}
}

// Checkpoints returns the checkpoints that the user has seen of the ledger with these
// keys: it is packspec.Options.Seen.
func (m Memory) Checkpoints(keys ...ledger.VerifierKey) ([]packspec.Sighting, error) {
	if m.Home == "" {
		return nil, nil
	}
	all, _, err := home.Seen(m.Home, keys...)
	if errors.Is(err, home.ErrOtherKey) {
		return []packspec.Sighting{{OtherKey: true}}, nil
	}
	if err != nil {
		return nil, err
	}
	ends, err := home.Ends(m.Home, keys[0].Name())
	var seen []packspec.Sighting
	for _, at := range all {
		seen = append(seen, packspec.Sighting{Note: at.Note, Keys: at.Keys, Ends: ends})
	}
	return seen, err
}

// Jobs returns what the user remembers of the jobs of a ledger that is only compared: it
// is packspec.Options.Before.
func (m Memory) Jobs(keys []ledger.VerifierKey) (packspec.JobMemory, error) {
	if m.Home == "" {
		return nil, nil
	}
	return home.SeenJobs(m.Home, keys)
}

// errNoHome is why nothing is remembered by the zero Memory.
var errNoHome = errors.New("the directory of your keys is unknown")

// KeepCheckpoint remembers a verified checkpoint of the ledger with these keys. linked
// says that it continues every checkpoint seen before.
func (m Memory) KeepCheckpoint(signed []byte, linked bool, keys ...ledger.VerifierKey) {
	err := errNoHome
	if m.Home != "" {
		err = home.Remember(m.Home, signed, linked, keys...)
	}
	if err != nil {
		m.notice("the checkpoint is not remembered, so an older one would not be noticed: %v", err)
	}
}

// KeepCheckpointOf remembers the checkpoint of a pack or a proof that was verified, if it
// has one.
func (m Memory) KeepCheckpointOf(report packspec.Report) {
	if !report.Verified || report.Checkpoint == "" {
		return
	}
	var keys []ledger.VerifierKey
	for _, text := range report.LedgerKeys() {
		key, err := ledger.ParseVerifierKey(text)
		if err != nil {
			panic("recall: a pack was verified by a key that is none: " + text)
		}
		keys = append(keys, key)
	}
	m.KeepCheckpoint([]byte(report.Checkpoint), report.Level(finding.LevelFreshness).Status == finding.Proved, keys...)
	if m.Home == "" {
		return
	}
	if err := home.KeepEnds(m.Home, report.Ends...); err != nil {
		m.notice("where keys of the ledger ended is not remembered, so a copy that goes on under one might not be noticed: %v", err)
	}
}
