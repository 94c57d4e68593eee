package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gait/ledger"
)

func leased(change func(*ledger.Leased)) ledger.Draft {
	p := ledger.Leased{Epoch: 1, TTL: 60, Until: testTime, Worker: "host-1/4711"}
	change(&p)
	return eventOf(p)
}

func released(change func(*ledger.LeaseReleased)) ledger.Draft {
	p := ledger.LeaseReleased{Epoch: 1, Outcome: ledger.LeaseDone, TTL: 60, Until: testTime, Worker: "host-1/4711"}
	change(&p)
	return eventOf(p)
}

func attempted(change func(*ledger.AttemptEnded)) ledger.Draft {
	code := int64(1)
	p := ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptExited, Exit: &code}
	change(&p)
	return eventOf(p)
}

// Seal checks each rule of what version 1.6.0 added: those of one field, and those that
// join several.
func TestSealRefusesOfWorkers(t *testing.T) {
	trace := func(s string) ledger.Draft { return enveloped(func(e *ledger.Draft) { e.Trace = s }) }
	for _, tt := range []struct {
		name  string
		event ledger.Draft
		field string
	}{
		{"no epoch", leased(func(p *ledger.Leased) { p.Epoch = 0 }), "epoch"},
		{"a short lease", leased(func(p *ledger.Leased) { p.TTL = 4 }), "ttl"},
		{"a long lease", leased(func(p *ledger.Leased) { p.TTL = 86401 }), "ttl"},
		{"no end", leased(func(p *ledger.Leased) { p.Until = time.Time{} }), "until"},
		{"no worker", leased(func(p *ledger.Leased) { p.Worker = "" }), "worker"},
		{"a worker with a space", leased(func(p *ledger.Leased) { p.Worker = "host 1" }), "worker"},
		{"no hash in after", leased(func(p *ledger.Leased) { p.After = make([]ledger.Hash, 1) }), "after"},
		{"renewed without an epoch", eventOf(ledger.LeaseRenewed{TTL: 60, Until: testTime, Worker: "w"}), "epoch"},
		{"released without an outcome", released(func(p *ledger.LeaseReleased) { p.Outcome = "" }), "outcome"},
		{"released otherwise", released(func(p *ledger.LeaseReleased) { p.Outcome = "unknown" }), "outcome"},

		{"attempt 0", attempted(func(p *ledger.AttemptEnded) { p.Number = 0 }), "number"},
		{"no cause", attempted(func(p *ledger.AttemptEnded) { p.Cause = "" }), "cause"},
		{"another cause", attempted(func(p *ledger.AttemptEnded) { p.Cause = "bored" }), "cause"},
		{"an exit code under 0", attempted(func(p *ledger.AttemptEnded) { p.Exit = new(int64(-1)) }), "exit"},
		{"an exit code over 255", attempted(func(p *ledger.AttemptEnded) { p.Exit = new(int64(256)) }), "exit"},
		{"a content key and no log", attempted(func(p *ledger.AttemptEnded) { p.ContentKey = hashOf("k") }), "content_key"},
		{"a log without a digest", attempted(func(p *ledger.AttemptEnded) { p.Log.Size = 1 }), "digest"},

		{"after itself twice", submitted(func(p *ledger.Submitted) { p.After = []string{"job_0", "job_0"} }), "after"},
		{"after out of order", submitted(func(p *ledger.Submitted) { p.After = []string{"job_2", "job_1"} }), "after"},
		{"after no id", submitted(func(p *ledger.Submitted) { p.After = []string{"job 1"} }), "after"},
		{"submitted with a content key and no input", submitted(func(p *ledger.Submitted) { p.ContentKey = hashOf("k") }), "content_key"},
		{"submitted for a local time", submitted(func(p *ledger.Submitted) { p.NotBefore = testTime.In(time.FixedZone("", 3600)) }), "not_before"},
		{"progress of nothing", checkpointed(func(p *ledger.CheckpointAdded) { p.Progress.Done = 1 }), "total"},
		{"progress under 0", checkpointed(func(p *ledger.CheckpointAdded) { p.Progress = ledger.StepCount{Done: -1, Total: 1} }), "done"},
		{"progress over all", checkpointed(func(p *ledger.CheckpointAdded) { p.Progress = ledger.StepCount{Done: 2, Total: 1} }), "progress"},
		{"too many steps", checkpointed(func(p *ledger.CheckpointAdded) { p.Progress.Total = ledger.MaxTotal + 1 }), "progress"},
		{"continued below epoch 0", eventOf(changedContinued(func(p *ledger.Continued) { p.Epoch = -1 })), "epoch"},
		{"continued below attempt 0", eventOf(changedContinued(func(p *ledger.Continued) { p.Attempts = -1 })), "attempt_count"},

		{"a lease under 0", enveloped(func(e *ledger.Draft) { e.Lease = -1 }), "lease"},
		{"the lease of a job's first event", changed(submitted(func(*ledger.Submitted) {}), func(e *ledger.Draft) {
			e.JobSeq, e.JobPrev, e.Lease = 1, ledger.Hash{}, 1
		}), "lease"},
		{"the lease of no job", changed(eventOf(ledger.IndexCommitted{Index: hashOf("i")}), func(e *ledger.Draft) { e.Lease = 1 }), "lease"},
		{"a trace of another version", trace("01" + testTrace[2:]), "trace"},
		{"a trace with more", trace(testTrace + "-00"), "trace"},
		{"a trace with less", trace(testTrace[:52]), "trace"},
		{"a trace in upper case", trace(strings.ToUpper(testTrace)), "trace"},
		{"a trace of no id", trace("00-" + strings.Repeat("0", 32) + testTrace[35:]), "trace"},
		{"a trace of no parent", trace(testTrace[:36] + strings.Repeat("0", 16) + testTrace[52:]), "trace"},
		{"a trace with other dashes", trace(strings.Replace(testTrace, "-4bf92f3577b34da6", "4-bf92f3577b34da6", 1)), "trace"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ledger.Seal(tt.event)
			if err == nil {
				t.Fatalf("Seal = %s, want an error about %s", got.Bytes(), tt.field)
			}
			wantField(t, err, tt.field)
		})
	}
}

// changedContinued returns a continued with every field of version 1.3.0, and a change.
func changedContinued(change func(*ledger.Continued)) ledger.Continued {
	p := continuedForm(hashOf("a"), hashOf("b"))
	change(&p)
	return p
}

// The envelope's fields of workers make any event one of version 1.6.0, wherever they stand.
func TestEnvelopeOfWorkers(t *testing.T) {
	before := seal(t, eventOf(ledger.Paused{}))
	for _, tt := range []struct {
		name   string
		change func(*ledger.Draft)
		text   string
	}{
		{"lease", func(e *ledger.Draft) { e.Lease = 3 }, `"job_seq":3,"lease":3,"origin":`},
		{"trace", func(e *ledger.Draft) { e.Trace = testTrace }, `"seq":7,"trace":"` + testTrace + `","type":`},
		{"both", func(e *ledger.Draft) { e.Lease, e.Trace = 1<<53-1, testTrace }, `"job_seq":3,"lease":9007199254740991,"origin":`},
	} {
		e := seal(t, enveloped(tt.change))
		if e.Version() != "1.6.0" || says(e) != "1.6.0" || !strings.Contains(string(e.Bytes()), tt.text) {
			t.Errorf("%s: %s is of %s", tt.name, e.Bytes(), e.Version())
		}
		again, err := ledger.Decode(e.Bytes())
		if err != nil || again.Lease() != e.Lease() || again.Trace() != e.Trace() || again.Version() != "1.6.0" {
			t.Errorf("%s: Decode = lease %d, trace %s, %v", tt.name, again.Lease(), again.Trace(), err)
		}
		for _, version := range ledger.Versions()[:6] {
			_, err := ledger.Decode([]byte(edit(t, string(e.Bytes()), `"schema_version":"1.6.0"`, `"schema_version":"`+version+`"`)))
			if !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("%s: Decode of one that says %s = %v", tt.name, version, err)
			}
		}
	}
	_, err := ledger.Decode([]byte(edit(t, string(before.Bytes()), `"schema_version":"1.0.0"`, `"schema_version":"1.6.0"`)))
	wantField(t, err, "schema_version")
	ofLedger := seal(t, changed(eventOf(ledger.KeyRotated{Key: vkeyText, Previous: "old"}), func(e *ledger.Draft) { e.Trace = testTrace }))
	if ofLedger.Trace() != testTrace {
		t.Errorf("an event about the ledger has the trace %q", ofLedger.Trace())
	}
}

// Decode takes no other spelling of what version 1.6.0 added.
func TestDecodeRefusesOtherSpellingsOfWorkers(t *testing.T) {
	forms := leaseForms(hashOf("a"), hashOf("b"))
	raw := func(i int) string { return string(seal(t, eventOf(forms[i].payload)).Bytes()) }
	task, steps, lease, attempt := raw(0), raw(1), raw(4), raw(11)
	held := string(seal(t, enveloped(func(e *ledger.Draft) { e.Lease = 3 })).Bytes())
	for _, tt := range []struct{ name, raw, old, new, field string }{
		{"an empty list of jobs", task, `["job_0","job_00"]`, `[]`, "after"},
		{"jobs out of order", task, `["job_0","job_00"]`, `["job_00","job_0"]`, "after"},
		{"a time without milliseconds", task, `"not_before":"2026-11-22T20:32:58.058Z"`, `"not_before":"2026-11-22T20:32:58Z"`, "not_before"},
		{"an input that is a digest", task, `"input":{`, `"input":"`, "input"},
		{"progress without a total", steps, `,"total":14`, ``, "total"},
		{"no progress", steps, `{"done":3,"total":14}`, `{}`, "done"},
		{"progress out of order", steps, `"done":3,"total":14`, `"total":14,"done":3`, "done"},
		{"a total of 0", steps, `"done":3,"total":14`, `"done":0,"total":0`, "total"},
		{"more done than there is", steps, `"done":3`, `"done":15`, "progress"},
		{"epoch 0", lease, `"epoch":2`, `"epoch":0`, "epoch"},
		{"a lifetime in quotes", lease, `"ttl":60`, `"ttl":"60"`, "ttl"},
		{"a lifetime over a day", lease, `"ttl":60`, `"ttl":86401`, "ttl"},
		{"an empty list of events", lease, `["` + hashOf("b").String() + `","` + hashOf("a").String() + `"]`, `[]`, "after"},
		{"no worker", lease, `,"worker":"host-1/4711"`, ``, "worker"},
		{"an exit code too many", attempt, `"exit":0`, `"exit":256`, "exit"},
		{"an exit code in two digits", attempt, `"exit":0`, `"exit":00`, "exit"},
		{"lease 0", held, `"lease":3`, `"lease":0`, "lease"},
		{"an empty trace", held, `"seq":7`, `"seq":7,"trace":""`, "trace"},
		{"as an event of 1.5.0", lease, `"schema_version":"1.6.0"`, `"schema_version":"1.5.0"`, "schema_version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ledger.Decode([]byte(edit(t, tt.raw, tt.old, tt.new)))
			wantField(t, err, tt.field)
		})
	}
}

// The largest events of workers, signed, fit into MaxEventSize.
func TestLargestEventOfWorkersFits(t *testing.T) {
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	content := ledger.Content{Digest: hashOf("c"), MediaType: strings.Repeat("x", 63) + "/" + strings.Repeat("x", 63), Name: quotes(255), Size: 1<<53 - 1}
	var after []string
	var hashes []ledger.Hash
	var tags []ledger.Label
	for i := range 16 {
		after, hashes = append(after, fmt.Sprintf("%02d%s", i, strings.Repeat("x", 126))), append(hashes, hashOf(fmt.Sprint(i)))
		tags = append(tags, ledger.Label{Key: fmt.Sprintf("%02d%s", i, strings.Repeat("x", 61)), Value: quotes(63)})
	}
	for _, d := range []ledger.Draft{
		submitted(func(p *ledger.Submitted) {
			p.EnvironmentFingerprint, p.ProducerVersion, p.PolicyRef, p.Identity = quotes(256), quotes(128), quotes(256), strings.Repeat("x", 128)
			p.After, p.NotBefore, p.Input, p.ContentKey, p.Labels, p.PolicyDigest = after, testTime, content, hashOf("k"), tags, hashOf("p")
		}),
		eventOf(changedContinued(func(p *ledger.Continued) {
			p.EnvironmentFingerprint, p.ProducerVersion, p.PolicyRef, p.Identity = quotes(256), quotes(128), quotes(256), strings.Repeat("x", 128)
			p.StoppedBy, p.ImportedBy, p.SubmittedBy, p.Origin, p.Proof = quotes(128), strings.Repeat("x", 128), strings.Repeat("x", 128), strings.Repeat("x", 128), content
			p.After, p.NotBefore, p.Input, p.Labels, p.Epoch, p.Attempts = after, testTime, content, tags, 1<<53-1, 1<<53-1
		})),
		leased(func(p *ledger.Leased) { p.After, p.Epoch, p.Worker = hashes, 1<<53-1, longestWorker }),
		attempted(func(p *ledger.AttemptEnded) {
			p.Number, p.Cause, p.Exit, p.Log, p.ContentKey = 1<<53-1, ledger.AttemptInterrupted, new(int64(255)), content, hashOf("k")
		}),
	} {
		d.Authority, d.Clock, d.Seq, d.Prev = hashOf("a"), testTime.Add(-time.Second), 1<<53-1, hashOf("p")
		d.Actor, d.Origin, d.JobID, d.RequestID, d.RequestDigest = strings.Repeat("x", 128), strings.Repeat("x", 128), strings.Repeat("x", 128), quotes(128), hashOf("r")
		d.JobSeq, d.Revision, d.Lease, d.Trace = 1<<53-1, 1<<53-1, 1<<53-1, testTrace
		d.Command = []byte(quotes(ledger.MaxCommand))
		d.CommandSigs = []ledger.CommandSig{{Sig: make([]byte, ledger.MaxCommandSig)}}
		if n := len(seal(t, d).Bytes()); n > ledger.MaxEventSize {
			t.Errorf("the largest %s has %d bytes, at most %d may be written", d.Type(), n, ledger.MaxEventSize)
		}
	}
}

func TestFieldsOfWorkers(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name           string
		field          ledger.Field
		takes, refuses []string
	}{
		{"worker", ledger.FieldWorker, []string{"w", "host-1/4711", "a.b:c@d", "w%20", x(128)}, []string{"", "-w", "a b", "é", "%61", x(129)}},
		{"trace", ledger.FieldTrace, []string{testTrace, testTrace[:53] + "00"}, []string{"", testTrace[1:], testTrace + "0", strings.Replace(testTrace, "4bf9", "4bg9", 1), x(55), x(56)}},
		{"after", ledger.FieldAfter, []string{"j", "job_1", x(128)}, []string{"", "_j", "a/b", "é", x(129)}},
	} {
		for _, s := range tt.takes {
			if err := tt.field.Check(s); err != nil {
				t.Errorf("%s takes no %.60q: %v", tt.name, s, err)
			}
		}
		for _, s := range tt.refuses {
			wantField(t, tt.field.Check(s), tt.name)
		}
	}
}

// What a job works on and what its attempts wrote are contents of the job, whose bytes are kept.
func TestContentsOfWorkers(t *testing.T) {
	content := ledger.Content{Digest: hashOf("c"), Size: 3}
	for _, tt := range []struct {
		payload ledger.Payload
		named   int
	}{
		{ledger.Submitted{Input: content}, 1},
		{ledger.Submitted{}, 0},
		{ledger.AttemptEnded{Log: content}, 1},
		{ledger.AttemptEnded{}, 0},
		{ledger.Continued{Input: content}, 1},
		{ledger.Continued{Proof: content}, 0},
	} {
		got := ledger.JobContents(tt.payload)
		if len(got) != tt.named || tt.named > 0 && got[0] != content {
			t.Errorf("JobContents of %#v = %v, want %d", tt.payload, got, tt.named)
		}
	}
	continued := changedContinued(func(p *ledger.Continued) { p.Input = content })
	if got := ledger.Contents(seal(t, eventOf(continued))); len(got) != 2 || got[0] != continued.Proof || got[1] != content {
		t.Errorf("Contents of a continued = %v, want its proof and its input", got)
	}
}

// Damage to an event of a worker is found, or makes another event of it.
func TestDecodeDamageOfWorkers(t *testing.T) {
	for _, form := range leaseForms(hashOf("a"), hashOf("b")) {
		d := eventOf(form.payload)
		d.Lease, d.Trace = 2, testTrace
		raw := seal(t, d).Bytes()
		for i := range len(raw) * 8 {
			b := bytes.Clone(raw)
			b[i/8] ^= 1 << (i % 8)
			e, err := ledger.Decode(b)
			if err == nil && (!bytes.Equal(seal(t, e.Draft()).Bytes(), b) || e.LeafHash() == ledger.LeafHash(raw)) {
				t.Errorf("bit %d flipped: decoded %s as %s", i, b, seal(t, e.Draft()).Bytes())
			}
		}
	}
}

func TestRefusalExitsOfLeases(t *testing.T) {
	for code, want := range map[string]int64{
		"fenced": 3, "lease_held": 1, "not_due": 1, "dependency_pending": 1, "dependency_failed": 6,
	} {
		if got := ledger.RefusalExit(code); got != want {
			t.Errorf("RefusalExit(%s) = %d, want %d", code, got, want)
		}
	}
}
