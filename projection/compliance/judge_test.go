package compliance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection/compliance"
)

// A fact is an event of a job or, if job is "", of the ledger.
type fact struct {
	job     string
	payload ledger.Payload
}

// history returns a ledger with these events behind its first.
func history(t *testing.T, facts ...fact) []ledger.Event {
	t.Helper()
	events := []ledger.Event{ledgertest.First(ledgertest.Key("gait.example/log").VerifierKey())}
	entropy := ledgertest.Entropy(7)
	newest := map[string]ledger.Event{}
	for i, f := range facts {
		before := events[len(events)-1]
		at := ledgertest.Now().Add(time.Duration(i) * time.Second).UTC().Truncate(time.Millisecond)
		id, err := ledger.NewULID(at, entropy)
		if err != nil {
			t.Fatal(err)
		}
		d := ledger.Draft{Seq: before.Seq() + 1, ID: id, Origin: before.Origin(), Time: at, Actor: "tester", Prev: before.LeafHash(), Payload: f.payload, JobID: f.job}
		if f.payload.Type() == ledger.TypeIndexCommitted {
			d.Actor = ledger.ActorGait
		}
		if last, there := newest[f.job]; f.job != "" {
			d.JobSeq, d.Revision = 1, 1
			if there {
				d.JobSeq, d.Revision, d.JobPrev = last.JobSeq()+1, last.Revision()+1, last.LeafHash()
			}
		}
		e, err := ledger.Seal(d)
		if err != nil {
			t.Fatalf("event %d: %v", i+1, err)
		}
		newest[f.job] = e
		events = append(events, e)
	}
	return events
}

var digest = ledger.LeafHash([]byte("something"))

// Payloads of the stories.
var (
	submitted = ledger.Submitted{EnvironmentFingerprint: "envfp:1", ProducerVersion: "gait/test"}
	bound     = ledger.Submitted{EnvironmentFingerprint: "envfp:1", ProducerVersion: "gait/test", PolicyDigest: digest}
	asked     = ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "refund", RequiredAction: "approve"}
	progress  = ledger.CheckpointAdded{CheckpointID: "cp_0002", CheckpointType: ledger.CheckpointProgress, Summary: "half"}
	failed    = ledger.CheckpointAdded{CheckpointID: "cp_0003", CheckpointType: ledger.CheckpointFailed, Summary: "broken"}
	approved  = ledger.Approved{CheckpointID: "cp_0001", Reason: "checked", Target: digest}
	resumed   = ledger.Resumed{ExpectedFingerprint: "envfp:1", ActualFingerprint: "envfp:1"}
	elsewhere = ledger.Resumed{ExpectedFingerprint: "envfp:1", ActualFingerprint: "envfp:2"}
	explained = ledger.Resumed{ExpectedFingerprint: "envfp:1", ActualFingerprint: "envfp:2", Reason: "moved"}
	paused    = ledger.Paused{Reason: "lunch"}
	stopped   = ledger.Stopped{Reason: "fire"}
)

func allow(n int) ledger.GateDecided {
	return ledger.GateDecided{
		Verdict: ledger.GateAllow, Tool: "refund", Intent: ledger.Content{Digest: digest, Size: 3}, ReasonCode: "policy_permits",
		PolicyDigest: digest, DeterminedBy: []string{"refunds"}, Engine: "cedar", Grant: grant(n),
	}
}

func grant(n int) string { return fmt.Sprintf("01M82FCH4GNXAQ1XD1G45QNX%02d", n) }

func settled(n int, outcome ledger.EffectOutcome) ledger.EffectSettled {
	return ledger.EffectSettled{Grant: grant(n), Outcome: outcome}
}

// What a control is for a job depends on which events there are and, if it asks for an answer, on
// which comes last.
func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name      string
		framework compliance.Framework
		control   string
		story     []ledger.Payload
		want      compliance.Status
		why       string
	}{
		{"nothing waits", compliance.NISTAIRMF, "MAP 3.5", []ledger.Payload{submitted}, compliance.NotApplicable, ""},
		{"a decision waits", compliance.NISTAIRMF, "MAP 3.5", []ledger.Payload{submitted, asked}, compliance.Absent, "no verdict_given or cancelled or emergency_stopped"},
		{"a decision was given", compliance.NISTAIRMF, "MAP 3.5", []ledger.Payload{submitted, asked, approved}, compliance.Present, ""},
		{"a newer one waits", compliance.NISTAIRMF, "MAP 3.5", []ledger.Payload{submitted, asked, approved, resumed, asked}, compliance.Absent, "no verdict_given or cancelled or emergency_stopped after the newest decision_asked"},
		{"stopped instead", compliance.NISTAIRMF, "MAP 3.5", []ledger.Payload{submitted, asked, stopped}, compliance.Present, ""},
		{"no policy", compliance.SOC2, "CC5.3", []ledger.Payload{submitted}, compliance.Absent, "no policy_bound"},
		{"policy, and no gate", compliance.SOC2, "CC5.3", []ledger.Payload{bound}, compliance.Absent, "no gate_asked"},
		{"policy and gate", compliance.SOC2, "CC5.3", []ledger.Payload{bound, allow(1)}, compliance.Present, ""},
		{"no grant", compliance.SOC2, "PI1.3", []ledger.Payload{bound}, compliance.NotApplicable, ""},
		{"open grant", compliance.SOC2, "PI1.3", []ledger.Payload{bound, allow(1)}, compliance.Absent, "no effect_settled"},
		{"settled grant", compliance.SOC2, "PI1.3", []ledger.Payload{bound, allow(1), settled(1, ledger.EffectDone)}, compliance.Present, ""},
		{"one of two settled", compliance.SOC2, "PI1.3", []ledger.Payload{bound, allow(1), allow(2), settled(1, ledger.EffectDone)}, compliance.Absent, "grant_open"},
		{"unknown", compliance.SOC2, "PI1.3", []ledger.Payload{bound, allow(1), settled(1, ledger.EffectDone), allow(2), settled(2, ledger.EffectUnknown)}, compliance.Absent, "grant_open"},
		{"unknown, then known", compliance.SOC2, "PI1.3", []ledger.Payload{bound, allow(2), settled(2, ledger.EffectUnknown), settled(2, ledger.EffectNotDone)}, compliance.Present, ""},
		{"failed, and nobody acted", compliance.EUAIAct, "Article 26(5)", []ledger.Payload{submitted, paused, resumed, failed}, compliance.Absent, "no verdict_given or cancelled or emergency_stopped or resumed or effect_settled after the newest blocked or failed or emergency_stopped or gate_blocked or stop_held or effect_unknown"},
		{"stopped is acting", compliance.EUAIAct, "Article 26(5)", []ledger.Payload{submitted, stopped}, compliance.Present, ""},
		{"paused", compliance.SOC2, "CC7.5", []ledger.Payload{submitted, paused}, compliance.Absent, "no resumed or job_ended"},
		{"paused and resumed", compliance.SOC2, "CC7.5", []ledger.Payload{submitted, paused, resumed}, compliance.Present, ""},
		{"elsewhere", compliance.SOC2, "CC8.1", []ledger.Payload{submitted, paused, elsewhere}, compliance.Absent, "no change_reasoned"},
		{"elsewhere, with a reason", compliance.SOC2, "CC8.1", []ledger.Payload{submitted, paused, explained}, compliance.Present, ""},
		{"monitored", compliance.ISO42001, "A.6.2.6", []ledger.Payload{submitted, progress}, compliance.Present, ""},
		{"not monitored", compliance.ISO42001, "A.6.2.6", []ledger.Payload{submitted}, compliance.Absent, "no progress_recorded or gate_asked or attempt_recorded"},
	} {
		var facts []fact
		for _, p := range tt.story {
			facts = append(facts, fact{"job_1", p})
		}
		got := findingOf(t, reportOf(tt.framework, history(t, facts...)), tt.control)
		why := ""
		if len(got.Lacking) == 1 && got.Lacking[0].JobID == "job_1" {
			why = got.Lacking[0].Why
		}
		if got.Status != tt.want || why != tt.why {
			t.Errorf("%s: %s is %s (%q), want %s (%q)", tt.name, tt.control, got.Status, why, tt.want, tt.why)
		}
	}
}

func findingOf(t *testing.T, r compliance.Report, id string) compliance.Finding {
	t.Helper()
	for _, f := range r.Controls {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("%s has no control %s", r.Framework, id)
	return compliance.Finding{}
}

// Of several jobs a control is absent if it is for one, and applies if it does to one. The events
// of another job are no answer.
func TestJudgeSeveral(t *testing.T) {
	events := history(t, fact{"a", submitted}, fact{"a", asked}, fact{"b", submitted}, fact{"b", asked}, fact{"b", approved}, fact{"c", submitted})
	got := findingOf(t, reportOf(compliance.NISTAIRMF, events), "MAP 3.5")
	want := compliance.Counts{Absent: 1, NotApplicable: 1, Present: 1}
	if got.Status != compliance.Absent || *got.Jobs != want || len(got.Lacking) != 1 || got.Lacking[0].JobID != "a" {
		t.Errorf("MAP 3.5 of three jobs = %+v", got)
	}
	index := history(t, fact{"a", submitted}, fact{"", ledger.IndexCommitted{Index: digest}})
	if got := findingOf(t, reportOf(compliance.ISO42001, index), "A.6.2.8"); got.Status != compliance.Present {
		t.Errorf("a sign of the ledger does not count for its jobs: %+v", got)
	}
}

// A report names the first events and jobs, and counts all.
func TestLimits(t *testing.T) {
	var facts []fact
	for i := range 40 {
		facts = append(facts, fact{fmt.Sprintf("job_%02d", 39-i), submitted})
	}
	r := reportOf(compliance.SOC2, history(t, facts...))
	got := findingOf(t, r, "CC5.3")
	if got.Jobs.Absent != 40 || len(got.Lacking) != compliance.MaxLacking || got.Lacking[0].JobID != "job_00" {
		t.Errorf("CC5.3 of 40 jobs = %+v", got)
	}
	var begun compliance.Evidence
	for _, e := range findingOf(t, r, "CC2.1").Evidence {
		if e.Sign == compliance.JobBegun {
			begun = e
		}
	}
	if begun.Count != 40 || len(begun.Events) != compliance.MaxEvents || begun.Events[0].Seq != 1 || begun.Events[15].Seq != 16 {
		t.Errorf("the evidence of 40 jobs = %+v", begun)
	}
	if text := r.Markdown(); !strings.Contains(text, "and 24 more") || !strings.Contains(text, "- absent for 24 more\n") {
		t.Errorf("the text does not say how many more there are:\n%s", text)
	}
	if r.Scope.EventCount != 41 || r.Scope.JobCount != 40 || r.Scope.First >= r.Scope.Last {
		t.Errorf("the scope is %+v", r.Scope)
	}
}

// No text of the ledger ends a code span or a cell of the Markdown.
func TestMarkdownIsQuoted(t *testing.T) {
	b := compliance.New(compliance.SOC2, compliance.Scope{Labels: []string{"a=`|<b>\n# x"}})
	text := b.Report(compliance.Tree{Origin: "o`|"}).Markdown()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "- scope: ") {
			if diff := cmp.Diff("- scope: jobs labelled `a='¦<b> # x`, 0 events of 0 jobs\n", line); diff != "" {
				t.Error(diff)
			}
			return
		}
	}
	t.Errorf("the text says no scope:\n%s", text)
}
