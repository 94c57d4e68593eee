package projection

import (
	"slices"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
)

// A Fact is the content of an event, without its place in the ledger.
type Fact struct {
	At      time.Time
	Reading time.Time // what the clock read; zero: At
	Actor   string
	Keys    []ledger.Hash // that signed it, verified; none: the actor is a claim
	Lease   int64         // the epoch of the lease that it names; 0: none
	Payload ledger.Payload

	// Call is the newest state of the call that the fact is about, if it is about one.
	Call Call

	// Authority is that in force before the fact; nil if the ledger has none. It must admit
	// the fact: see authority.State.May, and Check of events.
	Authority *authority.State

	text    string // At as the event spells it; "" if there is no event yet
	trusted bool   // verdicts and resumes are not judged: the authority is not known
}

// reading returns what the clock read.
func (f Fact) reading() time.Time {
	if f.Reading.IsZero() {
		return f.At
	}
	return f.Reading
}

// key returns the key that signed the fact, or zero. A command about a job has one.
func (f Fact) key() ledger.Hash {
	if len(f.Keys) == 0 {
		return ledger.Hash{}
	}
	return f.Keys[0]
}

// when returns how an event spells At.
func (f Fact) when() string {
	if f.text != "" {
		return f.text
	}
	return ledger.FormatTime(f.At)
}

// Next returns the job after the fact, or the refusal that says why the fact
// cannot follow. It is the only code that knows what may follow what. It does not
// change the job given, and the job returned shares no memory with it. Apply fills
// in the leaf hashes of the new event.
func Next(j Job, f Fact) (Job, *Refusal) {
	after, no := next(j, f)
	if no != nil {
		return j, no
	}
	return after.Clone(), nil
}

// next is Next, except that the job returned shares with j what no rule changes once
// it is there: labels, the last checkpoint, the last refusal, the import, where it was
// continued from, its grants, what is cleared, and its lease.
func next(j Job, f Fact) (Job, *Refusal) {
	after := j
	after.Decisions, after.Stop = cloneAsks(j.Decisions, j.Stop)
	after.LastBlock = nil
	after, no := follow(after, f)
	if no != nil {
		return j, no
	}
	after.JobSeq = j.JobSeq + 1
	after.Signed = len(f.Keys) > 0 && (j.Signed || j.JobSeq == 0)
	if _, refused := f.Payload.(ledger.Refused); !refused {
		after.Revision, after.Updated, after.LastRefusal = j.Revision+1, f.when(), nil
		after = leaseAfter(j, after, f)
	}
	return after, nil
}

func follow(j Job, f Fact) (Job, *Refusal) {
	if no := begun(j, f.Payload); no != nil {
		return j, no
	}
	if no := fence(j, f); no != nil {
		return j, no
	}
	switch p := f.Payload.(type) {
	case ledger.Submitted:
		return submitted(j, f, p)
	case ledger.Imported:
		return imported(j, f, p)
	case ledger.Continued:
		return continued(j, f, p)
	case ledger.CheckpointAdded:
		return checkpointAdded(j, f, p)
	case ledger.Paused:
		return paused(j, f, p)
	case ledger.Approved:
		return approved(j, f, p)
	case ledger.Denied:
		return denied(j, f, p)
	case ledger.Resumed:
		return resumed(j, f, p)
	case ledger.Cancelled:
		if j.Status.Final() {
			return j, cannot(j, "be cancelled")
		}
		return j.to(ReasonCancelled), nil
	case ledger.Stopped:
		if j.Status.Final() || j.Status == EmergencyStopped {
			return j, cannot(j, "be stopped")
		}
		return j.to(ReasonEmergencyStop), nil
	case ledger.Refused:
		j.Refusals++
		last := lastRefusal(f.Actor, p)
		j.LastRefusal = &last
		return j, nil
	case ledger.ContentErased:
		return j, nil
	case ledger.GateDecided:
		return gateDecided(j, f, p)
	case ledger.DispatchBlocked:
		return dispatchBlocked(j, f, p)
	case ledger.EffectSettled:
		return effectSettled(j, f, p)
	case ledger.Leased:
		return leased(j, f, p)
	case ledger.LeaseRenewed:
		return leaseRenewed(j, f, p)
	case ledger.LeaseReleased:
		return leaseReleased(j, f, p)
	case ledger.AttemptEnded:
		return attemptEnded(j, f, p)
	case ledger.LedgerCreated, ledger.KeyRotated, ledger.IndexCommitted, ledger.LedgerMoved,
		ledger.ActorEnrolled, ledger.ActorRevoked, ledger.AuthoritySet: // these belong to no job
	}
	return j, refuse(InvalidTransition, Details{}, "%T is not an event of a job", f.Payload)
}

// begun refuses what cannot follow whatever it says: an event of a job that has none,
// and any other event while decisions must be asked for again. The switch names the
// exceptions; a type that it does not name has none.
func begun(j Job, p ledger.Payload) *Refusal {
	unasked := j.Continued != nil && j.Continued.Unasked > 0
	switch p := p.(type) {
	case ledger.Submitted, ledger.Imported, ledger.Continued: // these begin a job
		return nil
	case ledger.CheckpointAdded:
		unasked = unasked && p.Continues.IsZero()
	case ledger.GateDecided:
		unasked = unasked && p.Continues.IsZero()
	case ledger.Refused:
		unasked = false
	default:
	}
	switch {
	case j.Status == "":
		return refuse(InvalidTransition, Details{JobID: j.ID}, "the job was never submitted")
	case unasked:
		return refuse(InvalidTransition, j.details(), "%d decisions of job %s must be asked for again first", j.Continued.Unasked, j.ID)
	}
	return nil
}

// cannot returns a refusal that the transition table gives.
func cannot(j Job, what string) *Refusal {
	return refuse(InvalidTransition, j.details(), "job %s is %s and cannot %s", j.ID, j.Status, what)
}

func submitted(j Job, f Fact, p ledger.Submitted) (Job, *Refusal) {
	if j.Status != "" {
		return j, refuse(InvalidTransition, Details{}, "job %s was submitted before", j.ID)
	}
	j = j.to(ReasonSubmitted)
	j.Created, j.SubmittedBy, j.SubmittedKey = f.when(), f.Actor, f.key()
	j.ProducerVersion = p.ProducerVersion
	j.EnvironmentFingerprint = p.EnvironmentFingerprint
	j.Identity = p.Identity
	j.Labels = slices.Clone(p.Labels)
	j.PolicyDigest = p.PolicyDigest
	j.PolicyRef = p.PolicyRef
	if !p.PolicyDigest.IsZero() && len(f.Keys) > 0 {
		j.PolicyBy, j.PolicyKey = f.Actor, f.key()
	}
	awaits(&j, p.After, p.NotBefore, p.Input)
	return j, j.namesContent(p.ContentKey)
}

// awaits records what a job waits for before it is leased, and what it works on.
func awaits(j *Job, after []string, notBefore time.Time, input ledger.Content) {
	j.After, j.Input = slices.Clone(after), input
	if !notBefore.IsZero() {
		j.NotBefore = ledger.FormatTime(notBefore)
	}
}

// stopped reports whether the job is in a status from which it can be resumed.
func (j Job) stopped() bool {
	return j.Status == PausedStatus || j.Status == DecisionNeeded || j.Status == Blocked
}

// Late reports whether a checkpoint of this type would be late: it records work that
// was done although the job was stopped, and does not change the status.
func (j Job) Late(t ledger.CheckpointType) bool {
	return j.stopped() && (t == ledger.CheckpointPlan || t == ledger.CheckpointProgress)
}

func checkpointAdded(j Job, f Fact, p ledger.CheckpointAdded) (Job, *Refusal) {
	cp := checkpoint(p, f.Actor, f.when(), len(f.Keys) > 0)
	if no := nextCheckpoint(j, p.CheckpointID); no != nil {
		return j, no
	}
	if p.Late != j.Late(p.CheckpointType) {
		return j, refuse(InvalidTransition, Details{}, "late is %t for a %s checkpoint of a job that is %s", p.Late, p.CheckpointType, j.Status)
	}
	status := checkpointStatus
	if !p.Continues.IsZero() {
		status = askedAgain
	}
	if no := j.namesContent(p.ContentKey); no != nil {
		return j, no
	}
	next, no := status(j, f, p)
	if no != nil {
		return j, no
	}
	next.Checkpoints++
	next.LastCheckpoint = &cp
	if p.Progress != (ledger.StepCount{}) {
		next.Steps = p.Progress
	}
	return next, nil
}

// nextCheckpoint requires that an id is that of the job's next checkpoint.
func nextCheckpoint(j Job, id string) *Refusal {
	var room [24]byte
	if want := ledger.AppendCheckpointID(room[:0], j.Checkpoints+1); id != string(want) {
		return refuse(InvalidTransition, Details{}, "the job's next checkpoint is %s, not %s", string(want), id)
	}
	return nil
}

// checkpointStatus is the part of the transition table about checkpoints.
func checkpointStatus(j Job, f Fact, p ledger.CheckpointAdded) (Job, *Refusal) {
	if j.Status.Final() || j.Status == EmergencyStopped {
		return j, cannotTake(j, p)
	}
	switch p.CheckpointType {
	case ledger.CheckpointPlan, ledger.CheckpointProgress:
		return j, nil
	case ledger.CheckpointFailed:
		return j.to(ReasonFailed), nil
	case ledger.CheckpointCompleted:
		if j.Status == Running && len(j.Grants) > 0 {
			return j, effectsUnsettled(j, "be completed", idsOf(j.Grants)...)
		}
		if j.Status == Running {
			return j.to(ReasonCompleted), nil
		}
	case ledger.CheckpointDecisionNeeded:
		if j.Status != PausedStatus || p.Replaces != "" {
			return decisionNeeded(j, f, p)
		}
	case ledger.CheckpointBlocked:
		if j.Status != PausedStatus {
			return blocked(j, f, askOf(KindBlock, j, f, p)), nil
		}
	}
	return j, cannotTake(j, p)
}

// askOf returns what a checkpoint asks for.
func askOf(kind AskKind, j Job, f Fact, p ledger.CheckpointAdded) Ask {
	a := Ask{CheckpointID: p.CheckpointID, Kind: kind, JobSeq: j.JobSeq + 1, Actor: f.Actor, Created: f.when(), AskedKey: f.key()}
	if kind != KindDecision {
		return a
	}
	a.Summary, a.RequiredAction = p.Summary, p.RequiredAction
	a.Approvers, a.Quorum, a.Subject, a.Replaces = slices.Clone(p.Approvers), p.Quorum, p.Subject, p.Replaces
	if !p.ExpiresAt.IsZero() {
		a.Expires = ledger.FormatTime(p.ExpiresAt)
	}
	return a
}

func cannotTake(j Job, p ledger.CheckpointAdded) *Refusal {
	return cannot(j, "take a "+string(p.CheckpointType)+" checkpoint")
}

func blocked(j Job, f Fact, ask Ask) Job {
	j = replaceStop(j, f, ask)
	if j.Status == Blocked {
		return j
	}
	return j.to(ReasonBlocked)
}

// replaceStop makes ask the job's pause or block, unless the previous one keeps the
// job from resuming: only an approval lifts that, and one that counts.
func replaceStop(j Job, f Fact, ask Ask) Job {
	if !heldBy(j, f) {
		j.Stop = &ask
	}
	return j
}

// heldBy reports whether the job's pause or block keeps it from resuming, as judged when the
// fact comes.
func heldBy(j Job, f Fact) bool {
	return j.Stop != nil && (j.Stop.unsettled() || f.Authority != nil && j.Judge(*j.Stop, f.basis()).Unsettled())
}

// paused pauses the job. A job that is paused already can still be put on hold.
func paused(j Job, f Fact, p ledger.Paused) (Job, *Refusal) {
	switch {
	case j.Status != Running && !j.stopped(), j.Status == PausedStatus && !p.Hold:
		return j, cannot(j, "be paused")
	case p.Hold && heldBy(j, f):
		return j, refuse(InvalidTransition, j.details(), "job %s is held already: it cannot be resumed before an approval of %s", j.ID, j.Stop.what())
	}
	j = replaceStop(j, f, Ask{Kind: KindPause, JobSeq: j.JobSeq + 1, Actor: f.Actor, Created: f.when(), AskedKey: f.key(), Hold: p.Hold})
	return j.to(ReasonPaused), nil
}

// checkpointReasons are the reason codes of checkpoints' events.
var checkpointReasons = func() map[ledger.CheckpointType]ReasonCode {
	codes := map[ledger.CheckpointType]ReasonCode{}
	for _, t := range ledger.CheckpointTypes {
		codes[t] = ReasonCode("checkpoint_" + strings.ReplaceAll(string(t), "-", "_"))
	}
	return codes
}()

// CheckpointReason returns the reason code of a checkpoint's event.
func CheckpointReason(t ledger.CheckpointType) ReasonCode { return checkpointReasons[t] }
