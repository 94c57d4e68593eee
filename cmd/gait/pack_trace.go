package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gait/commands/gate"
	"gait/commands/recall"
	"gait/ledger"
	"gait/packspec"
)

// maxGatePolicy is how large the file of a gate's policy is that is compared with a trace.
const maxGatePolicy = gate.MaxPolicy

// A traceToVerify is what pack verify was given with a trace.
type traceToVerify struct {
	path   string
	text   []byte
	policy string // file with the gate's policy, or ""
	given  string // the file with the only keys to trust, or ""
}

// verifyTrace verifies a trace, compares it with what was seen of its ledger, and reports it.
func verifyTrace(a *app, t traceToVerify, memory recall.Memory, o packspec.Options) error {
	if o.Profile != packspec.ProfileStandard {
		return &usageError{code: "invalid_profile", text: "a trace shows one decision, and not that none is missing: it has no profile " + string(o.Profile), hint: "leave --profile out, or ask for a pack of the job"}
	}
	if len(o.AdminKeys) > 0 {
		return &usageError{code: "invalid_usage", text: "--admin-key goes with a pack: a trace has no authority events", hint: "leave --admin-key out, or ask for a pack of the job"}
	}
	var policy []byte
	if t.policy != "" {
		var err error
		if policy, err = a.readFile(t.policy, maxGatePolicy); err != nil {
			return err
		}
	}
	report, err := memory.VerifyTrace(t.text, o, policy, t.policy)
	if err != nil {
		return fmt.Errorf("verifying %s: %w", t.path, err)
	}
	a.about(report.JobID)
	if !a.json {
		s := a.screen()
		showReport(s, t.path, report.Report)
		showTraced(s, report)
		if _, err := a.stdout.Write([]byte(s.String())); err != nil {
			return err
		}
	}
	if !report.Verified {
		return &traceError{verifyError: notVerified(t.path, t.given, report.Report), whole: report}
	}
	memory.KeepCheckpointOf(report.Report)
	if a.json {
		return a.print(object{"path": t.path, "report": report}, nil)
	}
	return nil
}

// A traceError says that a trace does not verify, with the whole report.
type traceError struct {
	*verifyError
	whole packspec.TraceReport
}

func (e *traceError) fields() object {
	fields := e.verifyError.fields()
	fields["report"] = e.whole
	return fields
}

// showTraced says in a sentence what a trace that verifies shows.
func showTraced(s *screen, report packspec.TraceReport) {
	if !report.Verified {
		return
	}
	e, err := ledger.Interpret(report.Decision)
	if err != nil {
		return // it was read before, so it can be read
	}
	d := packspec.DecisionOf(e)
	if report.Settlement != nil {
		if settled, err := ledger.Interpret(report.Settlement); err == nil {
			d.Settle(settled)
		}
	}
	fmt.Fprintf(s, "event %d of job %s, at %s: %s\n", d.Seq, s.bold(report.JobID), d.CreatedAt, plain(decisionInWords(d)))
}

// inspectTrace shows what a trace says.
func inspectTrace(a *app, path string, text []byte) error {
	t, err := packspec.InspectTrace(text)
	if err != nil {
		return fmt.Errorf("inspecting %s: %w", path, err)
	}
	a.about(t.JobID)
	return a.print(object{"path": path, "trace": t}, func(s *screen) {
		fmt.Fprintf(s, "%s  event %d of job %s of %s\n", s.bold(plain(path)), t.Decision.Seq, plain(t.JobID), t.Origin)
		s.fields(decisionFields(t.Decision)...)
		signed := ""
		if t.Command != "" {
			signed = "by " + t.Decision.Actor + ", as " + t.Command
		}
		s.fields([2]string{"signed", signed}, [2]string{"authority", t.Authority}, [2]string{"key", t.Key},
			[2]string{"ledger", fmt.Sprintf("%s, root %s", count(t.Size, "event"), t.Root)})
		fmt.Fprintf(s, "%s\n", s.yellow("nothing here was verified"))
		s.next("gait pack verify " + quoted(path))
	})
}

// decisionInWords says in one line what was decided, and what became of it.
func decisionInWords(d *packspec.Decision) string {
	says := map[ledger.GateVerdict]string{
		ledger.GateAllow: "allowed", ledger.GateBlock: "blocked", ledger.GateRequireApproval: "asked for approval of",
	}[d.Verdict] + " " + d.Tool
	if d.CallID != "" {
		says += " (call " + d.CallID + ")"
	}
	says += " for " + d.Actor + ": " + d.ReasonCode
	if d.CheckpointID != "" {
		says += ", as " + d.CheckpointID
	}
	if d.Grant != "" {
		says += ", grant " + d.Grant + " " + outcomeInWords(d)
	}
	return says
}

// outcomeInWords says what became of a grant.
func outcomeInWords(d *packspec.Decision) string {
	if d.Settlement == nil {
		return "open"
	}
	return fmt.Sprintf("settled as %s by %s, event %d", d.Outcome, d.Settlement.Actor, d.Settlement.Seq)
}

// decisionFields are the fields of a decision, to people.
func decisionFields(d *packspec.Decision) [][2]string {
	policy, outcome, asked := "", "", ""
	if d.PolicyDigest != "" {
		policy = d.PolicyDigest
		if len(d.DeterminedBy) > 0 {
			policy += ", determined by " + strings.Join(d.DeterminedBy, ", ")
		}
	}
	if d.Grant != "" {
		outcome = d.Grant + ", " + outcomeInWords(d)
		if s := d.Settlement; s != nil && s.Reason != "" {
			outcome += ": " + s.Reason
		}
	}
	if d.CheckpointID != "" {
		asked = d.CheckpointID + ": " + d.RequiredAction
	}
	fields := [][2]string{
		{"verdict", fmt.Sprintf("%s (%s)", d.Verdict, d.ReasonCode)},
		{"tool", d.Tool},
		{"call", d.CallID},
		{"actor", d.Actor},
		{"time", d.CreatedAt},
		{"intent", intentText(d.Intent, d.IntentSize, d.IntentContent)},
		{"shown", shownText(d.Shown)},
		{"policy", policy},
		{"engine", d.Engine},
		{"grant", outcome},
		{"asked", asked},
	}
	if s := d.Settlement; s != nil {
		fields = append(fields, [2]string{"result", intentText(s.Result, s.ResultSize, s.ResultContent)})
	}
	return fields
}

// intentText shows content by its digest, and its bytes if they are here.
func intentText(digest string, size int64, content json.RawMessage) string {
	if digest == "" {
		return ""
	}
	says := digest
	if size > 0 {
		says += fmt.Sprintf(" (%s)", count(size, "byte"))
	}
	if content != nil {
		says += ": " + string(content)
	}
	return says
}

// shownText lists the fields of an intent that the policy says may be shown.
func shownText(shown map[string]string) string {
	var list []string
	for _, path := range slices.Sorted(maps.Keys(shown)) {
		list = append(list, path+" = "+shown[path])
	}
	return strings.Join(list, ", ")
}

// maxCell is how much of an intent stands in a cell of a table, in characters.
const maxCell = 160

// showDecisions shows the decisions of the gate in a pack, if there are any.
func showDecisions(s *screen, p packspec.Inspection) {
	if len(p.Gate) == 0 {
		showPolicies(s, p.Policies)
		return
	}
	rows := make([][]any, len(p.Gate))
	for i, d := range p.Gate {
		outcome := d.CheckpointID
		if d.Grant != "" {
			outcome = "grant " + d.Grant + " " + outcomeInWords(d)
		}
		rows[i] = []any{d.Revision, d.Verdict, d.Tool, d.CallID, d.ReasonCode, argumentsText(d), outcome}
	}
	s.table([]any{"rev", "gate", "tool", "call", "reason code", "arguments", "then"}, rows)
	showPolicies(s, p.Policies)
	if p.GateLeftOut > 0 {
		fmt.Fprintf(s, "%s %s of the gate in the pack are too large to be shown\n", s.yellow("note:"), count(p.GateLeftOut, "content"))
	}
}

// showPolicies shows which of the policies that the events name are in a pack.
func showPolicies(s *screen, policies []packspec.PolicyShown) {
	for _, p := range policies {
		if p.Present {
			fmt.Fprintf(s, "policy %s: present, %s\n", p.Digest, count(p.Size, "byte"))
		} else {
			fmt.Fprintf(s, "policy %s: absent\n", p.Digest)
		}
	}
}

// argumentsText shows the intent of a decision: its bytes if they are here, or else the fields that
// may be shown and its digest, in short.
func argumentsText(d *packspec.Decision) string {
	switch {
	case d.IntentContent != nil:
		return shorten(string(d.IntentContent), maxCell)
	case d.Intent == "":
		return ""
	}
	short := "intent " + d.Intent[:16]
	if shown := shownText(d.Shown); shown != "" {
		return shown + ", " + short
	}
	return short
}
