package regress_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/regress"
	"gait/projection"
)

// A work is a scripted agent's run: commands with their actors.
type work []act

type act struct {
	actor, reason string
	command       commands.Command
}

func refund() work {
	return work{
		{"agent@a", "", commands.Submit{EnvironmentFingerprint: "envfp:" + strings.Repeat("a", 64), PolicyDigest: ledger.Hash{1}, ProducerVersion: "gait 1"}},
		{"agent@a", "", commands.AddCheckpoint{Type: ledger.CheckpointPlan, Summary: "look up, ask, pay"}},
		{"agent@a", "", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "looked up order 17"}},
		{"agent@a", "", commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "refund is 900 EUR", RequiredAction: "approve it"}},
		{"agent@a", "", commands.Resume{EnvironmentFingerprint: "envfp:" + strings.Repeat("a", 64), PolicyDigest: ledger.Hash{1}}}, // refused
		{"reviewer_1", "receipt checked", commands.Approve{}},
		{"agent@a", "", commands.Resume{EnvironmentFingerprint: "envfp:" + strings.Repeat("a", 64), PolicyDigest: ledger.Hash{1}}},
		{"agent@a", "", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "refunded"}},
	}
}

// play does the work in a new ledger, starting at a time, and returns the log.
func play(t *testing.T, w work, job string, from time.Duration) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t)
	clock := &ledgertest.Clock{Step: time.Second + from}
	engine := &commands.Engine{Log: l.Log, Now: clock.Now, Entropy: ledgertest.Entropy(uint64(from) + 7)}
	for i, a := range w {
		_, err := engine.Do(t.Context(), commands.Request{JobID: job, Actor: a.actor, Reason: a.reason, Command: a.command})
		if _, refused := errors.AsType[*commands.RefusedError](err); err != nil && !refused {
			t.Fatalf("act %d: %v", i, err)
		}
	}
	return l
}

func fixture(t *testing.T, c regress.Config) (*regress.Fixture, fstest.MapFS) {
	t.Helper()
	l := play(t, refund(), "job_1", 0)
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
	return f, dir
}

// Today's rules give the expected states. If a rule changes, the divergence names the
// first event and field that it affects.
func TestReplay(t *testing.T) {
	f, dir := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}})
	if c, err := f.Replay(nil); err != nil || !c.Pass {
		t.Fatalf("Replay = %+v, %v", c, err)
	}
	for name, tt := range map[string]struct {
		rules        projection.Rules
		event        int64
		field, after string
	}{
		"an approval lets the job run": {func(j projection.Job, f projection.Fact) (projection.Job, *projection.Refusal) {
			j, no := projection.Next(j, f)
			if _, ok := f.Payload.(ledger.Approved); ok && no == nil {
				j.Status = projection.Running
			}
			return j, no
		}, 6, "/status", `"running"`},
		"no resume at all": {func(j projection.Job, f projection.Fact) (projection.Job, *projection.Refusal) {
			if _, ok := f.Payload.(ledger.Resumed); ok {
				return j, &projection.Refusal{Code: "no", Reason: "not on Sundays"}
			}
			return projection.Next(j, f)
		}, 7, "", `"resumed cannot follow: not on Sundays"`},
		"checkpoints count twice": {func(j projection.Job, f projection.Fact) (projection.Job, *projection.Refusal) {
			j, no := projection.Next(j, f)
			if j.Status == projection.Completed && no == nil {
				j.Refusals = 9
			}
			return j, no
		}, 0, "/expect/views/status.json/refusal_count", "9"},
	} {
		c, err := f.Replay(tt.rules)
		if err != nil || c.Pass || c.Divergence.Event != tt.event || c.Divergence.Field != tt.field || string(c.Divergence.After) != tt.after {
			t.Errorf("%s: %+v, %v, want event %d, %s, %s", name, c.Divergence, err, tt.event, tt.field, tt.after)
		}
	}
	delete(dir, "expect/views/approvals.jsonl")
	if c, err := f.Replay(nil); err != nil || c.Pass {
		t.Errorf("an unexpected view: %+v, %v", c, err)
	}
	delete(dir, "expect/states.jsonl")
	if _, err := f.Replay(nil); !errors.Is(err, regress.ErrFixture) {
		t.Errorf("without the states: %v, want ErrFixture", err)
	}
}

// If a line of a list differs, the divergence names the event that the line is made from.
func TestReplayNamesTheEventOfALine(t *testing.T) {
	f, dir := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}})
	var edited []string
	edit := func(name, old, new string) {
		t.Helper()
		was := dir[name].Data
		defer func() { dir[name].Data = was }()
		if dir[name].Data = bytes.Replace(was, []byte(old), []byte(new), 1); bytes.Equal(dir[name].Data, was) {
			t.Fatalf("%s does not say %q", name, old)
		}
		c, err := f.Replay(nil)
		if err != nil || c.Pass {
			t.Fatalf("%s edited: %+v, %v", name, c, err)
		}
		edited = append(edited, fmt.Sprintf("%d %s %s", c.Divergence.Event, c.Divergence.Type, c.Divergence.Field))
	}
	edit("expect/history.jsonl", "receipt checked", "receipt lost")
	edit("expect/views/checkpoints.jsonl", "looked up order 17", "looked up order 18")
	edit("expect/views/approvals.jsonl", "receipt checked", "receipt lost")
	edit("expect/views/refusals.jsonl", "approval_required", "self_approval")
	edit("expect/views/checkpoints.jsonl", "}\n", "}\n{}\n")
	if want := []string{
		"6 approved /expect/history.jsonl/5/payload/reason", "3 checkpoint_added /expect/views/checkpoints.jsonl/1/summary",
		"6 approved /expect/views/approvals.jsonl/0/reason", "5 refused /expect/views/refusals.jsonl/0/payload/refusal",
		"3 checkpoint_added /expect/views/checkpoints.jsonl/1/actor",
	}; !slices.Equal(edited, want) {
		t.Errorf("lists edited: they diverge at\n%q, want\n%q", edited, want)
	}
}

// Two runs that differ only in what is masked are equal. If an agent acts differently,
// the scopes that cover the event diverge at it.
func TestBehave(t *testing.T) {
	swap := func(i, j int) func(work) work {
		return func(w work) work { w[i], w[j] = w[j], w[i]; return w }
	}
	drop := func(i int) func(work) work { return func(w work) work { return slices.Delete(w, i, i+1) } }
	otherHash := ledger.Hash{9}
	for _, tt := range []struct {
		name   string
		change func(work) work
		event  int64 // at which All diverges; 0 if it does not, or only in the outcome
		field  string
		fails  []string // scopes
	}{
		{"the same, elsewhere, at another time", func(w work) work {
			for i := range w {
				w[i].actor = strings.Replace(w[i].actor, "@a", "@b", 1)
			}
			return w
		}, 0, "", nil},
		{"another policy, and no change of it", func(w work) work {
			w[0].command = commands.Submit{EnvironmentFingerprint: "envfp:" + strings.Repeat("b", 64), PolicyDigest: otherHash, ProducerVersion: "gait 2"}
			for _, i := range []int{4, 6} {
				w[i].command = commands.Resume{EnvironmentFingerprint: "envfp:" + strings.Repeat("b", 64), PolicyDigest: otherHash}
			}
			return w
		}, 0, "", nil},
		{"two steps in another order", swap(1, 2), 2, "/payload/checkpoint_type", []string{regress.All, regress.Sequence, regress.Checkpoints}},
		{"a checkpoint left out", drop(2), 3, "/payload/checkpoint_type", []string{regress.All, regress.Sequence, regress.Checkpoints, regress.Decisions}},
		{"another summary", func(w work) work {
			w[2].command = commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "looked up order 18"}
			return w
		}, 3, "/payload/summary", []string{regress.All, regress.Checkpoints}},
		{"approved by another", func(w work) work { w[5].actor = "reviewer_2"; return w }, 6, "/actor", []string{regress.All, regress.Decisions}},
		{"denied", func(w work) work {
			w[5].command = commands.Deny{}
			return w[:6]
		}, 6, "/type", []string{regress.All, regress.Sequence, regress.Checkpoints, regress.Decisions, regress.Outcome}},
		{"ended otherwise", func(w work) work {
			w[7].command = commands.AddCheckpoint{Type: ledger.CheckpointFailed, Summary: "refunded"}
			return w
		}, 8, "/payload/checkpoint_type", []string{regress.All, regress.Sequence, regress.Checkpoints, regress.Outcome}},
		{"one step more", func(w work) work {
			return append(w[:7:7], act{"agent@a", "", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "again"}}, w[7])
		}, 8, "/payload/checkpoint_type", []string{regress.All, regress.Sequence, regress.Checkpoints}},
		{"never asked", func(w work) work { return w[:3] }, 4, "", []string{regress.All, regress.Sequence, regress.Checkpoints, regress.Decisions, regress.Outcome}},
	} {
		f, _ := fixture(t, regress.Config{Name: "refund", Compare: regress.Scopes})
		l := play(t, tt.change(refund()), "other-job", time.Minute)
		got, err := f.Behave(regress.History{Events: l.JobEvents(t.Context(), "other-job", 1)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, c := range got {
			if want := !slices.Contains(tt.fails, c.Name); c.Pass != want {
				t.Errorf("%s: %s passes: %t, want %t (%v)", tt.name, c.Name, c.Pass, want, c.Divergence)
			}
			if c.Name == regress.All && !c.Pass && (c.Divergence.Event != tt.event || c.Divergence.Field != tt.field) {
				t.Errorf("%s: it parts at event %d, %s, want %d, %s", tt.name, c.Divergence.Event, c.Divergence.Field, tt.event, tt.field)
			}
		}
	}
}

// Summaries with a pattern and ignored fields may differ.
func TestPatternsAndIgnored(t *testing.T) {
	change := func(summary string) ledger.Events {
		w := refund()
		w[2].command = commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: summary}
		w[5].reason = "looked at it"
		return play(t, w, "job_1", time.Minute).JobEvents(t.Context(), "job_1", 1)
	}
	f, _ := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}, Ignore: []string{"reason"}, Summaries: map[string]string{"cp_0002": `looked up order \d+`}})
	for summary, want := range map[string]bool{"looked up order 4711": true, "looked up order x": false, "well, looked up order 1": false} {
		got, err := f.Behave(regress.History{Events: change(summary)})
		if err != nil || got[0].Pass != want {
			t.Errorf("%q: %+v, %v, want it to pass: %t", summary, got[0].Divergence, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	_, dir := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}})
	for name, text := range map[string]string{
		"no name": "compare: [all]\n", "a name that leaves": "name: ../x\ncompare: [all]\n", "nothing to compare": "name: a\n",
		"an unknown scope": "name: a\ncompare: [most]\n", "an unknown field": "name: a\ncompare: [all]\nrigged: true\n", "no YAML": ":\n\t-", "empty": "",
		"two documents": "name: a\ncompare: [all]\n---\nname: b\n", "far too much": "name: a\ncompare: [all]\nignore: [" + strings.Repeat("a, ", 30<<10) + "a]\n",
		"a pattern that swallows its end": "name: a\ncompare: [all]\nsummaries: {cp_0001: '\\Qabc'}\n",
		"a pattern that is none":          "name: a\ncompare: [all]\nsummaries: {cp_0001: '('}\n",
	} {
		dir[regress.ConfigFile] = &fstest.MapFile{Data: []byte(text)}
		if _, err := regress.Load(dir); !errors.Is(err, regress.ErrFixture) {
			t.Errorf("%s: %v, want ErrFixture", name, err)
		}
	}
	dir[regress.ConfigFile] = &fstest.MapFile{Data: []byte("name: a\ncompare: [all]\n")}
	delete(dir, regress.PackFile)
	if _, err := regress.Load(dir); !errors.Is(err, regress.ErrFixture) {
		t.Errorf("without a pack: %v, want ErrFixture", err)
	}
}

// An update is added to regress.yaml in each form that updates can have, and nothing else
// in the file changes.
func TestUpdatedKeepsWhatIsWritten(t *testing.T) {
	const head = "# why\nname: a # its folder's\ncompare: [all]\n"
	for name, tt := range map[string]struct{ before, after string }{
		"none":  {head, head + "updates:\n  - at: today\n    reason: so\n"},
		"null":  {head + "updates:\n", head + "updates:\n  - at: today\n    reason: so\n"},
		"empty": {head + "updates: []\n", head + "updates:\n  - at: today\n    reason: so\n"},
		"one": {
			head + "updates:\n  - at: before # long ago\n    reason: first\nwhy: x\n",
			head + "updates:\n  - at: before # long ago\n    reason: first\n  - at: today\n    reason: so\nwhy: x\n",
		},
		"one, at the end, indented otherwise": {
			"why: >-\n  a story\n  in lines\n" + head[6:] + "updates:\n- at: before\n  reason: first # of many\n",
			"why: >-\n  a story\n  in lines\n" + head[6:] + "updates:\n- at: before\n  reason: first # of many\n- at: today\n  reason: so\n",
		},
		"in braces": {"{name: a, compare: [all]} # short\n", "{name: a, compare: [all], updates: [{at: today, reason: so}]} # short\n"},
		"anchors": {
			"name: &n a\nwhy: *n\ncompare: &c [all]\nupdates: &u [{at: x, reason: y}]\n",
			"name: &n a\nwhy: *n\ncompare: &c [all]\nupdates: &u\n  - {at: x, reason: y}\n  - at: today\n    reason: so\n",
		},
	} {
		_, dir := fixture(t, regress.Config{Name: "a", Compare: []string{regress.All}})
		dir[regress.ConfigFile] = &fstest.MapFile{Data: []byte(tt.before)}
		f, err := regress.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		files, err := f.Updated(regress.Update{At: "today", Reason: "so"})
		if got := string(files[regress.ConfigFile]); err != nil || got != tt.after {
			t.Errorf("%s: %v, regress.yaml is\n%s\nwant\n%s", name, err, got, tt.after)
		}
	}
}

// Ignored lists what regress.yaml ignores, and Unused what of that matches nothing.
func TestUnused(t *testing.T) {
	f, _ := fixture(t, regress.Config{
		Name: "refund", Compare: []string{regress.All},
		Ignore:    []string{"reason", "raeson", "/payload/*", "/payload/labels/run", "/stop_reason"},
		Summaries: map[string]string{"cp_0002": `looked up order \d+`, "cp_0003": "refund is nothing", "cp_0099": ".*"},
	})
	want := []string{"/payload/labels/run", "raeson", "the summary of cp_0003", "the summary of cp_0099"}
	if got, err := f.Unused(regress.History{}); err != nil || !slices.Equal(got, want) {
		t.Errorf("Unused = %q, %v, want %q", got, err, want)
	}
	if got := f.Ignored(); len(got) != 8 || got[7] != "the summary of cp_0099" {
		t.Errorf("Ignored = %q", got)
	}
	w := refund()
	w[0].command = commands.Submit{EnvironmentFingerprint: "envfp:x", ProducerVersion: "gait 1", Labels: []ledger.Label{{Key: "run", Value: "b"}}}
	w[3].command = commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "refund is nothing", RequiredAction: "approve it"}
	candidate := play(t, w, "job_1", time.Minute).JobEvents(t.Context(), "job_1", 1)
	if got, err := f.Unused(regress.History{Events: candidate}); err != nil || !slices.Equal(got, []string{"raeson", "the summary of cp_0099"}) {
		t.Errorf("with a candidate, Unused = %q, %v", got, err)
	}
	if f, _ := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}}); f.Ignored() != nil {
		t.Errorf("Ignored = %q, want nothing", f.Ignored())
	}
}
