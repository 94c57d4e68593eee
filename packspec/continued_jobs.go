package packspec

import (
	"errors"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/projection"
)

// A ContinuedJobs checks what a ledger says of the jobs that another ledger held before,
// event by event. Options say whom the caller trusts, and what it has seen.
type ContinuedJobs struct {
	Options

	// Content returns content that an event of the ledger names, as that of JobOptions
	// does.
	Content func(digest ledger.Hash, limit int64) ([]byte, error)

	// Ledgers has a summary for each ledger that held jobs before, in the order in which the
	// events name them.
	Ledgers []*LedgerBefore

	created  ledger.Event // event 0
	byOrigin map[string]*LedgerBefore
	asks     map[string]jobAsks // of jobs that have not asked for all of it yet
	signed   string             // the checkpoint that signer has signed
	signer   signerBefore
}

// maxKeysShown is how many keys of a ledger before are reported.
const maxKeysShown = 8

// A LedgerBefore says of the jobs that a ledger held before how that is shown.
type LedgerBefore struct {
	Origin     string   `json:"origin"`
	Jobs       int64    `json:"jobs"`       // that were continued from it
	Proved     int64    `json:"proved"`     // of them: their last event there is in a tree that a key has signed which the caller trusts
	Missing    []string `json:"missing"`    // of them: the proof is not at hand
	Newer      []string `json:"newer"`      // of them: the caller has seen a newer event there
	Incomplete []string `json:"incomplete"` // of them: event 0 says that not all events there were found
	Partly     []string `json:"partly"`     // of them: the proof has the last event there and not all, so it does not show the whole state
	Keys       []string `json:"keys"`       // the trusted keys that have signed, in the order of the events
}

// A ContinuedError says that content shows another thing of a job than the event that
// names it, which continues the job.
type ContinuedError struct {
	Job string
	Seq ledger.Seq // of the event
	Err error
}

func (e *ContinuedError) Error() string {
	return fmt.Sprintf("event %d does not hold: it continues job %s, and is not what its proof shows: %s", e.Seq, e.Job, e.Err)
}

// Unwrap returns the cause.
func (e *ContinuedError) Unwrap() error { return e.Err }

// Fault returns what kind of error it is.
func (*ContinuedError) Fault() ledger.Fault {
	return ledger.Fault{Code: finding.CodeContinued, Category: ledger.CategoryVerification}
}

// jobAsks is what a job must ask for again, and the ledger before.
type jobAsks struct {
	origin string
	texts  []ledger.Hash
}

// Add checks the next event of the ledger, from event 0 on. It fails with a *ContinuedError if the event
// continues a job, or asks for a decision again, and the proof contradicts it or what the caller has seen; with
// ledger.ErrUnsupportedVersion; and with the errors of Options and Content.
func (j *ContinuedJobs) Add(e ledger.Event) error {
	if e.Seq() == 0 {
		j.created = e
	}
	c, ok := e.Payload().(ledger.Continued)
	if !ok {
		return j.compareAsked(e)
	}
	from := j.from(c.Origin)
	from.Jobs++
	_, p, err := readProofBefore(e, j.Content)
	if errors.Is(err, ledger.ErrContentMissing) {
		from.Missing = append(from.Missing, e.JobID())
		return nil
	}
	if err == nil {
		if err := forgotten(j.created, p); err != nil {
			return &ContinuedError{Job: e.JobID(), Seq: e.Seq(), Err: err}
		}
		if err := j.expect(e, p); err != nil {
			return err
		}
		err = j.judge(from, e, c, p)
	}
	if f, forked := errors.AsType[*finding.Failure](err); forked {
		return &ContinuedError{Job: e.JobID(), Seq: e.Seq(), Err: errors.New(f.Reason)}
	}
	return err
}

// expect notes what a job must ask for again.
func (j *ContinuedJobs) expect(first ledger.Event, p projection.ContinuedProof) error {
	texts, err := textsToAsk(first, p)
	if len(texts) == 0 || err != nil {
		return err
	}
	if j.asks == nil {
		j.asks = map[string]jobAsks{}
	}
	j.asks[first.JobID()] = jobAsks{p.Event.Origin(), texts}
	return nil
}

// compareAsked fails if a job asks for another decision than the next one that it waited for.
func (j *ContinuedJobs) compareAsked(e ledger.Event) error {
	asks, waits := j.asks[e.JobID()]
	if !waits {
		return nil
	}
	asked, ok, err := askedAgain(e)
	if !ok || err != nil {
		return err
	}
	if asked.text != asks.texts[0] {
		return &ContinuedError{Job: e.JobID(), Seq: e.Seq(), Err: otherDecision(e.Seq(), asks.origin)}
	}
	if asks.texts = asks.texts[1:]; len(asks.texts) > 0 {
		j.asks[e.JobID()] = asks
	} else {
		delete(j.asks, e.JobID())
	}
	return nil
}

func (j *ContinuedJobs) from(origin string) *LedgerBefore {
	if at := j.byOrigin[origin]; at != nil {
		return at
	}
	if j.byOrigin == nil {
		j.byOrigin = map[string]*LedgerBefore{}
	}
	at := &LedgerBefore{Origin: origin, Missing: []string{}, Newer: []string{}, Incomplete: []string{}, Partly: []string{}, Keys: []string{}}
	j.byOrigin[origin], j.Ledgers = at, append(j.Ledgers, at)
	return at
}

// judge finds out who has signed the tree of a proof that holds, and what was seen there.
func (j *ContinuedJobs) judge(from *LedgerBefore, e ledger.Event, c ledger.Continued, p projection.ContinuedProof) (err error) {
	if text := string(p.Proof.Checkpoint); text != j.signed { // most jobs were in one tree
		if j.signer, err = j.signerBefore(p); err != nil {
			return err
		}
		j.signed = text
		if key := j.signer.key.String(); j.signer.from != "" && len(from.Keys) < maxKeysShown && !slices.Contains(from.Keys, key) {
			from.Keys = append(from.Keys, key)
		}
	}
	if j.signer.from == "" {
		return nil
	}
	newer, err := j.seenBefore(e, p, j.signer.key)
	switch {
	case err != nil:
		return err
	case newer != "":
		from.Newer = append(from.Newer, e.JobID())
	case notFound(j.created, c) != "":
		from.Incomplete = append(from.Incomplete, e.JobID())
	case notShown(p) != "":
		from.Partly = append(from.Partly, e.JobID())
	default:
		from.Proved++
	}
	return nil
}
