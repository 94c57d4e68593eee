package store

import (
	"context"
	"fmt"

	"gait/ledger"
)

// Move appends a ledger_moved event, after which the ledger goes on in another place, under
// the key that the event names. The key in force alone signs the checkpoint that ends with
// it, and nothing more: from then on writing fails with a *ledger.MovedError. Errors are
// those of Append.
//
// The other place gets the ledger by Restore, with Copy.Next.
func (l *Log) Move(ctx context.Context, at ledger.Head, e ledger.Event) (ledger.Receipt, error) {
	return l.appendAt(ctx, at, []ledger.Entry{{Event: e}}, handover{moves: true})
}

// moveAway plans to hand the ledger over to another place, whose key has not signed yet.
func (p *plan) moveAway(e ledger.Event) error {
	moved, err := p.keys.Moved(e)
	if err != nil {
		return misfit(err)
	}
	if moved == nil {
		return fmt.Errorf("event %d: %s does not move the ledger", e.Seq(), e.Type())
	}
	p.moved = moved
	return nil
}

// moveHere takes the ledger over for the place that its last event names, in the state st:
// next signs the checkpoint too. The result is kept as the proof of a rotation.
func (p *plan) moveHere(st *state, next ledger.Signer) (*state, error) {
	if p.moved == nil || p.moved.To != next.VerifierKey() {
		return nil, fmt.Errorf("%w of this ledger: its last event does not move it to %s", ErrNoSigner, next.VerifierKey())
	}
	signed, err := ledger.Countersign(st.signed, next)
	if err != nil {
		return nil, err
	}
	r := ledger.Rotation{Event: p.last, Proof: ledger.Proof{Seq: p.last.Seq(), Path: p.path, Checkpoint: signed}}
	if p.keys, err = p.keys.FollowProved(r); err != nil {
		return nil, fmt.Errorf("proving the move at event %d: %w", p.last.Seq(), err)
	}
	p.proofs = append(p.proofs, Row{rotationKey(p.last.Seq()), []byte(r.Proof.String())})
	p.moved = nil
	here := p.state(signed)
	return here, here.check(p.keys)
}
