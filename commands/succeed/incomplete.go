package succeed

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	"gait/ledger"
)

// Rows is what a ledger says of its events without reading them, so that it can be asked
// although some are damaged. A *store.Log has it.
type Rows interface {
	// Ends returns a function that reports whether it is proved that a job ends with the event
	// of a leaf hash.
	Ends(ctx context.Context) (func(job string, leaf ledger.Hash) (bool, error), error)

	// NamedJobs, NamedRequests and NamedCalls yield ids that the ledger has, as far as that can be read.
	NamedJobs(ctx context.Context) iter.Seq2[string, error]
	NamedRequests(ctx context.Context) iter.Seq2[string, error]
	NamedCalls(ctx context.Context) iter.Seq2[ledger.CallID, error]
}

// name adds the request ids and calls that the rows of a damaged source name, and notes its
// jobs. Rows that are damaged too end that.
func (s *Survey) name(ctx context.Context) error {
	if s.Damage == nil || s.options.Rows == nil {
		return nil
	}
	for id, err := range s.options.Rows.NamedRequests(ctx) {
		if unreadable(err) {
			break
		}
		if err != nil {
			return err
		}
		s.requests = append(s.requests, ledger.RequestKey(id))
	}
	for id, err := range s.options.Rows.NamedCalls(ctx) {
		if unreadable(err) {
			break
		}
		if err != nil {
			return err
		}
		s.requests = append(s.requests, ledger.CallKey(id.Job, id.Call))
	}
	for id, err := range s.options.Rows.NamedJobs(ctx) {
		if unreadable(err) {
			break
		}
		if err != nil {
			return err
		}
		s.named = append(s.named, id)
	}
	return nil
}

func unreadable(err error) bool {
	_, damaged := errors.AsType[*ledger.CorruptError](err)
	return damaged
}

// newest returns the source with the newest signed tree of the whole ledger, if no source
// has all events of that; nil if one has.
func (p *Plan) newest() (newest *Survey) {
	for _, s := range p.sources {
		more := s.tree.Size > p.Found.Size || s.tree.Size == 0
		if !s.options.OfJobs && more && (newest == nil || s.tree.Size > newest.tree.Size) {
			newest = s
		}
	}
	return newest
}

// Lost returns how many events of the whole ledger are in no source, as far as the sources
// show that, and why they cannot be read. It returns 0 and nil if none is known to be lost.
func (p *Plan) Lost() (int64, error) {
	newest := p.newest()
	if newest == nil || newest.tree.Size == 0 {
		return 0, nil
	}
	return newest.tree.Size - p.Found.Size, newest.Damage
}

// findIncomplete finds the jobs of which events may be lost: any of them may have stopped the job.
// If events of the ledger are, these are all jobs of which it is not proved that they end with
// the event that was found. Gone gets those of which nothing is left.
func (p *Plan) findIncomplete(ctx context.Context) error {
	newest := p.newest()
	if newest == nil {
		return nil
	}
	ends := func(string, ledger.Hash) (bool, error) { return false, nil }
	if rows := newest.options.Rows; rows != nil {
		var err error
		if ends, err = rows.Ends(ctx); err != nil {
			return err
		}
	}
	p.incomplete = map[string]bool{}
	for _, s := range p.sources {
		for id, last := range s.ends {
			whole, err := ends(id, last.leaf)
			if err != nil {
				return err
			}
			if !whole {
				p.incomplete[id] = true
			}
		}
	}
	for _, id := range newest.named {
		if !slices.ContainsFunc(p.sources, func(s *Survey) bool { _, there := s.ends[id]; return there }) {
			p.Gone = append(p.Gone, id)
		}
	}
	return nil
}

// Incomplete returns the jobs that may lack events that could not be read. They are put on hold,
// unless they are final or stopped for good.
func (p *Plan) Incomplete() []string { return slices.Sorted(maps.Keys(p.incomplete)) }
