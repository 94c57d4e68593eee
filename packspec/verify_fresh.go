package packspec

import (
	"errors"
	"fmt"
	"strings"

	"gait/ledger"
)

// freshness compares the pack's checkpoint with those that the caller has seen of
// the same ledger. Two of one size must have one root. What is between two of
// different sizes, a job's events do not show.
func (v *verifier) freshness() (string, error) {
	if !v.signed {
		v.status = Absent
		return "not checked: " + LevelSignature + " failed", nil
	}
	v.report.Checkpoint = string(v.headProof.Checkpoint)
	var seen []Sighting
	if v.seen != nil {
		var err error
		if seen, err = v.seen(v.keys.Keys()...); err != nil {
			return "", err
		}
	}
	if len(seen) == 0 {
		return "no checkpoint of this ledger was seen before", nil
	}
	text, proved := "", true
	for _, at := range seen {
		v.status = Claimed
		detail, err := v.beside(at)
		if err != nil {
			return "", err
		}
		if text == "" || proved && v.status != Proved { // what is not proved is what there is to say
			text = detail
		}
		proved = proved && v.status == Proved
	}
	if v.status = Claimed; proved {
		v.status = Proved
	}
	return text, nil
}

// beside compares the pack's checkpoint with one that was seen.
func (v *verifier) beside(at Sighting) (string, error) {
	now, keys := v.headProof.Checkpoint, v.keys.Keys()
	conflict := func(what, expected, found string) error {
		v.report.Evidence = []string{string(at.Note), string(now)}
		return differs(LevelFreshness, CodeConflict, v.checkpointEntry(), what, expected, found)
	}
	switch {
	case at.OtherKey && v.report.Profile == ProfileStrict:
		return "", failure(LevelFreshness, CodeOlder, v.checkpointEntry(), "a checkpoint of this origin by another key was seen before, so what was seen of it says nothing here")
	case at.OtherKey:
		return "a checkpoint of this origin was seen before, by a key that has nothing to do with these", nil
	case !ledger.OneHistory(keys, at.Keys):
		return "", conflict("the ledger was handed on to two keys", strings.Join(spell(at.Keys), " "), strings.Join(spell(keys), " "))
	}
	seen, err := openAny(at.Note, append(keys, at.Keys...))
	if err != nil {
		return "", fmt.Errorf("the checkpoint seen before: %w", err)
	}
	if _, err := v.keys.Open(at.Note); err != nil && seen.Size <= v.evidence.Size {
		return "", conflict(fmt.Sprintf("the checkpoint seen before, of %d events, is not signed as it must be by these keys", seen.Size), "one history", "two")
	}
	switch size := v.evidence.Size; {
	case size == seen.Size && v.evidence.Root != seen.Root.String():
		return "", conflict(fmt.Sprintf("the ledger's key has signed two histories of %d events", size), seen.Root.String(), v.evidence.Root)
	case size == seen.Size:
		v.status = Proved
		return fmt.Sprintf("the newest checkpoint seen of this ledger, %d events", size), nil
	case size > seen.Size && v.rng != nil:
		return v.treeContinues(at.Note, seen)
	case size > seen.Size:
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those is not shown", seen.Size), nil
	case v.report.Profile == ProfileStrict:
		return "", differs(LevelFreshness, CodeOlder, v.checkpointEntry(), "a newer checkpoint of this ledger was seen", fmt.Sprintf("%d events or more", seen.Size), fmt.Sprintf("%d events", size))
	default:
		return fmt.Sprintf("older than the newest checkpoint seen (%d events): the job as it was at %d", seen.Size, size), nil
	}
}

// openAny opens a checkpoint that one of the keys has signed.
func openAny(signed []byte, keys []ledger.VerifierKey) (c ledger.Checkpoint, err error) {
	for _, key := range keys {
		if c, err = ledger.OpenCheckpoint(signed, key); err == nil {
			break
		}
	}
	return c, err
}

func spell(keys []ledger.VerifierKey) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = key.String()
	}
	return names
}

// treeContinues asks the tiles of a range pack whether its tree continues that of
// a checkpoint seen before. Not every range holds those that tell.
func (v *verifier) treeContinues(note []byte, seen ledger.Checkpoint) (string, error) {
	ok, err := v.rng.log.Continues(seen)
	switch {
	case errors.Is(err, errNoEntry):
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those, this range does not show", seen.Size), nil
	case err != nil:
		return "", err
	case !ok:
		v.report.Evidence = []string{string(note), string(v.headProof.Checkpoint)}
		return "", failure(LevelFreshness, CodeConflict, v.checkpointEntry(), "its first %d events are not those of the checkpoint seen before", seen.Size)
	}
	v.status = Proved
	return fmt.Sprintf("it continues the newest checkpoint seen, of %d events", seen.Size), nil
}
