package packspec

import (
	"errors"

	"gait/ledger"
	"gait/ledger/seen"
	"gait/packspec/finding"
)

// A JobMemory is what a caller remembers of one ledger. Its methods are called before it
// is known whether the pack verifies. They return what the caller remembers that
// contradicts what the pack shows, or nil. An error ends the verification.
type JobMemory interface {
	// See is called with each event of the job or range that a pack shows and with its
	// commitment to the index, in the order of the ledger, but not with event 0.
	See(ledger.Event) (*seen.Fork, error)

	// End is called, after See, if the pack shows that up to event at of the ledger a job
	// has number events.
	End(job string, number int64, at ledger.Seq) (*seen.Fork, error)

	// EndAll is called, after See, if the pack shows all events from the first one that
	// See was called with up to event at: for each job it shows, End holds.
	EndAll(at ledger.Seq) (*seen.Fork, error)
}

// openMemory gets what the caller remembers of the ledger's jobs, once its keys are known.
func (v *ledgerVerifier) openMemory() (err error) {
	if v.Jobs != nil && v.keysErr == nil {
		v.memory, err = v.Jobs(v.keys.Keys())
	}
	return err
}

// see compares an event with what the caller remembers.
func (v *ledgerVerifier) see(e ledger.Event) error {
	if v.memory == nil || e.Seq() == 0 {
		return nil
	}
	fork, err := v.memory.See(e)
	v.noteFork(fork, e.Seq())
	return err
}

// seeEnd compares with what the caller remembers that up to event at a job has number
// events, as event by shows.
func (v *ledgerVerifier) seeEnd(job string, number int64, at, by ledger.Seq) error {
	if v.memory == nil {
		return nil
	}
	fork, err := v.memory.End(job, number, at)
	v.noteFork(fork, by)
	return err
}

// noteFork notes the first contradiction, which an event of the pack shows: that of a job
// if there is one.
func (v *ledgerVerifier) noteFork(fork *seen.Fork, by ledger.Seq) {
	if fork != nil && (v.forked == nil || v.forkedJob == "" && fork.Job != "") {
		v.forked, v.forkedJob = Forked(*fork).At(by), fork.Job
	}
}

// Forked returns the failure of a pack that contradicts what its caller has seen.
func Forked(f seen.Fork) *finding.Failure {
	if f.OneEvent() {
		return finding.Differs(finding.LevelFreshness, finding.CodeForked, "", f.String(), f.Seen.Leaf.String(), f.Found.Leaf.String())
	}
	return finding.Failf(finding.LevelFreshness, finding.CodeForked, "", "%s", f)
}

// unlessForked returns the result of the freshness level, unless the caller remembers
// another history. Two histories of a job say more than two checkpoints that contradict
// each other, and these more than two events in one place of the ledger.
func (v *ledgerVerifier) unlessForked(detail string, err error) (string, error) {
	_, failed := errors.AsType[*finding.Failure](err)
	if v.forked == nil || !v.signed || err != nil && (!failed || v.forkedJob == "") {
		return detail, err
	}
	return "", v.forked
}

// Fail makes the pack one that does not verify, as if its level had failed. A caller that
// knows more than Verify did uses it.
func (r *Report) Fail(f *finding.Failure) {
	r.Verified = false
	if r.Failure == nil {
		r.Failure = f
	}
	for i := range r.Levels {
		if r.Levels[i].Name == f.Level {
			r.Levels[i].Status, r.Levels[i].Detail = finding.Failed, f.Error()
		}
	}
}

// A Shown is what a pack or an index proof whose key is trusted shows of a job, byte for
// byte. What it does not have is nil.
type Shown struct {
	Head            []byte // the job's newest event
	HeadProof       []byte // the C2SP tlog-proof of that event
	Commitment      []byte // the index_committed event
	CommitmentProof []byte // the C2SP tlog-proof of that event
	Path            []byte // of the job in the index
}
