package projection

import (
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/authority"
)

// resumed applies a resume: everything asked for must be approved, as judged by the
// authority and the reading of the resume, and environment, policy and identity must be
// those of the job, or the event must record the change.
func resumed(j Job, f Fact, p ledger.Resumed) (Job, *Refusal) {
	if !j.stopped() {
		return j, cannot(j, "be resumed")
	}
	if len(j.Grants) > 0 {
		return j, effectsUnsettled(j, "be resumed", idsOf(j.Grants)...)
	}
	if !f.trusted {
		if no := unsettled(j, f.basis()); no != nil {
			return j, no
		}
		if no := checkConsumes(j, f.basis(), p); no != nil {
			return j, no
		}
	}
	for _, check := range []func(Job, ledger.Resumed) *Refusal{checkPolicy, checkIdentity, checkEnvironment} {
		if no := check(j, p); no != nil {
			return j, no
		}
	}
	if no := checkBinding(j, f, p); no != nil && !f.trusted {
		return j, no
	}
	j.PolicyBy, j.PolicyKey = boundBy(j, f, p)
	j.PolicyDigest, j.PolicyRef, j.Identity = p.CurrentPolicyDigest, p.CurrentPolicyRef, p.Identity
	j.Cleared = cleared(j, p)
	j.Decisions, j.Stop = nil, nil
	return j.to(ResumeReason(p)), nil
}

// ResumeReason returns the reason code of a resume.
func ResumeReason(p ledger.Resumed) ReasonCode {
	moved := p.ExpectedFingerprint != p.ActualFingerprint
	switch {
	case moved && p.PolicyChanged:
		return ReasonResumedEnvPolicy
	case moved:
		return ReasonResumedEnv
	case p.PolicyChanged:
		return ReasonResumedPolicy
	}
	return ReasonResumed
}

// unsettled refuses a resume while something keeps the job from it.
func unsettled(j Job, b Basis) *Refusal {
	open := j.UnsettledAt(b)
	if len(open) == 0 {
		return nil
	}
	pending := true
	for _, d := range open {
		if d.Outcome == OutcomeExpired {
			return expired(j, d)
		}
		pending = pending && d.Outcome == OutcomePending
	}
	if pending {
		d := j.details().naming(open[0].DecisionID())
		d.Approvals, d.Needed = int64(len(open[0].Counts)), open[0].Needed
		return refuse(QuorumPending, d, "job %s cannot be resumed before more approvals of %s%s", j.ID, listed(open), whyTwo(open, b))
	}
	return approvalRequired(j, b, open)
}

// whyTwo says why two must approve what asks for fewer, or nothing.
func whyTwo(open []Judgement, b Basis) string {
	for _, d := range open {
		if b.strict() && d.AskedKey.IsZero() && d.Needed > max(1, d.Quorum) {
			return ": two must approve what a claim asked for"
		}
	}
	return ""
}

func approvalRequired(j Job, b Basis, open []Judgement) *Refusal {
	d := j.details()
	if len(open) > 1 {
		d.CheckpointID = open[0].CheckpointID
	}
	for _, o := range open {
		if o.Outcome == OutcomeDenied && b.Authority != nil {
			d.Replaces = o.ReplacedBy()
			break
		}
	}
	return refuse(ApprovalRequired, d, "job %s cannot be resumed before an approval of %s", j.ID, listed(open))
}

// listed names asks with what they have come to.
func listed(open []Judgement) string {
	var what []string
	for _, d := range open {
		state := string(d.Outcome)
		if d.Outcome == OutcomePending {
			state = fmt.Sprintf("%d of %d", len(d.Counts), d.Needed)
		}
		what = append(what, d.what()+" ("+state+")")
	}
	return strings.Join(what, ", ")
}

func checkConsumes(j Job, b Basis, p ledger.Resumed) *Refusal {
	if usable := j.UsableApprovals(b); !slices.Equal(p.Consumes, usable) {
		return refuse(InvalidTransition, Details{}, "a resume of job %s uses up its %d approvals, each once", j.ID, len(usable))
	}
	return nil
}

// checkBinding refuses a resume under a policy that no one binds who counts now: neither the
// ledger, which lets anyone bind it, nor the resumer, nor the operator who bound it before.
func checkBinding(j Job, f Fact, p ledger.Resumed) *Refusal {
	s, policy := f.Authority, p.CurrentPolicyDigest
	switch {
	case !f.basis().strict(), policy.IsZero(), s.Binds(policy), f.operates(),
		policy == j.PolicyDigest && operator(s, j.PolicyBy, j.PolicyKey):
		return nil
	}
	d := j.details()
	d.Actor = f.Actor
	return refuse(RoleRequired, d, "job %s cannot be resumed under policy %s, which no operator in force has bound: %s is none", j.ID, policy, f.Actor)
}

// boundBy returns who binds the job to the policy of a resume, and by which key; nothing if
// that is a claim.
func boundBy(j Job, f Fact, p ledger.Resumed) (string, ledger.Hash) {
	switch {
	case p.CurrentPolicyDigest.IsZero():
	case f.operates() || f.trusted && len(f.Keys) > 0:
		return f.Actor, f.key()
	case p.CurrentPolicyDigest == j.PolicyDigest:
		return j.PolicyBy, j.PolicyKey
	}
	return "", ledger.Hash{}
}

// operates reports whether an operator signed the fact.
func (f Fact) operates() bool { return operator(f.Authority, f.Actor, f.key()) }

// operator reports whether an actor is an operator, and the key is the actor's.
func operator(s *authority.State, actor string, key ledger.Hash) bool {
	return !key.IsZero() && s.InForce(actor, key) && s.Has(actor, ledger.RoleOperator)
}

func checkPolicy(j Job, p ledger.Resumed) *Refusal {
	before, now := j.PolicyDigest, p.CurrentPolicyDigest
	switch {
	case j.policyBound() && now.IsZero():
		return refuse(PolicyRequired, j.details(), "job %s is bound to a policy and cannot be resumed without the current one", j.ID)
	case p.PreviousPolicyDigest != before, p.PreviousPolicyRef != j.PolicyRef,
		p.CurrentPolicyRef == "" && j.PolicyRef != "", p.PolicyChanged != (!before.IsZero() && before != now):
		return refuse(InvalidTransition, Details{}, "the policy before and after does not follow from that of job %s", j.ID)
	}
	return nil
}

func checkIdentity(j Job, p ledger.Resumed) *Refusal {
	if j.Identity != "" && p.Identity != j.Identity {
		d := j.details()
		d.Identity = j.Identity
		return refuse(IdentityMismatch, d, "job %s acts as %s, not as %s", j.ID, j.Identity, p.Identity)
	}
	return nil
}

func checkEnvironment(j Job, p ledger.Resumed) *Refusal {
	switch {
	case p.ExpectedFingerprint != j.EnvironmentFingerprint:
		return refuse(InvalidTransition, Details{}, "job %s expects the environment %s", j.ID, j.EnvironmentFingerprint)
	case p.ActualFingerprint != p.ExpectedFingerprint && p.Reason == "":
		return OtherEnvironment(j, p.ActualFingerprint)
	}
	return nil
}

// OtherEnvironment returns the refusal to resume a job in another environment than
// it was submitted in, if the command gives no reason why that is right.
func OtherEnvironment(j Job, actual string) *Refusal {
	d := j.details()
	d.Environment = actual
	return refuse(EnvironmentMismatch, d,
		"job %s was submitted in environment %s, and this is %s", j.ID, j.EnvironmentFingerprint, actual)
}
