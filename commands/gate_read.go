package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// A readIntent is an intent that a request names, or why it cannot be read.
type readIntent struct {
	intent gate.Intent
	err    error // a *gate.Error
}

// readIntent reads what the gate needs of what a request names, in the goroutine of the
// caller: the intent that is to be decided about, or the one that is approved in the place of
// another.
func (e *Engine) readIntent(r Request) readIntent {
	switch c := r.Command.(type) {
	case GateEval:
		return e.intentOf(r.JobID, c.Intent, c.Problem)
	case Approve:
		if c.Amended != (ledger.Content{}) {
			return e.intentOf(r.JobID, c.Amended, "")
		}
	default: // no other command names an intent
	}
	return readIntent{}
}

// intentOf reads and parses an intent. It must be in canonical form: then equal intents of a
// job have equal digests.
func (e *Engine) intentOf(job string, c ledger.Content, problem string) readIntent {
	switch {
	case problem == gate.CodeIntentTooLarge, c.Size > ledger.MaxIntent:
		return noIntent(gate.CodeIntentTooLarge, "the intent has more than %d bytes", ledger.MaxIntent)
	case problem != "":
		return noIntent(problem, "the intent could not be read by who asks")
	case e.Content == nil:
		return noIntent(gate.CodeIntentUnreadable, "no content is kept beside this ledger")
	}
	b, err := e.Content.ReadOf(job, c.Digest, ledger.MaxIntent)
	if err != nil {
		return noIntent(gate.CodeIntentUnreadable, "reading the intent: %v", err)
	}
	intent, err := gate.ParseIntent(b)
	switch {
	case err != nil:
		if _, known := errors.AsType[*gate.Error](err); !known {
			return noIntent(gate.CodeIntentInvalid, "%v", err)
		}
		return readIntent{err: err}
	case !bytes.Equal(b, intent.Canonical()):
		return noIntent(gate.CodeIntentInvalid, "the intent is not in canonical form (RFC 8785)")
	}
	return readIntent{intent: intent}
}

func noIntent(code, format string, args ...any) readIntent {
	return readIntent{err: &gate.Error{Code: code, Reason: fmt.Sprintf(format, args...)}}
}

// maxPolicies is how many parsed policies an engine keeps.
const maxPolicies = 16

// policies are policies that were parsed, by the digest of their bytes, the one that was used
// last at the end.
type policies []parsedPolicy

type parsedPolicy struct {
	digest ledger.Hash
	policy *gate.Policy
	err    error // the bytes are no policy
}

// policy returns the policy of a digest, or why there is none. One that cannot be read is read
// again the next time.
func (e *Engine) policy(digest ledger.Hash) (*gate.Policy, error) {
	for i, known := range e.policies {
		if known.digest == digest {
			e.policies = append(append(e.policies[:i:i], e.policies[i+1:]...), known)
			return known.policy, known.err
		}
	}
	unreadable := func(why any) error {
		return &gate.Error{Code: gate.CodePolicyUnreadable, Reason: fmt.Sprintf("reading the policy %s: %v", digest, why)}
	}
	if e.Content == nil {
		return nil, unreadable("no content is kept beside this ledger")
	}
	b, err := e.Content.ReadPlain(digest, gate.MaxPolicy)
	if err != nil {
		return nil, unreadable(err)
	}
	p := parsedPolicy{digest: digest}
	p.policy, p.err = gate.ParsePolicy(b)
	if p.err == nil && p.policy.Digest() != digest {
		return nil, unreadable("its bytes have another digest")
	}
	if len(e.policies) == maxPolicies {
		e.policies = e.policies[1:]
	}
	e.policies = append(e.policies, p)
	return p.policy, p.err
}

// gateInput reads what a command about a job is decided on that its job does not hold: nil if
// the command is not the gate's.
func (b *batch) gateInput(ctx context.Context, c *call, m basis) (*GateInput, error) {
	eval, ok := c.request.Command.(GateEval)
	if !ok {
		return nil, nil
	}
	e := b.engine
	in := &GateInput{Intent: c.read.intent, IntentErr: c.read.err}
	if m.job.Status == projection.Running && !m.job.PolicyDigest.IsZero() {
		in.Policy, in.PolicyErr = e.policy(m.job.PolicyDigest)
	}
	var err error
	if in.Call, err = e.callState(ctx, c.request.JobID, eval.CallID); err != nil {
		return nil, fmt.Errorf("reading what became of call %s: %w", eval.CallID, err)
	}
	in.Grant, err = e.newID(m.now)
	return in, err
}

// callState returns the newest state of a call of a job, durable or not.
func (e *Engine) callState(ctx context.Context, job, call string) (projection.Call, error) {
	if call == "" {
		return projection.Call{}, nil
	}
	id := ledger.CallID{Job: job, Call: call}
	event, err := e.callEvent(ctx, id)
	if err != nil {
		return projection.Call{}, err
	}
	return projection.CallIn(event), nil
}

// callEvent returns the newest event about a call, or the zero Event if there is none.
func (e *Engine) callEvent(ctx context.Context, id ledger.CallID) (ledger.Event, error) {
	if event, ok := e.known.calls.Get(id); ok {
		return event, nil
	}
	event, ok := e.known.answer.Calls[id]
	if !ok && e.known.answer.askedCall(id) {
		return ledger.Event{}, nil
	}
	if !ok {
		found, err := e.Log.Load(ctx, nil, nil, id)
		if event, ok = found.Calls[id]; err != nil || !ok {
			return ledger.Event{}, err
		}
	}
	return event, e.known.holds(event.Seq())
}

// checkAmended requires that what an approver puts in the place of an intent is one of the same
// tool. It fails with an *InvalidError.
func (c *call) checkAmended(m basis, p ledger.Payload) error {
	approved, ok := p.(ledger.Approved)
	if !ok || approved.Amended == (ledger.Content{}) {
		return nil
	}
	for _, ask := range m.job.Decisions {
		switch {
		case ask.Target != approved.Target || ask.Tool == "":
		case c.read.err != nil:
			return &InvalidError{Err: fmt.Errorf("what is approved in the place of the intent: %w", c.read.err)}
		case c.read.intent.Tool() != ask.Tool:
			return invalid("amended", "its tool is %.40q, and the intent's is %s", c.read.intent.Tool(), ask.Tool)
		}
	}
	return nil
}

// checkNamed fails if a signed command names an intent that is not kept: no event follows from
// the command, since that would name the intent.
func (c *call) checkNamed(p ledger.Payload) error {
	eval, ok := c.request.Command.(GateEval)
	decided, is := p.(ledger.GateDecided)
	if !ok || !is || c.signature == nil || eval.Intent == decided.Intent {
		return nil
	}
	return c.read.err
}
