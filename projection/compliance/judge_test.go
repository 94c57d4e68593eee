package compliance_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection/compliance"
)

// A fact is an event of a job or, if job is "", of the ledger. Its actor is, if by is "", worker,
// and of what people do boss. A verdict is on the checkpoint that it names, or else on the job's
// newest pause.
type fact struct {
	job     string
	payload ledger.Payload
	by      string
}

func (f fact) actor() string {
	switch f.payload.(type) {
	case ledger.IndexCommitted:
		return ledger.ActorGait
	case ledger.Approved, ledger.Denied, ledger.Resumed, ledger.Paused, ledger.Cancelled, ledger.Stopped, ledger.ActorEnrolled, ledger.ActorRevoked, ledger.AuthoritySet:
		return cmp.Or(f.by, "boss")
	}
	return cmp.Or(f.by, "worker")
}

// aimed returns the payload of a verdict with its target.
func (f fact) aimed(before []ledger.Event) ledger.Payload {
	for _, e := range before {
		target := e.LeafHash()
		switch p := f.payload.(type) {
		case ledger.Approved:
			if e.JobID() == f.job && asks(e, p.CheckpointID) {
				p.Target = target
				f.payload = p
			}
		case ledger.Denied:
			if e.JobID() == f.job && asks(e, p.CheckpointID) {
				p.Target = target
				f.payload = p
			}
		}
	}
	return f.payload
}

func asks(e ledger.Event, checkpoint string) bool {
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		return p.CheckpointID == checkpoint
	case ledger.GateDecided:
		return checkpoint != "" && p.CheckpointID == checkpoint
	case ledger.Paused:
		return checkpoint == ""
	}
	return false
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
		d := ledger.Draft{Seq: before.Seq() + 1, ID: id, Origin: before.Origin(), Time: at, Actor: f.actor(), Prev: before.LeafHash(), Payload: f.aimed(events), JobID: f.job}
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
	twice     = ledger.CheckpointAdded{CheckpointID: "cp_0004", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "delete", RequiredAction: "approve", Decision: ledger.Decision{Quorum: 2}}
	denied    = ledger.Denied{CheckpointID: "cp_0001", Reason: "no", Target: digest}
	both      = ledger.Approved{CheckpointID: "cp_0004", Reason: "checked", Target: digest}
	second    = ledger.CheckpointAdded{CheckpointID: "cp_0005", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "refund again", RequiredAction: "approve"}
	blocked   = ledger.CheckpointAdded{CheckpointID: "cp_0006", CheckpointType: ledger.CheckpointBlocked, Summary: "stuck", RequiredAction: "help"}
	unblocked = ledger.Approved{CheckpointID: "cp_0006", Reason: "looked at", Target: digest}
	unbound   = ledger.Resumed{ExpectedFingerprint: "envfp:1", ActualFingerprint: "envfp:1", PreviousPolicyDigest: digest, PolicyChanged: true}
	cancelled = ledger.Cancelled{Reason: "enough"}
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

var (
	block      = ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "delete", Intent: ledger.Content{Digest: digest, Size: 3}, ReasonCode: "policy_permits_none", PolicyDigest: digest, Engine: "cedar"}
	repeat     = ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "refund", Intent: ledger.Content{Digest: digest, Size: 3}, ReasonCode: "already_done", PolicyDigest: digest}
	commitment = fact{payload: ledger.IndexCommitted{Index: digest}}
)

func answered(n int) ledger.EffectSettled {
	s := settled(n, ledger.EffectDone)
	s.Result = ledger.Content{Digest: digest, Size: 3}
	return s
}

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
		story     []any // payloads and facts
		want      compliance.Status
		why       string
	}{
		{"nothing waits", compliance.NISTAIRMF, "MAP 3.5", []any{submitted}, compliance.NotApplicable, ""},
		{"a decision waits", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, asked}, compliance.Absent, "no decision_decided"},
		{"a decision was given", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, asked, approved}, compliance.Present, ""},
		{"denied", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, asked, denied}, compliance.Present, ""},
		{"the older of two waits", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, second, asked, approved}, compliance.Absent, "decision_open"},
		{"a newer one waits", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, asked, approved, resumed, second}, compliance.Absent, "decision_open"},
		{"a verdict on a pause", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, asked, paused, ledger.Approved{Reason: "go on", Target: digest}}, compliance.Absent, "no decision_decided"},
		{"one of two approvals", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, twice, both, both}, compliance.Absent, "no decision_decided"},
		{"two of two approvals", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, twice, both, fact{"job_1", both, "other"}}, compliance.Present, ""},
		{"stopped instead", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, asked, stopped}, compliance.Present, ""},
		{"cancelled by who asked", compliance.NISTAIRMF, "MAP 3.5", []any{submitted, asked, fact{"job_1", cancelled, "worker"}}, compliance.Absent, "no decision_decided"},
		{"policy taken away", compliance.SOC2, "CC5.3", []any{bound, allow(1), unbound}, compliance.Absent, "no policy_in_force"},
		{"paused by the worker", compliance.EUAIAct, "Article 14(4)(e)", []any{submitted, progress, fact{"job_1", paused, "worker"}}, compliance.Absent, "no intervened"},
		{"paused by another", compliance.EUAIAct, "Article 14(4)(e)", []any{submitted, progress, paused}, compliance.Present, ""},
		{"no result", compliance.SOC2, "PI1.4", []any{bound, allow(1), settled(1, ledger.EffectDone), allow(2), answered(2)}, compliance.Absent, "result_missing"},
		{"each with its result", compliance.SOC2, "PI1.4", []any{bound, allow(2), answered(2)}, compliance.Present, ""},
		{"nothing done", compliance.SOC2, "PI1.4", []any{bound, allow(1), settled(1, ledger.EffectNotDone)}, compliance.NotApplicable, ""},
		{"committed", compliance.SOC2, "CC2.1", []any{submitted, progress, commitment}, compliance.Present, ""},
		{"more after the commitment", compliance.SOC2, "CC2.1", []any{submitted, commitment, progress}, compliance.Absent, "after_commitment"},
		{"unsigned", compliance.NISTAIRMF, "MEASURE 2.8", []any{submitted, commitment}, compliance.Absent, "no command_signed"},
		{"no policy", compliance.SOC2, "CC5.3", []any{submitted}, compliance.Absent, "no policy_in_force"},
		{"policy, and no gate", compliance.SOC2, "CC5.3", []any{bound}, compliance.Absent, "no gate_asked"},
		{"policy and gate", compliance.SOC2, "CC5.3", []any{bound, allow(1)}, compliance.Present, ""},
		{"no grant", compliance.SOC2, "PI1.3", []any{bound}, compliance.NotApplicable, ""},
		{"open grant", compliance.SOC2, "PI1.3", []any{bound, allow(1)}, compliance.Absent, "no effect_settled"},
		{"settled grant", compliance.SOC2, "PI1.3", []any{bound, allow(1), settled(1, ledger.EffectDone)}, compliance.Present, ""},
		{"one of two settled", compliance.SOC2, "PI1.3", []any{bound, allow(1), allow(2), settled(1, ledger.EffectDone)}, compliance.Absent, "grant_open"},
		{"unknown", compliance.SOC2, "PI1.3", []any{bound, allow(1), settled(1, ledger.EffectDone), allow(2), settled(2, ledger.EffectUnknown)}, compliance.Absent, "grant_open"},
		{"unknown, then known", compliance.SOC2, "PI1.3", []any{bound, allow(2), settled(2, ledger.EffectUnknown), settled(2, ledger.EffectNotDone)}, compliance.Present, ""},
		{"failed, and nobody acted", compliance.EUAIAct, "Article 26(5)", []any{submitted, paused, resumed, failed}, compliance.Absent, "no trouble_answered"},
		{"blocked, and it goes on with something else", compliance.EUAIAct, "Article 26(5)", []any{bound, allow(1), block, settled(1, ledger.EffectDone)}, compliance.Absent, "no trouble_answered"},
		{"blocked, and the worker resumes", compliance.EUAIAct, "Article 26(5)", []any{bound, block, fact{"job_1", paused, "worker"}, fact{"job_1", resumed, "worker"}}, compliance.Absent, "no trouble_answered"},
		{"blocked, and another pauses", compliance.EUAIAct, "Article 26(5)", []any{bound, block, paused}, compliance.Present, ""},
		{"blocked, and a verdict on what was asked before", compliance.EUAIAct, "Article 26(5)", []any{bound, asked, block, approved}, compliance.Absent, "no trouble_answered"},
		{"blocked, and a verdict on that", compliance.EUAIAct, "Article 26(5)", []any{bound, blocked, unblocked}, compliance.Present, ""},
		{"one of two looked at", compliance.EUAIAct, "Article 26(5)", []any{bound, blocked, unblocked, resumed, block}, compliance.Absent, "trouble_open"},
		{"unknown, and another found out", compliance.EUAIAct, "Article 26(5)", []any{bound, allow(1), settled(1, ledger.EffectUnknown), fact{"job_1", settled(1, ledger.EffectDone), "boss"}}, compliance.Present, ""},
		{"unknown, and only resumed", compliance.EUAIAct, "Article 26(5)", []any{bound, allow(1), settled(1, ledger.EffectUnknown), paused, resumed}, compliance.Absent, "no trouble_answered"},
		{"a call that was done is tried again", compliance.EUAIAct, "Article 26(5)", []any{bound, allow(1), settled(1, ledger.EffectDone), repeat}, compliance.NotApplicable, ""},
		{"stopped is acting", compliance.EUAIAct, "Article 26(5)", []any{submitted, stopped}, compliance.Present, ""},
		{"stopped by the worker", compliance.EUAIAct, "Article 26(5)", []any{submitted, progress, fact{"job_1", stopped, "worker"}}, compliance.Absent, "no trouble_answered"},
		{"paused", compliance.SOC2, "CC7.5", []any{submitted, paused}, compliance.Absent, "no resumed or job_ended"},
		{"paused and resumed", compliance.SOC2, "CC7.5", []any{submitted, paused, resumed}, compliance.Present, ""},
		{"elsewhere", compliance.SOC2, "CC8.1", []any{submitted, paused, elsewhere}, compliance.Absent, "no change_reasoned"},
		{"elsewhere, with a reason", compliance.SOC2, "CC8.1", []any{submitted, paused, explained}, compliance.Present, ""},
		{"one of two with a reason", compliance.SOC2, "CC8.1", []any{submitted, paused, elsewhere, paused, explained}, compliance.Absent, "change_unreasoned"},
		{"an approval of something else", compliance.SOC2, "CC8.1", []any{submitted, asked, approved, ledger.Resumed{ExpectedFingerprint: "envfp:1", ActualFingerprint: "envfp:1", CurrentPolicyDigest: digest, PolicyChanged: true, Consumes: []ledger.Hash{digest}}}, compliance.Absent, "no change_reasoned"},
		{"monitored", compliance.ISO42001, "A.6.2.6", []any{submitted, progress}, compliance.Present, ""},
		{"not monitored", compliance.ISO42001, "A.6.2.6", []any{submitted}, compliance.Absent, "no progress_recorded or gate_asked or attempt_recorded"},
	} {
		var facts []fact
		for _, p := range tt.story {
			f, isFact := p.(fact)
			if !isFact {
				f = fact{job: "job_1", payload: p.(ledger.Payload)}
			}
			facts = append(facts, f)
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
	events := history(t, fact{job: "a", payload: submitted}, fact{job: "a", payload: asked}, fact{job: "b", payload: submitted}, fact{job: "b", payload: asked}, fact{job: "b", payload: approved}, fact{job: "c", payload: submitted})
	got := findingOf(t, reportOf(compliance.NISTAIRMF, events), "MAP 3.5")
	want := compliance.Counts{Absent: 1, NotApplicable: 1, Present: 1}
	if got.Status != compliance.Absent || *got.Jobs != want || len(got.Lacking) != 1 || got.Lacking[0].JobID != "a" {
		t.Errorf("MAP 3.5 of three jobs = %+v", got)
	}
	index := history(t, fact{job: "a", payload: submitted}, fact{payload: ledger.IndexCommitted{Index: digest}})
	if got := findingOf(t, reportOf(compliance.ISO42001, index), "A.6.2.8"); got.Status != compliance.Present {
		t.Errorf("a sign of the ledger does not count for its jobs: %+v", got)
	}
}

// A report names the first events and jobs, and counts all.
func TestLimits(t *testing.T) {
	var facts []fact
	for i := range 40 {
		facts = append(facts, fact{job: fmt.Sprintf("job_%02d", 39-i), payload: submitted})
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
			if diff := gocmp.Diff("- scope: jobs labelled `a='¦<b> # x`, 0 events of 0 jobs\n", line); diff != "" {
				t.Error(diff)
			}
			return
		}
	}
	t.Errorf("the text says no scope:\n%s", text)
}
