package commands_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
)

// with returns a request changed by f.
func with(r commands.Request, f func(*commands.Request)) commands.Request {
	f(&r)
	return r
}

func TestInvalidRequests(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n+1) }
	labels := func(n int) (l []ledger.Label) {
		for i := range n {
			l = append(l, ledger.Label{Key: fmt.Sprintf("k%d", i), Value: "v"})
		}
		return l
	}
	request := func(f func(*commands.Request)) commands.Request { return with(pause(), f) }
	submits := func(f func(*commands.Submit)) commands.Request {
		c := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test"}
		f(&c)
		return commands.Request{JobID: "job_2", Actor: "boss", Command: c}
	}
	adds := func(c commands.AddCheckpoint) commands.Request { return by("worker_1", c) }
	resumes := func(f func(*commands.Resume)) commands.Request {
		c := commands.Resume{EnvironmentFingerprint: env}
		f(&c)
		return by("worker_1", c)
	}
	tests := []struct {
		name    string
		request commands.Request
		field   string
	}{
		{"job id with a slash", request(func(r *commands.Request) { r.JobID = "a/b" }), "job_id"},
		{"job id too long", request(func(r *commands.Request) { r.JobID = long(128) }), "job_id"},
		{"job id that begins with a dot", request(func(r *commands.Request) { r.JobID = ".." }), "job_id"},
		{"submit's job id", with(submit(), func(r *commands.Request) { r.JobID = "a b" }), "job_id"},
		{"actor with a space", request(func(r *commands.Request) { r.Actor = "a b" }), "actor"},
		{"actor that is gait itself", request(func(r *commands.Request) { r.Actor = "gait" }), "actor"},
		{"actor too long", request(func(r *commands.Request) { r.Actor = long(128) }), "actor"},
		{"reason too long", request(func(r *commands.Request) { r.Reason = long(1024) }), "reason"},
		{"reason with a newline", request(func(r *commands.Request) { r.Reason = "a\nb" }), "reason"},
		{"reason with a bidi character", request(func(r *commands.Request) { r.Reason = "a\u202eb" }), "reason"},
		{"reason not UTF-8", request(func(r *commands.Request) { r.Reason = "a\xffb" }), "reason"},
		{"request id with a space", request(func(r *commands.Request) { r.RequestID = "a b" }), "request_id"},
		{"request id too long", request(func(r *commands.Request) { r.RequestID = long(128) }), "request_id"},
		{"revision below zero", request(func(r *commands.Request) { r.IfRevision = new(int64); *r.IfRevision = -1 }), "if_revision"},
		{"checkpoint with a reason", with(checkpoint(ledger.CheckpointProgress), func(r *commands.Request) { r.Reason = "why" }), "reason"},
		{"submit with a reason", with(submit(), func(r *commands.Request) { r.Reason = "why" }), "reason"},
		{"submit at a revision", with(submit(), func(r *commands.Request) { r.IfRevision = new(int64) }), "if_revision"},

		{"no fingerprint", submits(func(c *commands.Submit) { c.EnvironmentFingerprint = "" }), "environment_fingerprint"},
		{"fingerprint too long", submits(func(c *commands.Submit) { c.EnvironmentFingerprint = long(256) }), "environment_fingerprint"},
		{"identity with a quote", submits(func(c *commands.Submit) { c.Identity = `a"b` }), "identity"},
		{"policy ref too long", submits(func(c *commands.Submit) { c.PolicyRef = long(256) }), "policy_ref"},
		{"too many labels", submits(func(c *commands.Submit) { c.Labels = labels(17) }), "label"},
		{"a label twice", submits(func(c *commands.Submit) { c.Labels = append(labels(3), labels(1)...) }), "label"},
		{"label without a key", submits(func(c *commands.Submit) { c.Labels = []ledger.Label{{Value: "v"}} }), "label"},
		{"label without a value", submits(func(c *commands.Submit) { c.Labels = []ledger.Label{{Key: "k"}} }), "label"},
		{"label key too long", submits(func(c *commands.Submit) { c.Labels = []ledger.Label{{Key: long(63), Value: "v"}} }), "label"},
		{"label value too long", submits(func(c *commands.Submit) { c.Labels = []ledger.Label{{Key: "k", Value: long(63)}} }), "label"},
		{"no producer version", submits(func(c *commands.Submit) { c.ProducerVersion = "" }), "producer_version"},

		{"checkpoint of no type", adds(commands.AddCheckpoint{Summary: "s"}), "type"},
		{"checkpoint of an unknown type", adds(commands.AddCheckpoint{Type: "done", Summary: "s"}), "type"},
		{"checkpoint without a summary", adds(commands.AddCheckpoint{Type: ledger.CheckpointPlan}), "summary"},
		{"summary too long", adds(commands.AddCheckpoint{Type: ledger.CheckpointPlan, Summary: long(512)}), "summary"},
		{"summary with a control character", adds(commands.AddCheckpoint{Type: ledger.CheckpointPlan, Summary: "a\x00b"}), "summary"},
		{"decision without an action", adds(commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "s"}), "required_action"},
		{"action too long", adds(commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "s", RequiredAction: long(512)}), "required_action"},

		{"approval of a checkpoint that is no id", approveNamed("reviewer", "cp_1"), "checkpoint_id"},
		{"denial of a checkpoint that is no id", denyNamed("reviewer", "1"), "checkpoint_id"},

		{"resume without a fingerprint", resumes(func(c *commands.Resume) { c.EnvironmentFingerprint = "" }), "environment_fingerprint"},
		{"resume with a bad identity", resumes(func(c *commands.Resume) { c.Identity = "-" }), "identity"},
		{"resume with a long policy ref", resumes(func(c *commands.Resume) { c.PolicyRef = long(256) }), "policy_ref"},
		{"override without a reason", resumes(func(c *commands.Resume) { c.AllowEnvMismatch = true }), "reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.must(submit())
			err := b.fails(tt.request)
			if _, ok := errors.AsType[*commands.InvalidError](err); !ok || !errors.Is(err, ledger.ErrMalformed) {
				t.Fatalf("error %v (%T), want an InvalidError", err, err)
			}
			if field, ok := errors.AsType[*ledger.FieldError](err); !ok || field.Field != tt.field {
				t.Errorf("error %v, want one about %s", err, tt.field)
			}
		})
	}
}

func TestInvalidWithoutNames(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	for _, r := range []commands.Request{
		{Actor: "worker_1", Command: commands.Pause{}},
		{JobID: "job_1", Command: commands.Pause{}},
	} {
		_, err := b.engine.Do(t.Context(), r)
		if _, ok := errors.AsType[*commands.InvalidError](err); !ok {
			t.Errorf("pause of job %q by %q = %v, want an InvalidError", r.JobID, r.Actor, err)
		}
	}
}

// If every text is at its limit and all of it has to be escaped, each event fits.
func TestEventsFitAtEveryLimit(t *testing.T) {
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	name := func(c string) string { return strings.Repeat(c, 128) }
	b := newBench(t)
	largest, view := 0, 0
	full := func(actor string, c commands.Command) {
		t.Helper()
		r := commands.Request{
			JobID: name("j"), Actor: actor, Reason: quotes(ledger.MaxReason), Command: c,
			RequestID: fmt.Sprintf("%0128d", b.size()),
		}
		if commands.RowOf(c).ReasonElsewhere != "" {
			r.Reason = ""
		}
		result, err := b.do(r)
		if err != nil {
			t.Fatalf("%s at every limit: %v", c.Verb(), err)
		}
		largest = max(largest, len(result.Event.Bytes()))
		found, err := b.log.Load(t.Context(), []string{name("j")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		view = max(view, len(found.Jobs[name("j")].View))
	}
	var labels []ledger.Label
	for i := range ledger.MaxLabels {
		labels = append(labels, ledger.Label{Key: fmt.Sprintf("%063d", i), Value: quotes(ledger.MaxLabelValue)})
	}
	full(name("b"), commands.Submit{
		EnvironmentFingerprint: quotes(256), Identity: name("i"), Labels: labels, PolicyDigest: one,
		PolicyRef: quotes(256), ProducerVersion: quotes(128),
	})
	for range ledger.MaxOpenDecisions {
		full(name("w"), commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: quotes(512), RequiredAction: quotes(512)})
	}
	full(name("w"), commands.AddCheckpoint{Type: ledger.CheckpointBlocked, Summary: quotes(512), RequiredAction: quotes(512)})
	for i := range ledger.MaxOpenDecisions {
		full(name("r"), commands.Approve{CheckpointID: ledger.CheckpointID(int64(i + 1))})
	}
	full(name("r"), commands.Approve{})
	no := b.refused(commands.Request{
		JobID: name("j"), Actor: name("w"),
		Command: commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: quotes(512)},
	}, "invalid_transition", 6)
	largest = max(largest, len(no.Result.Event.Bytes()))
	full(name("w"), commands.Resume{
		EnvironmentFingerprint: strings.Repeat(`\`, 256), AllowEnvMismatch: true, Identity: name("i"),
		PolicyDigest: two, PolicyRef: strings.Repeat(`\`, 256),
	})
	if largest > ledger.MaxEventSize/4 {
		t.Errorf("largest event is %d bytes: there is no room left under %d for fields to come", largest, ledger.MaxEventSize)
	}
	t.Logf("largest event %d bytes, largest view %d bytes", largest, view)
}
