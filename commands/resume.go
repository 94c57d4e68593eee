package commands

import (
	"cmp"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// Resume lets a stopped job run again.
type Resume struct {
	EnvironmentFingerprint string      `json:"environment_fingerprint"` // of the environment it resumes in
	AllowEnvMismatch       bool        `json:"allow_env_mismatch,omitempty"`
	Identity               string      `json:"identity,omitempty"` // "": the job's
	PolicyDigest           ledger.Hash `json:"policy_digest"`      // of the policy it goes on under
	PolicyRef              string      `json:"policy_ref,omitempty"`

	// IdentityValidationSource says against what the caller has checked the identity, such
	// as the digest of a list of revoked ones; "": against nothing.
	IdentityValidationSource string `json:"identity_validation_source,omitempty"`
}

var resumeRow = add(verb[Resume]{
	Row:     Row{Verb: "resume", Roles: []ledger.Role{ledger.RoleOperator}},
	fill:    Resume.fill,
	check:   Resume.check,
	summary: Resume.summary,
	decide:  Resume.decide,
})

// Verb returns "resume".
func (Resume) Verb() string { return resumeRow.Verb }

func (Resume) row() *Row { return resumeRow }

func (c Resume) fill(s Surroundings) Resume {
	c.EnvironmentFingerprint = cmp.Or(c.EnvironmentFingerprint, s.EnvironmentFingerprint)
	return c
}

func (c Resume) check(by Request) error {
	if c.AllowEnvMismatch && by.Reason == "" {
		return &ledger.FieldError{Field: "reason", Problem: "to resume although the environment differs needs one"}
	}
	return checkAll(ledger.FieldFingerprint.Check(c.EnvironmentFingerprint), checkOptional(ledger.FieldIdentity, c.Identity),
		checkOptional(ledger.FieldPolicyRef, c.PolicyRef), checkOptional(ledger.FieldValidationSource, c.IdentityValidationSource))
}

func (c Resume) summary(j projection.Job) string {
	var named []string
	if c.Identity != "" && c.Identity != j.Identity {
		named = append(named, "identity "+c.Identity)
	}
	if c.EnvironmentFingerprint != j.EnvironmentFingerprint {
		named = append(named, "environment "+c.EnvironmentFingerprint)
	}
	if digest := c.PolicyDigest; !digest.IsZero() && digest != j.PolicyDigest {
		named = append(named, "policy "+digest.String())
	}
	return strings.Join(named, ", ")
}

func (c Resume) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := ledger.Resumed{
		Consumes: j.UsableApprovals(by.moment.basis()), ExpectedFingerprint: j.EnvironmentFingerprint, ActualFingerprint: c.EnvironmentFingerprint,
		PreviousPolicyDigest: j.PolicyDigest, PreviousPolicyRef: j.PolicyRef, CurrentPolicyDigest: c.PolicyDigest, CurrentPolicyRef: c.PolicyRef,
		Identity: c.Identity, IdentityValidationSource: c.IdentityValidationSource, Reason: by.Reason,
	}
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
