package projection

import (
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
)

// A Grant is a permission to do one intent once that no one has settled for good: it is open,
// or what became of it is unknown.
type Grant struct {
	ID          string         `json:"grant"` // a ULID
	Tool        string         `json:"tool"`
	Intent      ledger.Content `json:"intent,omitzero"` // without its name and media type
	CallID      string         `json:"call_id,omitempty"`
	By          string         `json:"by"`                      // who got it
	Key         ledger.Hash    `json:"key,omitzero"`            // that signed for it; zero: a claim
	Leaf        ledger.Hash    `json:"leaf"`                    // leaf hash of the event that gave it
	Last        ledger.Hash    `json:"last"`                    // leaf hash of the newest event about it
	JobSeq      int64          `json:"job_seq"`                 // of the event that gave it
	LastSeq     int64          `json:"last_seq"`                // of the newest event about it
	At          string         `json:"at"`                      // the reading of the event that gave it
	Unknown     bool           `json:"unknown,omitempty"`       // it was settled as unknown, or a newer lease was taken
	UnknownBy   string         `json:"unknown_by,omitempty"`    // who settled it so, the last time
	NotDoneExit int64          `json:"not_done_exit,omitempty"` // as the event that gave it says
	Epoch       int64          `json:"epoch,omitempty"`         // of the lease under which it was given; 0: none
}

// A LastBlock records a block of the gate, to recognize the same one again.
type LastBlock struct {
	Actor      string      `json:"actor"`
	Tool       string      `json:"tool"`
	Intent     ledger.Hash `json:"intent,omitzero"`
	CallID     string      `json:"call_id,omitempty"`
	ReasonCode string      `json:"reason_code"`
}

// Grant returns the grant of the job with an id that is open or unknown.
func (j Job) Grant(id string) (Grant, bool) {
	if i := grantAt(j.Grants, id); i >= 0 {
		return j.Grants[i], true
	}
	return Grant{}, false
}

func grantAt(grants []Grant, id string) int {
	return slices.IndexFunc(grants, func(g Grant) bool { return g.ID == id })
}

// UnknownGrants returns the grants of the job of which it is unknown what became of them.
func (j Job) UnknownGrants() (unknown []Grant) {
	for _, g := range j.Grants {
		if g.Unknown {
			unknown = append(unknown, g)
		}
	}
	return unknown
}

// RepeatsBlock reports whether the job does not run, and its last event is the same block of
// the gate.
func (j Job) RepeatsBlock(actor string, p ledger.Payload) bool {
	b, is := blockOf(actor, p)
	return is && j.Status != Running && j.LastBlock != nil && *j.LastBlock == b
}

// blockOf returns the block of the gate that an event is, if it is one.
func blockOf(actor string, p ledger.Payload) (LastBlock, bool) {
	switch p := p.(type) {
	case ledger.GateDecided:
		return LastBlock{Actor: actor, Tool: p.Tool, Intent: p.Intent.Digest, CallID: p.CallID, ReasonCode: p.ReasonCode}, p.Verdict == ledger.GateBlock
	case ledger.DispatchBlocked:
		return LastBlock{Actor: actor, Tool: p.Tool, Intent: p.Intent, CallID: p.CallID, ReasonCode: p.ReasonCode}, true
	default: // no other event is one
		return LastBlock{}, false
	}
}

// granted returns j after a grant.
func granted(j Job, f Fact, p ledger.GateDecided) Job {
	g := Grant{
		ID: p.Grant, Tool: p.Tool, Intent: bare(p.Intent), CallID: p.CallID, By: f.Actor, Key: f.key(),
		JobSeq: j.JobSeq + 1, LastSeq: j.JobSeq + 1, At: ledger.FormatTime(f.reading().UTC()), NotDoneExit: p.Facts.NotDoneExit,
		Epoch: f.Lease,
	}
	j.Grants = append(slices.Clip(j.Grants), g)
	j.Allows++
	return j
}

// stampGate fills in the leaf hash of the job's last event if that gave or settled a grant, or
// cleared an intent.
func stampGate(j *Job, leaf ledger.Hash) {
	for i := range j.Grants {
		g := &j.Grants[i]
		if g.JobSeq == j.JobSeq {
			g.Leaf = leaf
		}
		if g.LastSeq == j.JobSeq {
			g.Last = leaf
		}
	}
	for i := range j.Cleared {
		if c := &j.Cleared[i]; c.ResumeSeq == j.JobSeq {
			c.Resume = leaf
		}
	}
}

// bare returns content as jobs keep it: without what people call it.
func bare(c ledger.Content) ledger.Content {
	c.Name, c.MediaType = "", ""
	return c
}

// without returns a list without one element; nil if none is left.
func without[T any](list []T, i int) []T {
	if len(list) == 1 {
		return nil
	}
	return slices.Concat(list[:i], list[i+1:])
}

func (g *Grant) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "at", &g.At, jcs.Always)
	jcs.Text(w, "by", &g.By, jcs.Always)
	jcs.Text(w, "call_id", &g.CallID, jcs.UnlessZero)
	w.Int("epoch", &g.Epoch, jcs.UnlessZero)
	jcs.Text(w, "grant", &g.ID, jcs.Always)
	walkContent(w, "intent", &g.Intent, true)
	w.Int("job_seq", &g.JobSeq, jcs.Always)
	w.Hash("key", (*[32]byte)(&g.Key), jcs.UnlessZero)
	w.Hash("last", (*[32]byte)(&g.Last), jcs.Always)
	w.Int("last_seq", &g.LastSeq, jcs.Always)
	w.Hash("leaf", (*[32]byte)(&g.Leaf), jcs.Always)
	w.Int("not_done_exit", &g.NotDoneExit, jcs.UnlessZero)
	jcs.Text(w, "tool", &g.Tool, jcs.Always)
	w.Flag("unknown", &g.Unknown, jcs.UnlessZero)
	jcs.Text(w, "unknown_by", &g.UnknownBy, jcs.UnlessZero)
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
