package projection

import (
	"slices"
	"strings"

	"gait/ledger"
)

// resumed applies a resume: everything asked for is approved, and environment,
// policy and identity are those of the job or changed on the record.
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
	j.PolicyDigest, j.PolicyRef, j.Identity = hexOrEmpty(p.CurrentPolicyDigest), p.CurrentPolicyRef, p.Identity
	j.Decisions, j.Stop = nil, nil
	return j.to(Running, StopNone, ResumeReason(p)), nil
}

// ResumeReason returns the reason code of a resume.
func ResumeReason(p ledger.Resumed) string {
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
	hint := "gait job approve --id " + j.ID + " --actor <NAME> --reason <WHY>"
	if len(open) > 1 {
		hint += " --checkpoint " + open[0].CheckpointID
	}
	return refuse(ApprovalRequired, hint, "job %s cannot be resumed before an approval of %s", j.ID, strings.Join(what, ", "))
}

func checkConsumes(j Job, p ledger.Resumed) *Refusal {
	if !slices.Equal(p.Consumes, j.Usable()) {
		return refuse(InvalidTransition, "", "a resume of job %s uses up its %d approvals, each once", j.ID, len(j.Usable()))
	}
	return nil
}

func checkPolicy(j Job, p ledger.Resumed) *Refusal {
	before, now := j.PolicyDigest, hexOrEmpty(p.CurrentPolicyDigest)
	switch {
	case (before != "" || j.PolicyRef != "") && now == "":
		return refuse(PolicyRequired, "say under which policy it goes on: "+ResumeCommand(j),
			"job %s is bound to a policy and cannot be resumed without the current one", j.ID)
	case hexOrEmpty(p.PreviousPolicyDigest) != before, p.PreviousPolicyRef != j.PolicyRef,
		p.CurrentPolicyRef == "" && j.PolicyRef != "", p.PolicyChanged != (before != "" && before != now):
		return refuse(InvalidTransition, "", "the policy before and after does not follow from that of job %s", j.ID)
	}
	return nil
}

// ResumeCommand returns the command that resumes j, with what j is bound to.
func ResumeCommand(j Job) string {
	command := "gait job resume --id " + j.ID
	if j.PolicyDigest != "" || j.PolicyRef != "" {
		command += " --policy <FILE>"
	}
	return command
}

func checkIdentity(j Job, p ledger.Resumed) *Refusal {
	if j.Identity != "" && p.Identity != j.Identity {
		return refuse(IdentityMismatch, "resume it as that identity, or leave --identity out", "job %s acts as %s, not as %s", j.ID, j.Identity, p.Identity)
	}
	return nil
}

func checkEnvironment(j Job, p ledger.Resumed) *Refusal {
	switch {
	case p.ExpectedFingerprint != j.EnvironmentFingerprint:
		return refuse(InvalidTransition, "", "job %s expects the environment %s", j.ID, j.EnvironmentFingerprint)
	case p.ActualFingerprint != p.ExpectedFingerprint && p.Reason == "":
		return OtherEnvironment(j, p.ActualFingerprint)
	}
	return nil
}

// OtherEnvironment is the refusal to resume a job where its surroundings have
// changed and nobody has said why that is right.
func OtherEnvironment(j Job, actual string) *Refusal {
	return refuse(EnvironmentMismatch, "if that is right: "+ResumeCommand(j)+" --allow-env-mismatch --reason <WHY>",
		"job %s was submitted in environment %s, and this is %s", j.ID, j.EnvironmentFingerprint, actual)
}
