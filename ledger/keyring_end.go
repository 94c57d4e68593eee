package ledger

import "slices"

// An End is the last tree that a key of a ledger signs: with its last event another key
// takes over. A checkpoint of more events by that key, or another one of as many, is of a
// second history.
type End struct {
	Key  VerifierKey
	Size int64
	Root Hash
}

// Ends returns where keys of a ledger end, oldest first, of which keys[i] was replaced by
// rotations[i]. Errors wrap ErrMalformed.
func Ends(keys []VerifierKey, rotations []Rotation) ([]End, error) {
	ends := make([]End, len(rotations))
	for i, r := range rotations {
		c, err := PeekCheckpoint(r.Proof.Checkpoint)
		if err != nil {
			return nil, err
		}
		ends[i] = End{keys[i], c.Size, c.Root}
	}
	return ends, nil
}

// ContradictedEnd returns the first of the ends seen earlier that contradicts a ledger: one of
// its keys ends elsewhere, or is in force in a tree that is not from before that end. keys
// are the ledger's, oldest first, ends those of all but the newest, and now is its tree.
func ContradictedEnd(seen []End, keys []VerifierKey, ends []End, now Checkpoint) (was End, contradicted bool) {
	for _, was := range seen {
		switch i := slices.Index(keys, was.Key); {
		case i < 0: // of another ledger, or of a later key
		case i < len(ends) && ends[i] != was:
			return was, true
		case i == len(ends) && (now.Size > was.Size || now.Size == was.Size && now.Root != was.Root):
			return was, true
		}
	}
	return End{}, false
}
