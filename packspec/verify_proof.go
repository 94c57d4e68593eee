package packspec

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"

	"gait/ledger"
)

// inclusion checks that event 0 and the job's last event are in the tree that
// evidence.json names. Whose tree it is, the signature says.
func (v *verifier) inclusion() (string, error) {
	if err := v.included(entryCreatedProof, v.createdProof, 0, v.created.LeafHash()); err != nil {
		return "", err
	}
	if err := v.included(entryHeadProof, v.headProof, v.head.Seq, v.head.Leaf); err != nil {
		return "", err
	}
	if !bytes.Equal(v.createdProof.Checkpoint, v.headProof.Checkpoint) {
		return "", failure(LevelInclusion, CodeCheckpoint, entryCreatedProof, "its checkpoint is not that of %s", entryHeadProof)
	}
	return fmt.Sprintf("events 0 and %d are in the tree of size %d, root %s", v.head.Seq, v.evidence.Size, v.evidence.Root), nil
}

// included checks one proof.
func (v *verifier) included(name string, p ledger.Proof, seq ledger.Seq, leaf ledger.Hash) error {
	c, err := ledger.PeekCheckpoint(p.Checkpoint)
	if err != nil {
		return notCanonical(name, err)
	}
	for _, part := range [][3]string{
		{"the checkpoint's origin", v.evidence.Origin, c.Origin},
		{"the checkpoint's size", fmt.Sprint(v.evidence.Size), fmt.Sprint(c.Size)},
		{"the checkpoint's root", v.evidence.Root, c.Root.String()},
	} {
		if part[1] != part[2] {
			return differs(LevelInclusion, CodeCheckpoint, name, part[0], part[1], part[2])
		}
	}
	if p.Seq != seq {
		return differs(LevelInclusion, CodeNotIncluded, name, "the proof's index", fmt.Sprint(seq), fmt.Sprint(p.Seq)).at(seq)
	}
	if err := p.Check(leaf, c); err != nil {
		return failure(LevelInclusion, CodeNotIncluded, name, "%s", err).at(seq)
	}
	return nil
}

// signature checks that the key in force, and the one before where the tree ends
// with its rotation, signed the checkpoint and that key the manifest, and then
// that the caller trusts it or one before for that origin. An
// untrusted key is therefore always that of an intact pack.
func (v *verifier) signature() (string, error) {
	err := cmp.Or(v.checkKeyFile(), v.checkManifestSignature(), v.checkCheckpoint(entryCreatedProof, v.createdProof), v.checkCheckpoint(entryHeadProof, v.headProof))
	if err != nil {
		return "", err
	}
	from, err := v.trust()
	if err != nil {
		return "", err
	}
	v.report.TrustedBy, v.signed = from, true
	return fmt.Sprintf("checkpoint and manifest are signed by %s, trusted by %s", v.key, from), nil
}

func (v *verifier) checkKeyFile() error {
	b, err := v.pack.read(entryKey)
	if err != nil {
		return err
	}
	if want := v.key.String() + "\n"; string(b) != want {
		return differs(LevelSignature, CodeKeyMismatch, entryKey, "not the ledger's key", quote(want), quote(string(b)))
	}
	return nil
}

// checkManifestSignature requires exactly one signature, in its one form.
func (v *verifier) checkManifestSignature() error {
	bad := func(what, want, got string) error {
		return differs(LevelSignature, CodeSignatureInvalid, entryManifest, what, want, quote(got))
	}
	digest, err := v.pack.manifest.digest()
	if err != nil {
		return err
	}
	sigs := v.pack.manifest.Signatures
	if len(sigs) == 0 {
		return failure(LevelSignature, CodeSignatureMissing, entryManifest, "the manifest is not signed")
	}
	s := sigs[0]
	sig, err := base64.StdEncoding.Strict().DecodeString(s.Sig)
	switch {
	case len(sigs) > 1:
		return bad("signatures", "one", fmt.Sprint(len(sigs)))
	case s.Alg != algEd25519:
		return bad("signature algorithm", algEd25519, s.Alg)
	case s.KeyID != v.key.ID().String():
		return bad("signature key_id", v.key.ID().String(), s.KeyID)
	case s.SignedDigest != digest.String():
		return bad("signed_digest", digest.String(), s.SignedDigest)
	case err != nil || base64.StdEncoding.EncodeToString(sig) != s.Sig:
		return bad("signature", "base64", s.Sig)
	case !v.key.Verify(digest[:], sig):
		return failure(LevelSignature, CodeSignatureInvalid, entryManifest, "the signature of the manifest does not hold under %s", v.key)
	}
	return nil
}
