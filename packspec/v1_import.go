package packspec

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"gait/ledger"
	"gait/projection"
)

// ErrHasEvidence says that a pack holds the evidence of a ledger, so that there
// is no need to take its word.
var ErrHasEvidence = errors.New("the pack has evidence of its own")

// A Claim is a job as a pack of PackSpec v1 tells it, to be taken into a ledger.
type Claim struct {
	JobID     string
	Imported  ledger.Imported
	TrustedBy string // where the caller has the key from that signed the pack; "" where it is not signed by one
}

// ReadClaim reads a pack of PackSpec v1 and checks all of it but who signed it,
// which it reports. It fails with ErrHasEvidence where the pack is one of gait's,
// with a *FormatError where something in it does not hold, a signature by a
// trusted key included, with a *ledger.FieldError where it holds what a ledger
// cannot, with ledger.ErrUnsupportedVersion, and with the reader's own errors.
func ReadClaim(r io.ReaderAt, size int64, o Options) (Claim, error) {
	old, err := isV1(r, size)
	if err != nil {
		return Claim{}, fmt.Errorf("reading a pack: %w", err)
	}
	if !old {
		return Claim{}, noClaim(r, size)
	}
	v, err := readV1(r, size, o)
	if err != nil {
		return Claim{}, err
	}
	c := Claim{JobID: v.old.pack.manifest.SourceRef}
	if c.Imported, err = v.old.fold.imported(); err != nil {
		return Claim{}, err
	}
	_, err = v.v1Signature()
	if f, ok := errors.AsType[*Failure](err); ok && f.Code != CodeSignatureMissing && f.Code != CodeUntrustedKey {
		return Claim{}, asFormat(err)
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

// noClaim says why a file is no pack of PackSpec v1.
func noClaim(r io.ReaderAt, size int64) error {
	p, err := Open(r, size)
	if err != nil {
		return err
	}
	if p.hasEvidence() {
		return ErrHasEvidence
	}
	return &FormatError{*failure(LevelCanonical, CodeNoEvidence, entryEvidence, "the pack holds no evidence, only views")}
}

// imported returns the job as an event has it: times in milliseconds, and which
// decisions were asked for since the job last ran.
func (f *v1Fold) imported() (ledger.Imported, error) {
	s := f.claim
	p := ledger.Imported{EnvironmentFingerprint: s.EnvironmentFingerprint, Identity: s.Identity, PolicyRef: s.PolicyRef,
		ProducerVersion: s.ProducerVersion, Revision: s.Revision, Status: s.Status, StatusReasonCode: s.StatusReasonCode, StopReason: s.StopReason,
		CreatedAt: v1Millis(s.CreatedAt), UpdatedAt: v1Millis(s.UpdatedAt)}
	if s.PolicyDigest != "" {
		var err error
		if p.PolicyDigest, err = ledger.ParseHash(s.PolicyDigest); err != nil || p.PolicyDigest.IsZero() {
			return p, &ledger.FieldError{Field: "policy_digest", Problem: quote(s.PolicyDigest) + " is not a SHA-256 of 64 lower-case hexadecimal digits"}
		}
	}
	stopped := false
	switch projection.Status(s.Status) {
	case projection.PausedStatus, projection.DecisionNeeded, projection.Blocked:
		stopped, p.StoppedAt, p.StoppedBy = true, v1Millis(f.stoppedAt), f.stoppedBy
	}
	for i, c := range s.Checkpoints {
		kind := ledger.CheckpointType(c.Type)
		p.Checkpoints = append(p.Checkpoints, ledger.ImportedCheckpoint{Actor: c.Actor, CheckpointType: kind, CreatedAt: v1Millis(c.Created),
			Open: stopped && i >= f.ran && kind == ledger.CheckpointDecisionNeeded, RequiredAction: c.RequiredAction, Summary: c.Summary})
	}
	for _, a := range s.Approvals {
		p.Approvals = append(p.Approvals, ledger.ImportedApproval{Actor: a.Actor, CreatedAt: v1Millis(a.CreatedAt), Reason: a.Reason})
	}
	return p, nil
}

// v1Millis reads a time that was checked, and cuts off what an event cannot hold.
func v1Millis(s string) time.Time {
	t, err := parseV1Time(s)
	if err != nil {
		panic("packspec: a time that was checked: " + err.Error())
	}
	return t.Truncate(time.Millisecond)
}
