package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec/regress"
	"gait/projection"
)

// after returns today's rules with a mistake in the facts of one type.
func after[P ledger.Payload](mistake func(next *projection.Job, before projection.Job, p P)) projection.Rules {
	return func(j projection.Job, f projection.Fact) (projection.Job, *projection.Refusal) {
		next, no := projection.Next(j, f)
		if p, ok := f.Payload.(P); ok && no == nil {
			mistake(&next, j, p)
		}
		return next, no
	}
}

// refusing returns today's rules, which also refuse some facts.
func refusing(mistake func(projection.Job, projection.Fact) *projection.Refusal) projection.Rules {
	return func(j projection.Job, f projection.Fact) (projection.Job, *projection.Refusal) {
		if no := mistake(j, f); no != nil {
			return j, no
		}
		return projection.Next(j, f)
	}
}

// approveAll approves every decision of a job.
func approveAll(j *projection.Job) {
	for i := range j.Decisions {
		j.Decisions[i].Verdict = projection.Approved
	}
}

// wrongRules are mistakes that could be made in the state machine, each with the
// incident that finds it, and the place it is found at.
var wrongRules = []struct {
	incident, mistake string
	rules             projection.Rules
	event             int64
	field, after      string
}{
	{"approval_after_pause", "an approval lets a paused job run", after(func(j *projection.Job, before projection.Job, _ ledger.Approved) {
		if before.Status == projection.PausedStatus {
			j.Status = projection.Running
		}
	}), 7, "/status", `"running"`},
	{"resume_under_changed_policy", "the job stays under its first policy", after(func(j *projection.Job, before projection.Job, _ ledger.Resumed) {
		j.PolicyDigest = before.PolicyDigest
	}), 11, "", `"resumed cannot follow: the policy before and after does not follow from that of job migration_orders_v9"`},
	{"emergency_stop_during_decision", "a stop spares a job that waits", after(func(j *projection.Job, before projection.Job, _ ledger.Stopped) {
		if before.Status == projection.DecisionNeeded {
			j.Status = before.Status
		}
	}), 5, "/status", `"decision_needed"`},
	{"worker_crash_mid_step", "a late checkpoint wakes the job", after(func(j *projection.Job, before projection.Job, p ledger.CheckpointAdded) {
		if p.Late && before.Status == projection.PausedStatus {
			j.Status, j.StopReason, j.ReasonCode = projection.Running, projection.StopNone, projection.ReasonResumed
		}
	}), 6, "/status", `"running"`},
	{"worker_crash_mid_step", "a late checkpoint is refused", refusing(func(j projection.Job, f projection.Fact) *projection.Refusal {
		if p, ok := f.Payload.(ledger.CheckpointAdded); ok && p.Late {
			return &projection.Refusal{Reason: "the job is paused"}
		}
		return nil
	}), 6, "", `"checkpoint_added cannot follow: the job is paused"`},
	{"deny_then_reversal", "the first verdict counts", after(func(j *projection.Job, before projection.Job, _ ledger.Approved) {
		j.Decisions, j.ReasonCode = before.Decisions, before.ReasonCode
	}), 8, "/status_reason_code", `"decision_denied"`},
	{"deny_then_reversal", "a denial only takes note", after(func(j *projection.Job, before projection.Job, _ ledger.Denied) {
		j.Status, j.StopReason, j.ReasonCode = before.Status, before.StopReason, before.ReasonCode
	}), 5, "/status", `"decision_needed"`},
	{
		"two_decisions_one_approved", "an approval settles all that is open", after(func(j *projection.Job, _ projection.Job, _ ledger.Approved) { approveAll(j) }),
		6, "/waiting_for", `"resume"`,
	},
	{
		"pause_launders_nothing", "a pause clears what is open", after(func(j *projection.Job, _ projection.Job, _ ledger.Paused) { j.Decisions = nil }),
		4, "/waiting_for", `"resume"`,
	},
	{"pause_launders_nothing", "a pause clears what is denied", after(func(j *projection.Job, before projection.Job, _ ledger.Paused) {
		if before.StopReason == projection.StopDecisionDenied {
			j.Decisions = nil
		}
	}), 8, "/waiting_for", `"resume"`},
	{"clock_stepped_back", "what has the time of the event before is that event again", refusing(func(j projection.Job, f projection.Fact) *projection.Refusal {
		if ledger.FormatTime(f.At) == j.Updated {
			return &projection.Refusal{Reason: "it was there before"}
		}
		return nil
	}), 4, "", `"checkpoint_added cannot follow: it was there before"`},
	{"moved_to_another_machine", "an override binds the job to the other machine", after(func(j *projection.Job, _ projection.Job, p ledger.Resumed) {
		j.EnvironmentFingerprint = p.ActualFingerprint
	}), 9, "", `"resumed cannot follow: job model_eval_0316 expects the environment envfp:gpu-pool-b"`},
	{"checkpoint_after_completed", "a refused checkpoint opens the job again", after(func(j *projection.Job, _ projection.Job, p ledger.Refused) {
		if p.Command == "checkpoint add" {
			j.Status = projection.Running
		}
	}), 6, "/status", `"running"`},
	{"block_lifted_by_another", "a block is for ever", refusing(func(j projection.Job, f projection.Fact) *projection.Refusal {
		if _, ok := f.Payload.(ledger.Resumed); ok && j.Status == projection.Blocked {
			return &projection.Refusal{Reason: "it is blocked"}
		}
		return nil
	}), 7, "", `"resumed cannot follow: it is blocked"`},
	{
		"imported_job_continued", "what a pack claims is settled", after(func(j *projection.Job, _ projection.Job, _ ledger.Imported) { approveAll(j) }),
		1, "/waiting_for", `"resume"`,
	},
	{"cancel_races_approve", "a cancel while a decision is open only pauses", after(func(j *projection.Job, before projection.Job, _ ledger.Cancelled) {
		if before.Status == projection.DecisionNeeded {
			j.Status, j.StopReason, j.ReasonCode = projection.PausedStatus, projection.StopPausedByUser, projection.ReasonPaused
		}
	}), 5, "/status", `"paused"`},
	{"approval_stretched", "a block stops the job", after(func(j *projection.Job, _ projection.Job, p ledger.GateDecided) {
		if p.Verdict == ledger.GateBlock {
			j.Status = projection.Blocked
		}
	}), 7, "/status", `"blocked"`},
}

// A mistake in the rules is found by the incident that it would bring back.
func TestIncidentsFindWrongRules(t *testing.T) {
	for _, tt := range wrongRules {
		f, err := regress.Load(os.DirFS(filepath.Join(incidentsDir, tt.incident)))
		must(t, err)
		c, err := f.Replay(tt.rules)
		if err != nil || c.Pass || c.Divergence.Event != tt.event || c.Divergence.Field != tt.field || string(c.Divergence.After) != tt.after {
			t.Errorf("%s: %s: it diverges at %v, %v, want event %d, %q, %s", tt.incident, tt.mistake, c.Divergence, err, tt.event, tt.field, tt.after)
		}
	}
}

// otherRuns are runs of the same work in which something is done differently: what
// replaces what in the story, and at which event the histories part.
var otherRuns = []struct {
	incident, other string
	old, new        string
	scope           string
	event           int64
	field           string
}{
	{
		"double_submit", "the worker repeats a step under a new request id",
		"batch 1 of 4 sent' --request-id feb-batch-1\n02:13", "batch 1 of 4 sent' --request-id feb-batch-1b\n02:13", regress.All, 4, "/payload/summary",
	},
	{
		"retry_after_outcome_unknown", "the retry has no request id",
		"b-1712' --request-id merge-0323-2\n# A clumsy", "b-1712'\n# A clumsy", regress.Checkpoints, 5, "/payload/summary",
	},
	{"self_approval", "another actor approves", "sre-lead: approve", "release-manager: approve", regress.Decisions, 8, "/actor"},
	{"key_rotated_mid_job", "who changed the key also approves", "head-of-accounting: approve", "security-officer: approve", regress.Decisions, 6, "/actor"},
	{
		"worker_crash_mid_step", "the second worker loads a partition again",
		"03:57:00", "03:50:00 etl-agent@worker-2: checkpoint add --summary 'partition 3 of 4 loaded, 41200 rows'\n03:57:00", regress.Checkpoints, 8, "/payload/summary",
	},
	{"worker_crash_mid_step", "a row count that is none", "partition 1 of 4 loaded, 40881 rows", "partition 1 of 4 loaded, no rows", regress.Checkpoints, 3, "/payload/summary"},
	{
		"cancel_races_approve", "finance is faster",
		"14:00:01 campaign-owner: cancel --if-revision 4", "14:00:00 finance-partner: approve --reason 'within the quarter'\n14:00:01 campaign-owner: cancel",
		regress.Decisions, 5, "",
	},
	{
		"approval_stretched", "the agent pays another sum after the approval", "--intent ./refund.json\n10:21:10", "--intent ./voucher.json\n10:21:10",
		regress.Gate, 8, "/payload/facts/shown/arguments.amount",
	},
}

// An agent or a person who acts differently is found, at the right event.
func TestIncidentsFindOtherRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it carries out some hundred commands")
	}
	for _, tt := range otherRuns {
		s := newStage(t, 2)
		s.play(edited(t, tt.incident, tt.old, tt.new))
		got := s.compare(exitRegress, tt.incident)
		for _, c := range got[0].Comparisons {
			if c.Pass {
				continue
			}
			if c.Name != tt.scope || c.Divergence.Event != tt.event || c.Divergence.Field != tt.field {
				t.Errorf("%s: %s: %s diverges at %v, want %s at event %d, %s", tt.incident, tt.other, c.Name, c.Divergence, tt.scope, tt.event, tt.field)
			}
			break
		}
	}
}

// Every incident finds something, and together they compare all scopes.
func TestIncidentsBite(t *testing.T) {
	bites, asked := map[string]bool{}, map[string]bool{}
	for _, tt := range wrongRules {
		bites[tt.incident] = true
	}
	for _, tt := range otherRuns {
		bites[tt.incident] = true
	}
	for _, story := range stories(t) {
		if name := filepath.Base(story.dir); !bites[name] {
			t.Errorf("no mistake is known that %s finds", name)
		}
		f, err := regress.Load(os.DirFS(story.dir))
		must(t, err)
		for _, scope := range f.Compare {
			asked[scope] = true
		}
		if f.Name != filepath.Base(story.dir) || strings.Count(f.Why, ". ") < 1 {
			t.Errorf("%s is called %q and tells %q", story.dir, f.Name, f.Why)
		}
	}
	for _, scope := range regress.Scopes {
		if !asked[scope] {
			t.Errorf("the incidents ask for %v, and not for %s", asked, scope)
		}
	}
}

// edited returns the story of an incident with a part replaced.
func edited(t *testing.T, incident, old, new string) story {
	t.Helper()
	dir := filepath.Join(incidentsDir, incident)
	text, err := os.ReadFile(filepath.Join(dir, "story.txt"))
	must(t, err)
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s says %q %d times, want once", dir, old, strings.Count(string(text), old))
	}
	s, err := parseStory(dir, strings.Replace(string(text), old, new, 1))
	must(t, err)
	return s
}

// compare runs incidents with the stage's ledger as the candidate.
func (s *stage) compare(exit int, names ...string) []fixtureResult {
	s.t.Helper()
	var out struct {
		Fixtures []fixtureResult `json:"fixtures"`
	}
	text := s.run(exit, append([]string{"regress", "run", "--dir", incidentsDir, "--public-key", incidentsKey, "--candidate", s.root(), "--json"}, names...)...)
	must(s.t, json.Unmarshal([]byte(text), &out))
	if len(out.Fixtures) == 0 {
		s.t.Fatalf("no results: %s", text)
	}
	return out.Fixtures
}

// The same stories pass in another ledger, under another key, with other ids and
// times.
func TestIncidentsPassElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("it carries out some hundred commands")
	}
	s := newStage(t, 3)
	other := strings.NewReplacer("host=cron-1", "host=cron-9", "40881 rows", "39990 rows", "b-1711", "b-4", "the clock of nas-1 is an hour behind", "the clock is wrong", "@worker-", "@node-")
	all := stories(t)
	for _, told := range all {
		text, err := os.ReadFile(filepath.Join(told.dir, "story.txt"))
		must(t, err)
		story, err := parseStory(told.dir, other.Replace(string(text)))
		must(t, err)
		s.play(story)
	}
	for _, r := range s.compare(0) {
		if len(r.Comparisons) < 2 || r.Candidate == "" {
			t.Errorf("%s: its behaviour was not compared: %+v", r.Name, r)
		}
	}
}
