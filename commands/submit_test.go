package commands_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
)

// work is a job that waits for others, until a time, with something to work on.
func work() commands.Submit {
	return commands.Submit{
		EnvironmentFingerprint: env, ProducerVersion: "gait/1", After: []string{"job_8", "job_2"},
		NotBefore: epoch.Add(time.Hour), Input: ledger.Content{Digest: one, MediaType: "application/json", Name: "input.json", Size: 9},
	}
}

// wantWork requires that what a job waits for and works on belongs to its digest.
func wantWork(t *testing.T, r commands.Request, without ledger.Hash) {
	t.Helper()
	seen := map[ledger.Hash]string{without: "none of them"}
	for name, set := range map[string]func(*commands.Submit){
		"after":      func(c *commands.Submit) { c.After = work().After },
		"not_before": func(c *commands.Submit) { c.NotBefore = work().NotBefore },
		"input":      func(c *commands.Submit) { c.Input = work().Input },
	} {
		c, _ := r.Command.(commands.Submit)
		set(&c)
		other := r
		other.Command = c
		got, err := commands.Digest(other)
		if same, known := seen[got]; known || err != nil {
			t.Errorf("a job with %s has the digest of one with %s (%v)", name, same, err)
		}
		seen[got] = name
	}
}

// What a job waits for is spelled as the event spells it, in one order.
func TestWorkArguments(t *testing.T) {
	text, err := commands.Encode(commands.Request{JobID: "job_9", Actor: "w", Command: work()})
	want := `{"actor":"w","arguments":{"after":["job_2","job_8"],"environment_fingerprint":"` + env + `",` +
		`"input":{"digest":"` + one.String() + `","media_type":"application/json","name":"input.json","size":9},` +
		`"not_before":"` + ledger.FormatTime(epoch.Add(time.Hour)) + `","policy_digest":"","producer_version":"gait/1"},"job_id":"job_9","verb":"submit"}`
	if diff := cmp.Diff(want, string(text)); diff != "" || err != nil {
		t.Fatalf("Encode: %v (-want +got):\n%s", err, diff)
	}
	r, err := commands.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	sorted := work()
	sorted.After = []string{"job_2", "job_8"}
	if diff := cmp.Diff(commands.Command(sorted), r.Command); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	c, err := commands.CommandOf(commands.Request{JobID: "job_9", Actor: "w", RequestID: "r-1", Command: work()}, "gait.example/log1", epoch, 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := commands.RequestOf(c); err != nil || !cmp.Equal(again.Command.(commands.Submit).After, sorted.After) {
		t.Errorf("RequestOf = %+v, %v", again, err)
	}
}

// What a job waits for and works on is checked before anything is decided.
func TestWorkIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*commands.Submit){
		`after: "job_2" is given twice`: func(c *commands.Submit) { c.After = []string{"job_2", "job_3", "job_2"} },
		"wait for itself":               func(c *commands.Submit) { c.After = []string{"job_9"} },
		"after:":                        func(c *commands.Submit) { c.After = []string{"a b"} },
		"after":                         func(c *commands.Submit) { c.After = strings.Split(strings.Repeat("j", ledger.MaxAfter+1), "") },
		"not_before":                    func(c *commands.Submit) { c.NotBefore = c.NotBefore.Add(time.Microsecond) },
		"media_type":                    func(c *commands.Submit) { c.Input.MediaType = "json" },
		"digest":                        func(c *commands.Submit) { c.Input.Digest = ledger.Hash{} },
	} {
		c := work()
		spoil(&c)
		err := commands.Request{JobID: "job_9", Actor: "w", Command: c}.Check()
		if _, ok := errors.AsType[*commands.InvalidError](err); !ok || !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), name) {
			t.Errorf("Check of work where %q is wrong = %v", name, err)
		}
	}
	err := commands.Request{Actor: "w", Command: work()}.Check()
	if err == nil || !strings.Contains(err.Error(), "job_id") {
		t.Errorf("Check of a job with an input and no id = %v", err)
	}
}

// A job waits for jobs that are there.
func TestSubmitAfter(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	r := by("worker_1", commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", After: []string{"job_1", "job_2"}})
	r.JobID = "job_9"
	for _, r.DryRun = range []bool{true, false} {
		if err := b.fails(r); !errors.Is(err, commands.ErrJobNotFound) || !strings.Contains(err.Error(), "job_2") {
			t.Errorf("submit after a job that is not there, dry run %t = %v, want ErrJobNotFound", r.DryRun, err)
		}
	}
	b.must(commands.Request{JobID: "job_2", Command: submit().Command})
	p, _ := b.must(r).Event.Payload().(ledger.Submitted)
	if diff := cmp.Diff([]string{"job_1", "job_2"}, p.After); diff != "" {
		t.Errorf("the event waits for others (-want +got):\n%s", diff)
	}
}

// What a job works on is kept before its first event, which names the job's secret.
func TestInputIsKept(t *testing.T) {
	b := newBench(t)
	k := keepContent(t, b)
	c := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Input: k.put(t, "job_9", "the order")}
	r := commands.Request{JobID: "job_8", Command: c}
	if err := b.fails(r); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("the input of another job = %v, want ErrContentMissing", err)
	}
	r.JobID = "job_9"
	result := b.must(r)
	p, _ := result.Event.Payload().(ledger.Submitted)
	key, err := k.ContentKey("job_9")
	if err != nil || p.Input != c.Input || p.ContentKey != key || result.Job.ContentKey != key {
		t.Errorf("the event names %+v under %s, want %+v under %s (%v)", p.Input, p.ContentKey, c.Input, key, err)
	}
	attached := attaching("job_9", k.put(t, "job_9", "the state"))
	if p, _ := b.must(attached).Event.Payload().(ledger.CheckpointAdded); !p.ContentKey.IsZero() {
		t.Error("the second event that names content names the secret again")
	}
}
