package authority_test

import (
	"errors"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// chainOf returns the chain of the authority events of a ledger, which all must be admissible.
func chainOf(t testing.TB, l *at.Ledger) *authority.Chain {
	t.Helper()
	c := &authority.Chain{}
	for _, e := range l.Events {
		if e.Type().OfAuthority() {
			if err := c.Add(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

// now returns who may do what after the last event of a ledger.
func now(t testing.TB, l *at.Ledger) *authority.State { return chainOf(t, l).Newest() }

// wantCorrupt checks that err is a *ledger.CorruptError at an event whose reason has a part.
func wantCorrupt(t testing.TB, what string, err error, e ledger.Event, part string) {
	t.Helper()
	c, is := errors.AsType[*ledger.CorruptError](err)
	if !is || c.Seq != e.Seq() || !strings.Contains(c.Reason, part) {
		t.Errorf("%s: %v, want event %d to be corrupt, since %q", what, err, e.Seq(), part)
	}
	if fault, _ := ledger.FaultOf(err); fault.Category != ledger.CategoryVerification {
		t.Errorf("%s: fault %v, want one of verification", what, fault)
	}
}

// A cast is a ledger with an actor of each role, and a second admin.
type cast struct {
	*at.Ledger
	root, ada, olga, vera, wim, audrey at.Signer
}

func newCast(t testing.TB) cast {
	t.Helper()
	c := cast{Ledger: at.New(t)}
	c.root = at.Key(t, "root")
	c.Begin("root", c.root)
	for name, who := range map[string]struct {
		key  *at.Signer
		role ledger.Role
	}{
		"ada": {&c.ada, ledger.RoleAdmin}, "olga": {&c.olga, ledger.RoleOperator}, "vera": {&c.vera, ledger.RoleApprover},
		"wim": {&c.wim, ledger.RoleWorker}, "audrey": {&c.audrey, ledger.RoleAuditor},
	} {
		*who.key = at.Key(t, name)
		c.Enroll("root", c.root, name, *who.key, who.role)
	}
	return c
}

// Payloads of the job job_1.
var (
	submitted = ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/1"}
	progress  = ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "s"}
	paused    = ledger.Paused{Reason: "look"}
	resumed   = ledger.Resumed{ExpectedFingerprint: "env", ActualFingerprint: "env"}
	cancelled = ledger.Cancelled{Reason: "enough"}
	stopped   = ledger.Stopped{Reason: "now"}
	approved  = ledger.Approved{Reason: "approved", Target: hashOf("target")}
	denied    = ledger.Denied{Reason: "denied", Target: hashOf("target")}
	erased    = ledger.ContentErased{Digest: hashOf("content"), Reason: "private"}
	allowed   = ledger.GateDecided{
		Verdict: ledger.GateAllow, Tool: "pay", Intent: ledger.Content{Digest: hashOf("content"), MediaType: "application/json", Name: "refund.json", Size: 9},
		ReasonCode: "approved", CallID: "c1", CallPrev: hashOf("before"), ContentKey: hashOf("secret"), PolicyDigest: hashOf("policy"), DeterminedBy: []string{"big"},
		Engine: "cedar-go/1.9.0", Grant: at.ULID, Clearance: hashOf("resumed"),
		Facts: ledger.GateFacts{EnvironmentFingerprint: "env", NotDoneExit: 75, Shown: []ledger.Label{{Key: "target", Value: `"bank"`}}},
	}
	dispatch   = ledger.DispatchBlocked{Tool: "pay", Intent: hashOf("content"), ReasonCode: "emergency_stopped"}
	settled    = ledger.EffectSettled{Grant: at.ULID, Outcome: ledger.EffectDone}
	leased     = ledger.Leased{Epoch: 1, TTL: 60, Until: testTime, Worker: "host-1"}
	renewed    = ledger.LeaseRenewed{Epoch: 1, TTL: 60, Until: testTime, Worker: "host-1"}
	released   = ledger.LeaseReleased{Epoch: 1, Outcome: ledger.LeaseDone, TTL: 60, Until: testTime, Worker: "host-1"}
	attempted  = ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptTimeout}
	refused    = ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition"}
	imported   = ledger.Imported{PackSHA256: hashOf("pack"), PackID: hashOf("id"), CreatedAt: testTime, UpdatedAt: testTime, EnvironmentFingerprint: "env", ProducerVersion: "gait/1", Revision: 1, Status: "running", StatusReasonCode: "none", StopReason: "none"}
	rotated    = ledger.KeyRotated{Key: at.Origin + "+1+AAAA", Previous: at.Origin + "+2+AAAA"}
	moved      = ledger.LedgerMoved{To: at.Origin + "+1+AAAA"}
	withPolicy = ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/1", PolicyDigest: hashOf("policy")}
	rebound    = ledger.Resumed{ExpectedFingerprint: "env", ActualFingerprint: "env", PreviousPolicyDigest: hashOf("policy"), CurrentPolicyDigest: hashOf("other"), PolicyChanged: true}
)
