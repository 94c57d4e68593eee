package gate

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"gait/ledger"
	"gait/projection"
)

// Input returns what the gate decides on in a case.
func (c Case) Input(policy *Policy) Input {
	in := Input{
		Policy: policy, Actor: cmp.Or(c.Actor, "worker_1"),
		Facts:     ledger.GateFacts{EnvironmentFingerprint: c.Environment.Fingerprint, NotDoneExit: c.Environment.NotDoneExit},
		principal: &principal{proven: c.Proven || len(c.Roles) > 0, roles: slices.Sorted(slices.Values(c.Roles))},
	}
	in.Basis.Reading = c.Time
	if c.Time.IsZero() {
		in.Basis.Reading = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	}
	in.Intent, in.IntentErr = ParseIntent(c.Intent)
	in.Tool, in.Digest = in.Intent.tool, sha256.Sum256(in.Intent.canonical)
	in.Job = c.Job.job()
	if policy != nil {
		in.Job.PolicyDigest = policy.digest
	}
	if c.Cleared {
		in.asAsked = true
		in.Job.Cleared = []projection.Cleared{{
			Ask: projection.Ask{
				CheckpointID: "cp_0001", Kind: projection.KindDecision, Verdict: projection.Approved, VerdictBy: "approver_1",
				Subject: ledger.Content{Digest: in.Digest, Size: int64(len(in.Intent.canonical))}, Tool: in.Tool,
			},
			Resume: ledger.Hash{1},
		}}
	}
	return in
}

func (c CaseJob) job() *projection.Job {
	j := &projection.Job{
		ID: cmp.Or(c.ID, "job_1"), Status: cmp.Or(c.Status, projection.Running), Identity: c.Identity, PolicyRef: c.PolicyRef,
		EnvironmentFingerprint: c.Environment, SubmittedBy: c.SubmittedBy,
		Checkpoints: c.Checkpoints, Approvals: c.Approvals, Refusals: c.Refusals, Allows: c.Allows, Blocks: c.Blocks,
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		j.Labels = append(j.Labels, ledger.Label{Key: key, Value: c.Labels[key]})
	}
	for i := range c.OpenGrants {
		j.Grants = append(j.Grants, projection.Grant{ID: fmt.Sprintf("grant_%d", i+1), Tool: "other"})
	}
	return j
}
