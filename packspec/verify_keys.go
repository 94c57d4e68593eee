package packspec

import (
	"errors"
	"slices"

	"gait/ledger"
	"gait/packspec/finding"
)

// readKeys derives the ledger's keys from event 0 and the rotations in the pack. It
// fails if a rotation is not in its one form. If one does not follow, the chain level
// fails.
func (v *ledgerVerifier) readKeys() error {
	return v.readKeysFrom(v.pack.has, func(name string, _ int) ([]byte, error) { return v.pack.read(name) })
}

// readKeysFrom is readKeys for rotations under the names that they have in a pack.
func (v *ledgerVerifier) readKeysFrom(has func(name string) bool, read func(name string, limit int) ([]byte, error)) error {
	var err error
	if v.created.Origin() != v.evidence.Origin {
		v.keysErr = finding.Differs(finding.LevelChain, finding.CodeChain, entryCreated, "origin", v.evidence.Origin, v.created.Origin()).At(v.created.Seq())
		return nil
	}
	if v.keys, err = ledger.NewKeyring(v.created); err != nil {
		v.keysErr = asFailure(finding.LevelChain, finding.CodeChain, err)
		return nil
	}
	v.keys, v.rotations, err = readRotations(v.keys, v.evidence.Size, has, read)
	_, corrupt := errors.AsType[*ledger.CorruptError](err)
	switch {
	case errors.Is(err, ledger.ErrMalformed) && !corrupt:
		return finding.NotCanonical("", err)
	case errors.Is(err, ledger.ErrUnverified), corrupt:
		v.keysErr = finding.Failf(finding.LevelChain, finding.CodeChain, "", "%s", err)
		return nil
	case err != nil:
		return err
	}
	v.key = v.keys.Current()
	v.report.Key, v.report.KeyID = v.key.String(), v.key.ID().String()
	if keys := v.keys.Keys(); len(keys) > 1 {
		v.report.Keys = keyTexts(keys)
		if v.report.Ends, err = ledger.Ends(keys, v.rotations); err != nil {
			return err
		}
	}
	return v.openMemory()
}

// readTree reads the ledger's keys, and what the checkpoint says, of a file that has them in
// one object: the rotations as they stand there.
func (v *ledgerVerifier) readTree(rotations []RotationProof) error {
	c, err := ledger.PeekCheckpoint(v.checkpoint)
	if err != nil {
		return finding.NotCanonical(v.checkpointEntry, err)
	}
	v.evidence = Evidence{Origin: c.Origin, Size: c.Size, Root: c.Root.String()}
	v.report.Origin, v.report.Size, v.report.Root = v.evidence.Origin, v.evidence.Size, v.evidence.Root
	files := map[string]string{}
	for i, r := range rotations {
		event, proof := rotationEntries(i + 1)
		files[event], files[proof] = r.Event, r.Proof
	}
	return v.readKeysFrom(
		func(path string) bool { _, ok := files[path]; return ok },
		func(path string, _ int) ([]byte, error) { return []byte(files[path]), nil },
	)
}

// checkCheckpoint requires that all keys that must sign the checkpoint in an entry did.
func (v *ledgerVerifier) checkCheckpoint(name string, signed []byte) error {
	if _, err := v.keys.Open(signed); err != nil {
		return finding.Failf(finding.LevelSignature, finding.CodeSignatureInvalid, name, "%s", err)
	}
	return nil
}

// TrustedBy returns the trusted key by which a ledger with these keys is trusted.
// Trust in a key extends to the keys that the ledger was rotated to, as far as its Not
// allows. If there is none, ended is the distrusted key that ends the way from a
// trusted one, if there is one; and otherwise other is a trusted key of the same
// origin, if there is one: then another party signs in that origin's name.
func TrustedBy(keys ledger.Keyring, trusted []TrustedKey) (by, other *TrustedKey, ended ledger.VerifierKey) {
	for i, t := range trusted {
		leads, end := keys.LeadsFrom(t.Key, t.Not)
		switch {
		case leads:
			return &trusted[i], nil, ledger.VerifierKey{}
		case !end.IsZero():
			ended = end
		case t.Key.Origin() == keys.Origin():
			other = &trusted[i]
		}
	}
	if !ended.IsZero() {
		other = nil
	}
	return nil, other, ended
}

// SinceDistrusted is the reason of a failure: the pack's ledger was signed after a key
// took over that the verifier distrusts.
const SinceDistrusted = "signed since a key that you distrust took over"

// trust returns the source that the caller named for one of the ledger's keys. If the
// caller knows another key of the origin, the failure says so, and does not suggest
// trusting this one.
func (v *ledgerVerifier) trust() (string, error) {
	by, known, ended := TrustedBy(v.keys, v.Trusted)
	var other string
	switch {
	case by != nil:
		return by.From, nil
	case !ended.IsZero():
		return "", finding.Differs(finding.LevelSignature, finding.CodeUntrustedKey, entryCreated, SinceDistrusted, "a key that took over from none that you distrust", ended.String())
	case known != nil:
		other = known.Key.String()
	case v.Seen != nil:
		seen, err := v.Seen(v.keys.Keys()...)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(seen, func(at Sighting) bool { return at.OtherKey }) {
			other = "the key of the checkpoint seen before"
		}
	}
	if other != "" {
		return "", finding.Differs(finding.LevelSignature, finding.CodeKeyMismatch, entryCreated, "signed by another key than the one you know for "+v.evidence.Origin, other, v.key.String())
	}
	return "", finding.Differs(finding.LevelSignature, finding.CodeUntrustedKey, entryCreated, "signed by a key you do not trust", "a key of "+v.evidence.Origin+" that you trust", v.key.String())
}
