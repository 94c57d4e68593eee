package packspec

import (
	"context"
	"fmt"

	"gait/ledger"
)

// ErrNoDecision says that a job has no decision of the gate with this grant, or in this place.
var ErrNoDecision = ledger.NewError("there is no such decision of the gate", ledger.Fault{Code: "decision_not_found", Category: ledger.CategoryInvalid})

// A DecisionAt says which decision of a job a trace is about: the one that gave a grant or, if
// Grant is "", the event at Seq.
type DecisionAt struct {
	Grant string
	Seq   ledger.Seq
}

// A MadeTrace is a trace, and what it was made from.
type MadeTrace struct {
	Trace
	Decision   ledger.Event
	Settled    ledger.Event // zero if there is none
	Checkpoint ledger.Checkpoint
	Cosigned   bool // whether witnesses cosigned the checkpoint
}

// MakeTrace makes the trace of a decision of the gate. It reads the job's events up to the
// newest one. Its proofs are in the tree of the newest checkpoint that witnesses have
// cosigned, if that covers both events and is signed by the key in force, and in that of the
// newest checkpoint otherwise. Errors: ErrJobNotFound, ErrNoDecision, ledger.ErrConflict if
// the log moved on meanwhile, and those of src.
func MakeTrace(ctx context.Context, src ledger.Reader, job string, at DecisionAt) (MadeTrace, error) {
	t := MadeTrace{}
	err := t.find(ctx, src, job, at)
	if err == nil {
		err = t.prove(ctx, src)
	}
	if err != nil {
		return MadeTrace{}, fmt.Errorf("tracing a decision about job %s: %w", job, err)
	}
	return t, nil
}

// find finds the decision, and the newest event that settles its grant.
func (t *MadeTrace) find(ctx context.Context, src ledger.Reader, job string, at DecisionAt) error {
	if _, there, err := ledger.FindJob(ctx, src, job); err != nil || !there {
		if err == nil {
			err = ErrJobNotFound
		}
		return err
	}
	from, grant := int64(1), at.Grant
	if grant == "" {
		e, err := decisionAt(ctx, src, job, at.Seq)
		if err != nil {
			return err
		}
		t.Decision, grant, from = e, grantOf(e), e.JobSeq()+1
		if grant == "" {
			return nil
		}
	}
	for e, err := range src.JobEvents(ctx, job, from) {
		if err != nil {
			return err
		}
		if t.Decision.Payload() == nil && grantOf(e) == grant {
			t.Decision = e
		}
		if p, is := e.Payload().(ledger.EffectSettled); is && p.Grant == grant {
			t.Settled = e
		}
	}
	if t.Decision.Payload() == nil {
		return ErrNoDecision
	}
	return nil
}

// decisionAt returns the event in a place of the ledger, which must be a decision about a job.
func decisionAt(ctx context.Context, src ledger.Reader, job string, seq ledger.Seq) (ledger.Event, error) {
	if int64(seq) >= src.Head().Size || seq < 0 {
		return ledger.Event{}, ErrNoDecision
	}
	e, err := src.Event(ctx, seq)
	if err == nil && (e.JobID() != job || !isDecision(e)) {
		err = ErrNoDecision
	}
	return e, err
}

// prove adds what shows that a signed tree has the events, and whose tree it is.
func (t *MadeTrace) prove(ctx context.Context, src ledger.Reader) error {
	_, newest := src.Checkpoint()
	s := &snapshot{head: ledger.JobHead{Seq: max(t.Decision.Seq(), t.Settled.Seq())}}
	if err := s.readKeys(ctx, src); err != nil {
		return err
	}
	signed, err := s.chooseCheckpoint(ctx, src, newest)
	if err != nil {
		return err
	}
	t.Checkpoint, t.Cosigned = s.checkpoint, s.cosigned
	t.SchemaID, t.SchemaVersion, t.Origin, t.LedgerKey = TraceSchemaID, TraceSchemaVersion, t.Decision.Origin(), s.keys.Current().String()
	t.Authority, t.PolicyDigest = t.Decision.Authority().OrEmpty(), policyOf(t.Decision)
	for _, part := range []struct {
		event       ledger.Event
		text, proof *string
	}{{s.created, &t.Created, &t.CreatedProof}, {t.Decision, &t.Event, &t.Proof}, {t.Settled, &t.Settlement, &t.SettlementProof}} {
		if part.event.Payload() == nil {
			continue
		}
		proof, err := src.ProofIn(ctx, signed, part.event.Seq())
		if err == nil {
			err = proof.Check(part.event.LeafHash(), s.checkpoint)
		}
		if err != nil {
			return err
		}
		*part.text, *part.proof = string(part.event.Bytes()), proof.String()
	}
	for _, r := range s.rotations {
		t.Rotations = append(t.Rotations, RotationProof{Event: string(r.Event.Bytes()), Proof: r.Proof.String()})
	}
	return nil
}
