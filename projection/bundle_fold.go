package projection

import (
	"cmp"
	"fmt"
	"slices"

	"gait/ledger"
)

// BundleOf returns what the next attempt at a job needs to know. events are those of the job
// from its first, at least as many as j knows of; later ones are not read. Verdicts on
// decisions that wait, and cleared intents, are judged on a basis.
func BundleOf(j Job, events ledger.Events, b Basis) (Bundle, error) {
	f := bundleFold{newest: []BundleCheckpoint{}, erased: map[ledger.Hash]bool{}}
	seen, last := int64(0), ""
	for e, err := range events {
		if err != nil {
			return Bundle{}, err
		}
		if e.JobID() != j.ID || e.JobSeq() != seen+1 {
			return Bundle{}, fmt.Errorf("making the bundle of job %s: event %d is number %d of job %s, want number %d", j.ID, e.Seq(), e.JobSeq(), e.JobID(), seen+1)
		}
		f.add(e)
		if seen, last = e.JobSeq(), e.TimeText(); seen == j.JobSeq {
			break
		}
	}
	if seen != j.JobSeq {
		return Bundle{}, fmt.Errorf("making the bundle of job %s: there are %d of its %d events", j.ID, seen, j.JobSeq)
	}
	return f.bundle(j, b, last), nil
}

// A bundleFold collects from the events of a job what its state does not keep.
type bundleFold struct {
	began BundleReason // by the first event
	first bundleStart
	terms bundleTerms  // in force
	start bundleStart  // of the attempt before
	ended BundleReason // what the end of the attempt before leads to; "": there was none

	lease, before bundleLease // the newest lease, and the one before it
	attempt       *BundleAttempt
	resumed       *BundleResume
	resumedSeq    int64

	input     ledger.Content
	states    []BundleState
	newest    []BundleCheckpoint // of each type one, oldest first
	decisions []bundleDecision
	erased    map[ledger.Hash]bool
}

// bundleTerms are what a resume can change.
type bundleTerms struct{ environment, policy, ref string }

// A bundleStart is the place at which an attempt began, or the job.
type bundleStart struct {
	seq   int64
	terms bundleTerms
}

// A bundleLease is a lease that was taken.
type bundleLease struct {
	epoch    int64
	start    bundleStart
	reported bool // an attempt under it has ended
	released ledger.LeaseOutcome
}

// A bundleDecision is a decision with the approvals that could be used up.
type bundleDecision struct {
	BundleDecision

	target ledger.Hash
	closed bool // it was used up or replaced
	given  []bundleVerdict
}

// A bundleVerdict is an approval.
type bundleVerdict struct {
	leaf       ledger.Hash
	by, reason string
}

func (f *bundleFold) add(e ledger.Event) {
	for _, c := range ledger.JobContents(e.Payload()) {
		delete(f.erased, c.Digest)
	}
	for _, c := range CheckpointsOf(e) {
		f.checkpoint(e, c)
	}
	switch p := e.Payload().(type) {
	case ledger.Submitted:
		f.input = p.Input
		f.begin(BundleSubmitted, bundleTerms{p.EnvironmentFingerprint, p.PolicyDigest.OrEmpty(), p.PolicyRef})
	case ledger.Imported:
		f.begin(BundleImported, bundleTerms{p.EnvironmentFingerprint, p.PolicyDigest.OrEmpty(), p.PolicyRef})
		f.claims(e, p)
	case ledger.Continued:
		f.input = p.Input
		f.begin(BundleContinued, bundleTerms{p.EnvironmentFingerprint, p.PolicyDigest.OrEmpty(), p.PolicyRef})
	case ledger.Resumed:
		f.resume(e, p)
	case ledger.Approved:
		f.approve(e, p)
	case ledger.Denied:
		if d := f.decision(p.Target, p.CheckpointID); d != nil {
			d.given, d.Verdict, d.By, d.VerdictReason = nil, Denied, e.Actor(), p.Reason
		}
	case ledger.ContentErased:
		f.erased[p.Digest] = true
	case ledger.Leased, ledger.LeaseReleased, ledger.AttemptEnded:
		f.work(e)
	default: // the others say nothing that a bundle has, or the job's state keeps it
	}
}

func (f *bundleFold) begin(reason BundleReason, terms bundleTerms) {
	f.began, f.terms, f.first = reason, terms, bundleStart{1, terms}
	f.start = f.first
}

// work adds an event about leases and attempts.
func (f *bundleFold) work(e ledger.Event) {
	switch p := e.Payload().(type) {
	case ledger.Leased:
		f.left()
		f.before, f.lease = f.lease, bundleLease{epoch: p.Epoch, start: bundleStart{e.JobSeq(), f.terms}}
	case ledger.LeaseReleased:
		f.lease.released = p.Outcome
	case ledger.AttemptEnded:
		f.end(e, p)
	default: // see add
	}
}

// left ends the attempt under the newest lease if none was reported.
func (f *bundleFold) left() {
	if f.lease.epoch == 0 || f.lease.reported {
		return
	}
	f.start, f.ended = f.lease.start, BundleLeaseLost
	if o := f.lease.released; o == ledger.LeaseDone || o == ledger.LeaseGaveUp {
		f.ended = BundleReleased
	}
}

// end ends an attempt. That a supervisor ended without a word is said by the holder of the
// next lease.
func (f *bundleFold) end(e ledger.Event, p ledger.AttemptEnded) {
	f.attempt = &BundleAttempt{Number: p.Number, Cause: p.Cause, Exit: clone(p.Exit), EndedAt: e.TimeText(), Log: bundleContent(p.Log)}
	f.ended = afterCause(p.Cause)
	f.start = bundleStart{e.JobSeq(), f.terms}
	switch {
	case f.lease.epoch == 0 || e.Lease() != f.lease.epoch: // it had no lease
	case p.Cause != ledger.AttemptLost:
		f.start, f.lease.reported = f.lease.start, true
	case f.before.epoch != 0:
		f.start = f.before.start
	default: // under a lease of the ledger before
		f.start = f.first
	}
}

// afterCause says why another attempt begins after one that ended for a cause.
func afterCause(c ledger.AttemptCause) BundleReason {
	switch c {
	case ledger.AttemptLost, ledger.AttemptLeaseLost:
		return BundleLeaseLost
	case ledger.AttemptInterrupted:
		return BundleInterrupted
	default:
		return BundleRetry
	}
}

func (f *bundleFold) resume(e ledger.Event, p ledger.Resumed) {
	f.terms = bundleTerms{p.ActualFingerprint, p.CurrentPolicyDigest.OrEmpty(), p.CurrentPolicyRef}
	f.resumed, f.resumedSeq = &BundleResume{Actor: e.Actor(), CreatedAt: e.TimeText(), Reason: p.Reason}, e.JobSeq()
	for i := range f.decisions {
		d := &f.decisions[i]
		if d.closed {
			continue
		}
		d.closed, d.UsedUp, d.Verdict = true, true, Approved
		for _, g := range d.given {
			if slices.Contains(p.Consumes, g.leaf) {
				d.By, d.VerdictReason = g.by, g.reason
			}
		}
	}
}

// checkpoint adds a checkpoint of an event, with the decision that it asks for.
func (f *bundleFold) checkpoint(e ledger.Event, c Checkpoint) {
	shown := BundleCheckpoint{Checkpoint: c}
	d := BundleDecision{CheckpointID: c.ID, Summary: c.Summary, RequiredAction: c.RequiredAction, AskedBy: c.Actor}
	replaces := ""
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		replaces = p.Replaces
		d.Subject = bundleContent(p.Subject)
		f.attached(p, &shown)
	case ledger.GateDecided:
		d.Tool, d.CallID, d.Subject = p.Tool, p.CallID, bundleContent(p.Intent)
	default: // an import, whose decisions claims adds
	}
	f.newest = append(slices.DeleteFunc(f.newest, func(before BundleCheckpoint) bool { return before.Type == c.Type }), shown)
	if c.Type != string(ledger.CheckpointDecisionNeeded) || c.Claimed {
		return
	}
	f.replace(replaces, c.ID)
	f.ask(bundleDecision{BundleDecision: d, target: e.LeafHash()})
}

// attached adds what a checkpoint brought with it.
func (f *bundleFold) attached(p ledger.CheckpointAdded, shown *BundleCheckpoint) {
	var states []BundleState
	for _, a := range p.Attachments {
		c := BundleContent{Content: a.Content}
		shown.Attachments = append(shown.Attachments, BundleAttachment{c, a.Role})
		if a.Role == ledger.AttachState {
			states = append(states, BundleState{c, p.CheckpointID})
		}
	}
	if len(states) > 0 {
		f.states = states
	}
}

// claims adds the decisions of an imported job that wait for an approval here.
func (f *bundleFold) claims(e ledger.Event, p ledger.Imported) {
	for i, c := range importedCheckpoints(p) {
		if p.Checkpoints[i].Open {
			f.ask(bundleDecision{target: e.LeafHash(), BundleDecision: BundleDecision{
				CheckpointID: c.ID, Summary: c.Summary, RequiredAction: c.RequiredAction, AskedBy: c.Actor,
			}})
		}
	}
}

// ask adds a decision. If there are too many, the oldest goes that is closed.
func (f *bundleFold) ask(d bundleDecision) {
	if len(f.decisions) == MaxBundleDecisions {
		oldest := max(0, slices.IndexFunc(f.decisions, func(d bundleDecision) bool { return d.closed }))
		f.decisions = slices.Delete(f.decisions, oldest, oldest+1)
	}
	f.decisions = append(f.decisions, d)
}

// replace closes the decision that another one takes the place of.
func (f *bundleFold) replace(id, by string) {
	for i := range f.decisions {
		if d := &f.decisions[i]; id != "" && d.CheckpointID == id && !d.closed {
			d.closed, d.ReplacedBy = true, by
		}
	}
}

// decision returns the decision that a verdict is about; nil if it is about a pause or block.
func (f *bundleFold) decision(target ledger.Hash, id string) *bundleDecision {
	for i := range f.decisions {
		if d := &f.decisions[i]; d.target == target && d.CheckpointID == id {
			return d
		}
	}
	return nil
}

func (f *bundleFold) approve(e ledger.Event, p ledger.Approved) {
	d := f.decision(p.Target, p.CheckpointID)
	if d == nil {
		return
	}
	if p.Amended != (ledger.Content{}) {
		d.Amended, d.given = bundleContent(p.Amended), nil
	}
	d.Verdict, d.By, d.VerdictReason = Approved, e.Actor(), p.Reason
	d.given = append(d.given, bundleVerdict{e.LeafHash(), e.Actor(), p.Reason})
	if len(d.given) > 2*ledger.MaxQuorum { // those before do not count any more
		d.given = slices.Delete(d.given, 0, 1)
	}
}

// bundle returns the bundle. last is the time of the job's last event.
func (f *bundleFold) bundle(j Job, b Basis, last string) Bundle {
	lives := j.Lease.Lives(b.Reading)
	if !lives {
		f.left()
	}
	v := Bundle{
		SchemaID: BundleSchemaID, SchemaVersion: SchemaVersion, CreatedAt: last, JobID: j.ID, JobSeq: j.JobSeq, Revision: j.Revision, Status: j.Status,
		Attempt: j.Attempts + 1, Reason: cmp.Or(f.ended, f.began), PreviousAttempt: f.attempt, Changed: f.start.terms.to(f.terms),
		EnvironmentFingerprint: f.terms.environment, Identity: j.Identity, Labels: labelsOf(j), PolicyDigest: j.PolicyDigest.OrEmpty(), PolicyRef: j.PolicyRef,
		After: slices.Clone(j.After), Input: bundleContent(f.input), Checkpoints: f.newest, Decisions: f.outcomes(&j, b), Grants: grantViews(j.Grants),
	}
	if !b.Reading.IsZero() {
		v.CreatedAt = ledger.FormatTime(b.Reading.UTC())
	}
	if f.resumedSeq > f.start.seq {
		v.Reason, v.Resumed = BundleResumed, f.resumed
	}
	if l := j.Lease; lives {
		v.Lease = &BundleLease{Epoch: l.Epoch, TTL: l.TTL, Until: l.Until, Worker: l.Worker}
	}
	if n := len(f.states); n > 0 {
		v.State, v.OtherStates = &f.states[n-1], f.states[:n-1:n-1]
	}
	if j.Steps != (ledger.StepCount{}) {
		v.Progress = clone(&j.Steps)
	}
	for _, c := range clearedViews(&j, b) {
		shown := BundleCleared{ClearedView: c}
		if c.Intent != nil {
			shown.Intent = bundleContent(*c.Intent)
		}
		v.Cleared = append(v.Cleared, shown)
	}
	for c := range v.everyContent() {
		c.Erased = f.erased[c.Digest]
	}
	return v
}

// to returns what changed.
func (t bundleTerms) to(now bundleTerms) BundleChanges {
	changed := func(from, to string) *FromTo {
		if from == to {
			return nil
		}
		return &FromTo{from, to}
	}
	return BundleChanges{changed(t.environment, now.environment), changed(t.policy, now.policy), changed(t.ref, now.ref)}
}

// outcomes returns the decisions with what they have come to.
func (f *bundleFold) outcomes(j *Job, b Basis) []BundleDecision {
	list := make([]BundleDecision, len(f.decisions))
	for i, d := range f.decisions {
		list[i] = d.BundleDecision
		ask := findAsk(j, d.target, d.CheckpointID)
		if ask == nil || d.closed {
			continue
		}
		list[i].Verdict = Undecided
		switch j.Judge(*ask, b).Outcome {
		case OutcomeApproved:
			list[i].Verdict = Approved
		case OutcomeDenied:
			list[i].Verdict = Denied
		case OutcomeOpen, OutcomePending, OutcomeExpired:
		}
	}
	return list
}

func bundleContent(c ledger.Content) *BundleContent {
	if c == (ledger.Content{}) {
		return nil
	}
	return &BundleContent{Content: c}
}
