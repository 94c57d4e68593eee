package packspec

import (
	"errors"
	"fmt"

	"gait/ledger"
)

// freshness compares the pack's checkpoint with the newest one that the caller
// has seen of the same ledger. Two of one size must have one root. What is
// between two of different sizes, a job's events do not show.
func (v *verifier) freshness() (string, error) {
	if !v.signed {
		v.status = Absent
		return "not checked: " + LevelSignature + " failed", nil
	}
	now := v.headProof.Checkpoint
	v.report.Checkpoint = string(now)
	if v.seen == nil {
		return "no checkpoint of this ledger was seen before", nil
	}
	note, err := v.seen(v.key)
	if err != nil || note == nil {
		return "no checkpoint of this ledger was seen before", err
	}
	seen, err := ledger.OpenCheckpoint(note, v.key)
	if err != nil {
		return "", fmt.Errorf("the checkpoint seen before: %w", err)
	}
	switch size := v.evidence.Size; {
	case size == seen.Size && v.evidence.Root != seen.Root.String():
		v.report.Evidence = []string{string(note), string(now)}
		return "", differs(LevelFreshness, CodeConflict, entryHeadProof, fmt.Sprintf("the ledger's key has signed two histories of %d events", size), seen.Root.String(), v.evidence.Root)
	case size == seen.Size:
		v.status = Proved
		return fmt.Sprintf("the newest checkpoint seen of this ledger, %d events", size), nil
	case size > seen.Size && v.rng != nil:
		return v.continues(note, seen)
	case size > seen.Size:
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those is not shown", seen.Size), nil
	case v.report.Profile == ProfileStrict:
		return "", differs(LevelFreshness, CodeOlder, entryHeadProof, "a newer checkpoint of this ledger was seen", fmt.Sprintf("%d events or more", seen.Size), fmt.Sprintf("%d events", size))
	default:
		return fmt.Sprintf("older than the newest checkpoint seen (%d events): the job as it was at %d", seen.Size, size), nil
	}
}

// continues asks the tiles of a range pack whether its tree continues that of
// a checkpoint seen before. Not every range holds those that tell.
func (v *verifier) continues(note []byte, seen ledger.Checkpoint) (string, error) {
	ok, err := v.rng.log.Continues(seen)
	switch {
	case errors.Is(err, errNoEntry):
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those, this range does not show", seen.Size), nil
	case err != nil:
		return "", err
	case !ok:
		v.report.Evidence = []string{string(note), string(v.headProof.Checkpoint)}
		return "", failure(LevelFreshness, CodeConflict, entryCheckpoint, "its first %d events are not those of the checkpoint seen before", seen.Size)
	}
	v.status = Proved
	return fmt.Sprintf("it continues the newest checkpoint seen, of %d events", seen.Size), nil
}
