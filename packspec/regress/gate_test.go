package regress_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/regress"
)

// payments is a job in which the gate allows a payment, which was done, asks about another tool,
// and blocks a third. edit changes the decisions before they are written.
func payments(t *testing.T, digest byte, grant string, edit func([]ledger.GateDecided)) *ledgertest.Ledger {
	t.Helper()
	policy := ledger.Hash{digest, 1}
	answers := []ledger.GateDecided{
		{Verdict: ledger.GateAllow, Tool: "pay", Grant: grant, ReasonCode: "policy_permits"},
		{Verdict: ledger.GateBlock, Tool: "wipe", ReasonCode: "policy_permits_none"},
		{Verdict: ledger.GateRequireApproval, Tool: "refund", CheckpointID: "cp_0001", ReasonCode: "policy_requires_approval", RequiredAction: "approve"},
	}
	for i := range answers {
		answers[i].PolicyDigest, answers[i].Intent = policy, ledger.Content{Digest: ledger.Hash{digest, byte(2 + i)}, Size: 40}
		answers[i].Facts.Shown = []ledger.Label{{Key: "arguments.amount", Value: "12"}}
	}
	answers[0].ContentKey = ledger.Hash{digest, 9}
	if edit != nil {
		edit(answers)
	}
	l := ledgertest.New(t)
	event := func(p ledger.Payload) ledgertest.EventSpec { return ledgertest.EventSpec{Job: "job_1", Payload: p} }
	ledgertest.Append(t, l.Log, event(ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "x", PolicyDigest: policy}), event(answers[0]))
	if answers[0].Verdict == ledger.GateAllow {
		ledgertest.Append(t, l.Log, event(ledger.EffectSettled{Grant: grant, Outcome: ledger.EffectDone, Reason: "paid"}))
	}
	ledgertest.Append(t, l.Log, event(answers[1]), event(answers[2]))
	return l
}

const (
	grantA = "01K5V3Y0CMA1J0X0Q2T0F8R9D1"
	grantB = "01K5V3Y0CMA1J0X0Q2T0F8R9D2"
)

// gateFixture returns a fixture of payments.
func gateFixture(t *testing.T, c regress.Config) *regress.Fixture {
	t.Helper()
	l := payments(t, 1, grantA, nil)
	var pack packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &pack, l.Log, "job_1", l.Key, packspec.JobOptions{}); err != nil {
		t.Fatal(err)
	}
	files, err := regress.Files(c, regress.History{Events: l.JobEvents(t.Context(), "job_1", 1)})
	if err != nil {
		t.Fatal(err)
	}
	dir := fstest.MapFS{regress.PackFile: {Data: pack.Bytes()}}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: text}
	}
	f, err := regress.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := f.Replay(nil); err != nil || !c.Pass {
		t.Fatalf("Replay = %+v, %v", c, err)
	}
	return f
}

// Decisions of the gate are compared by tool, verdict and intent; a shown field of an intent can
// be masked.
func TestGateIsCompared(t *testing.T) {
	amount := func(value string) func([]ledger.GateDecided) {
		return func(all []ledger.GateDecided) {
			all[0].Facts.Shown = []ledger.Label{{Key: "arguments.amount", Value: value}}
			all[0].Intent.Size++
		}
	}
	masked := map[string]string{"arguments.amount": `[0-9]+`}
	for _, tt := range []struct {
		name    string
		intents map[string]string
		edit    func([]ledger.GateDecided)
		field   string // of the divergence; "" if there is none
	}{
		{"the same", nil, nil, ""},
		{"another tool", nil, func(all []ledger.GateDecided) { all[1].Tool = "burn" }, "/payload/tool"},
		{"another verdict", nil, func(all []ledger.GateDecided) {
			all[0].Verdict, all[0].Grant = ledger.GateBlock, ""
		}, "/payload/verdict"},
		{"the same intent twice", nil, func(all []ledger.GateDecided) { all[1].Intent = all[0].Intent }, "/payload/intent/digest"},
		{"another amount", nil, amount("13"), "/payload/facts/shown/arguments.amount"},
		{"another amount that is masked", masked, amount("13"), ""},
		{"an amount that does not match", masked, amount(`"13"`), "/payload/facts/shown/arguments.amount"},
	} {
		f := gateFixture(t, regress.Config{Name: "pay", Compare: []string{regress.Gate}, Intents: tt.intents})
		l := payments(t, 7, grantB, tt.edit)
		all, err := f.Behave(regress.History{Events: l.JobEvents(t.Context(), "job_1", 1)})
		if err != nil || len(all) != 1 || all[0].Name != regress.Gate {
			t.Fatalf("%s: Behave = %+v, %v", tt.name, all, err)
		}
		switch d := all[0].Divergence; {
		case all[0].Pass != (tt.field == ""):
			t.Errorf("%s: passes: %t, %s", tt.name, all[0].Pass, d)
		case d != nil && d.Field != tt.field:
			t.Errorf("%s: it differs in %s, want %s: %s", tt.name, d.Field, tt.field, d)
		}
	}
}

// A pattern for a field that no intent shows is reported.
func TestUnusedIntentPattern(t *testing.T) {
	f := gateFixture(t, regress.Config{Name: "pay", Compare: []string{regress.Gate}, Intents: map[string]string{"arguments.amount": "[0-9]+", "arguments.amuont": "x"}})
	unused, err := f.Unused(regress.History{})
	if err != nil || !slices.Equal(unused, []string{"the field arguments.amuont of intents"}) {
		t.Errorf("Unused = %q, %v", unused, err)
	}
	long := fstest.MapFS{regress.ConfigFile: {Data: []byte("name: pay\ncompare: [gate]\nintents: {a: '" + strings.Repeat("x", 2000) + "'}\n")}}
	if _, err := regress.Load(long); !errors.Is(err, regress.ErrFixture) || !strings.Contains(err.Error(), "intents: a: a pattern of 2000 bytes is too long") {
		t.Errorf("with a pattern of 2000 bytes Load = %v", err)
	}
}
