package daemon

import (
	"container/heap"
	"container/list"
	"time"

	"gait/projection"
)

// A queue is the jobs that may be claimed by those who ask for some labels and statuses. A
// job that is ready is looked at when its turn comes, the oldest first. The others rest until
// a time, until a job has ended that they wait for, or until an event of theirs.
type queue struct {
	filter  projection.Filter
	jobs    map[string]*queued
	ready   turnHeap
	resting dueHeap
	pending map[string][]string // ids of jobs that rest, by that of one that they wait for
	stale   bool                // it has to be filled again

	// Of a long queue only the beginning is kept.
	more bool
	last projection.Place // where it ends

	waiters list.List // of *waiter, the first who came first
	used    time.Time // when a client asked last
}

// A queued is a job in a queue.
type queued struct {
	projection.Place

	due     time.Time // of one that rests until a time
	pending string    // what it is listed under in queue.pending
	heap    heap.Interface
	index   int // in the heap, if that is not nil
}

func newQueue(f projection.Filter) *queue {
	q := &queue{filter: f}
	q.clear()
	return q
}

// clear removes all jobs.
func (q *queue) clear() {
	q.jobs, q.pending = map[string]*queued{}, map[string][]string{}
	q.ready, q.resting = turnHeap{}, dueHeap{}
	q.more, q.stale = false, false
}

// put makes a job ready.
func (q *queue) put(at projection.Place) {
	j := q.jobs[at.ID]
	if j == nil {
		if q.more && q.last.Before(at) {
			return // it comes when the queue is filled from there on
		}
		j = &queued{Place: at}
		q.jobs[at.ID] = j
	}
	q.move(j, &q.ready)
}

// pop takes the first ready job out of its heap, or returns nil. The caller gives it another
// place, or drops it.
func (q *queue) pop() *queued {
	if len(q.ready) == 0 {
		return nil
	}
	j := q.ready[0]
	q.move(j, nil)
	return j
}

// rest lets a job rest until a time or, if that is zero, until something is said of it.
func (q *queue) rest(id string, due time.Time) {
	j := q.jobs[id]
	if j == nil {
		return
	}
	q.move(j, nil)
	if !due.IsZero() {
		j.due = due
		q.move(j, &q.resting)
	}
}

// await lets a job rest until another one has ended.
func (q *queue) await(id, other string) {
	q.rest(id, time.Time{})
	if j := q.jobs[id]; j != nil && j.pending != other {
		j.pending = other
		q.pending[other] = append(q.pending[other], id)
	}
}

// drop removes a job.
func (q *queue) drop(id string) {
	if j := q.jobs[id]; j != nil {
		q.move(j, nil)
		delete(q.jobs, id)
	}
}

// ended says that a job has ended: it is in no queue, and those that wait for it are ready.
func (q *queue) ended(id string) {
	q.drop(id)
	for _, waiting := range q.pending[id] {
		if j := q.jobs[waiting]; j != nil && j.pending == id {
			j.pending = ""
			q.move(j, &q.ready)
		}
	}
	delete(q.pending, id)
}

// wake makes the jobs ready that rest until a time that has come.
func (q *queue) wake(now time.Time) {
	for len(q.resting) > 0 && !q.resting[0].due.After(now) {
		q.move(q.resting[0], &q.ready)
	}
}

// next returns when the first job that rests is due; zero if none is.
func (q *queue) next() time.Time {
	if len(q.resting) == 0 {
		return time.Time{}
	}
	return q.resting[0].due
}

// move moves a job from its heap into another one; nil stands for none.
func (q *queue) move(j *queued, to heap.Interface) {
	if j.heap == to && to == heap.Interface(&q.ready) {
		return
	}
	if j.heap != nil {
		heap.Remove(j.heap, j.index)
	}
	if j.heap = to; to != nil {
		heap.Push(to, j)
	}
}

// A turnHeap has the oldest job first.
type turnHeap []*queued

// Len is that of heap.Interface, as the others are.
func (h turnHeap) Len() int { return len(h) }

// Less compares the places of two jobs.
func (h turnHeap) Less(a, b int) bool { return h[a].Before(h[b].Place) }

// Swap swaps two jobs.
func (h turnHeap) Swap(a, b int) { swap(h, a, b) }

// Push adds a job.
func (h *turnHeap) Push(j any) { *h = push(*h, j) }

// Pop removes the last job.
func (h *turnHeap) Pop() (j any) { *h, j = pop(*h); return j }

// A dueHeap has the job first that is due first.
type dueHeap []*queued

// Len is that of heap.Interface, as the others are.
func (h dueHeap) Len() int { return len(h) }

// Less compares when two jobs are due.
func (h dueHeap) Less(a, b int) bool { return h[a].due.Before(h[b].due) }

// Swap swaps two jobs.
func (h dueHeap) Swap(a, b int) { swap(h, a, b) }

// Push adds a job.
func (h *dueHeap) Push(j any) { *h = push(*h, j) }

// Pop removes the last job.
func (h *dueHeap) Pop() (j any) { *h, j = pop(*h); return j }

func swap(h []*queued, a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].index, h[b].index = a, b
}

func push(h []*queued, j any) []*queued {
	added, _ := j.(*queued)
	added.index = len(h)
	return append(h, added)
}

func pop(h []*queued) ([]*queued, *queued) {
	last := h[len(h)-1]
	h[len(h)-1] = nil
	return h[:len(h)-1], last
}
