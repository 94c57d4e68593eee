package packtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/projection"
)

// A Successor is a ledger that continues each job of another one, as it begins.
type Successor struct {
	Key      ledger.PrivateKey
	Events   []ledger.Event
	Signed   []byte                 // the checkpoint of all of them
	Contents map[ledger.Hash][]byte // that they name

	heads map[string]ledger.JobHead
	head  ledger.Head
	at    time.Time
}

// A Lie changes what a Successor says of a job, before it is sealed.
type Lie func(s *Successor, job string, p *ledger.Continued)

// Continue begins a ledger under key that continues each job of another one, whose used
// request ids are inherited, in the content of inherited too. lie may be nil.
func Continue(ctx context.Context, before ledger.Reader, inherited map[ledger.Hash][]byte, key ledger.PrivateKey, at time.Time, lie Lie) (*Successor, error) {
	s := &Successor{Key: key, Contents: map[ledger.Hash][]byte{}, heads: map[string]ledger.JobHead{}, at: at}
	tree, _ := before.Checkpoint()
	keys, err := usedRequests(ctx, before, inherited)
	if err != nil {
		return nil, err
	}
	p := ledger.Predecessor{Origin: tree.Origin, SeenSize: tree.Size, SeenRoot: tree.Root, FoundSize: tree.Size, FoundRoot: tree.Root}
	requests, content := ledger.RequestsOf(keys)
	if p.Requests = requests; requests != nil {
		s.Contents[requests.Digest] = content
	}
	if err := s.Add("", "operator", ledger.LedgerCreated{Format: ledger.Format, Key: key.VerifierKey().String(), Predecessor: &p}); err != nil {
		return nil, err
	}
	for entry, err := range before.Jobs(ctx, "") {
		if err == nil {
			err = s.take(ctx, before, entry.ID, lie)
		}
		if err != nil {
			return nil, fmt.Errorf("continuing job %s: %w", entry.ID, err)
		}
	}
	return s, s.Sign()
}

// usedRequests returns the keys of all request ids that a ledger and those before it used, and
// of all calls that it knows.
func usedRequests(ctx context.Context, before ledger.Reader, inherited map[ledger.Hash][]byte) (keys []mpt.Key, err error) {
	for e, err := range before.Events(ctx, 0) {
		if err != nil {
			return nil, err
		}
		if id := e.RequestID(); id != "" {
			keys = append(keys, ledger.RequestKey(id))
		}
		if call, ok := ledger.CallOf(e.Payload()); ok {
			keys = append(keys, ledger.CallKey(e.JobID(), call.ID))
		}
		r := ledger.InheritedRequests(e)
		if r == nil {
			continue
		}
		for key, err := range ledger.ReadRequests(bytes.NewReader(inherited[r.Digest]), *r) {
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// take continues a job.
func (s *Successor) take(ctx context.Context, before ledger.Reader, job string, lie Lie) error {
	var fold projection.Folder
	var first, last ledger.Event
	var earlier []ledger.Event
	for e, err := range before.JobEvents(ctx, job, 1) {
		if err == nil {
			err = fold.Add(e)
		}
		if err != nil {
			return err
		}
		if e.JobSeq() == 1 {
			first = e
		} else {
			earlier = append(earlier, last)
		}
		last = e
	}
	tree, signed := before.Checkpoint()
	proof, err := before.ProofIn(ctx, signed, last.Seq())
	if err != nil {
		return err
	}
	named, err := s.Keep(projection.ContinuedProof{Earlier: earlier, Event: last, Proof: proof})
	if err != nil {
		return err
	}
	p, again, err := projection.Continue(fold.Job, first, last, tree, named)
	if err != nil {
		return err
	}
	if lie != nil {
		lie(s, job, &p)
	}
	err = s.Add(job, "operator", p)
	for _, a := range again {
		if err == nil {
			err = s.Add(job, a.Actor, a.After(s.Events[0].LeafHash()))
		}
	}
	return err
}

// Keep keeps a proof as content, and names it.
func (s *Successor) Keep(p projection.ContinuedProof) (ledger.Content, error) {
	text, err := p.Encode()
	return s.KeepText(text), err
}

// KeepText keeps any content, and names it.
func (s *Successor) KeepText(text []byte) ledger.Content {
	digest := ledger.Hash(sha256.Sum256(text))
	s.Contents[digest] = text
	return ledger.Content{Digest: digest, MediaType: projection.ContinuedProofMediaType, Size: int64(len(text))}
}

// Add appends an event of a job, or of the ledger.
func (s *Successor) Add(job, actor string, p ledger.Payload) error {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.Key.Name()), uint64(s.head.Size))) //nolint:gosec // a size is not negative
	id, err := ulid.New(ulid.Timestamp(s.at), bytes.NewReader(sum[:]))
	if err != nil {
		return err
	}
	d := ledger.Draft{
		Seq: ledger.Seq(s.head.Size), ID: id.String(), Origin: s.Key.Name(), Time: s.at,
		Actor: actor, Prev: s.head.Leaf, Payload: p,
	}
	at := s.heads[job]
	if job != "" {
		d.JobID, d.JobSeq, d.JobPrev, d.Revision = job, at.JobSeq+1, at.Leaf, at.Revision+1
	}
	e, err := ledger.Seal(d)
	if err != nil {
		return err
	}
	if s.head, err = s.head.Follow(e); err != nil {
		return err
	}
	if job != "" {
		if s.heads[job], err = at.Follow(e); err != nil {
			return err
		}
	}
	s.Events, s.Signed = append(s.Events, e), nil
	return nil
}

// Sign signs the checkpoint of the events so far.
func (s *Successor) Sign() (err error) {
	var tree ledger.Tree
	for _, e := range s.Events {
		tree.Append(e.LeafHash(), func(int, int64, ledger.Hash) {})
	}
	s.Signed, err = ledger.Checkpoint{Origin: s.Key.Name(), Size: tree.Size(), Root: tree.Root()}.Sign(s.Key)
	return err
}

// All yields the events.
func (s *Successor) All() ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range s.Events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Inherited yields the request ids that event 0 names.
func (s *Successor) Inherited(r ledger.Requests) iter.Seq2[mpt.Key, error] {
	return ledger.ReadRequests(bytes.NewReader(s.Contents[r.Digest]), r)
}

// Content returns content that an event names.
func (s *Successor) Content(digest ledger.Hash, _ int64) ([]byte, error) {
	if b, ok := s.Contents[digest]; ok {
		return b, nil
	}
	return nil, ledger.ErrContentMissing
}

// EachContent calls use with each content.
func (s *Successor) EachContent(use func(ledger.Hash, io.ReadSeeker) error) error {
	for digest, text := range s.Contents {
		if err := use(digest, bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return nil
}
