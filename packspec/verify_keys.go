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
	_, corrupt := errors.AsType[*ledger.CorruptError](err)
	switch {
	case errors.Is(err, ledger.ErrMalformed) && !corrupt:
		return notCanonical("", err)
	case errors.Is(err, ledger.ErrUnverified), corrupt:
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

// TrustedBy returns the trusted key that a ledger with these keys is trusted by:
// whoever trusts a key trusts those it handed the ledger on to. Where there is
// none, other is a trusted key of the same origin, if there is one: somebody else
// signs in that origin's name.
func TrustedBy(keys ledger.Keyring, trusted []TrustedKey) (by, other *TrustedKey) {
	for i, t := range trusted {
		if slices.ContainsFunc(keys.Keys(), t.Key.Is) {
			return &trusted[i], nil
		}
		if t.Key.Origin() == keys.Origin() {
			other = &trusted[i]
		}
	}
	return nil, other
}

// trust returns where the caller has one of the ledger's keys from. Where they know
// another key of the origin, this one is not to be asked for.
func (v *verifier) trust() (string, error) {
	by, known := TrustedBy(v.keys, v.trusted)
	var other string
	switch {
	case by != nil:
		return by.From, nil
	case known != nil:
		other = known.Key.String()
	case v.seen != nil:
		seen, err := v.seen(v.keys.Keys()...)
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
