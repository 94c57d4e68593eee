package store

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// A plan is a batch that is being made. Readers see nothing of it before it is committed.
type plan struct {
	log      *Log
	from     *state // the state that the batch follows
	before   *plan  // the batch that led to from, if it may not be durable yet
	keys     ledger.Keyring
	next     ledger.Signer // the new key, if the last event is a rotation
	moves    bool          // the last event moves the ledger to another place
	copying  bool          // rotations come with their proofs
	goesOn   bool          // an event does more than to end a job
	index    index         // after the events whose entries are applied
	entries  []mpt.Entry   // of the events after these
	head     ledger.Head
	tree     ledger.Tree
	macs     *macs // of the key that signs the batch; nil for a copy
	jobs     map[string]ledger.JobHead
	views    map[string][]byte
	tags     map[string]plannedTags // of jobs
	began    []string               // jobs whose first event is planned, in order
	numbers  map[string]int64       // once it is signed: of jobs
	journal  []Row                  // once it is signed: rows of the tags' journal
	requests map[string]bool
	calls    map[ledger.CallID]plannedCall
	last     ledger.Event
	moved    *ledger.Move  // once that event is planned
	path     []ledger.Hash // of last, in the tree that ends with it, if it is a rotation
	to       *state        // once it is signed: the state when it is durable
	change   *Change       // once it is signed: the change that leads there
	ended    bool

	plannedRows
}

// plannedRows are the rows of a plan, by kind.
type plannedRows struct {
	authority, events, jobIndex, proofs, used, tiles []Row // inserted: a, e, j, k, r, t

	partial partialTiles
	room    []byte // for keys and short values
}

// put takes a hash from ledger.Tree.Append.
func (p *plannedRows) put(level int, n int64, h ledger.Hash) {
	if tile, full := p.partial.put(level, n, h); full {
		p.tiles = append(p.tiles, tile)
	}
}

// keep copies a key or a short value. Many of them share an allocation, each of
// which is twice as large as the one before: a batch may hold one event, or hundreds.
func (p *plannedRows) keep(b []byte) []byte {
	const smallest, largest = 256, 4 << 10
	if cap(p.room)-len(p.room) < len(b) {
		p.room = make([]byte, 0, max(smallest, min(2*cap(p.room), largest), len(b)))
	}
	at := len(p.room)
	p.room = append(p.room, b...)
	return p.room[at:len(p.room):len(p.room)]
}

var _ ledger.Batch = (*plan)(nil)

// Begin begins a batch after at, which is the log's head, or the end of the
// batch signed last while that is being committed: so a batch can be made while
// the one before it syncs. Only one may be on its way to the disk when the next one
// is signed. Begin fails with ledger.ErrConflict if at is neither.
func (l *Log) Begin(ctx context.Context, at ledger.Head) (ledger.Batch, error) {
	if err := l.writable(); err != nil {
		return nil, fmt.Errorf("appending: %w", err)
	}
	if p := l.signed.Load(); p != nil && p.to.head.Size == at.Size && p.to.head.Leaf == at.Leaf {
		return planFrom(l, p.to, p, nil), nil
	}
	st := l.now.Load()
	if st.head.Size != at.Size || st.head.Leaf != at.Leaf {
		return nil, fmt.Errorf("appending after %d events, there are %d: %w", at.Size, st.head.Size, ledger.ErrConflict)
	}
	return planFrom(l, st, nil, nil), nil
}

// newPlan makes a plan after the durable state.
func newPlan(l *Log, next ledger.Signer) *plan { return planFrom(l, l.now.Load(), nil, next) }

func planFrom(l *Log, st *state, before *plan, next ledger.Signer) *plan {
	return &plan{
		log:         l,
		from:        st,
		before:      before,
		keys:        st.keys,
		moved:       st.moved,
		next:        next,
		head:        st.head,
		tree:        st.tree,
		macs:        st.macs,
		index:       st.index,
		jobs:        map[string]ledger.JobHead{},
		views:       map[string][]byte{},
		tags:        map[string]plannedTags{},
		requests:    map[string]bool{},
		calls:       map[ledger.CallID]plannedCall{},
		plannedRows: plannedRows{partial: st.last.share()},
	}
}

// Add implements ledger.Batch.
func (p *plan) Add(ctx context.Context, e ledger.Entry) error {
	if err := p.add(ctx, e); err != nil {
		return p.explain(err)
	}
	return nil
}

// Sign implements ledger.Batch.
func (p *plan) Sign(ctx context.Context) error {
	if err := p.end(ctx); err != nil {
		return p.explain(err)
	}
	return nil
}

func (p *plan) end(ctx context.Context) error {
	if err := p.finish(ctx); err != nil {
		return err
	}
	p.log.signed.Store(p)
	return nil
}

// explain returns ErrConflict instead of err if other events came first: the plan
// has then read rows that it does not follow, and nothing is wrong with its events.
// It waits for a running commit, which shows its rows before the log's head moves.
func (p *plan) explain(err error) error {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	if p.before == nil || p.log.endsAt(p.before.from.head) != nil {
		if conflict := p.log.endsAt(p.from.head); conflict != nil {
			return conflict
		}
	}
	if conflict := p.breaks(err); conflict != nil {
		return conflict
	}
	return fmt.Errorf("appending: %w", err)
}

// Commit implements ledger.Batch.
func (p *plan) Commit(ctx context.Context) (ledger.Receipt, error) {
	l := p.log
	l.mu.Lock()
	defer l.mu.Unlock()
	defer p.Discard()
	if err := l.writable(); err != nil {
		return ledger.Receipt{}, fmt.Errorf("appending: %w", err)
	}
	if err := l.endsAt(p.from.head); err != nil {
		return ledger.Receipt{}, err
	}
	if l.now.Load() != p.from { // the index was rebuilt
		return ledger.Receipt{}, fmt.Errorf("appending after %d events: %w", p.from.head.Size, ledger.ErrConflict)
	}
	if err := l.mayCommit(); err != nil {
		return ledger.Receipt{}, err
	}
	receipt, err := p.write(ctx)
	if err != nil {
		return ledger.Receipt{}, err
	}
	return receipt, l.publish(receipt.Checkpoint)
}

// write commits a signed plan that follows the log's head.
func (p *plan) write(ctx context.Context) (ledger.Receipt, error) {
	if err := p.log.commit(ctx, p.change); err != nil {
		return ledger.Receipt{}, err
	}
	// The batch is durable from here on: a crash before the reply loses the
	// reply, not the events.
	if p.to.index.flushed != p.from.index.flushed {
		p.to.index.tree.Durable()
	}
	p.log.recent.put(p.jobs)
	p.log.numbers.put(p.numbers)
	p.log.advance(p.to)
	return ledger.Receipt{
		Seq:        p.last.Seq(),
		Leaf:       p.last.LeafHash(),
		Revision:   p.last.Revision(),
		TreeSize:   p.to.checkpoint.Size,
		Checkpoint: p.to.signed,
	}, nil
}

// Discard implements ledger.Batch. The rows that a batch after this one looks up stay.
func (p *plan) Discard() {
	if p.ended {
		return
	}
	p.ended = true
	p.log.signed.CompareAndSwap(p, nil)
	p.before, p.change, p.plannedRows = nil, nil, plannedRows{}
}

// jobBefore returns the head that a job had before the plan.
func (p *plan) jobBefore(ctx context.Context, job string) (ledger.JobHead, error) {
	if p.before != nil {
		if head, ok := p.before.jobs[job]; ok {
			return head, nil
		}
	}
	if head, ok := p.log.recent.get(job); ok {
		return head, nil
	}
	if !p.index.proved() && !p.copying {
		entry, _, err := p.log.LoadUnproved(ctx, job)
		return entry.Head, err
	}
	if !p.index.proved() { // the rows are those that this copy has written
		head, _, err := p.log.jobHead(ctx, job)
		return head, err
	}
	_, found, err := p.index.tree.Get(ctx, p.log.pages(), ledger.JobKey(job))
	if err != nil || !found {
		return ledger.JobHead{}, ofPages(err)
	}
	head, _, err := p.log.jobHead(ctx, job)
	return head, err
}

// usedBefore reports whether a request id was used before the plan. It fails with a
// *ledger.RequestUsedError if event 0 has used it.
func (p *plan) usedBefore(ctx context.Context, id string) (bool, error) {
	if p.index.proved() {
		by, used, err := p.index.tree.Get(ctx, p.log.pages(), ledger.RequestKey(id))
		if used && ledger.Hash(by) == p.from.inherits.leaf {
			err = p.from.inherits.used(id)
		}
		return used, ofPages(err)
	}
	if p.copying {
		row, err := get(ctx, p.log.read, requestKey(id))
		return row != nil, err
	}
	if p.before != nil && p.before.requests[id] {
		return true, nil
	}
	return p.log.usedUnproved(ctx, id)
}
