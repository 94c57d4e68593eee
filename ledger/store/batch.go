package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
)

// A plan is a batch in the making. Nothing in it shows before it is committed.
type plan struct {
	log      *Log
	batch    *pebble.Batch
	from     *state // that the batch follows
	before   *plan  // the batch that led to from, where it may not be durable yet
	keys     ledger.Keyring
	next     ledger.Signer // where the last event is a rotation
	copying  bool          // rotations come with their proofs
	head     ledger.Head
	tree     ledger.Tree
	rows     rows
	index    []pair // of jobs and requests
	jobs     map[string]ledger.JobHead
	views    map[string][]byte
	requests map[string]bool
	last     ledger.Event
	path     []ledger.Hash // of last, in the tree that ends with it, where it is a rotation
	to       *state        // once it is signed: the state when it is durable
}

var _ ledger.Batch = (*plan)(nil)

// Begin begins a batch behind at, which is the log's head, or the end of the
// batch signed last while that is being committed: so a batch can be made while
// the one before it syncs. No more than one may be on its way to the disk when
// the next one is signed. It fails with ledger.ErrConflict where at is neither.
func (l *Log) Begin(at ledger.Head) (ledger.Batch, error) {
	if err := l.plannable(); err != nil {
		return nil, fmt.Errorf("appending: %w", err)
	}
	if p := l.signed.Load(); p != nil && p.to.head.Size == at.Size && p.to.head.Leaf == at.Leaf {
		return l.planFrom(p.to, p, nil), nil
	}
	st := l.now.Load()
	if st.head.Size != at.Size || st.head.Leaf != at.Leaf {
		return nil, fmt.Errorf("appending behind %d events, there are %d: %w", at.Size, st.head.Size, ledger.ErrConflict)
	}
	return l.planFrom(st, nil, nil), nil
}

// newPlan makes a plan behind what is durable.
func (l *Log) newPlan(next ledger.Signer) *plan { return l.planFrom(l.now.Load(), nil, next) }

func (l *Log) planFrom(st *state, before *plan, next ledger.Signer) *plan {
	return &plan{
		log:      l,
		batch:    l.db.NewBatch(),
		from:     st,
		before:   before,
		keys:     st.keys,
		next:     next,
		head:     st.head,
		tree:     st.tree,
		rows:     rows{},
		jobs:     map[string]ledger.JobHead{},
		views:    map[string][]byte{},
		requests: map[string]bool{},
	}
}

// Add implements ledger.Batch.
func (p *plan) Add(e ledger.Entry) error {
	if err := p.add(e); err != nil {
		return fmt.Errorf("appending: %w", err)
	}
	return nil
}

// Sign implements ledger.Batch.
func (p *plan) Sign() error {
	st, err := p.finish()
	if err != nil {
		return fmt.Errorf("appending: %w", err)
	}
	p.to = st
	p.log.signed.Store(p)
	return nil
}

// Commit implements ledger.Batch.
func (p *plan) Commit() (ledger.Receipt, error) {
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
	receipt, err := p.write()
	if err != nil {
		return ledger.Receipt{}, err
	}
	return receipt, l.publish(receipt.Checkpoint)
}

// write commits a signed plan that follows the log's head.
func (p *plan) write() (ledger.Receipt, error) {
	if err := p.log.commit(p.batch); err != nil {
		return ledger.Receipt{}, err
	}
	// The batch is durable from here on: a crash before the reply loses the
	// reply, not the events.
	p.log.recent.put(p.jobs)
	p.log.advance(p.to)
	return ledger.Receipt{
		Seq:        p.last.Seq,
		Leaf:       p.last.LeafHash(),
		Revision:   p.last.Revision,
		TreeSize:   p.to.checkpoint.Size,
		Checkpoint: p.to.signed,
	}, nil
}

// Discard implements ledger.Batch. What a batch behind this one looks up stays.
func (p *plan) Discard() {
	if p.batch == nil {
		return
	}
	p.log.signed.CompareAndSwap(p, nil)
	p.before = nil
	_ = p.batch.Close() // it frees memory, and does not fail
	p.batch = nil
}

// jobBefore returns the head that a job had before the plan.
func (p *plan) jobBefore(job string) (ledger.JobHead, error) {
	if p.before != nil {
		if head, ok := p.before.jobs[job]; ok {
			return head, nil
		}
	}
	if head, ok := p.log.recent.get(job); ok {
		return head, nil
	}
	head, _, err := p.log.JobHead(job)
	return head, err
}

// usedBefore reports whether a request id was used before the plan.
func (p *plan) usedBefore(id string) (bool, error) {
	if p.before != nil && p.before.requests[id] {
		return true, nil
	}
	_, used, err := p.log.Request(id)
	return used, err
}
