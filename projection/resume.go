package projection

import (
	"slices"
	"strings"

	"gait/ledger"
)

// resumed applies a resume: everything asked for must be approved, and environment,
// policy and identity must be those of the job, or the event must record the change.
func resumed(j Job, p ledger.Resumed) (Job, *Refusal) {
	if !j.stopped() {
		return j, cannot(j, "be resumed")
	}
	if open := j.Unsettled(); len(open) > 0 {
		return j, approvalRequired(j, open)
	}
	for _, check := range []func(Job, ledger.Resumed) *Refusal{checkConsumes, checkPolicy, checkIdentity, checkEnvironment} {
		if no := check(j, p); no != nil {
			return j, no
		}
	}
	j.PolicyDigest, j.PolicyRef, j.Identity = p.CurrentPolicyDigest, p.CurrentPolicyRef, p.Identity
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

func approvalRequired(j Job, open []Ask) *Refusal {
	var what []string
	for _, a := range open {
		state := "open"
		if a.Verdict == Denied {
			state = "denied"
		}
		what = append(what, a.what()+" ("+state+")")
	}
	d := j.details()
	if len(open) > 1 {
		d.CheckpointID = open[0].CheckpointID
	}
	return refuse(ApprovalRequired, d, "job %s cannot be resumed before an approval of %s", j.ID, strings.Join(what, ", "))
}

func checkConsumes(j Job, p ledger.Resumed) *Refusal {
	if !slices.Equal(p.Consumes, j.UsableApprovals()) {
		return refuse(InvalidTransition, Details{}, "a resume of job %s uses up its %d approvals, each once", j.ID, len(j.UsableApprovals()))
	}
	return nil
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
