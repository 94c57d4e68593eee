package packspec

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/sshkey"
	"gait/packspec/finding"
)

// actors checks that each event which is signed says what its actor's command says, and that
// the signatures hold. A trace does not have the authority events, so it does not show whose
// keys these are: the level is never proved.
func (v *traceVerifier) actors() (string, error) {
	var says []string
	for _, e := range []ledger.Event{v.event, v.settlement} {
		if e.Payload() == nil {
			continue
		}
		by, err := signersOf(e)
		if err != nil {
			return "", err
		}
		if e.Seq() == v.event.Seq() {
			v.signedBy = by
		}
		if len(by) == 0 {
			says = append(says, fmt.Sprintf("event %d is not signed: that %s asked for it is what the ledger was told", e.Seq(), e.Actor()))
			continue
		}
		says = append(says, fmt.Sprintf("event %d is what its command says, signed by %s; that this was a key of %s in force then is claimed", e.Seq(), strings.Join(by, ", "), e.Actor()))
	}
	if a := v.event.Authority(); !a.IsZero() {
		says = append(says, "the authority in force was the event "+a.String())
	}
	if len(v.AdminKeys) > 0 {
		says = append(says, "a trace has no authority events, so it shows no admin's key")
	}
	return strings.Join(says, "; "), nil
}

// signersOf returns the fingerprints of the keys that signed an event, after it checked the
// event against its command, and the signatures.
func signersOf(e ledger.Event) ([]string, error) {
	signed, err := authority.ReadCommand(e)
	if err != nil {
		return nil, asFailure(finding.LevelActors, finding.CodeActor, err)
	}
	if signed.Command == nil {
		return nil, nil
	}
	if err := authority.VerifySignatures(e); err != nil {
		return nil, asFailure(finding.LevelActors, finding.CodeCommandSignature, err)
	}
	var by []string
	for _, sig := range e.CommandSigs() {
		parsed, err := sshkey.ParseSignature(sig.Sig)
		if err != nil {
			return nil, errors.Join(err, errors.New("reading a signature that was verified"))
		}
		by = append(by, parsed.Key().Fingerprint())
	}
	slices.Sort(by)
	return by, nil
}

// checkPolicy compares the policy that the caller has with the one that the decision names.
// That the policy leads to the verdict cannot be told: neither the intent nor the job is here.
func (v *traceVerifier) checkPolicy() (string, error) {
	named := policyOf(v.event)
	if v.policy == nil {
		if named == "" {
			v.status = finding.Absent
			return "the decision names no policy", nil
		}
		return "the decision names the policy " + named + "; its bytes were not given, to be compared", nil
	}
	sum := ledger.Hash(sha256.Sum256(v.policy)).String()
	if sum != named {
		return "", finding.Differs(finding.LevelPolicy, finding.CodePolicyMismatch, "", v.policyFrom+" is another policy than the decision names", named, sum).At(v.event.Seq())
	}
	v.status = finding.Proved
	p, _ := v.event.Payload().(ledger.GateDecided)
	says := "the decision names the policy in " + v.policyFrom
	if len(p.DeterminedBy) > 0 {
		says += "; that " + finding.Quote(strings.Join(p.DeterminedBy, ", ")) + " led to the verdict is claimed"
	}
	return says, nil
}
