package commands

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/projection"
)

// replay answers a request whose id was used before.
func (b *batch) replay(ctx context.Context, c *call) (Result, bool, error) {
	id := c.request.RequestID
	if id == "" {
		return Result{}, false, nil
	}
	event, seen, err := b.engine.usedBy(ctx, &c.request)
	if err != nil || !seen {
		return Result{}, false, err
	}
	if err := sameCommand(event, &c.request, c.digest); err != nil {
		return Result{}, false, err
	}
	if event.JobID() == "" {
		return Result{Event: event, Receipt: receiptOf(event), Replayed: true}, true, nil
	}
	state, err := b.engine.state(ctx, &Request{JobID: event.JobID(), Command: c.request.Command, DryRun: c.request.DryRun})
	if err == nil && state == nil {
		err = &ledger.CorruptError{Seq: event.Seq(), Reason: fmt.Sprintf("there is no job %s", event.JobID())}
	}
	if err != nil {
		return Result{}, false, err
	}
	if asksAgain(c, event, state.job) {
		c.request.RequestID = ""
		return Result{}, false, nil
	}
	result, err := b.again(ctx, c, event, state.job)
	return result, true, err
}

// again is the answer to a call that an event answered before.
func (b *batch) again(ctx context.Context, c *call, event ledger.Event, j projection.Job) (Result, error) {
	if allowedBy(event) {
		return b.repeatAllow(ctx, c, event, j)
	}
	result, err := again(event, j)
	if p, ok := event.Payload().(ledger.GateDecided); ok && err == nil {
		call, unread := b.engine.callState(ctx, j.ID, p.CallID)
		if unread != nil {
			return Result{}, unread
		}
		result.Gate = replayedDetails(j, p, call)
	}
	return result, err
}

// sameCommand requires that the event that has used the id of a request carries out, or
// refuses, the same command.
func sameCommand(event ledger.Event, r *Request, digest ledger.Hash) error {
	switch p, before := event.Payload().(ledger.LedgerCreated); {
	case before:
		return &ledger.RequestUsedError{RequestID: r.RequestID, Origin: p.Predecessor.Origin}
	case event.RequestDigest() == digest:
		return nil
	case r.Signed != nil:
		return &UsedError{RequestID: r.RequestID, Seq: event.Seq()}
	}
	return &RequestIDError{RequestID: r.RequestID, Seq: event.Seq()}
}

// again is the answer to a request that an event answered before: the refusal if it was
// refused.
func again(event ledger.Event, j projection.Job) (Result, error) {
	result := Result{Job: j, Event: event, Receipt: receiptOf(event), Replayed: true}
	p, refused := event.Payload().(ledger.Refused)
	if !refused {
		return result, nil
	}
	no := &projection.Refusal{
		Code:    projection.RefusalCode(p.Refusal),
		Reason:  fmt.Sprintf("event %d refused this command before, as %s", event.Seq(), p.Refusal),
		Details: projection.Details{JobID: event.JobID(), Status: j.Status},
	}
	return Result{}, &RefusedError{Refusal: no, Result: result}
}

// receiptOf returns the receipt of an event written before. The tree size is
// the smallest that holds it.
func receiptOf(event ledger.Event) ledger.Receipt {
	return ledger.Receipt{Seq: event.Seq(), Leaf: event.LeafHash(), Revision: event.Revision(), TreeSize: int64(event.Seq()) + 1}
}

// Outcome returns what the id of a request has led to, and whether it was used: what Do would
// answer now without deciding anything. A client asks this before it fills in what a signed
// command says of the job as it is. Errors are those of Do: a *RefusedError if the command was
// refused, and *RequestIDError or *UsedError if the id belongs to another command. An id that
// was answered with an allow counts as not used: only Do can say whether it is given again.
func Outcome(ctx context.Context, log ledger.EventReader, r Request) (Result, bool, error) {
	if r.RequestID == "" {
		return Result{}, false, nil
	}
	if err := r.Check(); err != nil {
		return Result{}, false, err
	}
	digest, err := r.digest()
	if err != nil {
		return Result{}, false, err
	}
	found, err := log.Load(ctx, nil, []string{r.RequestID})
	event, used := found.Requests[r.RequestID]
	if err != nil || !used {
		return Result{}, false, err
	}
	if err := sameCommand(event, &r, digest); err != nil {
		return Result{}, true, err
	}
	if allowedBy(event) {
		return Result{}, false, nil
	}
	if event.JobID() == "" {
		return Result{Event: event, Receipt: receiptOf(event), Replayed: true}, true, nil
	}
	job, _, ok, err := projection.Load(ctx, log, event.JobID())
	if err == nil && !ok {
		err = &ledger.CorruptError{Seq: event.Seq(), Reason: fmt.Sprintf("there is no job %s", event.JobID())}
	}
	if err != nil {
		return Result{}, true, err
	}
	result, err := again(event, job)
	return result, true, err
}
