package packspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/authoritytest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// A workPlay is a play in which workers did job_1 under leases.
type workPlay struct {
	*play
	kept
	input, state, tail ledger.Content
	epoch              int64     // of the newest lease
	until              time.Time // when it ends
}

// leaseTTL is how long the leases of a workPlay last, in seconds.
const leaseTTL = 30

// under adds an event of a lease; 0 is none. ann signs, and others claim their names.
func (w *workPlay) under(lease int64, actor string, p ledger.Payload) ledger.Event {
	w.t.Helper()
	at := authoritytest.Start.Add(time.Duration(len(w.Events)) * time.Second)
	if lease != 0 && lease == w.epoch && p.Type() != ledger.TypeLeaseReleased {
		w.until = at.Add(leaseTTL * time.Second)
	}
	switch l := p.(type) {
	case ledger.Leased:
		w.epoch, w.until = l.Epoch, at.Add(leaseTTL*time.Second)
		l.Until = w.until
		p = l
	case ledger.LeaseRenewed:
		l.Until = w.until
		p = l
	case ledger.LeaseReleased:
		l.Until = w.until
		p = l
	default: // the others say nothing of the lease
	}
	plan := authoritytest.Plan{Actor: actor, JobID: "job_1", Lease: lease, Payload: p}
	if actor == "ann" {
		plan.Signers = []authoritytest.Signer{w.ann}
	}
	return w.Add(plan)
}

func (w *workPlay) take(actor string, after ...ledger.Hash) {
	w.under(0, actor, ledger.Leased{After: after, Epoch: w.epoch + 1, TTL: leaseTTL, Worker: "host_1"})
}

// workedUpTo returns a play in which job_1, which waits for job_0 and works on an input, is done by
// ann, whose attempt fails; then she gives up her lease, and wim takes another one and goes on.
func workedUpTo(t testing.TB) *workPlay {
	w := &workPlay{play: newPlay(t), kept: kept{}}
	w.input, w.state, w.tail = w.put("the input"), w.put("state 3"), w.put("panic: no disk")
	w.Claim("olga", "job_0", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"})
	done := w.Claim("olga", "job_0", ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointCompleted, Summary: "s"})
	w.under(0, "ann", ledger.Submitted{
		EnvironmentFingerprint: "env", ProducerVersion: "gait/test", After: []string{"job_0"}, NotBefore: authoritytest.Start, Input: w.input, ContentKey: ledger.Hash{1},
	})
	w.take("ann", done.LeafHash())
	w.under(1, "ann", ledger.CheckpointAdded{
		CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "a step", Progress: ledger.StepCount{Done: 3, Total: 14},
		Attachments: []ledger.Attachment{{Content: w.state, Role: ledger.AttachState}},
	})
	w.under(1, "ann", ledger.LeaseRenewed{Epoch: 1, TTL: leaseTTL, Worker: "host_1"})
	exit := int64(1)
	w.under(1, "ann", ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptExited, Exit: &exit, Log: w.tail})
	w.under(1, "ann", ledger.LeaseReleased{Epoch: 1, Outcome: ledger.LeaseGaveUp, TTL: leaseTTL, Worker: "host_1"})
	w.take("wim", done.LeafHash())
	return w
}

// worked returns the play to its end: wim completes the job.
func worked(t testing.TB) *workPlay {
	w := workedUpTo(t)
	w.under(2, "wim", completedBy("cp_0002"))
	w.commit()
	return w
}

func completedBy(id string) ledger.CheckpointAdded {
	return ledger.CheckpointAdded{CheckpointID: id, CheckpointType: ledger.CheckpointCompleted, Summary: "done"}
}

// leaseExpired returns a play in which wim's lease ends in silence, ann takes the next one, says that
// the attempt before is lost, and completes the job.
func leaseExpired(t testing.TB) *workPlay {
	w := workedUpTo(t)
	for range leaseTTL {
		w.Claim("olga", "job_0", ledger.ContentErased{Digest: ledger.Hash{1}, Reason: "asked to"})
	}
	w.take("ann", w.Events[5].LeafHash())
	w.under(3, "ann", ledger.AttemptEnded{Number: 2, Cause: ledger.AttemptLost})
	w.under(3, "ann", completedBy("cp_0002"))
	w.commit()
	return w
}

// traced is a job in which nothing is of version 1.6.0 but a trace.
func traced(t testing.TB) *play {
	p := newPlay(t)
	p.Add(authoritytest.Plan{
		Actor: "olga", JobID: "job_1", Payload: ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"},
		EditDraft: func(d *ledger.Draft) { d.Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
	})
	p.commit()
	return p
}

// A pack of a job with leases shows them, proves that no event is missing, and adds no field to
// the views of PackSpec v1.
func TestPackShowsWork(t *testing.T) {
	w := worked(t)
	plain, whole := w.packOf(nil), w.packOf(w.kept)
	for name, pack := range map[string][]byte{"plain": plain, "with content": whole} {
		r := w.verify(pack)
		if !r.Verified || r.Level(finding.LevelCompleteness).Status != finding.Proved {
			t.Fatalf("%s: it does not verify: %v", name, r.Failure)
		}
		if l := r.Level(finding.LevelActors); l.Status != finding.Proved || !strings.HasPrefix(l.Detail, "6 of 8 events signed, by ann; claims: 2, by wim;") {
			t.Errorf("%s: the actors are %+v", name, l)
		}
		fs := files(t, pack)
		for entry, has := range map[string][]string{
			"evidence.json":    {`"format":7`},
			"job_payload.json": {`"checkpoint_count":2,`, `"status":"completed"`},
			"job_state.json":   {`{"actor":"ann","actor_verified":true,"checkpoint_id":"cp_0001","created_at":"2026-11-22T20:00:08.000Z","reason_code":"checkpoint_progress","summary":"a step","type":"progress"}`},
			"job_events.jsonl": {
				`"reason_code":"leased",`, `"reason_code":"lease_renewed",`, `"reason_code":"lease_released",`, `"reason_code":"attempt_ended",`, `"type":"leased"`,
				`"progress":{"done":3,"total":14}`, `"after":["job_0"]`,
			},
		} {
			for _, text := range has {
				if !bytes.Contains(file(fs, entry).Data, []byte(text)) {
					t.Errorf("%s: %s does not have %s:\n%s", name, entry, text, file(fs, entry).Data)
				}
			}
		}
	}
	if l := w.verify(whole).Level(finding.LevelContent); l.Status != finding.Proved || l.Detail != "the events name 3 contents: 3 are here, 0 erased, 0 not in the pack" {
		t.Errorf("with content the level is %+v", l)
	}
	p := traced(t)
	if pack := p.packOf(nil); !p.verify(pack).Verified || !bytes.Contains(file(files(t, pack), "evidence.json").Data, []byte(`"format":7`)) {
		t.Errorf("a job with a trace has the evidence %s", file(files(t, pack), "evidence.json").Data)
	}
}

// workForgeries are packs of a job with leases, made with the ledger's key.
var workForgeries = []struct {
	name        string
	forge       func(w *workPlay) []byte
	level, code string
}{
	{"in format 6", func(w *workPlay) []byte {
		return w.edit(w.packOf(nil), "evidence.json", `"format":7`, `"format":6`)
	}, "canonical", finding.CodeNotCanonical},
	{"of a job without leases in format 7", func(w *workPlay) []byte {
		p := whole(w.t)
		return p.edit(build(p.t, p.log(), "job_1"), "evidence.json", `"format":4`, `"format":7`)
	}, "canonical", finding.CodeNotCanonical},
	{"another epoch in the views", func(w *workPlay) []byte {
		return w.edit(w.packOf(nil), "job_events.jsonl", `"epoch":2`, `"epoch":3`)
	}, "views", finding.CodeView},
	{"progress in the state", func(w *workPlay) []byte {
		return w.edit(w.packOf(nil), "job_state.json", `"reason_code":"checkpoint_progress"`, `"progress":{"done":3,"total":14},"reason_code":"checkpoint_progress"`)
	}, "views", finding.CodeView},
	{"another byte of the input", func(w *workPlay) []byte {
		fs := files(w.t, w.packOf(w.kept))
		file(fs, "content/"+w.input.Digest.String()).Data[20] ^= 1
		return resign(w.t, fs, w.key)
	}, "content", finding.CodeContent},
	{"content that no event names", func(w *workPlay) []byte {
		k := kept{}
		content := k.put("other")
		fs := packtest.Set(files(w.t, w.packOf(w.kept)), "content/"+content.Digest.String(), []byte(k[content.Digest]))
		return resign(w.t, fs, w.key)
	}, "content", finding.CodeContent},
}

// wrongWork are events that the rules of leases do not allow after workedUpTo.
var wrongWork = map[string]func(w *workPlay){
	"a worker of an older lease":     func(w *workPlay) { w.under(1, "ann", completedBy("cp_0002")) },
	"a worker without a lease":       func(w *workPlay) { w.under(0, "wim", completedBy("cp_0002")) },
	"a lease of another worker":      func(w *workPlay) { w.under(2, "olga", completedBy("cp_0002")) },
	"two leases at once":             func(w *workPlay) { w.take("olga", w.Events[5].LeafHash()) },
	"an epoch left out":              func(w *workPlay) { w.release(); w.epoch++; w.take("olga", w.Events[5].LeafHash()) },
	"a lease before its dependency":  func(w *workPlay) { w.release(); w.take("olga") },
	"an attempt that is not counted": func(w *workPlay) { w.under(2, "wim", ledger.AttemptEnded{Number: 3, Cause: ledger.AttemptLost}) },
}

func (w *workPlay) release() {
	w.under(2, "wim", ledger.LeaseReleased{Epoch: 2, Outcome: ledger.LeaseDone, TTL: leaseTTL, Worker: "host_1"})
}

// forgedWork is a play that ends with events which the rules do not allow, if wrong is not nil,
// and its pack, made with the ledger's key.
func forgedWork(t testing.TB, wrong func(w *workPlay)) (*workPlay, []byte) {
	t.Helper()
	w := workedUpTo(t)
	if wrong != nil {
		wrong(w)
	}
	w.commit()
	fs := w.forged(w.Events, chainOf(w.Events))
	file(fs, "VERIFY.md").Data = file(files(t, worked(t).packOf(nil)), "VERIFY.md").Data
	e := file(fs, "evidence.json")
	e.Data = bytes.Replace(e.Data, []byte(`"format":4`), []byte(`"format":7`), 1)
	return w, resign(t, fs, w.key)
}

// Work that no rule allows is in no pack that verifies, and none is made of it.
func TestWorkForgeries(t *testing.T) {
	for _, tt := range workForgeries {
		w := worked(t)
		r := w.verify(tt.forge(w))
		if r.Verified || r.Failure.Level != tt.level || r.Failure.Code != tt.code {
			t.Errorf("%s: verified: %t, %v, want %s with %s", tt.name, r.Verified, r.Failure, tt.level, tt.code)
		}
	}
	if w, pack := forgedWork(t, nil); !w.verify(pack).Verified {
		t.Fatalf("an honest pack that is made like the forged ones: %v", w.verify(pack).Failure)
	}
	for _, name := range sortedKeys(wrongWork) {
		w, pack := forgedWork(t, wrongWork[name])
		if _, err := packspec.CheckJob(t.Context(), w.log(), "job_1"); err == nil {
			t.Errorf("%s can be packed", name)
		}
		r := w.verify(pack)
		if r.Verified || r.Failure.Level != finding.LevelStateMachine || r.Failure.Code != finding.CodeTransition {
			t.Errorf("%s: verified: %t, %v, want a failure of the rules", name, r.Verified, r.Failure)
		}
	}
}

// otherLeases are leases that a signed command names, and that its event names.
var otherLeases = map[string]struct{ signed, event int64 }{
	"a lease that was not signed":     {0, 1},
	"a signed lease that is left out": {1, 0},
	"another lease than was signed":   {2, 1},
}

// forgedLease is a play with an event that names another lease than its command, and its pack,
// made with the ledger's key.
func forgedLease(t testing.TB, of struct{ signed, event int64 }) (*workPlay, []byte) {
	t.Helper()
	return forgedWork(t, func(w *workPlay) {
		w.release()
		w.take("ann", w.Events[5].LeafHash())
		w.Add(authoritytest.Plan{
			Actor: "ann", JobID: "job_1", Lease: of.signed * 3, Payload: completedBy("cp_0002"),
			Signers: []authoritytest.Signer{w.ann}, EditDraft: func(d *ledger.Draft) { d.Lease = of.event * 3 },
		})
	})
}

// A signed event has the lease that its command names.
func TestForgedLeaseOfCommand(t *testing.T) {
	for _, name := range sortedKeys(otherLeases) {
		w, pack := forgedLease(t, otherLeases[name])
		if _, err := packspec.CheckJob(t.Context(), w.log(), "job_1"); err == nil {
			t.Errorf("%s: the job can be packed", name)
		}
		if r := w.verify(pack); r.Verified || r.Failure.Level != finding.LevelActors || r.Failure.Code != finding.CodeActor {
			t.Errorf("%s: verified: %t, %v, want %s", name, r.Verified, r.Failure, finding.CodeActor)
		}
	}
}

// The program in VERIFY.md of these packs accepts them, and finds leases that overlap.
func TestVerifyMDOfWork(t *testing.T) {
	needPython(t)
	needKeygen(t)
	w := worked(t)
	vkey := w.key.VerifierKey().String()
	for name, tt := range map[string]struct{ pack, says string }{
		"plain":        {string(w.packOf(nil)), "; 0 of 3 contents; 0 of 0 policies; 0 grants, 0 not settled; newest lease 2, 1 attempts\n"},
		"with content": {string(w.packOf(w.kept)), "; 3 of 3 contents; 0 of 0 policies; 0 grants, 0 not settled; newest lease 2, 1 attempts\n"},
	} {
		fs := files(t, []byte(tt.pack))
		out, err := check(t, program(t, fs), fs, vkey)
		if err != nil || !strings.HasPrefix(out, "OK: job job_1, 8 events, 6 of them signed by their actors, of "+authoritytest.Origin) || !strings.HasSuffix(out, tt.says) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	for _, name := range []string{"a worker of an older lease", "two leases at once", "an epoch left out"} {
		_, pack := forgedWork(t, wrongWork[name])
		forged := files(t, pack)
		if out, err := check(t, program(t, forged), forged, vkey); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// No flipped bit of a pack of work stays unseen, with the manifest as it was and signed again.
func TestBitsOfWorkFlipped(t *testing.T) {
	w := worked(t)
	pack := w.packOf(w.kept)
	triedAtMost(t, 8*len(pack), 300, w.key, func(bit int) []byte { return flip(pack, bit) })
	events := file(files(t, pack), "ledger_events.jsonl").Data
	triedAtMost(t, 8*len(events), 300, w.key, func(bit int) []byte {
		fs := files(t, pack)
		file(fs, "ledger_events.jsonl").Data = flip(events, bit)
		return resign(t, fs, w.key)
	})
}

// A range pack shows the leases and attempts of each job that begins in it.
func TestRangeShowsWork(t *testing.T) {
	w := worked(t)
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, w.log(), 0, -1, w.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := w.verify(b.Bytes()); !r.Verified {
		t.Fatalf("it does not verify: %v", r.Failure)
	}
	i, err := packspec.Inspect(bytes.NewReader(b.Bytes()), int64(len(b.Bytes())))
	if err != nil || len(i.Range.Jobs) != 2 {
		t.Fatalf("it shows %+v, %v", i, err)
	}
	j := i.Range.Jobs[slices.IndexFunc(i.Range.Jobs, func(j packspec.JobInRange) bool { return j.JobID == "job_1" })]
	if j.Leases != 2 || j.Attempts != 1 {
		t.Errorf("the job is %+v, want 2 leases and 1 attempt", j)
	}
}
