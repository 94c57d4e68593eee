package projection

import (
	"crypto/sha256"

	"gait/ledger"
)

// A Call is the newest state of a call of a tool. The zero Call is one of which nothing is
// known, so that nothing about it is judged.
type Call struct {
	Known   bool                 // Leaf and all below say what there is
	Leaf    ledger.Hash          // leaf hash of the newest event about the call (ledger.CallOf); zero: there is none
	Before  bool                 // a ledger before knew the call, so that Leaf is that of event 0
	Verdict ledger.GateVerdict   // of that event, if it is a gate_decided
	Outcome ledger.EffectOutcome // of that event, if it is an effect_settled
	Grant   string               // that the event gave or settled
	Intent  ledger.Content       // that the call stands for; of a settlement its digest alone
	Result  ledger.Content       // of an effect_settled
}

// CallIn returns what an event says of a call: the newest one about it, or the zero Event if
// there is none.
func CallIn(e ledger.Event) Call {
	c := Call{Known: true, Leaf: e.LeafHash()}
	switch p := e.Payload().(type) {
	case nil:
		c.Leaf = ledger.Hash{}
	case ledger.LedgerCreated:
		c.Before = true
	case ledger.GateDecided:
		c.Verdict, c.Grant, c.Intent = p.Verdict, p.Grant, p.Intent
	case ledger.EffectSettled:
		c.Outcome, c.Grant, c.Intent, c.Result = p.Outcome, p.Grant, ledger.Content{Digest: p.Intent}, p.Result
	default: // no other event is about a call
	}
	return c
}

// follows refuses a decision of the gate about a call that is open, done, or may have been,
// and one that does not name the newest event about it. In a job that is continued, the gate
// asks again about calls that the ledger before knew.
func (c Call) follows(j Job, p ledger.GateDecided) *Refusal {
	switch {
	case p.CallID == "" || !c.Known:
		return nil
	case c.Leaf != p.CallPrev:
		return refuse(InvalidTransition, j.details(), "the newest event about call %s of job %s is %s, not %s", p.CallID, j.ID, orNone(c.Leaf), orNone(p.CallPrev))
	case c.Before && p.Continues.IsZero():
		return refuse(InvalidTransition, j.details(), "call %s of job %s was made in the ledger before", p.CallID, j.ID)
	case c.Verdict == ledger.GateAllow, c.Outcome == ledger.EffectUnknown:
		return effectsUnsettled(j, "decide on call "+p.CallID, c.Grant)
	case c.Outcome == ledger.EffectDone:
		return refuse(InvalidTransition, j.details(), "call %s of job %s is done", p.CallID, j.ID)
	}
	return nil
}

// orNone spells a leaf hash, or says that there is none.
func orNone(leaf ledger.Hash) string {
	if leaf.IsZero() {
		return "none"
	}
	return leaf.String()
}

// calls are the calls of one job, by a hash of their ids. The zero calls are those of a job
// whose first event was not read: nothing is known of them.
type calls struct {
	whole bool // all events of the job were read
	by    map[[16]byte]call
}

// A call is a Call with what the rules ask of one.
type call struct {
	leaf    ledger.Hash
	verdict ledger.GateVerdict
	outcome ledger.EffectOutcome
	intent  ledger.Hash
}

func callKey(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

// of returns the newest state of the call that an event is about. Of one that the gate asks
// about again, it is not known: the ledger before had it.
func (c *calls) of(p ledger.Payload) Call {
	about, is := ledger.CallOf(p)
	if !is || !c.whole {
		return Call{}
	}
	now, found := c.by[callKey(about.ID)]
	if asked, gate := p.(ledger.GateDecided); !found && gate && !asked.Continues.IsZero() {
		return Call{}
	}
	return Call{Known: true, Leaf: now.leaf, Verdict: now.verdict, Outcome: now.outcome, Intent: ledger.Content{Digest: now.intent}}
}

// add records what an event says of a call. Of a job that can run no more nothing is kept.
func (c *calls) add(e ledger.Event, after Status) {
	if e.JobSeq() == 1 {
		c.whole = true
	}
	if after.Final() || after == EmergencyStopped {
		*c = calls{}
		return
	}
	about, is := ledger.CallOf(e.Payload())
	if !is || !c.whole {
		return
	}
	if c.by == nil {
		c.by = map[[16]byte]call{}
	}
	now := CallIn(e)
	c.by[callKey(about.ID)] = call{leaf: now.Leaf, verdict: now.Verdict, outcome: now.Outcome, intent: now.Intent.Digest}
}
