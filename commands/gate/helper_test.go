package gate_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// now is when the tests decide.
var now = time.Date(2026, 12, 1, 9, 30, 0, 0, time.UTC)

const transfer = `{"tool":"pay.transfer","arguments":{"amount":5000,"to":"acct_7"},"target":"payments"}`

// allowAll permits whatever comes.
const allowAll = `@id("all") permit (principal, action, resource);`

// input returns an input that is in order: a running job that is bound to the policy, and an
// intent.
func input(tb testing.TB, policy, intent string) gate.Input {
	tb.Helper()
	in := gate.Input{Actor: "worker_1", Basis: projection.Basis{Reading: now}}
	in.Policy, in.PolicyErr = gate.ParsePolicy([]byte(policy))
	in.Intent, in.IntentErr = gate.ParseIntent([]byte(intent))
	in.Tool, in.Digest = in.Intent.Tool(), sha256.Sum256(in.Intent.Canonical())
	in.Job = &projection.Job{ID: "job_1", Status: projection.Running, PolicyDigest: sha256.Sum256([]byte(policy)), SubmittedBy: "submitter"}
	return in
}

// cleared returns an approval of an intent that a resume has used up.
func cleared(about ledger.Hash) projection.Cleared {
	return projection.Cleared{
		Ask: projection.Ask{
			CheckpointID: "cp_0001", Kind: projection.KindDecision, Target: ledger.Hash{1}, Actor: "worker_1",
			Verdict: projection.Approved, VerdictLeaf: ledger.Hash{2}, VerdictBy: "vera",
			Subject: ledger.Content{Digest: about, Size: 10}, Tool: "pay.transfer",
		},
		Resume: ledger.Hash{3}, ResumeSeq: 4,
	}
}

// under returns an approval that was asked for under other terms.
func under(c projection.Cleared, quorum int64, approvers ...string) projection.Cleared {
	c.Ask.Quorum, c.Ask.Approvers = quorum, approvers
	for i := range quorum {
		c.Ask.Verdicts = append(c.Ask.Verdicts, projection.Given{By: fmt.Sprintf("approver_%d", i+1), Leaf: ledger.Hash{byte(10 + i)}})
	}
	return c
}
