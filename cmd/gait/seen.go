package main

import (
	"bytes"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

// seen returns what the user has seen of a ledger with these keys.
func (a *app) seen(keys ...ledger.VerifierKey) ([]packspec.Sighting, error) {
	home, err := a.home()
	if err != nil {
		return nil, nil // without a home nothing was kept
	}
	all, _, err := root.Seen(home, keys...)
	if errors.Is(err, root.ErrOtherKey) {
		return []packspec.Sighting{{OtherKey: true}}, nil
	}
	var seen []packspec.Sighting
	for _, at := range all {
		seen = append(seen, packspec.Sighting{Note: at.Note, Keys: at.Keys})
	}
	return seen, err
}

// remember keeps a checkpoint that was verified; linked says that it continues
// all that was seen. What was verified stays so where it cannot be kept.
func (a *app) remember(signed []byte, linked bool, keys ...ledger.VerifierKey) {
	home, err := a.home()
	if err == nil {
		err = root.Remember(home, signed, linked, keys...)
	}
	if err != nil {
		a.notice(fmt.Sprintf("the checkpoint is not remembered, so an older one would not be noticed: %v", err))
	}
}

// rememberPack keeps the checkpoint of a pack that was verified.
func (a *app) rememberPack(report packspec.Report) {
	var keys []ledger.VerifierKey
	for _, text := range report.LedgerKeys() {
		key, err := ledger.ParseVerifierKey(text)
		if err != nil {
			panic("gait: a pack was verified by a key that is none: " + text)
		}
		keys = append(keys, key)
	}
	a.remember([]byte(report.Checkpoint), report.Level(packspec.LevelFreshness).Status == packspec.Proved, keys...)
}

// A conflictError is proof that a key has signed two histories, or that one was
// cut: two signed checkpoints that cannot both hold.
type conflictError struct {
	text  string
	notes [2][]byte // the one seen before, the one found
}

func (e *conflictError) Error() string { return e.text }

// evidenceIn returns the signed notes that an error rests on, if it does.
func evidenceIn(err error) [][]byte {
	if e, ok := errors.AsType[*conflictError](err); ok {
		return e.notes[:]
	}
	if e, ok := errors.AsType[*root.RolledBackError](err); ok {
		return [][]byte{e.SeenNote, e.FoundNote}
	}
	return nil
}

// continuesSeen holds an exported ledger to what was seen of it, where that is not
// newer.
func (a *app) continuesSeen(log packspec.Exported) error {
	seen, err := a.seen(log.Keys.Keys()...)
	if err != nil {
		return err
	}
	for _, at := range seen {
		if at.OtherKey {
			continue // the import itself refuses it
		}
		if err := continues(log, at); err != nil {
			return ledger.Refute(err)
		}
	}
	return nil
}

func continues(log packspec.Exported, at packspec.Sighting) error {
	conflict := &conflictError{notes: [2][]byte{at.Note, log.Signed}, text: "another history of this ledger was seen before"}
	if !ledger.OneHistory(log.Keys.Keys(), at.Keys) {
		conflict.text = "this ledger was seen to be handed on to another key"
		return conflict
	}
	was, err := ledger.PeekCheckpoint(at.Note)
	if err != nil || was.Size > log.Size {
		return err
	}
	if _, err := log.Keys.Open(at.Note); err != nil {
		return conflict
	}
	if ok, err := log.Continues(was); err != nil || ok {
		return err
	}
	return conflict
}

// since holds the ledger to a checkpoint that was seen earlier.
func since(r *openLedger, name string) (ledger.Checkpoint, error) {
	text, err := readFile(name, ledger.MaxProofSize)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	was, note, err := checkpointIn(text)
	if err != nil {
		return was, fmt.Errorf("reading %s: %w", name, err)
	}
	now, _ := r.Log.Checkpoint()
	if was.Origin != now.Origin {
		return was, &usageError{code: "other_ledger", text: fmt.Sprintf("%s is a checkpoint of %s, the ledger is %s", name, was.Origin, now.Origin), hint: "give a checkpoint of this ledger, or name the other one with --root"}
	}
	return was, holdsTo(r, name, was, note)
}

// holdsTo holds the ledger to a checkpoint of it that stands in name.
func holdsTo(r *openLedger, name string, was ledger.Checkpoint, note []byte) error {
	now, found := r.Log.Checkpoint()
	if _, err := r.Log.Keys().Open(note); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if was.Size == 0 {
		return nil
	}
	conflict := &conflictError{notes: [2][]byte{bytes.Clone(note), found}}
	if was.Size > now.Size {
		conflict.text = fmt.Sprintf("the ledger was cut: %s has %d events, the ledger %d", name, was.Size, now.Size)
		return conflict
	}
	path, err := r.Log.Consistency(was.Size)
	if err != nil {
		return err
	}
	if err := ledger.CheckConsistency(path, was, now); err != nil {
		conflict.text = fmt.Sprintf("the ledger was rewritten: its first %d events are not those of %s", was.Size, name)
		return conflict
	}
	return nil
}

// holdsToPacks holds the ledger to the newest checkpoint that a pack of it has
// shown, which opening it does not.
func (a *app) holdsToPacks(r *openLedger) error {
	seen, dir, err := root.Seen(r.Home, r.Log.Keys().Keys()...)
	for _, at := range seen {
		if now := r.Log.Head().Size; err == nil && r.Log.Imported() && at.Size > now {
			a.notice(fmt.Sprintf("this copy has %d events; a newer state, of %d, was seen", now, at.Size))
			continue
		}
		if err == nil {
			err = holdsTo(r, "a checkpoint in "+dir, at.Checkpoint, at.Note)
		}
	}
	if errors.Is(err, root.ErrOtherKey) {
		return nil
	}
	return err
}
