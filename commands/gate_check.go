package commands

import (
	"fmt"

	"gait/ledger"
)

// CheckGate checks that what another process gives as the gate's answer to a request permits
// nothing else than was asked for: an allow or a require_approval is for this job, actor, tool,
// intent, call and request id, an allow
// under its lease, and under the policy that the request names. It fails with a
// *ledger.CorruptError. Any other event permits nothing: then it returns nil.
func CheckGate(r Request, e ledger.Event) error {
	p, ok := e.Payload().(ledger.GateDecided)
	if !ok || p.Verdict == ledger.GateBlock {
		return nil
	}
	other := func(what string) error {
		return &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("it is not what the gate was asked: it has another %s", what)}
	}
	c, ok := r.Command.(GateEval)
	switch {
	case !ok:
		return other("verb")
	case e.JobID() != r.JobID:
		return other("job")
	case e.Actor() != r.Actor:
		return other("actor")
	case p.Verdict == ledger.GateAllow && e.Lease() != r.Lease:
		return other("lease")
	case e.RequestID() != r.RequestID:
		return other("request id")
	case p.Tool != c.Tool:
		return other("tool")
	case p.Intent != c.Intent:
		return other("intent")
	case p.CallID != c.CallID:
		return other("call")
	case !c.Policy.IsZero() && p.PolicyDigest != c.Policy:
		return other("policy")
	case p.Facts.EnvironmentFingerprint != c.Facts.EnvironmentFingerprint || p.Facts.NotDoneExit != c.Facts.NotDoneExit:
		return other("fact")
	}
	return nil
}
