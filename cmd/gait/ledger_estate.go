package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

// A noEstateError says that a root holds no ledger that could be continued.
type noEstateError struct {
	error
	kept string // the directory of the ledger that was retired there; "" if there is none
}

// noEstate adds to the error that says that a root holds no ledger what it can be continued
// from.
func noEstate(err error) error {
	if !errors.Is(err, root.ErrNoLedger) {
		return err
	}
	e := &noEstateError{error: err}
	if ended, ok := errors.AsType[*root.EndedError](err); ok {
		e.kept = ended.Kept
	}
	return e
}

func (e *noEstateError) Unwrap() error { return e.error }

// Fault returns what kind of error it is.
func (*noEstateError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_not_found", Category: ledger.CategoryInvalid}
}

func (e *noEstateError) nextStep() string {
	if e.kept != "" {
		return `to continue the jobs of the ledger that was retired here: gait ledger retire --reason "WHY" --successor --from ` + quoted(e.kept)
	}
	return `name its directory with --root; if it is lost, continue from backups, exports or packs: gait ledger retire --reason "WHY" --successor --from FILE`
}

// An evidenceError says that a pack from which a job was to be taken over has its own evidence.
type evidenceError struct {
	error
	lost bool // the root holds no ledger, which may be that of the pack
}

// hasEvidence adds to packspec.ErrHasEvidence what to do with the pack, in a root directory.
func hasEvidence(dir string, err error) error {
	if !errors.Is(err, packspec.ErrHasEvidence) {
		return err
	}
	_, gone := os.Lstat(filepath.Join(dir, "ledger"))
	return &evidenceError{error: err, lost: errors.Is(gone, fs.ErrNotExist)}
}

func (e *evidenceError) Unwrap() error { return e.error }

// Fault returns what kind of error it is.
func (*evidenceError) Fault() ledger.Fault {
	return ledger.Fault{Code: "pack_has_evidence", Category: ledger.CategoryInvalid}
}

func (e *evidenceError) nextStep() string {
	if e.lost {
		return evidenceHint + `; to go on with its job since its ledger was lost: gait ledger retire --reason "WHY" --successor --from FILE`
	}
	return evidenceHint
}

const evidenceHint = "it has its own evidence: gait pack verify FILE"
