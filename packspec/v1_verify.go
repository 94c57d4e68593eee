package packspec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/projection"
)

// FormatV1 is what a report says of a pack of PackSpec v1, which has no evidence.
const FormatV1 = "packspec-v1"

// noticeV1 is what nobody may read a verified pack of PackSpec v1 without.
const noticeV1 = "PackSpec v1 has no chain: nothing here shows that the history was not rewritten before it was packed"

// v1Levels are what is checked of a pack of PackSpec v1, in place of levels.
var v1Levels = []level{
	{LevelContainer, (*verifier).v1Container, true, Proved},
	{LevelCanonical, (*verifier).v1Canonical, true, Proved},
	{LevelChain, (*verifier).v1Chain, false, Absent},
	{LevelInclusion, (*verifier).v1Inclusion, false, Absent},
	{LevelSignature, (*verifier).v1Signature, false, Proved},
	{LevelCosignatures, (*verifier).v1Cosignatures, false, Absent},
	{LevelStateMachine, (*verifier).v1StateMachine, true, Proved},
	{LevelViews, (*verifier).v1Views, true, Proved},
	{LevelFreshness, (*verifier).v1Freshness, false, Absent},
	{LevelActors, (*verifier).v1Actors, false, Claimed},
	{LevelCompleteness, (*verifier).v1Completeness, false, Claimed},
}

// A v1pass is what verifying a pack of PackSpec v1 has found out so far.
type v1pass struct {
	pack    *v1Pack
	fold    v1Fold
	payload v1Payload
}

func (v *verifier) v1Container() (string, error) {
	p, err := openV1(v.r, v.size)
	if err != nil {
		return "", err
	}
	v.old.pack = p
	v.report.PackType, v.report.PackID, v.report.JobID = p.manifest.PackType, p.manifest.PackID, p.manifest.SourceRef
	other := 0
	for _, e := range p.entries {
		if _, known := v1Limits[e.name]; !known {
			other++
		}
	}
	detail := fmt.Sprintf("%d entries in %d bytes, as the manifest lists them", len(p.entries), v.size)
	if other > 0 {
		detail += fmt.Sprintf("; %d of them PackSpec v1 does not know, and only their digests are checked", other)
	}
	return detail, nil
}

func (v *verifier) v1Canonical() (string, error) {
	p := v.old.pack
	if err := v.readV1Entry(entryState, &v.old.fold.claim); err != nil {
		return "", err
	}
	if problem := v.old.fold.claim.check(); problem != "" {
		return "", failure(LevelCanonical, CodeNotCanonical, entryState, "%s", problem)
	}
	if err := v.readV1Entry(entryPayload, &v.old.payload); err != nil {
		return "", err
	}
	v.old.fold.job, v.old.fold.bound = p.manifest.SourceRef, map[string]bool{}
	err := p.events(func(e v1Event) error {
		v.old.fold.add(e)
		v.report.EventCount++
		return nil
	})
	if err != nil {
		return "", err
	}
	v.old.fold.finish()
	records, err := p.checkRecords(v.trusted)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("state, payload, %d events and %d proof records, each in canonical form", v.report.EventCount, records), nil
}

// readV1Entry reads an entry of canonical JSON.
func (v *verifier) readV1Entry(name string, into any) error {
	b, err := v.old.pack.read(name)
	if err != nil {
		return err
	}
	if err := parseCanonical(b, into); err != nil {
		return failure(LevelCanonical, CodeNotCanonical, name, "%s", err)
	}
	return nil
}

// events reads job_events.jsonl, a line at a time. Each is at most as long as
// an event of a ledger.
func (p *v1Pack) events(take func(v1Event) error) error {
	in := newLines(p.open(entryJobEvents), ledger.MaxEventSize)
	for n := 1; ; n++ {
		line, err := nextLine(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return notCanonical(entryJobEvents, fmt.Errorf("line %d: %w", n, err))
		}
		e, err := parseV1Event(line)
		if err != nil {
			return failure(LevelCanonical, CodeNotCanonical, entryJobEvents, "line %d: %s", n, err)
		}
		if err := take(e); err != nil {
			return err
		}
	}
}

// v1Chain and v1Inclusion are what PackSpec v1 has nothing for.
func (v *verifier) v1Chain() (string, error) {
	return v.lacks(LevelChain, "no event names the one before it")
}

func (v *verifier) v1Inclusion() (string, error) {
	return v.lacks(LevelInclusion, "no event is shown to be in a ledger")
}

func (v *verifier) lacks(level, what string) (string, error) {
	if v.report.Profile == ProfileStrict {
		return "", failure(level, CodeNoEvidence, "", "PackSpec v1 has no evidence, and the strict profile asks for it: %s", what)
	}
	return "PackSpec v1: " + what, nil
}

func (v *verifier) v1Cosignatures() (string, error) {
	if v.policy != nil {
		v.report.Policy = v.policy.From
		return "", failure(LevelCosignatures, CodePolicy, "", "the policy asks for a signed checkpoint, and PackSpec v1 has none")
	}
	return "PackSpec v1: there is no checkpoint to cosign", nil
}

func (v *verifier) v1Freshness() (string, error) {
	return "PackSpec v1: there is no checkpoint to compare with those seen", nil
}

// v1Signature requires a signature of the manifest by a key that the caller
// trusts for any origin: PackSpec v1 names none.
func (v *verifier) v1Signature() (string, error) {
	m := v.old.pack.manifest
	digest, err := m.digest()
	if err != nil {
		return "", err
	}
	if len(m.Signatures) == 0 {
		return "", failure(LevelSignature, CodeSignatureMissing, entryManifest, "the manifest is not signed")
	}
	var by string
	for i, s := range m.Signatures {
		v.report.KeyID = m.Signatures[0].KeyID
		if err := checkV1Signature(s, digest); err != nil {
			return "", err
		}
		from, key, ok := anyOrigin(v.trusted, s.KeyID)
		if !ok {
			continue
		}
		sig, _ := base64.StdEncoding.DecodeString(s.Sig)
		if !key.Verify(digest[:], sig) {
			return "", failure(LevelSignature, CodeSignatureInvalid, entryManifest, "signature %d does not hold under %s", i+1, from.Key)
		}
		by, v.report.Key, v.report.TrustedBy = s.KeyID, from.Key.String(), from.From
	}
	if by == "" {
		return "", differs(LevelSignature, CodeUntrustedKey, entryManifest, "signed by a key you do not trust, so that the signature cannot be checked",
			"the key_id of a key that you trust for any origin", quote(v.report.KeyID))
	}
	v.report.KeyID = by
	return fmt.Sprintf("the manifest is signed by %s, trusted by %s", v.report.Key, v.report.TrustedBy), nil
}

// anyOrigin returns the key of that id among those trusted for any origin.
func anyOrigin(trusted []TrustedKey, id string) (TrustedKey, ledger.VerifierKey, bool) {
	for _, t := range trusted {
		if key, ok := t.Key.For(""); ok && key.ID().String() == id {
			return t, key, true
		}
	}
	return TrustedKey{}, ledger.VerifierKey{}, false
}

// checkV1Signature checks what can be checked of a signature without its key.
func checkV1Signature(s Signature, digest ledger.Hash) error {
	bad := func(what, want, got string) error {
		return differs(LevelSignature, CodeSignatureInvalid, entryManifest, what, want, quote(got))
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(s.Sig)
	if _, idErr := ledger.ParseHash(s.KeyID); idErr != nil {
		return bad("signature key_id", "a SHA-256", s.KeyID)
	}
	switch {
	case s.Alg != algEd25519:
		return bad("signature algorithm", algEd25519, s.Alg)
	case s.SignedDigest != digest.String():
		return bad("signed_digest", digest.String(), s.SignedDigest)
	case err != nil || len(sig) != 64 || base64.StdEncoding.EncodeToString(sig) != s.Sig:
		return bad("signature", "base64 of 64 bytes", s.Sig)
	}
	return nil
}

func (v *verifier) v1StateMachine() (string, error) {
	f := &v.old.fold
	if f.stateErr != nil {
		return "", f.stateErr
	}
	return fmt.Sprintf("revisions 1 to %d, and the rules of PackSpec v1 allow each event; status %s", f.state.Revision, f.state.Status), nil
}

func (v *verifier) v1Views() (string, error) {
	f := &v.old.fold
	if f.viewErr != nil {
		return "", f.viewErr
	}
	if want := f.claim.payload(); v.old.payload != want {
		return "", differs(LevelViews, CodeView, entryPayload, "it is not what job_state.json gives", quote(fmt.Sprintf("%+v", want)), quote(fmt.Sprintf("%+v", v.old.payload)))
	}
	return "job_state.json and job_payload.json are what the events give; summaries stand in job_state.json alone", nil
}

func (v *verifier) v1Actors() (string, error) {
	return "actors are what the producer was told; no event is signed by its actor", nil
}

func (v *verifier) v1Completeness() (string, error) {
	return fmt.Sprintf("%d events; an event left out before packing, or a later one, would not show", v.report.EventCount), nil
}

// readV1 checks a pack of PackSpec v1, but for its signatures. It fails with a
// *FormatError where anything does not hold.
func readV1(r io.ReaderAt, size int64, o Options) (*verifier, error) {
	v := &verifier{r: r, size: size, trusted: o.Trusted, old: &v1pass{}}
	for _, check := range []func(*verifier) (string, error){(*verifier).v1Container, (*verifier).v1Canonical, (*verifier).v1StateMachine, (*verifier).v1Views} {
		if _, err := check(v); err != nil {
			return nil, asFormat(err)
		}
	}
	return v, nil
}

// maxV1Inspect bounds the events of a pack of PackSpec v1 that are shown at once:
// what they hold can take many times their size.
const maxV1Inspect = 8 << 20

// inspectV1 is Inspect for a pack of PackSpec v1.
func inspectV1(r io.ReaderAt, size int64) (Inspection, error) {
	v, err := readV1(r, size, Options{})
	if err != nil {
		return Inspection{}, err
	}
	if at := v.old.pack.index(entryJobEvents); v.report.EventCount > maxInspect || v.old.pack.entries[at].size > maxV1Inspect {
		return Inspection{}, fmt.Errorf("inspecting a pack of %d events: %w", v.report.EventCount, ErrTooLarge)
	}
	i := Inspection{Format: FormatV1, Manifest: v.old.pack.manifest, Events: []projection.EventView{}}
	i.State, i.Payload = v.old.fold.claim.shown()
	return i, v.old.pack.events(func(e v1Event) error {
		i.Events = append(i.Events, e.view())
		return nil
	})
}
