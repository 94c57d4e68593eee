package packspec_test

import (
	"bytes"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
)

// The events of calledPlay about its call c1.
const (
	callGranted = iota
	callNotDone
	callGrantedAgain
	callDone
)

// calledPlay is a play in which a call was allowed, did not happen, was allowed again, and was
// done. It returns the four events. change changes each before it is written.
func calledPlay(t testing.TB, change func(at int, before []ledger.Event, p ledger.Payload) ledger.Payload) (*gatePlay, []ledger.Event) {
	g := newGatePlay(t)
	var about []ledger.Event
	add := func(actor string, p ledger.Payload) {
		if change != nil {
			p = change(len(about), about, p)
		}
		about = append(about, g.Claim(actor, "job_1", p))
	}
	allow := func(grant string, prev ledger.Hash) ledger.GateDecided {
		p := allowed(grant)
		p.CallID, p.CallPrev, p.PolicyDigest, p.Intent = "c1", prev, g.policy, g.intent
		return p
	}
	settle := func(grant string, outcome ledger.EffectOutcome) ledger.EffectSettled {
		return ledger.EffectSettled{Grant: grant, Outcome: outcome, CallID: "c1", CallPrev: about[len(about)-1].LeafHash(), Intent: g.intent.Digest, Reason: "looked"}
	}
	first := allow(grantSettled, ledger.Hash{})
	first.ContentKey = ledger.Hash{1}
	add("olga", first)
	add("boss", settle(grantSettled, ledger.EffectNotDone))
	add("olga", allow(grantOpen, about[callNotDone].LeafHash()))
	add("olga", settle(grantOpen, ledger.EffectDone))
	g.commit()
	return g, about
}

// A call that was not done may be made again, and each event about it names the one before: in
// job packs, in range packs, and in traces.
func TestPackOfACall(t *testing.T) {
	g, about := calledPlay(t, nil)
	job := g.packOf(g.kept)
	var ranged packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &ranged, g.log(), 0, -1, g.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, pack := range map[string][]byte{"job": job, "range": ranged.Bytes()} {
		if r := g.verify(pack); !r.Verified {
			t.Errorf("the %s pack does not verify: %v", name, r.Failure)
		}
	}
	i, err := packspec.Inspect(bytes.NewReader(job), int64(len(job)))
	if err != nil || len(i.Gate) != 2 {
		t.Fatalf("it shows %+v, %v", i.Gate, err)
	}
	for n, outcome := range []string{"not_done", "done"} {
		if d := i.Gate[n]; d.CallID != "c1" || d.Outcome != outcome {
			t.Errorf("decision %d is about call %q, which was %s, want %s", n, d.CallID, d.Outcome, outcome)
		}
	}
	for n, grant := range []string{grantSettled, grantOpen} {
		made := makeTrace(t, g.log(), "job_1", packspec.DecisionAt{Grant: grant})
		if r := verifyTrace(t, traceFile(t, made.Trace), g.key); !r.Verified || made.Settled.Seq() != about[2*n+1].Seq() {
			t.Errorf("the trace of grant %d verifies: %t, %v, settled by %d", n, r.Verified, r.Failure, made.Settled.Seq())
		}
	}
}

// wrongCalls change call_prev of an event about a call.
var wrongCalls = []struct {
	name   string
	at     int
	change func(before []ledger.Event) ledger.Hash
}{
	{"a first allow that names an event before", callGranted, func([]ledger.Event) ledger.Hash { return ledger.Hash{9} }},
	{"an allow again that names none", callGrantedAgain, func([]ledger.Event) ledger.Hash { return ledger.Hash{} }},
	{"an allow again that names the first allow", callGrantedAgain, func(before []ledger.Event) ledger.Hash { return before[callGranted].LeafHash() }},
	{"a settlement that names another event", callNotDone, func([]ledger.Event) ledger.Hash { return ledger.Hash{9} }},
	{"a settlement that names the first allow", callDone, func(before []ledger.Event) ledger.Hash { return before[callGranted].LeafHash() }},
}

// wrongCall returns a play with one of wrongCalls.
func wrongCall(t testing.TB, at int, prev func([]ledger.Event) ledger.Hash) *gatePlay {
	g, _ := calledPlay(t, func(n int, before []ledger.Event, p ledger.Payload) ledger.Payload {
		switch p := p.(type) {
		case ledger.GateDecided:
			if n == at {
				p.CallPrev = prev(before)
			}
			return p
		case ledger.EffectSettled:
			if n == at {
				p.CallPrev = prev(before)
			}
			return p
		default:
			return p
		}
	})
	return g
}

// forgedCall returns the pack of a play that no rule allows, signed with the ledger's key.
func forgedCall(t testing.TB, g *gatePlay) []byte {
	t.Helper()
	fs := g.forged(g.Events, chainOf(g.Events))
	honest := files(t, gated(t).packOf(nil))
	file(fs, "VERIFY.md").Data = file(honest, "VERIFY.md").Data
	e := file(fs, "evidence.json")
	e.Data = bytes.Replace(e.Data, []byte(`"format":4`), []byte(`"format":6`), 1)
	return resign(t, fs, g.key)
}

// What names another event about its call than the newest is in no pack that verifies.
func TestWrongCalls(t *testing.T) {
	good, _ := calledPlay(t, nil)
	if r := good.verify(forgedCall(t, good)); !r.Verified {
		t.Fatalf("an honest pack that is made like the forged ones: %v", r.Failure)
	}
	if r := good.verify(forgedRange(t, good)); !r.Verified {
		t.Fatalf("an honest range that is made like the forged ones: %v", r.Failure)
	}
	for _, tt := range wrongCalls {
		g := wrongCall(t, tt.at, tt.change)
		if r := g.verify(forgedCall(t, g)); r.Verified || r.Failure.Level != finding.LevelStateMachine || r.Failure.Code != finding.CodeTransition {
			t.Errorf("%s: the job pack verifies: %t, %v", tt.name, r.Verified, r.Failure)
		}
		if r := g.verify(forgedRange(t, g)); r.Verified {
			t.Errorf("%s: the range pack verifies: %v", tt.name, r.Failure)
		} else {
			t.Logf("%s: %v", tt.name, r.Failure)
		}
	}
}

// forgedRange returns a range pack of all events of a play, signed with the ledger's key.
func forgedRange(t testing.TB, g *gatePlay) []byte {
	t.Helper()
	honest, _ := calledPlay(t, nil)
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, honest.log(), 0, -1, g.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	return resign(t, rangeOf(t, files(t, b.Bytes()), ledgertest.Forge(t, g.key, g.Events...)), g.key)
}

// A trace does not show the events between, but the one right behind a decision it does.
func TestTraceOfAWrongCall(t *testing.T) {
	g, about := calledPlay(t, nil)
	honest := makeTrace(t, g.log(), "job_1", packspec.DecisionAt{Grant: grantOpen}).Trace
	wrong := wrongCall(t, callDone, wrongCalls[4].change)
	tree := ledgertest.Forge(t, wrong.key, wrong.Events...)
	_, signed := tree.Checkpoint()
	tr := honest
	for seq, part := range map[ledger.Seq][2]*string{0: {&tr.Created, &tr.CreatedProof}, about[2].Seq(): {&tr.Event, &tr.Proof}, about[3].Seq(): {&tr.Settlement, &tr.SettlementProof}} {
		proof, err := tree.ProofIn(t.Context(), signed, seq)
		if err != nil {
			t.Fatal(err)
		}
		*part[0], *part[1] = string(wrong.Events[seq].Bytes()), proof.String()
	}
	r := verifyTrace(t, traceFile(t, tr), wrong.key)
	if r.Verified || r.Failure.Level != finding.LevelChain || !strings.Contains(r.Failure.Error(), "call_prev") {
		t.Errorf("it verifies: %t, %v", r.Verified, r.Failure)
	}
}
