package packspec

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gait/ledger"
	"gait/packspec/finding"
)

// A TraceReport is what VerifyTrace found. Unless Verified is true, all of it is only what the
// trace says.
type TraceReport struct {
	Report
	Decision   json.RawMessage `json:"decision,omitempty"`      // the event, byte for byte
	Settlement json.RawMessage `json:"settlement,omitempty"`    // the event that settles its grant, if the trace has one
	SignedBy   []string        `json:"signed_by,omitempty"`     // the keys that signed the decision, as SHA256 fingerprints
	PolicyFrom string          `json:"gate_policy,omitempty"`   // the source that the caller named for the policy
	PolicyHash string          `json:"policy_digest,omitempty"` // of the policy that the decision names
}

// traceNotice says what no trace can show.
const traceNotice = "a trace shows one decision as the ledger has it: not that the actor's key was in force, nor that the policy says so, nor what came before or after"

// VerifyTrace checks a trace, trusting nothing in it. What is wrong with it is in the report
// and is not an error. The profile is the standard one. policy is that which the decision must
// name, if it is not nil, and from its source. Errors: ledger.ErrUnsupportedVersion, and those
// of o.Seen and o.Jobs.
func VerifyTrace(b []byte, o Options, policy []byte, from string) (TraceReport, error) {
	o.Profile = ProfileStandard
	v := &traceVerifier{ledgerVerifier: ledgerVerifier{base: newBase(o), checkpointEntry: "proof"}, text: b, policy: policy, policyFrom: from}
	v.report.Notice = traceNotice
	report, err := v.run([]level{
		{name: finding.LevelCanonical, check: v.canonical, base: true, status: finding.Proved},
		{name: finding.LevelChain, check: v.chain, base: true, status: finding.Proved},
		{name: finding.LevelInclusion, check: v.inclusion, base: true, status: finding.Proved},
		{name: finding.LevelSignature, check: v.signature, status: finding.Proved},
		{name: finding.LevelCosignatures, check: v.cosignatures, status: finding.Proved},
		{name: finding.LevelFreshness, check: v.freshness, status: finding.Claimed},
		{name: finding.LevelActors, check: v.actors, status: finding.Claimed},
		{name: finding.LevelPolicy, check: v.checkPolicy, status: finding.Claimed},
	})
	if err != nil {
		return TraceReport{}, fmt.Errorf("verifying a trace: %w", err)
	}
	r := TraceReport{Report: report, Decision: v.event.Bytes(), Settlement: v.settlement.Bytes(), SignedBy: v.signedBy}
	if v.event.Payload() != nil {
		r.PolicyHash = policyOf(v.event)
	}
	if policy != nil {
		r.PolicyFrom = from
	}
	return r, nil
}

// A traceVerifier verifies one trace.
type traceVerifier struct {
	ledgerVerifier
	text       []byte
	trace      Trace
	event      ledger.Event
	settlement ledger.Event // zero if there is none
	proof      ledger.Proof
	settled    ledger.Proof
	signedBy   []string
	policy     []byte
	policyFrom string
}

// canonical reads all parts, each of which has one form.
func (v *traceVerifier) canonical() (string, error) {
	var err error
	if v.trace, err = ParseTrace(v.text); err != nil {
		return "", err
	}
	t := v.trace
	for _, part := range []struct {
		name, text string
		event      *ledger.Event
	}{{"created", t.Created, &v.created}, {"event", t.Event, &v.event}, {"settlement", t.Settlement, &v.settlement}} {
		if part.text == "" && part.event == &v.settlement {
			continue
		}
		if *part.event, err = ledger.Interpret([]byte(part.text)); err != nil {
			return "", finding.NotCanonical(part.name, err)
		}
	}
	for _, part := range []struct {
		name, text string
		proof      *ledger.Proof
	}{{"created_proof", t.CreatedProof, &v.createdProof}, {v.checkpointEntry, t.Proof, &v.proof}, {"settlement_proof", t.SettlementProof, &v.settled}} {
		if part.text == "" && part.proof == &v.settled {
			continue
		}
		if *part.proof, err = ledger.ParseProof([]byte(part.text)); err != nil {
			return "", finding.NotCanonical(part.name, err)
		}
	}
	v.report.JobID = v.event.JobID()
	v.checkpoint = v.proof.Checkpoint
	if err := v.readTree(t.Rotations); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes, each part in its one form", len(v.text)), nil
}

// chain checks that the events are of one ledger, and that the second settles the grant of the
// first.
func (v *traceVerifier) chain() (string, error) {
	if v.keysErr != nil {
		return "", v.keysErr
	}
	e, t := v.event, v.trace
	fail := func(entry, what, expected, found string) error {
		return finding.Differs(finding.LevelChain, finding.CodeChain, entry, what, cmp.Or(expected, "nothing"), cmp.Or(found, "nothing")).At(e.Seq())
	}
	switch {
	case !isDecision(e):
		return "", fail("event", "type", string(ledger.TypeGateDecided)+" or "+string(ledger.TypeDispatchBlocked), string(e.Type()))
	case e.Origin() != v.evidence.Origin:
		return "", fail("event", "origin", v.evidence.Origin, e.Origin())
	case t.Origin != e.Origin():
		return "", fail("origin", "not the event's", e.Origin(), finding.Quote(t.Origin))
	case t.Authority != e.Authority().OrEmpty():
		return "", fail("authority", "not the event's", e.Authority().OrEmpty(), finding.Quote(t.Authority))
	case t.PolicyDigest != policyOf(e):
		return "", fail("policy_digest", "not the event's", policyOf(e), finding.Quote(t.PolicyDigest))
	case e.Time().Before(v.created.Time()):
		return "", fail("event", "created_at", "not before "+ledger.FormatTime(v.created.Time()), ledger.FormatTime(e.Time()))
	}
	says := fmt.Sprintf("event %d of the ledger is the job's event %d: %s", e.Seq(), e.JobSeq(), verdictOf(e))
	if v.settlement.Payload() == nil {
		return says, nil
	}
	return says + fmt.Sprintf("; event %d settles its grant", v.settlement.Seq()), v.settles()
}

// verdictOf returns the verdict of a decision.
func verdictOf(e ledger.Event) ledger.GateVerdict {
	if p, is := e.Payload().(ledger.GateDecided); is {
		return p.Verdict
	}
	return ledger.GateBlock
}

// settles checks that the settlement is of the decision's grant, and after it.
func (v *traceVerifier) settles() error {
	e, s := v.event, v.settlement
	fail := func(what, expected, found string) error {
		return finding.Differs(finding.LevelChain, finding.CodeChain, "settlement", what, cmp.Or(expected, "nothing"), cmp.Or(found, "nothing")).At(s.Seq())
	}
	gave, _ := e.Payload().(ledger.GateDecided)
	p, is := s.Payload().(ledger.EffectSettled)
	between := s.JobSeq() > e.JobSeq()+1
	switch {
	case !is:
		return fail("type", string(ledger.TypeEffectSettled), string(s.Type()))
	case s.Origin() != e.Origin():
		return fail("origin", e.Origin(), s.Origin())
	case s.JobID() != e.JobID():
		return fail("job_id", e.JobID(), s.JobID())
	case p.Grant != gave.Grant:
		return fail("grant", gave.Grant, p.Grant)
	case p.CallID != gave.CallID:
		return fail("call_id", finding.Quote(gave.CallID), finding.Quote(p.CallID))
	case p.CallID != "" && p.Intent != gave.Intent.Digest:
		return fail("intent", gave.Intent.Digest.String(), p.Intent.String())
	case s.JobSeq() <= e.JobSeq() || s.Revision() <= e.Revision():
		return fail("job_seq", fmt.Sprintf("one after %d", e.JobSeq()), fmt.Sprint(s.JobSeq()))
	case int64(s.Seq()-e.Seq()) < s.JobSeq()-e.JobSeq():
		return fail("seq", fmt.Sprintf("%d or more", int64(e.Seq())+s.JobSeq()-e.JobSeq()), fmt.Sprint(s.Seq()))
	case !between && s.JobPrev() != e.LeafHash():
		return fail("job_prev", e.LeafHash().String(), s.JobPrev().String())
	case s.Seq() == e.Seq()+1 && s.Prev() != e.LeafHash():
		return fail("prev", e.LeafHash().String(), s.Prev().String())
	case !between && p.CallID != "" && p.CallPrev != e.LeafHash():
		return fail("call_prev", e.LeafHash().String(), p.CallPrev.String())
	case s.Time().Before(e.Time()):
		return fail("created_at", "not before "+ledger.FormatTime(e.Time()), ledger.FormatTime(s.Time()))
	}
	return nil
}

func (v *traceVerifier) inclusion() (string, error) {
	parts := []struct {
		name  string
		proof ledger.Proof
		event ledger.Event
	}{{"created_proof", v.createdProof, v.created}, {v.checkpointEntry, v.proof, v.event}, {"settlement_proof", v.settled, v.settlement}}
	if v.settlement.Payload() == nil {
		parts = parts[:2]
	}
	var at []string
	for _, part := range parts {
		if err := v.included(part.name, part.proof, part.event.Seq(), part.event.LeafHash()); err != nil {
			return "", err
		}
		if string(part.proof.Checkpoint) != string(v.checkpoint) {
			return "", finding.Failf(finding.LevelInclusion, finding.CodeCheckpoint, part.name, "its checkpoint is not that of %s", v.checkpointEntry)
		}
		at = append(at, fmt.Sprint(part.event.Seq()))
	}
	last := len(at) - 1
	return fmt.Sprintf("events %s and %s are in the tree of size %d, root %s", strings.Join(at[:last], ", "), at[last], v.evidence.Size, v.evidence.Root), nil
}

// signature checks who signed the checkpoint, and whether the caller trusts that key.
func (v *traceVerifier) signature() (string, error) {
	if v.trace.LedgerKey != v.key.String() {
		return "", finding.Differs(finding.LevelSignature, finding.CodeKeyMismatch, "ledger_key", "not the ledger's key", v.key.String(), finding.Quote(v.trace.LedgerKey))
	}
	if err := v.checkCheckpoint(v.checkpointEntry, v.checkpoint); err != nil {
		return "", err
	}
	from, err := v.trust()
	if f, ok := errors.AsType[*finding.Failure](err); ok {
		f.Entry = strings.Replace(f.Entry, entryCreated, "created", 1)
	}
	if err != nil {
		return "", err
	}
	v.report.TrustedBy, v.signed = from, true
	v.report.Shown = Shown{Head: v.event.Bytes(), HeadProof: []byte(v.proof.String())}
	if v.settlement.Payload() != nil {
		v.report.Shown = Shown{Head: v.settlement.Bytes(), HeadProof: []byte(v.settled.String())}
	}
	return fmt.Sprintf("the checkpoint is signed by %s, trusted by %s", v.key, from), nil
}

func (v *traceVerifier) freshness() (string, error) {
	if err := v.see(v.event); err != nil {
		return "", err
	}
	if v.settlement.Payload() != nil {
		if err := v.see(v.settlement); err != nil {
			return "", err
		}
	}
	return v.unlessForked(v.compareSeen(func(_ []byte, seen ledger.Checkpoint) (string, error) {
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those is not shown", seen.Size), nil
	}))
}
