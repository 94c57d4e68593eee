package succeed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/projection"
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
	// Inherited yields the request ids that event 0 of the source names, if it does: it is
	// store.Options.Inherited.
	Inherited func(ledger.Requests) iter.Seq2[mpt.Key, error]

	// Progress is called now and then with how many events were read, of twice as many as
	// the source has: it is read twice. It may be nil. Its error ends the work.
	Progress func(done, total int64) error
}

func (o Options) progress(done, total int64) error {
	if o.Progress == nil || done%ledger.TileWidth != 0 && done != total {
		return nil
	}
	return o.Progress(done, total)
}

// A Survey is what a first reading of a source has found.
type Survey struct {
	// Found is the state up to which the source can be read. It is that of its newest
	// checkpoint, or of fewer events if Damage says why no more can be read.
	Found  ledger.Checkpoint
	Damage error

	Jobs     int              // how many jobs there are
	Requests *ledger.Requests // the request ids used; nil if there are none
	Content  []byte           // that Requests names

	source  Source
	options Options
	tree    ledger.Checkpoint // the newest one
	signed  []byte            // its note
	ends    map[string]ledger.Seq
}

// Look reads all of a source. It fails if nothing in it can be relied on, or if the request
// ids that it inherited are not at hand.
func Look(ctx context.Context, from Source, o Options) (*Survey, error) {
	s := &Survey{source: from, options: o, ends: map[string]ledger.Seq{}}
	s.tree, s.signed = from.Checkpoint()
	if err := s.look(ctx); err != nil {
		return nil, fmt.Errorf("reading %s: %w", s.tree.Origin, err)
	}
	return s, nil
}

func (s *Survey) look(ctx context.Context) error {
	var requests []mpt.Key
	var tree ledger.Tree
	for e, err := range s.source.Events(ctx, 0) {
		if _, damaged := errors.AsType[*ledger.CorruptError](err); damaged {
			s.Damage = err
			break
		}
		if err != nil {
			return err
		}
		if requests, err = s.addRequests(requests, e); err != nil {
			return err
		}
		if !e.Type().OfLedger() {
			if _, known := s.ends[e.JobID()]; !known || e.JobSeq() > 1 {
				s.ends[strings.Clone(e.JobID())] = e.Seq()
			}
		}
		tree.Append(e.LeafHash(), nil)
		if err := s.options.progress(tree.Size(), 2*s.tree.Size); err != nil {
			return err
		}
	}
	s.Jobs = len(s.ends)
	s.Requests, s.Content = ledger.RequestsOf(requests)
	s.Found = ledger.Checkpoint{Origin: s.tree.Origin, Size: tree.Size(), Root: tree.Root()}
	return s.check(ctx)
}

// check requires that what was read is what the ledger's key has signed.
func (s *Survey) check(ctx context.Context) error {
	if s.Damage == nil && s.Found != s.tree {
		return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("expected the tree of %d with root %s, found %d events with root %s", s.tree.Size, s.tree.Root, s.Found.Size, s.Found.Root)}
	}
	if s.Found.Size == 0 {
		return s.Damage
	}
	root, err := s.source.RootAt(ctx, s.Found.Size)
	if err == nil && root != s.Found.Root {
		err = &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("expected root %s after %d events, found %s", root, s.Found.Size, s.Found.Root)}
	}
	return err
}

// addRequests adds the request ids that an event uses.
func (s *Survey) addRequests(keys []mpt.Key, e ledger.Event) ([]mpt.Key, error) {
	if id := e.RequestID(); id != "" {
		return append(keys, ledger.RequestKey(id)), nil
	}
	r := ledger.InheritedRequests(e)
	if e.Seq() > 0 || r == nil {
		return keys, nil
	}
	if s.options.Inherited == nil {
		return nil, fmt.Errorf("the request ids of the ledgers before, %s: %w", r.Digest, ledger.ErrContentMissing)
	}
	for key, err := range s.options.Inherited(*r) {
		if err != nil {
			return nil, fmt.Errorf("the request ids of the ledgers before: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Lost returns how many signed events could not be read.
func (s *Survey) Lost() int64 { return s.tree.Size - s.Found.Size }

// events yields the events that were found, again.
func (s *Survey) events(ctx context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
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

// A job is one that is read, up to its last event.
type job struct {
	projection.Folder
	first ledger.Event
}
