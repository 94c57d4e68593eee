package daemon

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

const (
	maxQueues  = 256              // that are kept
	maxQueue   = 8192             // jobs of one that are taken from the ledger at once
	queueIdle  = 10 * time.Minute // how long a queue is kept for which no client asks
	farBehind  = 20_000           // events after which a queue is filled again instead
	handoutFor = 2 * time.Second  // how long a job is kept for who was told of it
	maxNap     = 30 * time.Second // between two looks at the clock, which may be set
)

// queues tell clients of jobs that they may claim, each job to one of them at a time. They
// hold what is needed for that in memory and follow the ledger, so that no call reads more
// than the jobs it returns. What they say is a hint: the lease decides.
//
// They do that when they are asked. While clients wait, one goroutine follows the ledger for
// all of them, and sleeps until an event comes or a job is due.
type queues struct {
	log  Log
	now  func() time.Time
	stop <-chan struct{} // closed when no client should wait any more

	mu        sync.Mutex
	of        map[string]*queue
	seen      ledger.Seq          // events before it were looked at
	touched   map[string]bool     // jobs of these events that are to be looked at again
	given     map[string]*handout // by the id of the job
	following bool                // a goroutine serves those who wait
	rouse     chan struct{}       // makes it look again
}

// A handout is a job that a client was told of and that is not leased since, or was given back.
type handout struct {
	until time.Time // no other client is told of it before
	times int64     // in a row
	last  time.Time
}

// A waiter is a client that waits for jobs.
type waiter struct {
	limit int
	got   chan claimable // has room for one
}

// claimable are jobs that a client may claim, or why they are not known.
type claimable struct {
	jobs []string
	err  error
}

func newQueues(log Log, now func() time.Time, stop <-chan struct{}) *queues {
	return &queues{
		log: log, now: now, stop: stop, of: map[string]*queue{}, touched: map[string]bool{},
		given: map[string]*handout{}, rouse: make(chan struct{}, 1),
	}
}

// ask returns jobs that match a filter, at least one unless none comes within wait.
func (s *queues) ask(ctx context.Context, key string, f projection.Filter, limit int, wait time.Duration) ([]string, error) {
	s.mu.Lock()
	q, err := s.open(ctx, key, f)
	var jobs []string
	if err == nil {
		jobs, err = s.take(ctx, q, limit)
	}
	if err != nil || len(jobs) > 0 || wait <= 0 {
		s.mu.Unlock()
		return jobs, err
	}
	w := &waiter{limit: limit, got: make(chan claimable, 1)}
	at := q.waiters.PushBack(w)
	if !s.following {
		s.following = true
		go s.follow()
	} else {
		s.look()
	}
	s.mu.Unlock()
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	select {
	case c := <-w.got:
		return c.jobs, c.err
	case <-timeout.C:
	case <-ctx.Done():
	case <-s.stop:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q.waiters.Remove(at)
	s.look() // the goroutine ends with the last waiter
	select {
	case c := <-w.got:
		return c.jobs, c.err
	default:
		return nil, nil
	}
}

// look makes the goroutine that follows look again.
func (s *queues) look() {
	select {
	case s.rouse <- struct{}{}:
	default: // it will
	}
}

// follow serves those who wait until none does.
func (s *queues) follow() {
	for {
		changed := s.log.Changed()
		due, some := s.serve()
		if !some {
			return
		}
		var timer <-chan time.Time
		if !due.IsZero() {
			timer = time.After(min(due.Sub(s.now()), maxNap))
		}
		select {
		case <-changed:
		case <-timer:
		case <-s.rouse:
		}
	}
}

// serve gives those who wait what there is. It returns when a job is due that rests, and
// whether any of them still waits; if not, the goroutine has ended.
func (s *queues) serve() (due time.Time, some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx := context.Background() // of no client
	err := s.catchUp(ctx)
	for _, key := range slices.Sorted(maps.Keys(s.of)) {
		q := s.of[key]
		for first := q.waiters.Front(); first != nil; first = q.waiters.Front() {
			w, _ := first.Value.(*waiter)
			c := claimable{err: err}
			if err == nil {
				c.jobs, c.err = s.take(ctx, q, w.limit)
			}
			if len(c.jobs) == 0 && c.err == nil {
				some = true
				if next := q.next(); due.IsZero() || !next.IsZero() && next.Before(due) {
					due = next
				}
				break
			}
			q.waiters.Remove(first)
			w.got <- c
		}
	}
	s.following = some
	return due, some
}

// open returns the queue for a filter, up to date.
func (s *queues) open(ctx context.Context, key string, f projection.Filter) (*queue, error) {
	if err := s.catchUp(ctx); err != nil {
		return nil, err
	}
	now := s.now()
	q := s.of[key]
	if q == nil {
		if s.forget(now); len(s.of) >= maxQueues {
			return nil, commands.ErrBusy
		}
		q = newQueue(f)
		if err := s.fill(ctx, q); err != nil {
			return nil, err
		}
		s.of[key] = q
	}
	q.used = now
	return q, nil
}

// forget removes what was not needed for a while.
func (s *queues) forget(now time.Time) {
	maps.DeleteFunc(s.of, func(_ string, q *queue) bool { return q.waiters.Len() == 0 && now.Sub(q.used) > queueIdle })
	maps.DeleteFunc(s.given, func(_ string, h *handout) bool { return now.Sub(h.last) > queueIdle })
}

// fill fills a queue from the ledger: an empty one, or one that has to be filled again, or
// else from its end on.
func (s *queues) fill(ctx context.Context, q *queue) error {
	if q.stale {
		q.clear()
	}
	from := projection.Place{}
	if q.more {
		from = q.last
	}
	places, more, err := projection.ClaimPlaces(ctx, s.log, q.filter, from, maxQueue)
	if err != nil {
		q.stale = true
		return err
	}
	q.more = false
	for _, at := range places {
		q.put(at)
		q.last = at
	}
	q.more = more
	return nil
}

// take takes up to limit jobs from a queue, which are then kept for the caller for a while.
func (s *queues) take(ctx context.Context, q *queue, limit int) (jobs []string, err error) {
	if q.stale {
		if err := s.fill(ctx, q); err != nil {
			return nil, err
		}
	}
	now := s.now()
	b := projection.Basis{Reading: now}
	if q.judges() {
		if b, err = projection.BasisOf(ctx, s.log, now); err != nil {
			return nil, err
		}
	}
	q.wake(now)
	for len(jobs) < limit {
		j := q.pop()
		if j == nil && q.more {
			if err := s.fill(ctx, q); err != nil {
				return jobs, err
			}
			continue
		}
		if j == nil {
			break
		}
		ok, err := s.turn(ctx, q, j.ID, b)
		if err != nil {
			q.put(j.Place)
			return jobs, err
		}
		if ok {
			jobs = append(jobs, j.ID)
		}
	}
	return jobs, nil
}

// handout returns what is known of a job that was handed out not long ago, or nil.
func (s *queues) handout(id string, now time.Time) *handout {
	h := s.given[id]
	if h != nil && now.Sub(h.last) > queueIdle {
		delete(s.given, id)
		return nil
	}
	return h
}

// judges reports whether who may approve makes a difference to what a queue holds.
func (q *queue) judges() bool {
	return slices.ContainsFunc(q.filter.Statuses, func(s projection.Status) bool { return s != projection.Running })
}

// turn decides about a job whose turn it is. It reports whether a client may be told of it.
func (s *queues) turn(ctx context.Context, q *queue, id string, b projection.Basis) (bool, error) {
	h := s.handout(id, b.Reading)
	if h != nil && h.until.After(b.Reading) {
		q.rest(id, h.until)
		return false, nil
	}
	j, _, ok, err := projection.LoadState(ctx, s.log, id)
	if err != nil {
		return false, err
	}
	var c projection.Claim
	if ok && q.filter.Holds(j) {
		if c, err = projection.ClaimOf(ctx, s.log, j, b); err != nil {
			return false, err
		}
	}
	switch {
	case c.Now:
		if h == nil {
			h = &handout{}
			s.given[id] = h
		}
		h.until = b.Reading.Add(handoutFor << min(h.times, 5))
		h.times, h.last = h.times+1, b.Reading
		q.rest(id, h.until)
	case !c.At.IsZero():
		q.rest(id, c.At)
	case c.Pending != "":
		q.await(id, c.Pending)
	default:
		q.drop(id)
	}
	return c.Now, nil
}
