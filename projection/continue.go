package projection

import (
	"time"

	"gait/ledger"
)

// An AskedAgain is a decision of a job to be asked for in the ledger that continues it,
// by the actor who had asked.
type AskedAgain struct {
	Actor   string
	Payload ledger.Payload // a CheckpointAdded, or a GateDecided without the call before
}

// After returns the payload in a ledger whose event 0 has a leaf hash. That event is the
// newest one about a call that the ledger before knew.
func (a AskedAgain) After(first ledger.Hash) ledger.Payload {
	p, gate := a.Payload.(ledger.GateDecided)
	if !gate || p.CallID == "" {
		return a.Payload
	}
	p.CallPrev = first
	return p
}

// Continue returns the first event of a job in the ledger that continues it, and the
// events that follow at once: its decisions, approved ones too, since verdicts are given
// again. j is the job as the ledger before has it, with the texts of its decisions; first
// is its first event there, or the zero Event if that is not known, and last its last
// one, which is in the signed tree. proof names a ContinuedProof of it.
//
// An actor's name that only an import claims is spelt as a name. A pause or block that
// was on hold, denied, or claimed by an import waits for an approval. The job's lease ends with
// the ledger before, and its next one here counts on from that.
func Continue(j Job, first, last ledger.Event, tree ledger.Checkpoint, proof ledger.Content) (ledger.Continued, []AskedAgain, error) {
	created, err := ledger.ParseTime(j.Created)
	if err != nil {
		return ledger.Continued{}, nil, err
	}
	notBefore, err := timeOf(j.NotBefore)
	if err != nil {
		return ledger.Continued{}, nil, err
	}
	p := ledger.Continued{
		Origin: tree.Origin, Size: tree.Size, Root: tree.Root, Leaf: last.LeafHash(), JobSeq: j.JobSeq, Revision: j.Revision,
		Status: string(j.Status), StatusReasonCode: string(j.ReasonCode), StopReason: string(j.StopReason),
		CreatedAt: created, SubmittedBy: SubmittedBy(first), ProducerVersion: j.ProducerVersion, EnvironmentFingerprint: j.EnvironmentFingerprint,
		Identity: j.Identity, Labels: j.Labels, PolicyDigest: j.PolicyDigest, PolicyRef: j.PolicyRef,
		Checkpoints: j.Checkpoints, Approvals: j.Approvals, Refusals: j.Refusals, Proof: proof,
		Epoch: j.Epoch(), Attempts: j.Attempts, After: j.After, NotBefore: notBefore, Input: j.Input,
	}
	if !j.stopped() {
		return p, nil, nil
	}
	p.Decisions = int64(len(j.Decisions))
	p.ImportedBy = importer(j)
	if s := j.Stop; s != nil {
		p.Hold = s.Hold || s.Claimed || s.Verdict == Denied || j.StopReason == StopDecisionDenied && p.Decisions == 0
		if p.Hold || j.Status != DecisionNeeded {
			p.StoppedBy = s.Actor
		}
	}
	var again []AskedAgain
	for i, a := range j.Decisions {
		ask := AskedAgain{Actor: ledger.NameOf(a.Actor), Payload: askedWith(j, a, ledger.CheckpointID(j.Checkpoints+int64(i)+1))}
		if ask.Actor == "" { // an import does not say who asked
			ask.Actor = p.ImportedBy
		}
		again = append(again, ask)
	}
	return p, again, nil
}

// timeOf returns a time as a job spells it; zero if that is "".
func timeOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return ledger.ParseTime(text)
}

// askedWith returns the payload that asks for a decision again.
func askedWith(j Job, a Ask, checkpointID string) ledger.Payload {
	d := a.asAsked()
	if a.Tool == "" {
		return ledger.CheckpointAdded{
			CheckpointID: checkpointID, CheckpointType: ledger.CheckpointDecisionNeeded,
			Continues: a.Target, RequiredAction: a.RequiredAction, Summary: a.Summary, Decision: d,
		}
	}
	p := ledger.GateDecided{
		Verdict: ledger.GateRequireApproval, Tool: a.Tool, Intent: a.Subject, CallID: a.CallID, ReasonCode: ReasonAskedAgain, PolicyDigest: j.PolicyDigest,
		CheckpointID: checkpointID, Approvers: d.Approvers, ExpiresAt: d.ExpiresAt, Quorum: d.Quorum, Continues: a.Target,
	}
	if a.RequiredAction != approve {
		p.RequiredAction = a.RequiredAction
	}
	return p
}

// SubmittedBy returns who submitted or imported a job, by its first event, perhaps in a
// ledger before. It returns "" if the event does not say.
func SubmittedBy(first ledger.Event) string {
	if p, continued := first.Payload().(ledger.Continued); continued {
		return p.SubmittedBy
	}
	return first.Actor()
}

// importer returns who imported something of the job that waits for a verdict, here or in
// a ledger before, or "".
func importer(j Job) string {
	for _, a := range j.Decisions {
		if by := j.importerOf(a); by != "" {
			return by
		}
	}
	if j.Stop != nil {
		return j.importerOf(*j.Stop)
	}
	return ""
}
