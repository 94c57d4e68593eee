package packspec_test

import (
	"bytes"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// continuedWork returns a ledger that continues job_4, which a worker did under a lease in the
// ledger before, and goes on with here under the next one. Its first event says what lie makes of it.
func continuedWork(t testing.TB, lie func(*ledger.Continued)) *continuation {
	t.Helper()
	c := continuedOf(t, false, true, func(tree ledger.Checkpoint) int64 { return tree.Size + 10 }, nil)
	lease, input := int64(0), ledger.Content{Digest: ledger.Hash{4}, MediaType: "text/plain", Name: "in.txt", Size: 12}
	add := func(l *store.Log, p ledger.Payload) {
		t.Helper()
		if first, is := p.(ledger.Leased); is {
			first.Until = l.Head().Time.Add(61 * time.Second) // the event is a second later
			p = first
		}
		ledgertest.Append(t, l, ledgertest.EventSpec{Job: "job_4", Actor: "worker_1", Payload: p, Edit: func(d *ledger.Draft) { d.Lease = lease }})
	}
	after := []ledger.Hash{{5}}
	add(c.before, ledger.Submitted{
		EnvironmentFingerprint: "env", ProducerVersion: "x", After: []string{"job_0"}, NotBefore: c.before.Head().Time.Add(time.Second), Input: input, ContentKey: ledger.Hash{6},
	})
	add(c.before, ledger.Leased{After: after, Epoch: 1, TTL: 60, Worker: "host_1"})
	lease = 1
	add(c.before, ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptInterrupted})
	c.takeWith(t, "job_4", func(_ testing.TB, _ *continuation, p *ledger.Continued) {
		if lie != nil {
			lie(p)
		}
	})
	lease = 0
	var first ledger.Continued
	for e, err := range c.l.JobEvents(t.Context(), "job_4", 1) {
		if err != nil {
			t.Fatal(err)
		}
		first, _ = e.Payload().(ledger.Continued)
		break
	}
	if len(first.After) == 0 {
		after = nil
	}
	add(c.l.Log, ledger.Leased{After: after, Epoch: first.Epoch + 1, TTL: 60, Worker: "host_2"})
	lease = first.Epoch + 1
	add(c.l.Log, ledger.AttemptEnded{Number: first.Attempts + 1, Cause: ledger.AttemptLost})
	return c
}

// A job that goes on in another ledger keeps the count of its leases and attempts, and what it
// waits for and works on; a pack proves that.
func TestContinuedWork(t *testing.T) {
	c := continuedWork(t, nil)
	pack := c.build(t, "job_4")
	r := verify(t, pack, c.l.Key, c.old)
	if got := r.Level(finding.LevelContinued); !r.Verified || got.Status != finding.Proved {
		t.Errorf("verified %t, %+v, %+v", r.Verified, r.Failure, got)
	}
	fs := files(t, pack)
	for entry, text := range map[string]string{
		"evidence.json":       `"format":7`,
		"ledger_events.jsonl": `"attempt_count":1,`,
		"job_events.jsonl":    `"epoch":2,`,
	} {
		if !bytes.Contains(file(fs, entry).Data, []byte(text)) {
			t.Errorf("%s does not have %s:\n%s", entry, text, file(fs, entry).Data)
		}
	}
	later := continuedWork(t, func(p *ledger.Continued) { p.Epoch = 7 }) // leases may be lost
	if r := verify(t, later.build(t, "job_4"), later.l.Key, later.old); r.Level(finding.LevelContinued).Status != finding.Proved {
		t.Errorf("with a later epoch: %+v, %+v", r.Failure, r.Level(finding.LevelContinued))
	}
	for name, lie := range continuedWorkLies {
		c := continuedWork(t, lie)
		r := verify(t, c.packUnchecked(t, "job_4"), c.l.Key, c.old)
		if got := r.Level(finding.LevelContinued); r.Verified || got.Status != finding.Failed {
			t.Errorf("%s: verified %t, %+v, %+v", name, r.Verified, r.Failure, got)
		}
	}
}

// packUnchecked returns the pack of a job with the proof that its first event names, whatever that
// shows.
func (c *continuation) packUnchecked(t testing.TB, job string) []byte {
	t.Helper()
	fs := files(t, buildWith(t, c.l, job, packspec.JobOptions{}))
	for e, err := range c.l.JobEvents(t.Context(), job, 1) {
		if err != nil {
			t.Fatal(err)
		}
		first, _ := e.Payload().(ledger.Continued)
		fs = packtest.Set(fs, "continued.json", c.content[first.Proof.Digest])
		break
	}
	evidence := bytes.Replace(file(fs, "evidence.json").Data, []byte(`"entries":[`), []byte(`"entries":["continued.json",`), 1)
	return resign(t, packtest.Set(fs, "evidence.json", evidence), c.l.Key)
}

// continuedWorkLies are what a first event can say that the events of the job do not.
var continuedWorkLies = map[string]func(*ledger.Continued){
	"no lease":           func(p *ledger.Continued) { p.Epoch = 0 },
	"another attempt":    func(p *ledger.Continued) { p.Attempts = 2 },
	"no attempt":         func(p *ledger.Continued) { p.Attempts = 0 },
	"another dependency": func(p *ledger.Continued) { p.After = []string{"job_9"} },
	"no dependency":      func(p *ledger.Continued) { p.After = nil },
	"due at once":        func(p *ledger.Continued) { p.NotBefore = time.Time{} },
	"another input":      func(p *ledger.Continued) { p.Input.Size++ },
	"no input":           func(p *ledger.Continued) { p.Input = ledger.Content{} },
}
