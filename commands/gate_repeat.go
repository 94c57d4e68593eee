package commands

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// repeatWithin is how long after its event an allow is given again to the request that got it,
// by what the clock reads.
const repeatWithin = time.Minute

// An UnrepeatedError says that the request id of a GateEval was answered with an allow before,
// which is not given again. It stands for a block.
type UnrepeatedError struct {
	Code      string // the reason code of the block
	Reason    string
	Seq       ledger.Seq // of the event that allowed it
	Allowed   ledger.GateDecided
	Call      projection.Call // the newest state of the call, if that is of this grant
	Unsettled []string        // grants that must be settled first
}

func (e *UnrepeatedError) Error() string { return e.Reason }

// Fault returns what kind of error it is.
func (e *UnrepeatedError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.Code, Category: ledger.CategoryPolicy}
}

// CodeGrantSettled is the reason code of a block of a request whose id was answered with an
// allow before, if that grant was settled. What became of it may be any outcome: the caller asks
// again under another request id.
const CodeGrantSettled = "grant_settled"

// repeatAllow answers a request whose id was answered with an allow before. It fails with an
// *UnrepeatedError unless the job runs, the grant is open, the lease that it was given under lives
// and is named, the same key signed, authority still admits the actor, and the event was written within repeatWithin.
func (b *batch) repeatAllow(ctx context.Context, c *call, event ledger.Event, j projection.Job) (Result, error) {
	p, _ := event.Payload().(ledger.GateDecided)
	no := &UnrepeatedError{Seq: event.Seq(), Allowed: p}
	unrepeated := func(code, format string, args ...any) (Result, error) {
		no.Code, no.Reason = code, fmt.Sprintf("event %d allowed this before, and %s", event.Seq(), fmt.Sprintf(format, args...))
		return Result{}, no
	}
	now := b.engine.Now()
	m, err := b.moment(ctx, c, now)
	if err != nil {
		return Result{}, err
	}
	if denial := m.may(c.request, p); denial != nil {
		return Result{}, denial
	}
	for _, g := range j.Grants {
		if g.ID == p.Grant || g.Unknown {
			no.Unsettled = append(no.Unsettled, g.ID)
		}
	}
	i := slices.IndexFunc(j.Grants, func(g projection.Grant) bool { return g.ID == p.Grant })
	if i < 0 {
		if no.Call, err = b.engine.callState(ctx, event.JobID(), p.CallID); err != nil {
			return Result{}, err
		}
		if no.Call.Grant == p.Grant && no.Call.Outcome == ledger.EffectDone {
			return unrepeated(gate.CodeAlreadyDone, "it was done")
		}
		no.Call = projection.Call{}
		return unrepeated(CodeGrantSettled, "the grant was settled: ask under another request id")
	}
	since := now.Sub(event.Reading())
	switch unknown := slices.ContainsFunc(j.Grants, func(g projection.Grant) bool { return g.Unknown }); {
	case j.Status == projection.EmergencyStopped:
		return unrepeated(gate.CodeEmergencyStopped, "the job was stopped since")
	case j.Status != projection.Running:
		return unrepeated(gate.CodeNotRunning, "the job is %s", j.Status)
	case unknown:
		return unrepeated(gate.CodeEffectsUnsettled, "what became of a grant is unknown")
	case !underLease(c.request, event, j, m):
		return unrepeated(string(projection.Fenced), "the lease that it was allowed under is not the one that the request names, or has ended")
	case !slices.Equal(m.Keys, keysOf(j.Grants[i])):
		return unrepeated(gate.CodeEffectsUnsettled, "another key signed for it")
	case since.Abs() > repeatWithin:
		return unrepeated(gate.CodeEffectsUnsettled, "that is more than %s ago", repeatWithin)
	}
	return Result{Job: j, Event: event, Receipt: receiptOf(event), Replayed: true}, nil
}

// underLease reports whether a request names the lease that an event was written under, which
// lives, or none if the job never had one.
func underLease(r Request, event ledger.Event, j projection.Job, m Moment) bool {
	if r.Lease == 0 {
		return event.Lease() == 0 && j.Lease == nil
	}
	return r.Lease == event.Lease() && j.Lease.Lives(m.basis().Reading) && j.Lease.Epoch == r.Lease
}

// keysOf returns the key that signed for a grant, if any did.
func keysOf(g projection.Grant) []ledger.Hash {
	if g.Key.IsZero() {
		return nil
	}
	return []ledger.Hash{g.Key}
}

// asksAgain reports whether a request whose id was answered with an allow before is decided, and
// journalled, like one that was not answered: its job has stopped for good since. It is not the
// answer to the id, which was used.
func asksAgain(c *call, event ledger.Event, j projection.Job) bool {
	return allowedBy(event) && c.signature == nil && (j.Status == projection.EmergencyStopped || j.Status.Final())
}

// allowedBy reports whether an event is an allow of the gate.
func allowedBy(event ledger.Event) bool {
	p, ok := event.Payload().(ledger.GateDecided)
	return ok && p.Verdict == ledger.GateAllow
}

// repeatedBlock reports whether a payload is the block that a job's last event is, and the job
// does not run: it is answered again, and not written, unless it is signed.
func repeatedBlock(c *call, j projection.Job, p ledger.Payload) bool {
	return c.signature == nil && j.RepeatsBlock(c.request.Actor, p)
}
