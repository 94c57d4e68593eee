package packspec

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/packspec/finding"
)

// ErrHasEvidence says that a pack has the evidence of a ledger, so that its contents
// need not be imported as a claim.
var ErrHasEvidence = ledger.NewError("the pack has evidence of its own", ledger.Fault{Code: "pack_has_evidence", Category: ledger.CategoryInvalid})

// A Claim is a job as a pack of PackSpec v1 describes it, to be imported into a ledger.
type Claim struct {
	JobID     string
	Imported  ledger.Imported
	TrustedBy string // the source named for the trusted key that signed the pack; "" if none did
}

// ReadClaim reads a pack of PackSpec v1 and checks everything except that a trusted key
// signed it, which it reports. Errors: ErrHasEvidence if the pack is one of gait's; a
// *finding.FormatError if a check fails, such as that of a signature by a trusted key; a
// *ledger.FieldError if a ledger cannot hold a value; ledger.ErrUnsupportedVersion; and
// the reader's own.
func ReadClaim(r io.ReaderAt, size int64, o Options) (Claim, error) {
	old, err := isV1(r, size)
	if err != nil {
		return Claim{}, fmt.Errorf("reading a pack: %w", err)
	}
	if !old {
		return Claim{}, noClaim(r, size)
	}
	v := newV1Verifier(r, size, o)
	if err := v.read(); err != nil {
		return Claim{}, err
	}
	c := Claim{JobID: v.pack.Manifest.SourceRef}
	if c.Imported, err = v.job.Imported(); err != nil {
		return Claim{}, err
	}
	_, err = v.signature()
	if f, ok := errors.AsType[*finding.Failure](err); ok && f.Code != finding.CodeSignatureMissing && f.Code != finding.CodeUntrustedKey {
		return Claim{}, finding.AsFormat(err)
	}
	c.TrustedBy, c.Imported.PackTrusted = v.report.TrustedBy, err == nil
	digest := sha256.New()
	if _, err := io.Copy(digest, io.NewSectionReader(r, 0, size)); err != nil {
		return Claim{}, fmt.Errorf("reading a pack: %w", err)
	}
	c.Imported.PackSHA256 = ledger.Hash(digest.Sum(nil))
	ids := []struct {
		text string
		into *ledger.Hash
	}{{v.report.PackID, &c.Imported.PackID}, {v.report.KeyID, &c.Imported.PackKeyID}}
	for _, id := range ids {
		if id.text == "" {
			continue
		}
		if *id.into, err = ledger.ParseHash(id.text); err != nil {
			return Claim{}, fmt.Errorf("reading a pack: %w", err)
		}
	}
	return c, nil
}

// noClaim returns why a file is not a pack of PackSpec v1.
func noClaim(r io.ReaderAt, size int64) error {
	p, err := Open(r, size)
	if err != nil {
		return err
	}
	if p.hasEvidence() {
		return ErrHasEvidence
	}
	return finding.AsFormat(finding.Failf(finding.LevelCanonical, finding.CodeNoEvidence, entryEvidence, "the pack holds no evidence, only views"))
}
