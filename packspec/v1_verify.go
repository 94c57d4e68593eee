package packspec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/packspec/v1"
)

// FormatV1 is the format that a report names for a pack of PackSpec v1.
const FormatV1 = "packspec-v1"

// noticeV1 accompanies every report about a pack of PackSpec v1.
const noticeV1 = "PackSpec v1 has no chain: nothing here shows that the history was not rewritten before it was packed"

// A v1Verifier verifies a pack of PackSpec v1.
type v1Verifier struct {
	base
	r    io.ReaderAt
	size int64
	pack *v1.Pack
	job  v1.Job

	accept func(*v1.Pack) error // as v1.Open takes it
}

// maxUnsigned limits the size of the contents that are read although no trusted key
// signed them. Deflated, they can be a hundred times smaller, and folding 100 MB of
// events takes many seconds.
const maxUnsigned = 8 << 20

func newV1Verifier(r io.ReaderAt, size int64, o Options) *v1Verifier {
	v := &v1Verifier{base: newBase(o), r: r, size: size}
	v.accept = v.vouched
	v.report.Format, v.report.Notice = FormatV1, noticeV1
	return v
}

func (v *v1Verifier) levels() []level {
	return []level{
		{name: finding.LevelContainer, check: v.container, base: true, status: finding.Proved},
		{name: finding.LevelCanonical, check: v.canonical, base: true, status: finding.Proved},
		{name: finding.LevelChain, check: v.chain, status: finding.Absent},
		{name: finding.LevelInclusion, check: v.inclusion, status: finding.Absent},
		{name: finding.LevelSignature, check: v.signature, status: finding.Proved, absent: finding.CodeSignatureMissing},
		{name: finding.LevelCosignatures, check: v.cosignatures, status: finding.Absent},
		{name: finding.LevelStateMachine, check: v.stateMachine, base: true, status: finding.Proved},
		{name: finding.LevelViews, check: v.views, base: true, status: finding.Proved},
		{name: finding.LevelFreshness, check: v.freshness, status: finding.Absent},
		{name: finding.LevelActors, check: v.actors, status: finding.Claimed},
		{name: finding.LevelCompleteness, check: v.completeness, status: finding.Claimed},
	}
}

func (v *v1Verifier) container() (string, error) {
	p, err := v1.Open(v.r, v.size, v.accept)
	if err != nil {
		return "", err
	}
	v.named(p)
	entries, other := p.Entries()
	detail := fmt.Sprintf("%d entries in %d bytes, as the manifest lists them", entries, v.size)
	if other > 0 {
		detail += fmt.Sprintf("; %d of them PackSpec v1 does not know, and only their digests are checked", other)
	}
	return detail, nil
}

// named takes over what the manifest says.
func (v *v1Verifier) named(p *v1.Pack) {
	v.pack = p
	v.report.PackType, v.report.PackID, v.report.JobID = p.Manifest.PackType, p.Manifest.PackID, p.Manifest.SourceRef
}

// vouched fails if the pack holds more than is read without the signature of a trusted
// key, and has none.
func (v *v1Verifier) vouched(p *v1.Pack) error {
	if p.Total() <= maxUnsigned {
		return nil
	}
	v.named(p)
	before := v.report
	_, err := v.signature()
	if err == nil {
		v.report = before // the level reports it
	}
	if f, ok := errors.AsType[*finding.Failure](err); ok {
		f.Level, f.Reason = finding.LevelContainer, fmt.Sprintf("%d bytes of contents, and more than %d are read only if a key you trust signed them: %s", p.Total(), maxUnsigned, f.Reason)
	}
	return err
}

func (v *v1Verifier) canonical() (_ string, err error) {
	v.job, err = v.pack.Job()
	v.report.EventCount = v.job.Events
	if err != nil {
		return "", err
	}
	records, err := v.pack.CheckRecords(func(id string) (ledger.VerifierKey, bool) {
		_, key, ok := anyOrigin(v.Trusted, id)
		return key, ok
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("state, payload, %d events and %d proof records, each in canonical form", v.report.EventCount, records), nil
}

// chain and inclusion report that PackSpec v1 has nothing for these levels.
func (v *v1Verifier) chain() (string, error) {
	return v.lacks(finding.LevelChain, "no event names the one before it")
}

func (v *v1Verifier) inclusion() (string, error) {
	return v.lacks(finding.LevelInclusion, "no event is shown to be in a ledger")
}

func (v *v1Verifier) lacks(level, what string) (string, error) {
	if v.report.Profile == ProfileStrict {
		return "", finding.Failf(level, finding.CodeNoEvidence, "", "PackSpec v1 has no evidence, and the strict profile asks for it: %s", what)
	}
	return "PackSpec v1: " + what, nil
}

func (v *v1Verifier) cosignatures() (string, error) {
	if v.Policy != nil {
		v.report.Policy = v.Policy.From
		return "", finding.Failf(finding.LevelCosignatures, finding.CodePolicy, "", "the policy asks for a signed checkpoint, and PackSpec v1 has none")
	}
	return "PackSpec v1: there is no checkpoint to cosign", nil
}

func (v *v1Verifier) freshness() (string, error) {
	return "PackSpec v1: there is no checkpoint to compare with those seen", nil
}

// signature requires that a key which the caller trusts for any origin signed the
// manifest: PackSpec v1 names no origin.
func (v *v1Verifier) signature() (string, error) {
	m := v.pack.Manifest
	digest, err := m.Digest()
	if err != nil {
		return "", err
	}
	if len(m.Signatures) == 0 {
		return "", finding.Failf(finding.LevelSignature, finding.CodeSignatureMissing, container.ManifestEntry, "the manifest is not signed")
	}
	var by string
	for i, s := range m.Signatures {
		v.report.KeyID = m.Signatures[0].KeyID
		if err := checkV1Signature(s, digest); err != nil {
			return "", err
		}
		from, key, ok := anyOrigin(v.Trusted, s.KeyID)
		if !ok {
			continue
		}
		sig, _ := base64.StdEncoding.DecodeString(s.Sig)
		if !key.Verify(digest[:], sig) {
			return "", finding.Failf(finding.LevelSignature, finding.CodeSignatureInvalid, container.ManifestEntry, "signature %d does not hold under %s", i+1, from.Key)
		}
		by, v.report.Key, v.report.TrustedBy = s.KeyID, from.Key.String(), from.From
	}
	if by == "" {
		return "", finding.Differs(finding.LevelSignature, finding.CodeUntrustedKey, container.ManifestEntry, "signed by a key you do not trust, so that the signature cannot be checked",
			"the key_id of a key that you trust for any origin", finding.Quote(v.report.KeyID))
	}
	v.report.KeyID = by
	return fmt.Sprintf("the manifest is signed by %s, trusted by %s", v.report.Key, v.report.TrustedBy), nil
}

// anyOrigin returns the key with this id from those trusted for any origin.
func anyOrigin(trusted []TrustedKey, id string) (TrustedKey, ledger.VerifierKey, bool) {
	for _, t := range trusted {
		if key, ok := t.Key.For(""); ok && key.ID().String() == id {
			return t, key, true
		}
	}
	return TrustedKey{}, ledger.VerifierKey{}, false
}

// checkV1Signature checks what can be checked of a signature without its key.
func checkV1Signature(s container.Signature, digest ledger.Hash) error {
	bad := func(what, want, got string) error {
		return finding.Differs(finding.LevelSignature, finding.CodeSignatureInvalid, container.ManifestEntry, what, want, finding.Quote(got))
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(s.Sig)
	if _, idErr := ledger.ParseHash(s.KeyID); idErr != nil {
		return bad("signature key_id", "a SHA-256", s.KeyID)
	}
	switch {
	case s.Alg != container.AlgEd25519:
		return bad("signature algorithm", container.AlgEd25519, s.Alg)
	case s.SignedDigest != digest.String():
		return bad("signed_digest", digest.String(), s.SignedDigest)
	case err != nil || len(sig) != 64 || base64.StdEncoding.EncodeToString(sig) != s.Sig:
		return bad("signature", "base64 of 64 bytes", s.Sig)
	}
	return nil
}

func (v *v1Verifier) stateMachine() (string, error) {
	revision, status, err := v.job.CheckRules()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("revisions 1 to %d, and the rules of PackSpec v1 allow each event; status %s", revision, status), nil
}

func (v *v1Verifier) views() (string, error) {
	if err := v.job.CheckViews(); err != nil {
		return "", err
	}
	return "job_state.json and job_payload.json are what the events give; summaries stand in job_state.json alone", nil
}

func (v *v1Verifier) actors() (string, error) {
	return "actors are what the producer was told; no event is signed by its actor", nil
}

func (v *v1Verifier) completeness() (string, error) {
	return fmt.Sprintf("%d events; an event left out before packing, or a later one, would not show", v.report.EventCount), nil
}

// read checks everything in the pack except its signatures. If a check fails, it returns
// a *finding.FormatError.
func (v *v1Verifier) read() error {
	for _, check := range []func() (string, error){v.container, v.canonical, v.stateMachine, v.views} {
		if _, err := check(); err != nil {
			return finding.AsFormat(err)
		}
	}
	return nil
}

// isV1 reports whether a file is a pack of PackSpec v1 by a producer other than gait.
func isV1(r io.ReaderAt, size int64) (bool, error) {
	return v1.Is(r, size, shape{committed: true}.names(layerEvidence, layerText))
}
