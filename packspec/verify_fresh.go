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
	keys := v.keys.Keys()
	switch {
	case at.OtherKey && v.report.Profile == ProfileStrict:
		return "", finding.Failf(finding.LevelFreshness, finding.CodeOlder, v.checkpointEntry, "a checkpoint of this origin by another key was seen before, so what was seen of it says nothing here")
	case at.OtherKey:
		return "a checkpoint of this origin was seen before, by a key that has nothing to do with these", nil
	case !ledger.OneHistory(keys, at.Keys):
		return "", v.conflict(at.Note, v.checkpoint, "the ledger was handed on to two keys", strings.Join(keyTexts(at.Keys), " "), strings.Join(keyTexts(keys), " "))
	}
	seen, err := openAny(at.Note, append(keys, at.Keys...))
	if err != nil {
		return "", fmt.Errorf("the checkpoint seen before: %w", err)
	}
	if err := v.compareKeys(at.Note, seen); err != nil {
		return "", err
	}
	if err := v.compareEnds(at.Note, at.Ends); err != nil {
		return "", err
	}
	switch size := v.evidence.Size; {
	case size == seen.Size && v.evidence.Root != seen.Root.String():
		return "", v.conflict(at.Note, v.checkpoint, twoHistories(size), seen.Root.String(), v.evidence.Root)
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

// compareKeys compares a checkpoint that was seen with the pack's keys. A key that another
// one has taken over from signs nothing more: if it did, there are two histories, whatever
// the sizes. The checkpoint with which a key took over must be the one that was seen of
// that size.
func (v *ledgerVerifier) compareKeys(note []byte, seen ledger.Checkpoint) error {
	switch _, late, err := v.keys.OpenSeen(note); {
	case !late.IsZero():
		return v.conflict(note, v.checkpoint, fmt.Sprintf("%s has signed the checkpoint seen before, of %d events, although another key had taken over from it", late, seen.Size), "one history", "two")
	case err != nil && seen.Size <= v.evidence.Size:
		return v.conflict(note, v.checkpoint, fmt.Sprintf("the checkpoint seen before, of %d events, is not signed as it must be by these keys", seen.Size), "one history", "two")
	}
	for i, end := range v.report.Ends {
		if end.Size == seen.Size && end.Root != seen.Root {
			return v.conflict(note, v.rotations[i].Proof.Checkpoint, twoHistories(end.Size), seen.Root.String(), end.Root.String())
		}
	}
	return nil
}

// compareEnds compares the pack with where keys of its ledger were seen to end: the key in
// force has signed nothing later than that, and each key before has ended there.
func (v *ledgerVerifier) compareEnds(note []byte, ends []ledger.End) error {
	now, err := ledger.PeekCheckpoint(v.checkpoint)
	if err != nil {
		return err
	}
	if was, no := ledger.ContradictedEnd(ends, v.keys.Keys(), v.report.Ends, now); no {
		return v.conflict(note, v.checkpoint, fmt.Sprintf("another key was seen to take over from %s", was.Key), fmt.Sprintf("after event %d", was.Size-1), "another history")
	}
	return nil
}

// conflict returns the failure of a pack that shows another history than a checkpoint that
// was seen. Both checkpoints, signed, are the evidence.
func (v *ledgerVerifier) conflict(seen, found []byte, what, expected, differs string) error {
	v.report.Evidence = []string{string(seen), string(found)}
	return finding.Differs(finding.LevelFreshness, finding.CodeConflict, v.checkpointEntry, what, expected, differs)
}

func twoHistories(size int64) string {
	return fmt.Sprintf("the ledger's key has signed two histories of %d events", size)
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
