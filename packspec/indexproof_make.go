package packspec

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// ErrJobThere says that a job is in the log, whose absence was to be proved.
var ErrJobThere = errors.New("there is such a job")

// ErrNotCommitted says that no event of a log commits to its index.
var ErrNotCommitted = ledger.NewError("the ledger has not committed to its index", ledger.Fault{Code: "index_not_committed", Category: ledger.CategoryDependency})

// A NotCoveredError says that a job began after the newest commitment to the index.
type NotCoveredError struct {
	JobID      string
	Commitment ledger.Seq
}

func (e *NotCoveredError) Error() string {
	return fmt.Sprintf("job %s began after event %d, the newest that commits to the ledger's index", e.JobID, e.Commitment)
}

// Fault returns what kind of error it is.
func (*NotCoveredError) Fault() ledger.Fault {
	return ledger.Fault{Code: "index_not_committed", Category: ledger.CategoryDependency}
}

// A JobProof is an index proof about a job of a log, and where the job ends in the log.
type JobProof struct {
	IndexProof
	CommittedBy ledger.Event // the newest event that commits to the index
	Newest      ledger.Event // the job's newest one before that; zero if there is none
	Head        ledger.JobHead
	Checkpoint  ledger.Checkpoint
	Cosigned    bool // whether witnesses cosigned the checkpoint
}

// ProveJob makes the proof of a job's newest event before the newest commitment to a
// log's index. The proof is in the tree of the newest checkpoint that witnesses have
// cosigned, if that covers the commitment and is signed by the key in force, and in that
// of the newest checkpoint otherwise. If the log cannot prove its index, all events are
// read, as o says. Errors: ErrJobNotFound,
// ErrNotCommitted, *NotCoveredError, ledger.ErrConflict if the log moved on during each
// attempt, ledger.ErrContentMissing if the log's index needs content that is not there,
// and those of src and o.
func ProveJob(ctx context.Context, src ledger.Reader, job string, o IndexOptions) (JobProof, error) {
	return proveAbout(ctx, src, job, ClaimNewest, o)
}

// ProveAbsent makes the proof that there was no such job before the newest commitment
// to a log's index, as ProveJob does. It fails with ErrJobThere if there is one now.
func ProveAbsent(ctx context.Context, src ledger.Reader, job string, o IndexOptions) (JobProof, error) {
	return proveAbout(ctx, src, job, ClaimAbsent, o)
}

func proveAbout(ctx context.Context, src ledger.Reader, job string, claim IndexClaim, o IndexOptions) (p JobProof, err error) {
	for range maxAttempts {
		p = JobProof{IndexProof: IndexProof{Claim: claim, JobID: job, SchemaID: IndexProofSchemaID, SchemaVersion: IndexProofSchemaVersion}}
		if err = p.make(ctx, src, o); !errors.Is(err, ledger.ErrConflict) {
			break
		}
	}
	if err != nil {
		return JobProof{}, fmt.Errorf("proving where job %s ends: %w", job, err)
	}
	return p, nil
}

func (p *JobProof) make(ctx context.Context, src ledger.Reader, o IndexOptions) error {
	var there bool
	var err error
	if p.Head, there, err = ledger.FindJob(ctx, src, p.JobID); err != nil {
		return err
	}
	switch absent := p.Claim == ClaimAbsent; {
	case absent && there:
		return ErrJobThere
	case !absent && !there:
		return ErrJobNotFound
	}
	if err := p.findCommitment(ctx, src); err != nil {
		return err
	}
	if there {
		if p.Newest, err = newestBefore(ctx, src, p.JobID, p.Head, p.CommittedBy.Seq()); err != nil {
			return err
		}
		if p.Newest.Payload() == nil {
			return &NotCoveredError{JobID: p.JobID, Commitment: p.CommittedBy.Seq()}
		}
	}
	path, err := p.prove(ctx, src, o)
	if err != nil {
		return err
	}
	p.Event, p.Commitment, p.Path = string(p.Newest.Bytes()), string(p.CommittedBy.Bytes()), path.Encode()
	return p.addTree(ctx, src)
}

// findCommitment finds the newest commitment to the index.
func (p *JobProof) findCommitment(ctx context.Context, src ledger.Reader) (err error) {
	var found bool
	p.CommittedBy, found, err = src.Committed(ctx)
	if err == nil && !found && src.Index() != ledger.IndexProved { // then the log may not know
		p.CommittedBy, found, err = ledger.CommitmentAfter(ctx, src, -1, ledger.Seq(src.Head().Size))
	}
	if err == nil && !found {
		err = ErrNotCommitted
	}
	return err
}

// newestBefore returns a job's newest event before seq, or the zero event if there is
// none. head is where the job ends. It reads the job backwards, in windows that grow.
func newestBefore(ctx context.Context, src ledger.EventReader, job string, head ledger.JobHead, seq ledger.Seq) (newest ledger.Event, err error) {
	for to, window := head.JobSeq, int64(1); to > 0; window *= 4 {
		from := max(1, to-window+1)
		for e, err := range src.JobEvents(ctx, job, from) {
			if err != nil {
				return ledger.Event{}, err
			}
			if e.Seq() >= seq || e.JobSeq() > to {
				break
			}
			newest = e
		}
		if newest.Payload() != nil {
			return newest, nil
		}
		to = from - 1
	}
	return newest, nil
}

// prove returns the path of the job's key in the index that the commitment is about.
func (p *JobProof) prove(ctx context.Context, src ledger.Reader, o IndexOptions) (mpt.Proof, error) {
	size, key := int64(p.CommittedBy.Seq()), ledger.JobKey(p.JobID)
	root, path, err := indexAt(ctx, src, size, key, o)
	if err != nil {
		return path, err
	}
	committed, _ := p.CommittedBy.Payload().(ledger.IndexCommitted)
	if root != committed.Index {
		return path, &ledger.IndexError{Seq: p.CommittedBy.Seq(), Reason: fmt.Sprintf("it commits to the index %s; the log proves %s", committed.Index, root)}
	}
	leaf, there, err := path.Check(mpt.Hash(root), key)
	if err != nil {
		return path, err
	}
	if there != (p.Claim == ClaimNewest) || there && ledger.Hash(leaf) != p.Newest.LeafHash() {
		return path, &ledger.IndexError{Seq: p.CommittedBy.Seq(), Reason: fmt.Sprintf("the index it commits to does not have the newest event of job %s that the log gives", p.JobID)}
	}
	return path, nil
}

// addTree adds what shows that a signed tree has the commitment, and whose tree it is.
func (p *JobProof) addTree(ctx context.Context, src ledger.Reader) error {
	_, newest := src.Checkpoint()
	s := &snapshot{head: ledger.JobHead{Seq: p.CommittedBy.Seq()}}
	if err := s.readKeys(ctx, src); err != nil {
		return err
	}
	signed, err := s.chooseCheckpoint(ctx, src, newest)
	if err != nil {
		return err
	}
	p.Checkpoint, p.Cosigned = s.checkpoint, s.cosigned
	for _, part := range []struct {
		event ledger.Event
		proof *string
	}{{s.created, &p.CreatedProof}, {p.CommittedBy, &p.CommitmentProof}} {
		proof, err := src.ProofIn(ctx, signed, part.event.Seq())
		if err == nil {
			err = proof.Check(part.event.LeafHash(), s.checkpoint)
		}
		if err != nil {
			return err
		}
		*part.proof = proof.String()
	}
	p.Created = string(s.created.Bytes())
	for _, r := range s.rotations {
		p.Rotations = append(p.Rotations, RotationProof{Event: string(r.Event.Bytes()), Proof: r.Proof.String()})
	}
	return nil
}
