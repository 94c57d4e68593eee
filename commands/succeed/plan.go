package succeed

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// A Plan is what is continued of a ledger, from all that is left of it.
type Plan struct {
	Found    ledger.Checkpoint // the newest state that was found of the whole ledger; Size 0 if there are single jobs only
	Jobs     int               // how many jobs there are
	Requests *ledger.Requests  // the request ids used, and the calls; nil if there are none
	Content  []byte            // that Requests names
	Gone     []string          // jobs of which nothing can be read

	// Authority says that actors were enrolled in the ledger. In the one that continues it
	// none is: it begins without authority.
	Authority bool

	sources    []*Survey
	incomplete map[string]bool // jobs of which events may be lost
}

// A ForkError says that two sources have different events of a job in one place.
type ForkError struct {
	JobID  string
	JobSeq int64
	Leaves [2]ledger.Hash
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("two sources show different events %d of job %s: %s and %s", e.JobSeq, e.JobID, e.Leaves[0], e.Leaves[1])
}

// Fault returns what kind of error it is.
func (*ForkError) Fault() ledger.Fault {
	return ledger.Fault{Code: "job_forked", Category: ledger.CategoryVerification}
}

// Join makes a plan of sources of one ledger, at least one. Each job is continued from the
// source in which it has the most events. Errors are *ledger.CorruptError if the sources
// have different histories, *ForkError, and those of the sources.
func Join(ctx context.Context, sources ...*Survey) (*Plan, error) {
	p := &Plan{sources: sources, Found: sources[0].Found}
	var requests []mpt.Key
	for i, s := range sources {
		if s.tree.Origin != p.Found.Origin {
			return nil, fmt.Errorf("%w: sources of %s and of %s", ledger.ErrUnverified, p.Found.Origin, s.tree.Origin)
		}
		if s.Found.Size > p.Found.Size {
			p.Found = s.Found
		}
		requests = append(requests, s.requests...)
		p.Authority = p.Authority || s.authority
		if err := s.agrees(ctx, sources[:i]); err != nil {
			return nil, err
		}
	}
	for _, s := range sources {
		p.Jobs += len(s.ends)
	}
	p.Requests, p.Content = ledger.RequestsOf(requests)
	return p, p.findIncomplete(ctx)
}

// agrees compares a source with those before it, and gives each job to one of them.
func (s *Survey) agrees(ctx context.Context, before []*Survey) error {
	for _, b := range before {
		longer, shorter := b, s
		if s.Found.Size > b.Found.Size {
			longer, shorter = s, b
		}
		if shorter.Found.Size > 0 {
			if err := longer.has(ctx, shorter.Found); err != nil {
				return fmt.Errorf("two histories of %s: %w", s.tree.Origin, err)
			}
		}
		for id, mine := range s.ends {
			theirs, both := b.ends[id]
			if !both {
				continue
			}
			if mine.jobSeq > theirs.jobSeq {
				mine.others = append(append(mine.others, theirs.others...), end{jobSeq: theirs.jobSeq, leaf: theirs.leaf})
				s.ends[id] = mine
				delete(b.ends, id)
				continue
			}
			theirs.others = append(append(theirs.others, mine.others...), end{jobSeq: mine.jobSeq, leaf: mine.leaf})
			b.ends[id] = theirs
			delete(s.ends, id)
		}
	}
	return nil
}

// agrees fails with a *ForkError if another source has another event in the place of e.
func (e end) agrees(event ledger.Event) error {
	for _, o := range e.others {
		if o.jobSeq == event.JobSeq() && o.leaf != event.LeafHash() {
			return &ForkError{JobID: event.JobID(), JobSeq: o.jobSeq, Leaves: [2]ledger.Hash{o.leaf, event.LeafHash()}}
		}
	}
	return nil
}
