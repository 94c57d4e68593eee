package pebble_test

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// gateJob is a job whose worker asks the gate.
const gateJob = "job_gate"

// call lets a tool be called, or says what became of a call: it appends what the gate does.
func (l *life) call() bool {
	ctx, size := context.Background(), l.log.Head().Size
	job, _, found, err := projection.Load(ctx, l.log, gateJob)
	l.fail("reading the job of the gate", err)
	spec := ledgertest.Allow(gateJob, fmt.Sprint("call_", size), 1)
	switch open := job.Grants; {
	case !found:
		policy := spec.Payload.(ledger.GateDecided).PolicyDigest
		spec = ledgertest.Submit(gateJob)
		p := spec.Payload.(ledger.Submitted)
		p.PolicyDigest, p.Labels = policy, []ledger.Label{{Key: "tag", Value: gateJob}}
		spec.Payload = p
	case len(open) > 4 || len(open) > 0 && l.chance(50):
		spec = ledgertest.Settle(gateJob, open[0].CallID, 1, ledger.EffectDone)
	}
	entries := ledgertest.Seal(l.t, l.log, spec)
	entries[0].View = l.viewAfter(entries[0].Event)
	alive := l.attempt("call", 50, 10, func() {
		_, err := l.log.Append(ctx, l.log.Head(), entries...)
		l.must("appending an event of the gate", err)
	})
	if !alive {
		return false
	}
	e := entries[0].Event
	l.note("%s of the gate", e.Type())
	l.count.add("events of the gate")
	if l.log.Head().Size != size+1 {
		l.t.Fatalf("%d events after one of the gate, want %d", l.log.Head().Size, size+1)
	}
	l.acked[e.Seq()] = e
	l.checkEvent(e)
	if call, ok := ledger.CallOf(e.Payload()); ok {
		id := ledger.CallID{Job: gateJob, Call: call.ID}
		found, err := l.log.Load(ctx, nil, nil, id)
		l.fail("looking a call up", err)
		if found.Calls[id].Seq() != e.Seq() {
			l.t.Fatalf("the newest event about %v is %d, want %d", id, found.Calls[id].Seq(), e.Seq())
		}
	}
	return true
}

// viewAfter returns the view of the gate's job after an event that is not there yet.
func (l *life) viewAfter(e ledger.Event) []byte {
	f := projection.Folder{States: projection.StatesOf(context.Background(), l.log)}
	for before, err := range l.log.JobEvents(context.Background(), gateJob, 1) {
		l.fail("reading the events of the gate's job", err)
		l.fail("folding them", f.Add(before))
	}
	l.fail("folding the next one", f.Add(e))
	return projection.EncodeJob(f.Job, e.LeafHash())
}
