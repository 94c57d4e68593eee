package commands

import (
	"strings"

	"gait/ledger"
	"gait/projection"
)

// Resume lets a stopped job run again.
type Resume struct {
	EnvironmentFingerprint string      `json:"environment_fingerprint"` // of where it resumes
	AllowEnvMismatch       bool        `json:"allow_env_mismatch,omitempty"`
	Identity               string      `json:"identity,omitempty"` // "": the job's
	PolicyDigest           ledger.Hash `json:"policy_digest"`      // of the policy it goes on under
	PolicyRef              string      `json:"policy_ref,omitempty"`
}

// Verb returns "resume".
func (Resume) Verb() string { return "resume" }

func (c Resume) check() error {
	return checkAll(ledger.FieldFingerprint.Check(c.EnvironmentFingerprint),
		checkOptional(ledger.FieldIdentity, c.Identity), checkOptional(ledger.FieldPolicyRef, c.PolicyRef))
}

func (c Resume) summary(j projection.Job) string {
	var named []string
	if c.Identity != "" && c.Identity != j.Identity {
		named = append(named, "identity "+c.Identity)
	}
	if c.EnvironmentFingerprint != j.EnvironmentFingerprint {
		named = append(named, "environment "+c.EnvironmentFingerprint)
	}
	if digest := c.PolicyDigest; !digest.IsZero() && digest != digestOf(j) {
		named = append(named, "policy "+digest.String())
	}
	return strings.Join(named, ", ")
}

func (c Resume) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := ledger.Resumed{Consumes: j.Usable(), ExpectedFingerprint: j.EnvironmentFingerprint, ActualFingerprint: c.EnvironmentFingerprint,
		PreviousPolicyDigest: digestOf(j), PreviousPolicyRef: j.PolicyRef, CurrentPolicyDigest: c.PolicyDigest, CurrentPolicyRef: c.PolicyRef,
		Identity: c.Identity, Reason: by.Reason}
	if p.CurrentPolicyRef == "" {
		p.CurrentPolicyRef = j.PolicyRef
	}
	if p.Identity == "" {
		p.Identity = j.Identity
	}
	p.PolicyChanged = !p.PreviousPolicyDigest.IsZero() && p.PreviousPolicyDigest != p.CurrentPolicyDigest
	payload, no := propose(j, by, p)
	if no == nil && p.ActualFingerprint != p.ExpectedFingerprint && !c.AllowEnvMismatch {
		return nil, projection.OtherEnvironment(j, p.ActualFingerprint)
	}
	return payload, no
}

// digestOf returns the digest of the policy j is bound to.
func digestOf(j projection.Job) ledger.Hash {
	if j.PolicyDigest == "" {
		return ledger.Hash{}
	}
	h, err := ledger.ParseHash(j.PolicyDigest)
	if err != nil {
		panic("commands: job with a policy digest that is none: " + err.Error())
	}
	return h
}
