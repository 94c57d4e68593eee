package packspec

import (
	"fmt"
	"strings"

	"gait/ledger"
	"gait/packspec/finding"
)

// compareSeen compares the pack's checkpoint with those that the caller has seen of
// the same ledger. Checkpoints of the same size must have the same root. For each one
// that is smaller than the pack's, continues checks whether the pack's tree continues it.
func (v *ledgerVerifier) compareSeen(continues continuity) (string, error) {
	if !v.signed {
		v.status = finding.Absent
		return "not checked: " + finding.LevelSignature + " failed", nil
	}
	v.report.Checkpoint = string(v.checkpoint)
	var seen []Sighting
	if v.Seen != nil {
		var err error
		if seen, err = v.Seen(v.keys.Keys()...); err != nil {
			return "", err
		}
	}
	if len(seen) == 0 {
		return "no checkpoint of this ledger was seen before", nil
	}
	text, proved := "", true
	for _, at := range seen {
		v.status = finding.Claimed
		detail, err := v.compareWith(at, continues)
		if err != nil {
			return "", err
		}
		if text == "" || proved && v.status != finding.Proved { // a result that is not proved matters most
			text = detail
		}
		proved = proved && v.status == finding.Proved
	}
	if v.status = finding.Claimed; proved {
		v.status = finding.Proved
	}
	return text, nil
}

// A continuity checks what a pack shows about a smaller checkpoint that was seen. note
// is that checkpoint with its signatures.
type continuity func(note []byte, seen ledger.Checkpoint) (string, error)

// compareWith compares the pack's checkpoint with one that was seen.
func (v *ledgerVerifier) compareWith(at Sighting, continues continuity) (string, error) {
	now, keys := v.checkpoint, v.keys.Keys()
	conflict := func(what, expected, found string) error {
		v.report.Evidence = []string{string(at.Note), string(now)}
		return finding.Differs(finding.LevelFreshness, finding.CodeConflict, v.checkpointEntry, what, expected, found)
	}
	switch {
	case at.OtherKey && v.report.Profile == ProfileStrict:
		return "", finding.Failf(finding.LevelFreshness, finding.CodeOlder, v.checkpointEntry, "a checkpoint of this origin by another key was seen before, so what was seen of it says nothing here")
	case at.OtherKey:
		return "a checkpoint of this origin was seen before, by a key that has nothing to do with these", nil
	case !ledger.OneHistory(keys, at.Keys):
		return "", conflict("the ledger was handed on to two keys", strings.Join(keyTexts(at.Keys), " "), strings.Join(keyTexts(keys), " "))
	}
	seen, err := openAny(at.Note, append(keys, at.Keys...))
	if err != nil {
		return "", fmt.Errorf("the checkpoint seen before: %w", err)
	}
	if _, late, err := v.keys.OpenSeen(at.Note); (err != nil || !late.IsZero()) && seen.Size <= v.evidence.Size {
		return "", conflict(fmt.Sprintf("the checkpoint seen before, of %d events, is not signed as it must be by these keys", seen.Size), "one history", "two")
	}
	switch size := v.evidence.Size; {
	case size == seen.Size && v.evidence.Root != seen.Root.String():
		return "", conflict(fmt.Sprintf("the ledger's key has signed two histories of %d events", size), seen.Root.String(), v.evidence.Root)
	case size == seen.Size:
		v.status = finding.Proved
		return fmt.Sprintf("the newest checkpoint seen of this ledger, %d events", size), nil
	case size > seen.Size:
		return continues(at.Note, seen)
	case v.report.Profile == ProfileStrict:
		return "", finding.Differs(finding.LevelFreshness, finding.CodeOlder, v.checkpointEntry, "a newer checkpoint of this ledger was seen", fmt.Sprintf("%d events or more", seen.Size), fmt.Sprintf("%d events", size))
	default:
		return fmt.Sprintf("older than the newest checkpoint seen (%d events): the job as it was at %d", seen.Size, size), nil
	}
}

// openAny opens a checkpoint that one of the keys signed.
func openAny(signed []byte, keys []ledger.VerifierKey) (c ledger.Checkpoint, err error) {
	for _, key := range keys {
		if c, err = ledger.OpenCheckpoint(signed, key); err == nil {
			break
		}
	}
	return c, err
}

// keyTexts returns the keys in their text form.
func keyTexts(keys []ledger.VerifierKey) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = key.String()
	}
	return names
}
