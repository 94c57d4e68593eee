package succeed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"gait/ledger"
	"gait/ledger/mpt"
)

// A Source is a ledger that is to be continued, as far as it can be read.
type Source interface {
	Checkpoint() (ledger.Checkpoint, []byte)

	// Events yields the events in order, each proved to be in the tree as ledger.EventReader
	// says. The first that is damaged ends them with a *ledger.CorruptError.
	Events(ctx context.Context, from ledger.Seq) ledger.Events

	RootAt(ctx context.Context, size int64) (ledger.Hash, error)
	ProofIn(ctx context.Context, signed []byte, seq ledger.Seq) (ledger.Proof, error)
}

// Options say how to read a source.
type Options struct {
	// Inherited yields the request ids and calls that event 0 of the source names, if it does: it is
	// store.Options.Inherited.
	Inherited func(ledger.Requests) iter.Seq2[mpt.Key, error]

	// Rows are those of the source, if it has any. Without, a damaged source cannot say of any
	// job that all of it was found.
	Rows Rows

	// OfJobs says that the source has the events of single jobs, and not all of the ledger.
	// The caller has verified them.
	OfJobs bool

	// Progress is called now and then with how many events were read, of twice as many as
	// the source has: it is read twice. It may be nil. Its error ends the work.
	Progress func(done, total int64) error
}

func (o Options) progress(done, total int64) error {
	if o.Progress == nil || o.OfJobs || done%ledger.TileWidth != 0 && done != total {
		return nil
	}
	return o.Progress(done, total)
}

// A Survey is what a first reading of a source has found.
type Survey struct {
	// Found is the state up to which the source can be read. It is that of its newest
	// checkpoint, or of fewer events if Damage says why no more can be read. Its Size is 0 if
	// the source has single jobs.
	Found  ledger.Checkpoint
	Damage error

	source   Source
	options  Options
	tree     ledger.Checkpoint // the newest one
	signed   []byte            // its note
	requests []mpt.Key         // of request ids and calls
	named    []string          // jobs, by the rows of a damaged source
	ends     map[string]end

	authority bool // actors were enrolled in the source
}

// An end is the last event of a job in a source.
type end struct {
	seq    ledger.Seq
	jobSeq int64
	leaf   ledger.Hash
	others []end // of the job in other sources, which must be among its events
}

// Look reads all of a source. It fails if nothing in it can be relied on, or if the request
// ids that it inherited are not at hand.
func Look(ctx context.Context, from Source, o Options) (*Survey, error) {
	s := &Survey{source: from, options: o, ends: map[string]end{}}
	s.tree, s.signed = from.Checkpoint()
	if err := s.look(ctx); err != nil {
		return nil, fmt.Errorf("reading %s: %w", s.tree.Origin, err)
	}
	return s, nil
}

// Unread returns the survey of a ledger of which no event can be read, for the reason given. c
// is the newest state of it that is known; if its Size is 0, none is, and the ledger counts as
// one that had more events than any other source. rows may be nil.
func Unread(ctx context.Context, c ledger.Checkpoint, why error, rows Rows) (*Survey, error) {
	s := &Survey{Found: ledger.Checkpoint{Origin: c.Origin}, Damage: why, options: Options{Rows: rows}, tree: c, ends: map[string]end{}}
	if err := s.name(ctx); err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.Origin, err)
	}
	return s, nil
}

func (s *Survey) look(ctx context.Context) error {
	var tree ledger.Tree
	for e, err := range s.source.Events(ctx, 0) {
		if _, damaged := errors.AsType[*ledger.CorruptError](err); damaged && !s.options.OfJobs {
			s.Damage = err
			break
		}
		if err == nil {
			err = s.add(e)
		}
		if err != nil {
			return err
		}
		tree.Append(e.LeafHash(), nil)
		if err := s.options.progress(tree.Size(), 2*s.tree.Size); err != nil {
			return err
		}
	}
	s.Found = ledger.Checkpoint{Origin: s.tree.Origin}
	if s.options.OfJobs {
		return nil
	}
	s.Found.Size, s.Found.Root = tree.Size(), tree.Root()
	if err := s.check(ctx); err != nil {
		return err
	}
	return s.name(ctx)
}

// add notes what an event is for its job, and for the request ids and calls.
func (s *Survey) add(e ledger.Event) error {
	if request := e.RequestID(); request != "" {
		s.requests = append(s.requests, ledger.RequestKey(request))
	}
	if call, ok := ledger.CallOf(e.Payload()); ok { // as one that is used up: it is never allowed again
		s.requests = append(s.requests, ledger.CallKey(e.JobID(), call.ID))
	}
	s.authority = s.authority || e.Type().OfAuthority() || !e.Authority().IsZero()
	id := e.JobID()
	if id == "" {
		return s.inherit(e)
	}
	if _, known := s.ends[id]; !known {
		id = strings.Clone(id)
	}
	s.ends[id] = end{seq: e.Seq(), jobSeq: e.JobSeq(), leaf: e.LeafHash()}
	return nil
}

// inherit adds the request ids and calls that event 0 names.
func (s *Survey) inherit(e ledger.Event) error {
	r := ledger.InheritedRequests(e)
	if e.Seq() > 0 || r == nil {
		return nil
	}
	if s.options.Inherited == nil {
		return fmt.Errorf("the request ids of the ledgers before, %s: %w", r.Digest, ledger.ErrContentMissing)
	}
	for key, err := range s.options.Inherited(*r) {
		if err != nil {
			return fmt.Errorf("the request ids of the ledgers before: %w", err)
		}
		s.requests = append(s.requests, key)
	}
	return nil
}

// check requires that what was read is what the ledger's key has signed.
func (s *Survey) check(ctx context.Context) error {
	if s.Damage == nil && s.Found != s.tree {
		return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("expected the tree of %d with root %s, found %d events with root %s", s.tree.Size, s.tree.Root, s.Found.Size, s.Found.Root)}
	}
	if s.Found.Size == 0 {
		return s.Damage
	}
	return s.has(ctx, s.Found)
}

// has requires that the tree of a state is a prefix of the one that was signed.
func (s *Survey) has(ctx context.Context, c ledger.Checkpoint) error {
	root, err := s.source.RootAt(ctx, c.Size)
	if err == nil && root != c.Root {
		err = &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("expected root %s after %d events, found %s", root, c.Size, c.Root)}
	}
	return err
}

// Lost returns how many signed events of the source could not be read.
func (s *Survey) Lost() int64 {
	if s.options.OfJobs {
		return 0
	}
	return s.tree.Size - s.Found.Size
}

// events yields the events that were found, again.
func (s *Survey) events(ctx context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		if s.source == nil {
			return
		}
		for e, err := range s.source.Events(ctx, 0) {
			if err == nil {
				err = s.options.progress(s.tree.Size+int64(e.Seq())+1, 2*s.tree.Size)
			}
			if !yield(e, err) || err != nil || int64(e.Seq()) == s.Found.Size-1 {
				return
			}
		}
	}
}
