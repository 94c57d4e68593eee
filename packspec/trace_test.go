package packspec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
)

// Grants of the jobs in these tests.
const (
	grantSettled = "01K5V3Y0CMA1J0X0Q2T0F8R9D1"
	grantOpen    = "01K5V3Y0CMA1J0X0Q2T0F8R9D2"
	grantOther   = "01K5V3Y0CMA1J0X0Q2T0F8R9D3"
)

const gatePolicy = "@id(\"small\")\npermit (principal, action, resource);\n"

// allowed returns an allow of a tool, and asked and blocked the other answers of the gate.
func allowed(grant string) ledger.GateDecided {
	return ledger.GateDecided{
		Verdict: ledger.GateAllow, Tool: "pay", Intent: ledger.Content{Digest: ledger.Hash{7}, Size: 40}, ReasonCode: "policy_permits", Grant: grant,
		PolicyDigest: ledger.LeafHash([]byte("x")), DeterminedBy: []string{"small"}, Engine: "cedar-go/1.9.0",
		Facts: ledger.GateFacts{Shown: []ledger.Label{{Key: "arguments.amount", Value: "12"}}},
	}
}

func asked(checkpoint string) ledger.GateDecided {
	p := allowed("")
	p.Verdict, p.CheckpointID, p.RequiredAction, p.ReasonCode = ledger.GateRequireApproval, checkpoint, "approve", "policy_requires_approval"
	return p
}

func blocked() ledger.GateDecided {
	return ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "wipe", Intent: ledger.Content{Digest: ledger.Hash{8}, Size: 9}, ReasonCode: "policy_permits_none", PolicyDigest: ledger.LeafHash([]byte("x"))}
}

// decisions returns a ledger in which the gate has decided: event 2 of job_1 is an allow that
// was settled twice, 5 another one that is open, 6 a block, 8 one after an emergency stop, and
// 10 an allow for job_2.
func decisions(t testing.TB) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t)
	settled := func(outcome ledger.EffectOutcome) ledger.EffectSettled {
		return ledger.EffectSettled{Grant: grantSettled, Outcome: outcome, Reason: "the bank says so"}
	}
	job := func(p ledger.Payload) ledgertest.EventSpec { return ledgertest.EventSpec{Job: "job_1", Payload: p} }
	ledgertest.Append(
		t, l.Log, ledgertest.Submit("job_1"), job(allowed(grantSettled)), job(settled(ledger.EffectUnknown)), job(settled(ledger.EffectDone)),
		job(allowed(grantOpen)), job(blocked()), job(ledger.Stopped{Reason: "now"}), job(ledger.DispatchBlocked{Tool: "pay", Intent: ledger.Hash{7}, ReasonCode: "emergency_stopped"}),
		ledgertest.Submit("job_2"), ledgertest.EventSpec{Job: "job_2", Payload: allowed(grantOther)},
	)
	return l
}

func makeTrace(t testing.TB, src ledger.Reader, job string, at packspec.DecisionAt) packspec.MadeTrace {
	t.Helper()
	made, err := packspec.MakeTrace(t.Context(), src, job, at)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func traceFile(t testing.TB, tr packspec.Trace) []byte {
	t.Helper()
	b, err := tr.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verifyTrace(t testing.TB, b []byte, keys ...ledger.PrivateKey) packspec.TraceReport {
	t.Helper()
	r, err := packspec.VerifyTrace(b, packspec.Options{Trusted: trusting(keys...)}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A trace is found by its grant and by its place, and has the newest event that settles it.
func TestTrace(t *testing.T) {
	l := decisions(t)
	for _, tt := range []struct {
		name, job string
		at        packspec.DecisionAt
		seq       ledger.Seq
		settled   ledger.Seq
		chain     string
	}{
		{"by grant", "job_1", packspec.DecisionAt{Grant: grantSettled}, 2, 4, "event 2 of the ledger is the job's event 2: allow; event 4 settles its grant"},
		{"by place", "job_1", packspec.DecisionAt{Seq: 2}, 2, 4, "event 2 of the ledger is the job's event 2: allow; event 4 settles its grant"},
		{"open", "job_1", packspec.DecisionAt{Grant: grantOpen}, 5, 0, "event 5 of the ledger is the job's event 5: allow"},
		{"block", "job_1", packspec.DecisionAt{Seq: 6}, 6, 0, "event 6 of the ledger is the job's event 6: block"},
		{"stopped", "job_1", packspec.DecisionAt{Seq: 8}, 8, 0, "event 8 of the ledger is the job's event 8: block"},
		{"another job", "job_2", packspec.DecisionAt{Grant: grantOther}, 10, 0, "event 10 of the ledger is the job's event 2: allow"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := makeTrace(t, l.Log, tt.job, tt.at)
			b := traceFile(t, made.Trace)
			r := verifyTrace(t, b, l.Key)
			if !r.Verified || r.JobID != tt.job || made.Decision.Seq() != tt.seq || made.Settled.Seq() != tt.settled || r.TrustedBy == "" || r.Size != l.Head().Size {
				t.Errorf("traced %d, settled by %d; the report is %+v, %v", made.Decision.Seq(), made.Settled.Seq(), r, r.Failure)
			}
			if !bytes.Equal(r.Decision, made.Decision.Bytes()) || !bytes.Equal(r.Settlement, made.Settled.Bytes()) || r.Level(finding.LevelChain).Detail != tt.chain {
				t.Errorf("it shows %s, settled by %s: %s", r.Decision, r.Settlement, r.Level(finding.LevelChain).Detail)
			}
			for name, want := range map[string]finding.Status{finding.LevelActors: finding.Claimed, finding.LevelCosignatures: finding.Absent, finding.LevelFreshness: finding.Claimed} {
				if got := r.Level(name).Status; got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
			seen, err := packspec.InspectTrace(b)
			if err != nil || seen.Verified || seen.Decision.Seq != tt.seq || seen.JobID != tt.job || (seen.Decision.Settlement != nil) != (tt.settled > 0) {
				t.Errorf("it is shown as %+v, %v", seen, err)
			}
		})
	}
	b := traceFile(t, makeTrace(t, l.Log, "job_1", packspec.DecisionAt{Seq: 2}).Trace)
	if r := verifyTrace(t, b, testKey(t, 2)); r.Verified || r.Failure.Code != finding.CodeUntrustedKey && r.Failure.Code != finding.CodeKeyMismatch {
		t.Errorf("under another key it verifies: %t, %v", r.Verified, r.Failure)
	}
	if r := verifyTrace(t, b); r.Verified || r.Failure.Code != finding.CodeUntrustedKey {
		t.Errorf("without a key it verifies: %t, %v", r.Verified, r.Failure)
	}
}

// What is no decision of the job cannot be traced.
func TestNoTrace(t *testing.T) {
	l := decisions(t)
	for _, tt := range []struct {
		job  string
		at   packspec.DecisionAt
		want error
	}{
		{"job_9", packspec.DecisionAt{Seq: 2}, packspec.ErrJobNotFound},
		{"job_2", packspec.DecisionAt{Seq: 2}, packspec.ErrNoDecision},
		{"job_1", packspec.DecisionAt{Seq: 3}, packspec.ErrNoDecision},
		{"job_1", packspec.DecisionAt{Seq: 0}, packspec.ErrNoDecision},
		{"job_1", packspec.DecisionAt{Seq: 11}, packspec.ErrNoDecision},
		{"job_1", packspec.DecisionAt{Grant: grantOther}, packspec.ErrNoDecision},
	} {
		if _, err := packspec.MakeTrace(t.Context(), l.Log, tt.job, tt.at); !errors.Is(err, tt.want) {
			t.Errorf("MakeTrace(%s, %+v) = %v, want %v", tt.job, tt.at, err, tt.want)
		}
	}
}

// A trace of a ledger whose key was replaced holds for those who trust the first key, too.
func TestTraceOfARotatedLedger(t *testing.T) {
	l := decisions(t)
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_2", Payload: ledger.EffectSettled{Grant: grantOther, Outcome: ledger.EffectDone}})
	made := makeTrace(t, l.Log, "job_2", packspec.DecisionAt{Grant: grantOther})
	if r := verifyTrace(t, traceFile(t, made.Trace), l.Key); !r.Verified || len(r.Keys) != 2 || made.Settled.Seq() != 12 {
		t.Errorf("it verifies: %t, %v, with %d keys, settled by %d", r.Verified, r.Failure, len(r.Keys), made.Settled.Seq())
	}
}

// The policy that a decision names is compared with the one that the caller has.
func TestTraceNamesItsPolicy(t *testing.T) {
	l := ledgertest.New(t)
	named := allowed(grantOpen)
	named.PolicyDigest = sha256Of(gatePolicy)
	unnamed := blocked()
	unnamed.PolicyDigest = ledger.Hash{}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.EventSpec{Job: "job_1", Payload: named}, ledgertest.EventSpec{Job: "job_1", Payload: unnamed})
	for _, tt := range []struct {
		seq    ledger.Seq
		policy []byte
		want   finding.Status
		says   string
	}{
		{2, []byte(gatePolicy), finding.Proved, `the decision names the policy in p.cedar; that "small" led to the verdict is claimed`},
		{2, []byte(gatePolicy + " "), finding.Failed, "p.cedar is another policy than the decision names"},
		{2, []byte{}, finding.Failed, "p.cedar is another policy than the decision names"},
		{2, nil, finding.Claimed, "the decision names the policy " + named.PolicyDigest.String()},
		{3, nil, finding.Absent, "the decision names no policy"},
		{3, []byte(gatePolicy), finding.Failed, "expected nothing"},
	} {
		b := traceFile(t, makeTrace(t, l.Log, "job_1", packspec.DecisionAt{Seq: tt.seq}).Trace)
		r, err := packspec.VerifyTrace(b, packspec.Options{Trusted: trusting(l.Key)}, tt.policy, "p.cedar")
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Level(finding.LevelPolicy); got.Status != tt.want || !strings.Contains(got.Detail, tt.says) || r.Verified != (tt.want != finding.Failed) {
			t.Errorf("event %d under %q: %+v, verified: %t", tt.seq, tt.policy, got, r.Verified)
		}
		if r.Failure != nil && r.Failure.Code != finding.CodePolicyMismatch {
			t.Errorf("event %d under %q fails with %v", tt.seq, tt.policy, r.Failure)
		}
	}
}

// Only a trace of the same decision is the same, whatever became of it since.
func TestSameDecision(t *testing.T) {
	l := decisions(t)
	open := makeTrace(t, l.Log, "job_2", packspec.DecisionAt{Grant: grantOther})
	before := traceFile(t, open.Trace)
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_2", Payload: ledger.EffectSettled{Grant: grantOther, Outcome: ledger.EffectDone}})
	now := makeTrace(t, l.Log, "job_2", packspec.DecisionAt{Grant: grantOther})
	other := traceFile(t, makeTrace(t, l.Log, "job_1", packspec.DecisionAt{Grant: grantOpen}).Trace)
	if now.Settlement == "" || !now.SameDecision(before) {
		t.Errorf("the trace from before it was settled is another one")
	}
	for _, file := range [][]byte{other, before[:len(before)-1], nil, []byte("{}\n"), []byte("text")} {
		if now.SameDecision(file) {
			t.Errorf("%.40q is a trace of the same decision", file)
		}
	}
}
