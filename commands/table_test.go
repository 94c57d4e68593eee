package commands_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// states says how a job gets into each state.
var states = map[string][]commands.Request{
	"running":                  {},
	"paused":                   {pause()},
	"paused,open":              {decision(), pause()},
	"paused,denied":            {decision(), deny("reviewer"), pause()},
	"paused,approved":          {decision(), approve("reviewer"), pause()},
	"paused,held":              {hold()},
	"paused,lifted":            {hold(), approve("reviewer")},
	"decision_needed":          {decision()},
	"decision_needed,approved": {decision(), approve("reviewer")},
	"blocked":                  {blocked()},
	"blocked,open":             {decision(), blocked()},
	"blocked,denied":           {decision(), deny("reviewer")},
	"blocked,approved":         {decision(), deny("reviewer"), approve("reviewer")},
	"blocked,held":             {hold(), deny("reviewer")},
	"emergency_stopped":        {by("boss", commands.Stop{})},
	"emergency_stopped,open":   {decision(), by("boss", commands.Stop{})},
	"completed":                {checkpoint(ledger.CheckpointCompleted)},
	"failed":                   {checkpoint(ledger.CheckpointFailed)},
	"cancelled":                {by("boss", commands.Cancel{})},
}

// columns says which request stands for each column.
var columns = map[string]commands.Request{
	"plan":            checkpoint(ledger.CheckpointPlan),
	"progress":        checkpoint(ledger.CheckpointProgress),
	"decision-needed": decision(),
	"blocked":         blocked(),
	"completed":       checkpoint(ledger.CheckpointCompleted),
	"failed":          checkpoint(ledger.CheckpointFailed),
	"pause":           pause(),
	"hold":            hold(),
	"stop":            by("boss", commands.Stop{}),
	"approve":         approve("reviewer"),
	"deny":            deny("reviewer"),
	"resume":          resume(),
	"cancel":          by("boss", commands.Cancel{}),
	"erase":           {Actor: "boss", Reason: "personal data", Command: commands.EraseContent{Digest: one}},
}

// follows gives the stop reason and reason code that go with a status just entered.
var follows = map[string][2]string{
	"running":           {"none", "resumed"},
	"paused":            {"paused_by_user", "paused"},
	"decision_needed":   {"decision_needed", "decision_needed"},
	"blocked":           {"blocked", "blocked"},
	"completed":         {"completed", "completed"},
	"failed":            {"failed", "failed"},
	"cancelled":         {"cancelled_by_user", "cancelled"},
	"emergency_stopped": {"emergency_stopped", "emergency_stop_preempted"},
}

// A cell of the table in the doc of package projection, which is read from the
// file.
type cell struct{ from, column, want string }

func cells(t testing.TB) (all []cell) {
	t.Helper()
	text, err := os.ReadFile("../projection/testdata/transitions.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	head := strings.Fields(lines[0])[1:]
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) != len(head)+1 {
			t.Fatalf("row %q has %d cells, want %d", line, len(fields)-1, len(head))
		}
		for i, want := range fields[1:] {
			all = append(all, cell{from: fields[0], column: head[i], want: want})
		}
	}
	return all
}

// outcome is what a cell says about the job afterwards.
type outcome struct {
	Status, StopReason, ReasonCode string
	Late                           bool
	Exit                           int64
	Code                           projection.RefusalCode // of the refusal
}

func (c cell) outcome(from projection.Job) outcome {
	o := outcome{Status: string(from.Status), StopReason: string(from.StopReason), ReasonCode: string(from.ReasonCode)}
	switch c.want {
	case "=":
	case "=late":
		o.Late = true
	case "=approved":
		o.ReasonCode = "approval_recorded"
	case "denied":
		o.Status, o.StopReason, o.ReasonCode = "blocked", "decision_denied", "decision_denied"
	case "no":
		o.Exit, o.Code = 6, "invalid_transition"
	case "no!":
		o.Exit, o.Code = 4, "approval_required"
	case "no:twice":
		o.Exit, o.Code = 6, "already_decided"
	default:
		o.Status, o.StopReason, o.ReasonCode = c.want, follows[c.want][0], follows[c.want][1]
	}
	return o
}

func TestTransitions(t *testing.T) {
	seen, heads := map[string]bool{}, map[string]bool{}
	for _, c := range cells(t) {
		seen[c.from], heads[c.column] = true, true
		t.Run(c.from+"/"+c.column, func(t *testing.T) {
			b := newBench(t)
			b.must(submit())
			b.must(states[c.from]...)
			from := b.job("job_1")
			if status, _, _ := strings.Cut(c.from, ","); string(from.Status) != status {
				t.Fatalf("set-up leads to %s, want %s", from.Status, status)
			}
			want := c.outcome(from)
			if want.Exit != 0 {
				refusedCell(t, b, columns[c.column], want)
				return
			}
			allowedCell(t, b, columns[c.column], from, want)
		})
	}
	for column := range columns {
		if !heads[column] {
			t.Errorf("projection/testdata/transitions.txt has no column %s", column)
		}
	}
	for _, s := range projection.Statuses {
		if !seen[string(s)] {
			t.Errorf("the table has no row for %s", s)
		}
	}
	if len(seen) != len(states) {
		t.Errorf("the table has %d rows, want one for each of %d states", len(seen), len(states))
	}
}

func allowedCell(t *testing.T, b *bench, r commands.Request, from projection.Job, want outcome) {
	t.Helper()
	size := b.size()
	result := b.must(r)
	j := result.Job
	got := outcome{Status: string(j.Status), StopReason: string(j.StopReason), ReasonCode: string(j.ReasonCode)}
	if p, ok := result.Event.Payload().(ledger.CheckpointAdded); ok {
		got.Late = p.Late
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if j.Revision != from.Revision+1 || result.Receipt.Revision != j.Revision || result.Event.Revision() != j.Revision {
		t.Errorf("revisions of job, receipt, event = %d, %d, %d, want %d", j.Revision, result.Receipt.Revision,
			result.Event.Revision(), from.Revision+1)
	}
	if b.size() != size+1 || result.Receipt.Seq != ledger.Seq(size) || result.Receipt.TreeSize != size+1 {
		t.Errorf("%d events were written, receipt %+v, want one, seq %d", b.size()-size, result.Receipt, size)
	}
	if diff := cmp.Diff(j, b.job("job_1")); diff != "" {
		t.Errorf("the result's job is not the stored one (-result +stored):\n%s", diff)
	}
}

// refusedCell checks that the refusal is one event, that the same refusal again is
// answered and not written, and that it is written again after another event.
func refusedCell(t *testing.T, b *bench, r commands.Request, want outcome) {
	t.Helper()
	c, adds := r.Command.(commands.AddCheckpoint)
	if !adds {
		r.Reason = "why not"
	}
	first := b.refused(r, want.Code, want.Exit)
	if first.Result.Repeated {
		t.Fatal("the first refusal is taken for a repeated one")
	}
	payload := ledger.Refused{Command: r.Command.Verb(), Exit: want.Exit, Reason: r.Reason, Refusal: string(want.Code), Summary: c.Summary}
	if p, pauses := r.Command.(commands.Pause); pauses && p.Hold {
		payload.Summary = "hold"
	}
	if diff := cmp.Diff(ledger.Payload(payload), first.Result.Event.Payload()); diff != "" {
		t.Errorf("payload of the refusal (-want +got):\n%s", diff)
	}
	size := b.size()
	again := b.refused(r, want.Code, want.Exit)
	if !again.Result.Repeated || b.size() != size {
		t.Errorf("the same refusal again: repeated %t, %d events, want none", again.Result.Repeated, b.size()-size)
	}
	if diff := cmp.Diff(earlier(first.Result.Receipt), again.Result.Receipt); diff != "" {
		t.Errorf("receipt of the repeated refusal (-first +again):\n%s", diff)
	}
	other := r
	other.Actor = "another_worker"
	b.refused(other, want.Code, want.Exit)
	if third := b.refused(r, want.Code, want.Exit); third.Result.Repeated || b.size() != size+2 {
		t.Errorf("the refusal after another event: repeated %t, %d events, want it written", third.Result.Repeated, b.size()-size)
	}
}

// mayFollow lists the statuses that the table lets a command lead to.
func mayFollow(t testing.TB, from projection.Status, column string) (to []projection.Status) {
	t.Helper()
	for _, c := range cells(t) {
		status, _, _ := strings.Cut(c.from, ",")
		if c.column != column || status != string(from) {
			continue
		}
		if o := c.outcome(projection.Job{Status: from}); o.Exit == 0 {
			to = append(to, projection.Status(o.Status))
		}
	}
	slices.Sort(to)
	return slices.Compact(to)
}

// distinct checks that commands with the same refusal but other arguments are each
// written.
func distinct(t *testing.T, b *bench, code projection.RefusalCode, exit int64, all ...commands.Command) {
	t.Helper()
	for _, c := range all {
		if no := b.refused(by("worker_1", c), code, exit); no.Result.Repeated {
			t.Errorf("the refusal of %#v is taken for the one before", c)
		}
		if no := b.refused(by("worker_1", c), code, exit); !no.Result.Repeated {
			t.Errorf("the refusal of %#v again is written again", c)
		}
	}
}

func TestRefusalsAreDistinct(t *testing.T) {
	b := newBench(t)
	b.must(submit(), pause())
	requests := []commands.Request{
		by("worker_1", commands.Pause{}),
		by("worker_2", commands.Pause{}),
		by("worker_2", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "hold"}),
		{Actor: "worker_2", Reason: "a reason", Command: commands.Pause{}},
		by("worker_2", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"}),
		by("worker_2", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "quite done"}),
	}
	for i, r := range requests {
		if no := b.refused(r, "invalid_transition", 6); no.Result.Repeated {
			t.Errorf("refusal %d is taken for the one before", i)
		}
	}
	distinct(t, b, "decision_not_open", 6, commands.Approve{CheckpointID: "cp_0008"}, commands.Approve{CheckpointID: "cp_0009"})
	distinct(t, b, "decision_not_open", 6, commands.Deny{CheckpointID: "cp_0008"}, commands.Deny{CheckpointID: "cp_0009"})
	distinct(t, b, "environment_mismatch", 3, commands.Resume{EnvironmentFingerprint: "envfp:1"}, commands.Resume{EnvironmentFingerprint: "envfp:2"})
	if got, want := b.job("job_1").Refusals, int64(len(requests)+6); got != want {
		t.Errorf("refusals = %d, want %d", got, want)
	}
	// A change of state between two refusals that are the same.
	b.must(checkpoint(ledger.CheckpointProgress))
	if no := b.refused(requests[5], "invalid_transition", 6); no.Result.Repeated {
		t.Error("a refusal after a checkpoint is taken for the one before it")
	}
}
