package commandstest

import (
	"errors"
	"slices"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// gate returns what a GateEval is decided on, nil for other commands. The id of a grant is that
// of the event that it led to.
func (s state) gate(r commands.Request, e ledger.Event) *commands.GateInput {
	if _, ok := r.Command.(commands.GateEval); !ok {
		return nil
	}
	in := s.history.Gate(r)
	if p, ok := e.Payload().(ledger.GateDecided); ok {
		in.Grant = p.Grant
	}
	in.Call = s.callOf(r)
	return &in
}

// callOf returns the newest state of the call that a request is about.
func (s state) callOf(r commands.Request) projection.Call {
	c, ok := r.Command.(commands.GateEval)
	if !ok || c.CallID == "" {
		return projection.Call{}
	}
	if call, known := s.call[c.CallID]; known {
		return call
	}
	return projection.CallIn(ledger.Event{})
}

// allowed returns the grant that an event gives, or "".
func allowed(e ledger.Event) string {
	p, _ := e.Payload().(ledger.GateDecided)
	return p.Grant
}

// asksAgain reports whether a request whose id was answered with an allow is decided again,
// since the job has stopped for good.
func (s state) asksAgain(r commands.Request, e ledger.Event) bool {
	return allowed(e) != "" && r.Signed == nil && (s.job.Status == projection.EmergencyStopped || s.job.Status.Final())
}

// repeats reports whether an answer is possible to a request whose id has led to an event.
func (s state) repeats(r commands.Request, a answer, e ledger.Event) bool {
	result := a.result
	if refused, ok := errors.AsType[*commands.RefusedError](a.err); ok {
		result = refused.Result
	} else if a.err != nil {
		_, unrepeated := errors.AsType[*commands.UnrepeatedError](a.err)
		return unrepeated && allowed(e) != "" && slices.ContainsFunc(a.readings(s.job), func(at time.Time) bool { return !s.open(r, e, at) })
	}
	if !result.Replayed || result.Event.LeafHash() != e.LeafHash() {
		return false
	}
	return allowed(e) == "" || slices.ContainsFunc(a.readings(s.job), func(at time.Time) bool { return s.open(r, e, at) })
}

// open reports whether what an event has allowed may still be done by who asks for it again when
// the clock reads a time: within a minute, under the same lease.
func (s state) open(r commands.Request, e ledger.Event, at time.Time) bool {
	grants, l := s.job.Grants, s.job.Lease
	led := l == nil && r.Lease == 0 || l.Lives(at) && l.Epoch == r.Lease
	return s.job.Status == projection.Running && led && r.Lease == e.Lease() && (at.IsZero() || at.Sub(e.Reading()) <= time.Minute) &&
		slices.ContainsFunc(grants, func(g projection.Grant) bool { return g.ID == allowed(e) }) &&
		!slices.ContainsFunc(grants, func(g projection.Grant) bool { return g.Unknown })
}

// lastBlock reports whether a payload is the block that the job's last event is, and is
// answered again.
func (s state) lastBlock(r commands.Request, p ledger.Payload) bool {
	return r.Signed == nil && s.job.RepeatsBlock(r.Actor, p)
}
