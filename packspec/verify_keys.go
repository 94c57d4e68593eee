package packspec

import (
	"errors"
	"slices"

	"gait/ledger"
)

// readKeys follows the ledger's keys from event 0 on, by the rotations that the
// pack holds. A rotation that is not in its one form is a failure here; one that
// does not follow fails the chain.
func (v *verifier) readKeys() error {
	var err error
	if v.created.Origin != v.evidence.Origin {
		v.keysErr = differs(LevelChain, CodeChain, entryCreated, "origin", v.evidence.Origin, v.created.Origin).at(v.created.Seq)
		return nil
	}
	if v.keys, err = ledger.NewKeyring(v.created); err != nil {
		v.keysErr = asFailure(LevelChain, CodeChain, err)
		return nil
	}
	v.keys, v.rotations, err = readRotations(v.keys, v.evidence.Size, v.pack.has, func(name string, _ int) ([]byte, error) { return v.pack.read(name) })
	switch {
	case errors.Is(err, ledger.ErrMalformed):
		return notCanonical("", err)
	case errors.Is(err, ledger.ErrUnverified):
		v.keysErr = failure(LevelChain, CodeChain, "", "%s", err)
		return nil
	case err != nil:
		return err
	}
	v.key = v.keys.Current()
	v.report.Key, v.report.KeyID = v.key.String(), v.key.ID().String()
	if keys := v.keys.Keys(); len(keys) > 1 {
		v.report.Keys = spell(keys)
	}
	return nil
}

// checkpointEntry names the entry in which the checkpoint stands.
func (v *verifier) checkpointEntry() string {
	if v.rng != nil {
		return entryCheckpoint
	}
	return entryHeadProof
}

// checkCheckpoint requires the signatures of all keys that must have signed the
// checkpoint of a proof.
func (v *verifier) checkCheckpoint(name string, p ledger.Proof) error {
	if _, err := v.keys.Open(p.Checkpoint); err != nil {
		return failure(LevelSignature, CodeSignatureInvalid, name, "%s", err)
	}
	return nil
}

// trust returns where the caller has one of the ledger's keys from: whoever
// trusts a key trusts those it handed the ledger on to. Another key of the same
// origin is not one to be asked for: somebody signs in that origin's name.
func (v *verifier) trust() (string, error) {
	keys := v.keys.Keys()
	var other string
	for _, t := range v.trusted {
		if slices.ContainsFunc(keys, t.Key.Is) {
			return t.From, nil
		}
		if t.Key.Origin() == v.evidence.Origin {
			other = t.Key.String()
		}
	}
	if other == "" && v.seen != nil {
		seen, err := v.seen(keys...)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(seen, func(at Sighting) bool { return at.OtherKey }) {
			other = "the key of the checkpoint seen before"
		}
	}
	if other != "" {
		return "", differs(LevelSignature, CodeKeyMismatch, entryCreated, "signed by another key than the one you know for "+v.evidence.Origin, other, v.key.String())
	}
	return "", differs(LevelSignature, CodeUntrustedKey, entryCreated, "signed by a key you do not trust", "a key of "+v.evidence.Origin+" that you trust", v.key.String())
}
