package packspec

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/projection"
)

// A commitment is an event that commits to the ledger's index, with the proof that the
// event is in the tree, and the paths of the job and of the authority in that index.
type commitment struct {
	event     ledger.Event
	proof     ledger.Proof
	path      mpt.Proof
	authority mpt.Proof // the empty one if the ledger has no authority
}

// NeedsCommitment reports whether the pack of a job can prove that it is complete, but only
// if another commitment to the index is appended first: the job's last event is newer than
// every commitment, or the newest is so old that the index has to be computed from all
// events; no cosigned tree covers the job's last event; and the log's index is proved. It
// fails with ErrJobNotFound.
func NeedsCommitment(ctx context.Context, src ledger.Reader, job string) (bool, error) {
	needs, err := needsCommitment(ctx, src, job)
	if err != nil {
		return false, fmt.Errorf("looking for a commitment to the index behind job %s: %w", job, err)
	}
	return needs, nil
}

func needsCommitment(ctx context.Context, src ledger.Reader, job string) (needs bool, err error) {
	for range maxAttempts {
		if needs, err = needsCommitmentOnce(ctx, src, job); !errors.Is(err, ledger.ErrConflict) {
			break
		}
	}
	return needs, err
}

func needsCommitmentOnce(ctx context.Context, src ledger.Reader, job string) (bool, error) {
	_, signed := src.Checkpoint()
	var s snapshot
	if err := s.readKeys(ctx, src); err != nil {
		return false, err
	}
	if err := s.findJob(ctx, src, job, 0); err != nil {
		return false, err
	}
	if _, err := s.chooseCheckpoint(ctx, src, signed); err != nil || s.cosigned || src.Index() != ledger.IndexProved {
		return false, err
	}
	e, found, err := s.findCommitment(ctx, src, 0)
	return !found || src.Head().Size-int64(e.Seq()) > ledger.MaxIndexUndo, err
}

// findJob finds the job's last event or, if asOf is not 0, its last one before that event.
func (s *snapshot) findJob(ctx context.Context, src ledger.EventReader, job string, asOf ledger.Seq) (err error) {
	var found bool
	if s.head, found, err = ledger.FindJob(ctx, src, job); err != nil {
		return err
	}
	if !found {
		return ErrJobNotFound
	}
	if asOf == 0 || s.head.Seq < asOf {
		return nil
	}
	next, err := projection.JobSeqSince(ctx, src, job, asOf)
	if err != nil {
		return err
	}
	if next < 2 {
		return fmt.Errorf("%w before event %d", ErrJobNotFound, asOf)
	}
	last, err := projection.JobEvent(ctx, src, job, next-1)
	s.head = ledger.JobHead{JobSeq: last.JobSeq(), Leaf: last.LeafHash(), Revision: last.Revision(), Seq: last.Seq(), Time: last.Time()}
	return err
}

// chooseCommitment chooses the commitment that the pack stands on, if there is one, and
// finds the job's path in the index of that commitment.
func (s *snapshot) chooseCommitment(ctx context.Context, src ledger.Reader, job string, o JobOptions) error {
	e, found, err := s.findCommitment(ctx, src, o.AsOf)
	if err == nil && found {
		s.commitment.event = e
		s.commitment.path, err = pathAt(ctx, src, job, e, s.head, o.Index)
	}
	if _, elsewhere := errors.AsType[*notHereError](err); elsewhere {
		s.commitment, s.unproved = commitment{}, err
		return nil
	}
	return err
}

// findCommitment returns event asOf, if that is not 0 and in the tree, and otherwise the
// newest commitment in the tree that follows the job's last event. Which one that is
// does not depend on whether the log's index is proved.
func (s *snapshot) findCommitment(ctx context.Context, src ledger.Reader, asOf ledger.Seq) (ledger.Event, bool, error) {
	size := ledger.Seq(s.checkpoint.Size)
	if asOf > 0 && asOf < size {
		e, err := src.Event(ctx, asOf)
		if err == nil && e.Type() != ledger.TypeIndexCommitted {
			err = fmt.Errorf("event %d does not commit to the index", asOf)
		}
		return e, err == nil, err
	}
	if s.next > 0 {
		e, found, err := ledger.CommitmentAfter(ctx, src, s.head.Seq, min(s.next, size))
		return e, found, notHere(err)
	}
	switch src.Index() {
	case ledger.IndexBuilding, ledger.IndexRefused: // the ledger is from before there were commitments
		return ledger.Event{}, false, nil
	case ledger.IndexUnchecked, ledger.IndexBroken: // the log may not know
	case ledger.IndexProved:
		e, found, err := src.Committed(ctx)
		switch {
		case err != nil || !found || e.Seq() < s.head.Seq:
			return ledger.Event{}, false, err
		case e.Seq() < size:
			return e, true, nil
		}
	}
	e, found, err := ledger.CommitmentAfter(ctx, src, s.head.Seq, size)
	return e, found, notHere(err)
}

// pathAt returns the path of a job in the index of a commitment, and checks that it ends
// with the job's head.
func pathAt(ctx context.Context, src ledger.Reader, job string, e ledger.Event, head ledger.JobHead, o IndexOptions) (mpt.Proof, error) {
	p, _ := e.Payload().(ledger.IndexCommitted)
	root, path, err := indexAt(ctx, src, int64(e.Seq()), ledger.JobKey(job), o)
	if err != nil {
		return mpt.Proof{}, err
	}
	if root != p.Index {
		return mpt.Proof{}, &ledger.IndexError{Seq: e.Seq(), Reason: fmt.Sprintf("it commits to the index %s; that of the events before it is %s", p.Index, root)}
	}
	newest, found, err := path.Check(mpt.Hash(root), ledger.JobKey(job))
	if err != nil || !found || ledger.Hash(newest) != head.Leaf {
		return mpt.Proof{}, &ledger.IndexError{Seq: head.Seq, Reason: fmt.Sprintf("the index of event %d names %s as the newest event of job %s", e.Seq(), newest, job), Err: err}
	}
	return path, nil
}
