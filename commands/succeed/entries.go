package succeed

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// A Writer says who continues the jobs, and where their proofs are kept.
type Writer struct {
	Actor   string
	Now     func() time.Time
	Entropy io.Reader

	// KeepAll calls use with a function that keeps the proof of a job as content. What was
	// kept is durable when KeepAll returns nil.
	KeepAll func(use func(keep func([]byte) error) error) error

	// NewestUnknown says that the ledger before may have had newer events than those that were
	// found, although none is known to be lost.
	NewestUnknown bool

	// Approvals counts the approvals of the ledger before that no resume has used: they have
	// to be given again. It is not counted if it is nil.
	Approvals *int64
}

// Entries reads the sources again, and yields the events of the jobs that follow event 0 of
// the ledger that continues them. All proofs are durable before the range ends. It may be
// ranged over once.
func (p *Plan) Entries(ctx context.Context, first ledger.Event, w Writer) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		h, err := ledger.Head{}.Follow(first)
		x := &continuer{Writer: w, first: first.LeafHash(), incomplete: p.incomplete, origin: first.Origin(), head: h, yield: yield}
		if err == nil {
			err = w.KeepAll(func(keep func([]byte) error) error {
				x.keep = keep
				return x.all(ctx, p.sources)
			})
		}
		if err != nil && !x.ended {
			yield(ledger.Entry{}, fmt.Errorf("continuing %s: %w", p.Found.Origin, err))
		}
	}
}

// A continuer writes the events with which jobs are continued, in one range over Entries.
type continuer struct {
	Writer
	from       *Survey         // that is read
	incomplete map[string]bool // Plan.incomplete
	origin     string
	first      ledger.Hash // leaf hash of event 0
	head       ledger.Head
	keep       func([]byte) error
	chain      *authority.Chain // of from, as far as it was read
	open       map[string]*job  // that have begun and not ended
	held       int              // bytes of their events
	yield      func(ledger.Entry, error) bool
	ended      bool // the caller wants no more
}

// A job is one that is read, up to its last event.
type job struct {
	projection.Folder
	first  ledger.Event
	events []ledger.Event // all but the last; nil if they are too many
	size   int            // of their bytes
}

// How many bytes of events a proof has before the last one of its job, and how many are in
// memory for the jobs that are read. A job with more is proved by its last event alone.
const (
	maxEarlier = 96 << 10
	maxHeld    = 128 << 20
)

// remember keeps an event of a job for its proof.
func (x *continuer) remember(j *job, e ledger.Event) {
	size := len(e.Bytes())
	if int64(len(j.events))+1 != e.JobSeq() {
		return
	}
	if j.size+size > maxEarlier || x.held+size > maxHeld {
		x.forget(j)
		return
	}
	j.events, j.size, x.held = append(j.events, e), j.size+size, x.held+size
}

// forget drops the events that were kept for the proof of a job.
func (x *continuer) forget(j *job) {
	x.held -= j.size
	j.events, j.size = nil, 0
}

// proofOf returns the proof of a job's last event as content: with all events of the job, if
// they are not too many.
func (x *continuer) proofOf(j *job, last ledger.Event, proved ledger.Proof) (p projection.ContinuedProof, text []byte, err error) {
	p = projection.ContinuedProof{Earlier: j.events, Event: last, Proof: proved}
	if !p.Whole() {
		p.Earlier = nil
	}
	if text, err = p.Encode(); err == nil && len(text) > projection.MaxContinuedProofSize {
		p.Earlier = nil
		text, err = p.Encode()
	}
	return p, text, err
}

func (x *continuer) all(ctx context.Context, sources []*Survey) error {
	for _, s := range sources {
		x.from, x.open, x.chain = s, map[string]*job{}, &authority.Chain{}
		for e, err := range s.events(ctx) {
			switch {
			case err != nil:
			case e.Type().OfAuthority():
				err = x.chain.Add(e)
			case !e.Type().OfLedger():
				err = x.read(ctx, e)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// folder returns what folds the events of a job of the source. Of single jobs the authority
// is not at hand, and they are verified.
func (x *continuer) folder() projection.Folder {
	if x.from.options.OfJobs {
		return projection.Believer()
	}
	return projection.Folder{States: x.state}
}

// state returns the authority after an event of the source.
func (x *continuer) state(leaf ledger.Hash) (*authority.State, error) {
	s, known := x.chain.At(leaf)
	if !known {
		return nil, &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("an event names the authority event %s, which is not among those before it", leaf)}
	}
	return s, nil
}

// read folds an event into its job, if that is continued from this source. After its last
// one the job is continued.
func (x *continuer) read(ctx context.Context, e ledger.Event) error {
	id := e.JobID()
	last, mine := x.from.ends[id]
	if !mine {
		return nil
	}
	j := x.open[id]
	if j == nil {
		j = &job{Folder: x.folder(), first: e}
		x.open[id] = j
	}
	err := last.agrees(e)
	if err == nil {
		err = j.Add(e)
	}
	if err != nil {
		return err
	}
	if e.Seq() != last.seq {
		x.remember(j, e)
		return nil
	}
	delete(x.open, id)
	defer x.forget(j)
	if err := x.continued(ctx, j, e); err != nil {
		return fmt.Errorf("job %s: %w", id, err)
	}
	return nil
}

// continued writes the first events of a job. last is its last event in the source.
func (x *continuer) continued(ctx context.Context, j *job, last ledger.Event) error {
	proved, err := x.from.source.ProofIn(ctx, x.from.signed, last.Seq())
	if err != nil {
		return err
	}
	proof, text, err := x.proofOf(j, last, proved)
	if err != nil {
		return err
	}
	content := ledger.Content{Digest: sha256.Sum256(text), MediaType: projection.ContinuedProofMediaType, Size: int64(len(text))}
	p, again, err := projection.Continue(j.Job, j.first, last, x.from.tree, content)
	if err != nil {
		return err
	}
	if p.Epoch > 0 && (x.incomplete[last.JobID()] || x.NewestUnknown) {
		p.Epoch += lostLeases
	}
	if err := proof.Check(last.JobID(), p); err != nil {
		return err
	}
	if err := x.keep(text); err != nil {
		return err
	}
	if x.Approvals != nil {
		*x.Approvals += unused(j.Job, p)
	}
	var after projection.Folder
	if err := x.write(&after, last.JobID(), x.Actor, p); err != nil {
		return err
	}
	for _, ask := range again {
		if err := x.write(&after, last.JobID(), ask.Actor, ask.After(x.first)); err != nil {
			return err
		}
	}
	return x.hold(&after, last.JobID(), j.Job)
}

// unused counts the approvals that a job has of what it waits for in the ledger that
// continues it, too.
func unused(j projection.Job, p ledger.Continued) (n int64) {
	if p.Hold && j.Stop != nil && j.Stop.Verdict == projection.Approved {
		n++
	}
	for _, a := range j.Decisions[:p.Decisions] {
		if a.Verdict == projection.Approved {
			n++
		}
	}
	return n
}

// write seals and yields the next event of a job.
func (x *continuer) write(j *projection.Folder, id, actor string, p ledger.Payload) error {
	now := x.Now()
	eventID, err := ledger.NewULID(now, x.Entropy)
	if err != nil {
		return err
	}
	d := ledger.Draft{
		Seq: ledger.Seq(x.head.Size), ID: eventID, Origin: x.origin, Actor: actor, Prev: x.head.Leaf,
		JobID: id, JobSeq: j.Head.JobSeq + 1, JobPrev: j.Head.Leaf, Revision: j.Job.Revision + 1, Payload: p,
	}
	d.Time, d.Clock = x.head.At(now)
	e, err := ledger.Seal(d)
	if err != nil {
		return err
	}
	if err := j.Add(e); err != nil {
		return err
	}
	if x.head, err = x.head.Follow(e); err != nil {
		return err
	}
	if x.ended = !x.yield(ledger.Entry{Event: e, View: projection.EncodeJob(j.Job, e.LeafHash()), Tags: projection.TagsOf(j.Job, e)}, nil); x.ended {
		return errEnded
	}
	return nil
}

var errEnded = fmt.Errorf("the caller wants no more: %w", io.EOF)
