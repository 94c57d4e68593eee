package projection

import (
	"gait/ledger"
	"gait/ledger/jcs"
)

// A Grant is a permission to do one intent once that no one has settled for good: it is open,
// or what became of it is unknown.
type Grant struct {
	ID          string         `json:"grant"` // a ULID
	Tool        string         `json:"tool"`
	Intent      ledger.Content `json:"intent,omitzero"`
	CallID      string         `json:"call_id,omitempty"`
	By          string         `json:"by"`                      // who got it
	Key         ledger.Hash    `json:"key,omitzero"`            // that signed for it; zero: a claim
	Leaf        ledger.Hash    `json:"leaf"`                    // leaf hash of the event that gave it
	Last        ledger.Hash    `json:"last"`                    // leaf hash of the newest event about it
	JobSeq      int64          `json:"job_seq"`                 // of the event that gave it
	LastSeq     int64          `json:"last_seq"`                // of the newest event about it
	At          string         `json:"at"`                      // the reading of the event that gave it
	Unknown     bool           `json:"unknown,omitempty"`       // it was settled as unknown
	NotDoneExit int64          `json:"not_done_exit,omitempty"` // as the event that gave it says
}

// A Cleared is an intent that was approved, and whose job was resumed: it is granted once.
type Cleared struct {
	Ask Ask `json:"ask"` // as it was approved

	Resume    ledger.Hash `json:"resume"`     // leaf hash of the resume that used the approval up
	ResumeSeq int64       `json:"resume_seq"` // its job_seq
}

// A LastBlock records a block of the gate, to recognize the same one again.
type LastBlock struct {
	Actor      string      `json:"actor"`
	Tool       string      `json:"tool"`
	Intent     ledger.Hash `json:"intent,omitzero"`
	CallID     string      `json:"call_id,omitempty"`
	ReasonCode string      `json:"reason_code"`
}

// A Call is the newest state of a call of a tool. The zero Call is one of which nothing is
// known, so that nothing about it is judged.
type Call struct {
	Known   bool                 // Leaf and all below say what there is
	Leaf    ledger.Hash          // leaf hash of the newest event about the call (ledger.CallOf); zero: there is none
	Before  bool                 // a ledger before knew the call, so that Leaf is that of event 0
	Verdict ledger.GateVerdict   // of that event, if it is a gate_decided
	Outcome ledger.EffectOutcome // of that event, if it is an effect_settled
	Grant   string               // that the event gave or settled
	Intent  ledger.Content       // of a gate_decided
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
		c.Outcome, c.Grant, c.Result = p.Outcome, p.Grant, p.Result
	default: // no other event is about a call
	}
	return c
}

func gateMeaning(p ledger.GateDecided) Meaning {
	switch {
	case p.Verdict == ledger.GateAllow:
		return Meaning{Code: ReasonGateAllowed}
	case p.Verdict == ledger.GateRequireApproval:
		return Meaning{Code: CheckpointReason(ledger.CheckpointDecisionNeeded), Stops: p.Continues.IsZero()}
	}
	return Meaning{Code: ReasonGateBlocked}
}

func gateDecided(j Job, f Fact, p ledger.GateDecided) (Job, *Refusal) {
	return j, refuse(InvalidTransition, j.details(), "the gate is not asked here")
}

func dispatchBlocked(j Job, f Fact, p ledger.DispatchBlocked) (Job, *Refusal) {
	return j, refuse(InvalidTransition, j.details(), "the gate is not asked here")
}

func effectSettled(j Job, f Fact, p ledger.EffectSettled) (Job, *Refusal) {
	return j, refuse(InvalidTransition, j.details(), "the gate is not asked here")
}

func (g *Grant) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "at", &g.At, jcs.Always)
	jcs.Text(w, "by", &g.By, jcs.Always)
	jcs.Text(w, "call_id", &g.CallID, jcs.UnlessZero)
	jcs.Text(w, "grant", &g.ID, jcs.Always)
	walkContent(w, "intent", &g.Intent, false)
	w.Int("job_seq", &g.JobSeq, jcs.Always)
	w.Hash("key", (*[32]byte)(&g.Key), jcs.UnlessZero)
	w.Hash("last", (*[32]byte)(&g.Last), jcs.Always)
	w.Int("last_seq", &g.LastSeq, jcs.Always)
	w.Hash("leaf", (*[32]byte)(&g.Leaf), jcs.Always)
	w.Int("not_done_exit", &g.NotDoneExit, jcs.UnlessZero)
	jcs.Text(w, "tool", &g.Tool, jcs.Always)
	w.Flag("unknown", &g.Unknown, jcs.UnlessZero)
	w.End()
}

func (c *Cleared) walk(w *jcs.Walker, texts bool) {
	w.Begin()
	w.Member("ask", true, jcs.Always)
	c.Ask.walk(w, texts)
	w.Hash("resume", (*[32]byte)(&c.Resume), jcs.Always)
	w.Int("resume_seq", &c.ResumeSeq, jcs.Always)
	w.End()
}

func (b *LastBlock) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "actor", &b.Actor, jcs.Always)
	jcs.Text(w, "call_id", &b.CallID, jcs.UnlessZero)
	w.Hash("intent", (*[32]byte)(&b.Intent), jcs.UnlessZero)
	jcs.Text(w, "reason_code", &b.ReasonCode, jcs.Always)
	jcs.Text(w, "tool", &b.Tool, jcs.Always)
	w.End()
}
