package connect

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
)

// A GateQuestion is what a worker asks the gate.
type GateQuestion = daemon.GateQuestion

// Gate asks the gate whether a tool may do what an intent says, now. Only an answer whose
// verdict is allow permits it: every error is a block too, also one of the connection. An answer
// of a daemon counts once all of it was read and verified. If the question has no request id,
// one is made, so that no answer to another question can be taken for one to this.
//
// A signed question is a commands.GateEval for Do, whose intent PutContent keeps.
func (l *Ledger) Gate(ctx context.Context, ask GateQuestion) (commands.GateAnswer, commands.Result, error) {
	result, err := l.gate(ctx, ask)
	return commands.AnswerOf(result, err), result, err
}

func (l *Ledger) gate(ctx context.Context, ask GateQuestion) (commands.Result, error) {
	if l.readOnly {
		return commands.Result{}, ErrReadOnly
	}
	ask.AcceptClock = ask.AcceptClock || l.acceptClock
	if ask.RequestID == "" {
		var err error
		if ask.RequestID, err = ledger.NewULID(l.now(), l.entropy); err != nil {
			return commands.Result{}, fmt.Errorf("making a request id: %w", err)
		}
	}
	ask = ask.Named()
	kept, media, problem := daemon.IntentBytes(ask.Intent)
	if l.daemon != nil && media != "" { // it is an intent
		reply, err := l.daemon.client.Gate(ctx, ask)
		return l.daemon.verified(ctx, reply, err)
	}
	if problem != "" {
		return l.Do(ctx, ask.Request(ledger.Content{}, problem))
	}
	if err := ask.Check(); err != nil { // before anything is kept
		return commands.Result{}, err
	}
	put, err := l.PutContent(ctx, ask.JobID, Upload{MediaType: media, Bytes: bytes.NewReader(kept), Limit: ledger.MaxIntent})
	if err != nil {
		return commands.Result{}, err
	}
	return l.Do(ctx, ask.Request(put.Content, ""))
}

// checkGate checks that what the gate has answered is for what was asked, and that the event of
// an allow is in the ledger, whose key has signed it.
func (d *daemonLog) checkGate(ctx context.Context, reply daemon.GateReply) error {
	e := reply.Result.Event
	if err := commands.CheckGate(reply.Request, e); err != nil {
		return err
	}
	p, ok := e.Payload().(ledger.GateDecided)
	if !ok || p.Verdict != ledger.GateAllow || reply.Request.DryRun {
		return nil
	}
	proof, err := reply.Proof, error(nil)
	if proof.Checkpoint == nil {
		proof, err = d.proveWritten(ctx, reply.Result)
	}
	if err != nil {
		return err
	}
	c, err := d.Keys().Open(proof.Checkpoint)
	if proof.Seq = e.Seq(); err == nil {
		err = proof.Check(e.LeafHash(), c)
	}
	if err != nil {
		return &ledger.CorruptError{Seq: e.Seq(), Reason: "the daemon does not prove that it is in the ledger", Err: err}
	}
	return d.keep(proof.Checkpoint)
}

// proveWritten asks for the proof that the event of a result is in the ledger.
func (d *daemonLog) proveWritten(ctx context.Context, result commands.Result) (ledger.Proof, error) {
	if signed := result.Receipt.Checkpoint; signed != nil {
		return d.ProofIn(ctx, signed, result.Event.Seq())
	}
	now, err := d.client.Open(ctx) // it was written before
	if err != nil {
		return ledger.Proof{}, err
	}
	return ledger.NewestProof(ctx, now, result.Event.Seq())
}

// A Settlement says what became of a grant.
type Settlement struct {
	JobID, Actor, Grant string
	Outcome             ledger.EffectOutcome
	Result              io.ReadSeeker // what the tool answered; nil if that is not kept
	MediaType           string        // of the result; may be ""
	Reason              string        // optional, as the next ones
	RequestID           string
	Lease               int64  // the epoch of the lease that the worker holds
	Trace               string // a traceparent (W3C Trace Context)
}

// Settle records what became of a grant, and keeps the result.
func (l *Ledger) Settle(ctx context.Context, s Settlement) (commands.Result, error) {
	c := commands.GateSettle{Grant: s.Grant, Outcome: s.Outcome}
	r := commands.Request{JobID: s.JobID, Actor: s.Actor, Reason: s.Reason, RequestID: s.RequestID, Lease: s.Lease, Trace: s.Trace, Command: c}
	if s.Result == nil {
		return l.Do(ctx, r)
	}
	if err := r.Check(); err != nil { // before anything is kept
		return commands.Result{}, err
	}
	put, err := l.PutContent(ctx, s.JobID, Upload{MediaType: s.MediaType, Bytes: s.Result})
	if err != nil {
		return commands.Result{}, err
	}
	c.Result = put.Content
	r.Command = c
	return l.Do(ctx, r)
}
