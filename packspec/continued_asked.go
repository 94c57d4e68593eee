package packspec

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// A decisionAsked is a decision that a job asks for again, since it waited for it in the
// ledger before.
type decisionAsked struct {
	seq  ledger.Seq  // of the event that asks
	text ledger.Hash // of who asks, and for what
}

// askedAgain returns the decision that an event asks for again, if it does.
func askedAgain(e ledger.Event) (d decisionAsked, ok bool, err error) {
	payload := e.Payload()
	switch p := payload.(type) {
	case ledger.CheckpointAdded:
		ok = !p.Continues.IsZero()
	case ledger.GateDecided:
		ok = !p.Continues.IsZero()
		p.CallPrev = ledger.Hash{} // event 0 of this ledger, which that before does not know
		payload = p
	default: // no other event asks
	}
	if !ok {
		return d, false, nil
	}
	d = decisionAsked{seq: e.Seq()}
	d.text, err = textAsked(e.Actor(), payload)
	return d, true, err
}

func textAsked(actor string, p ledger.Payload) (ledger.Hash, error) {
	b, err := ledger.EncodePayload(p)
	return sha256.Sum256(slices.Concat([]byte(actor), []byte{0}, b)), err
}

// textsToAsk returns what a job must ask for again right after its first event, in order, as
// far as the proof of that event shows it.
func textsToAsk(first ledger.Event, p projection.ContinuedProof) (texts []ledger.Hash, err error) {
	c, _ := first.Payload().(ledger.Continued)
	again, err := p.AskedAgain(first.JobID(), c)
	for _, a := range again {
		text, err := textAsked(a.Actor, a.Payload)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, err
}

// otherDecision is the error about a decision that is not the one that the job waited for.
func otherDecision(seq ledger.Seq, origin string) error {
	return fmt.Errorf("%w: event %d asks for another decision than the job waited for in %s", ledger.ErrUnverified, seq, origin)
}
