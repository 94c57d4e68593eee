package packspec

import (
	"cmp"
	"encoding/base64"
	"fmt"

	"gait/ledger"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// included checks one proof.
func (v *ledgerVerifier) included(name string, p ledger.Proof, seq ledger.Seq, leaf ledger.Hash) error {
	c, err := ledger.PeekCheckpoint(p.Checkpoint)
	if err != nil {
		return finding.NotCanonical(name, err)
	}
	for _, part := range [][3]string{
		{"the checkpoint's origin", v.evidence.Origin, c.Origin},
		{"the checkpoint's size", fmt.Sprint(v.evidence.Size), fmt.Sprint(c.Size)},
		{"the checkpoint's root", v.evidence.Root, c.Root.String()},
	} {
		if part[1] != part[2] {
			return finding.Differs(finding.LevelInclusion, finding.CodeCheckpoint, name, part[0], part[1], part[2])
		}
	}
	if p.Seq != seq {
		return finding.Differs(finding.LevelInclusion, finding.CodeNotIncluded, name, "the proof's index", fmt.Sprint(seq), fmt.Sprint(p.Seq)).At(seq)
	}
	if err := p.Check(leaf, c); err != nil {
		return finding.Failf(finding.LevelInclusion, finding.CodeNotIncluded, name, "%s", err).At(seq)
	}
	return nil
}

// signature checks that the key in force signed the manifest and the checkpoint, and
// that the key before it signed the checkpoint too if the tree ends with a rotation.
// Then it checks that the caller trusts that key, or an earlier one, for the origin. A
// key is therefore reported as untrusted only if the pack is intact.
func (v *ledgerVerifier) signature() (string, error) {
	err := cmp.Or(v.checkKeyFile(), v.checkManifestSignature(), v.checkCheckpoint(entryCreatedProof, v.createdProof.Checkpoint), v.checkCheckpoint(v.checkpointEntry, v.checkpoint))
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

func (v *ledgerVerifier) checkKeyFile() error {
	b, err := v.pack.read(entryKey)
	if err != nil {
		return err
	}
	if want := v.key.String() + "\n"; string(b) != want {
		return finding.Differs(finding.LevelSignature, finding.CodeKeyMismatch, entryKey, "not the ledger's key", finding.Quote(want), finding.Quote(string(b)))
	}
	return nil
}

// checkManifestSignature requires exactly one signature, in its one form.
func (v *ledgerVerifier) checkManifestSignature() error {
	bad := func(what, want, got string) error {
		return finding.Differs(finding.LevelSignature, finding.CodeSignatureInvalid, container.ManifestEntry, what, want, finding.Quote(got))
	}
	digest, err := v.pack.manifest.Digest()
	if err != nil {
		return err
	}
	sigs := v.pack.manifest.Signatures
	if len(sigs) == 0 {
		return finding.Failf(finding.LevelSignature, finding.CodeSignatureMissing, container.ManifestEntry, "the manifest is not signed")
	}
	s := sigs[0]
	sig, err := base64.StdEncoding.Strict().DecodeString(s.Sig)
	switch {
	case len(sigs) > 1:
		return bad("signatures", "one", fmt.Sprint(len(sigs)))
	case s.Alg != container.AlgEd25519:
		return bad("signature algorithm", container.AlgEd25519, s.Alg)
	case s.KeyID != v.key.ID().String():
		return bad("signature key_id", v.key.ID().String(), s.KeyID)
	case s.SignedDigest != digest.String():
		return bad("signed_digest", digest.String(), s.SignedDigest)
	case err != nil || base64.StdEncoding.EncodeToString(sig) != s.Sig:
		return bad("signature", "base64", s.Sig)
	case !v.key.Verify(digest[:], sig):
		return finding.Failf(finding.LevelSignature, finding.CodeSignatureInvalid, container.ManifestEntry, "the signature of the manifest does not hold under %s", v.key)
	}
	return nil
}
