package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"gait/commands/connect"
	"gait/commands/process"
	"gait/commands/worker"
	"gait/ledger"
	"gait/projection"
)

// workFlags are the flags of gait work beside those of a worker.
type workFlags struct {
	run         workerFlags
	labels      []string
	statuses    []string
	concurrency int
	maxJobs     int
	drain       time.Duration
}

// A crew runs the jobs of a queue.
type crew struct {
	*supervisor

	flags   *workFlags
	query   connect.CandidateQuery
	guard   *process.Guard
	command []string

	mu        sync.Mutex
	freed     *sync.Cond // a slot has ended its job, or the crew ends
	counts    map[worker.Outcome]int
	taken     int // jobs that were taken and started
	open      int // slots that look for a job or have one
	jobs      map[string]*turn
	failed    error           // after which the crew ends
	errors    int             // of the ledger, one after the other
	unstarted int             // jobs that could not be started, one after the other
	refused   map[string]bool // jobs that ended in an error, one after the other
}

// After how many errors of the ledger, jobs that could not be started, or jobs that ended in
// errors, one after the other, gait work ends.
const maxWorkErrors = 10

// How long a job is kept back that could not be worked on: twice as long each time.
const (
	firstHold = time.Second
	lastHold  = 5 * time.Minute
)

// A turn is what a crew knows of a job that it runs or has kept back.
type turn struct {
	running bool
	held    bool
	times   int // that it was kept back
	timer   *time.Timer
}

func newCrew(s *supervisor, flags *workFlags, query connect.CandidateQuery, guard *process.Guard, command []string) *crew {
	c := &crew{
		supervisor: s, flags: flags, query: query, guard: guard, command: command,
		counts: map[worker.Outcome]int{}, jobs: map[string]*turn{}, refused: map[string]bool{},
	}
	c.freed = sync.NewCond(&c.mu)
	c.query.Skip = c.busy
	return c
}

// work takes jobs until taking ends, --max-jobs were taken, or it is of no use. running is the
// context of the jobs.
func (c *crew) work(taking, running context.Context) error {
	taking, done := context.WithCancel(taking)
	defer done()
	defer context.AfterFunc(taking, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.freed.Broadcast()
	})()
	var slots sync.WaitGroup
	for range c.flags.concurrency {
		slots.Go(func() {
			defer done()
			for c.admit(taking) {
				c.leave(c.next(taking, running))
			}
		})
	}
	slots.Wait()
	return c.failed
}

// admit waits until a slot may look for a job, and reports whether it may. Those that have
// started and those that look for one are never more than --max-jobs.
func (c *crew) admit(taking context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for most := c.flags.maxJobs; ; c.freed.Wait() {
		switch {
		case c.failed != nil || taking.Err() != nil || most > 0 && c.taken >= most:
			return false
		case most == 0 || c.taken+c.open < most:
			c.open++
			return true
		}
	}
}

// leave ends what admit began.
func (c *crew) leave(counts bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open--; counts {
		c.taken++
	}
	c.freed.Broadcast()
}

// next waits for a job and runs it, and reports whether it was started.
func (c *crew) next(taking, running context.Context) (counts bool) {
	ids, err := connect.WaitCandidates(taking, c.o, c.query)
	switch {
	case taking.Err() != nil:
		return false
	case err != nil:
		c.trouble(taking, err)
		return false
	}
	for _, id := range ids {
		if c.begin(id) {
			return c.one(taking, running, id)
		}
	}
	return false
}

// busy reports whether a job is not to be taken now.
func (c *crew) busy(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.jobs[id]
	return t != nil && (t.running || t.held)
}

// begin reports whether a slot may take a job, which is busy then.
func (c *crew) begin(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.jobs[id]
	if t == nil {
		t = &turn{}
		c.jobs[id] = t
	}
	if t.running || t.held {
		return false
	}
	if t.timer != nil {
		t.timer.Stop()
	}
	t.running = true
	return true
}

// one runs a job, if no other worker has it, and reports whether it was started.
func (c *crew) one(taking, running context.Context, id string) (counts bool) {
	job := &leasedJob{supervisor: c.supervisor, id: id}
	r := worker.Runner{
		Job: job, Options: c.flags.run.options(c.app, job.id+": "),
		Launcher: c.started.count(&launcher{leasedJob: job, guard: c.guard, command: c.command, stdout: c.stdoutOfChild(), stderr: c.stderr}),
	}
	outcome, err := r.Run(running)
	again := c.end(id, job.epoch > 0, outcome, err)
	if again != nil {
		c.trouble(taking, again)
	}
	return err == nil && job.epoch > 0
}

// end takes in what came of a job, which is kept back if it could be taken again at once. It
// returns an error of the ledger, which is not one of the job.
func (c *crew) end(id string, leased bool, outcome worker.Outcome, err error) (again error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.jobs[id]
	t.running = false
	switch {
	case err == nil && leased:
		c.counts[outcome]++
		c.errors, c.unstarted = 0, 0
		clear(c.refused)
		if outcome == worker.LeaseLost {
			c.keep(id, t)
			return nil
		}
		delete(c.jobs, id)
	case err == nil || passed(err):
		c.keep(id, t)
	case outcome == worker.NotStarted:
		c.counts[outcome]++
		c.unstarted++
		c.spoilt(id, t, err, c.unstarted)
	case ofLedger(err):
		c.keep(id, t)
		return fmt.Errorf("job %s: %w", id, err)
	default:
		c.refused[id] = true
		c.spoilt(id, t, err, len(c.refused))
	}
	return nil
}

// spoilt keeps a job back that could not be worked on, and ends the crew if that is so of all.
func (c *crew) spoilt(id string, t *turn, err error, row int) {
	pause := c.keep(id, t)
	c.notice(fmt.Sprintf("job %s is kept back for %s: %v", id, pause, err))
	if row >= maxWorkErrors && c.failed == nil {
		c.failed = &crewError{crew: c, job: id, row: row, err: err}
	}
}

// keep keeps a job back for a while. It is forgotten when it was not taken for long after that.
func (c *crew) keep(id string, t *turn) time.Duration {
	pause := min(firstHold<<min(t.times, 16), lastHold)
	t.times++
	t.held = true
	t.timer = time.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		t.held = false
		t.timer = time.AfterFunc(2*lastHold, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.jobs[id] == t && !t.running && !t.held {
				delete(c.jobs, id)
			}
		})
	})
	return pause
}

// passed reports whether an error says that the job is not to be had now.
func passed(err error) bool {
	if err == nil {
		return false
	}
	f, _ := ledger.FaultOf(err)
	return slices.Contains([]string{
		string(projection.LeaseHeld), string(projection.NotDue), string(projection.DependencyPending), string(projection.DependencyFailed), string(projection.InvalidTransition),
	}, f.Code)
}

// ofLedger reports whether an error is one of the way to the ledger, or of its disk, and so one
// that other jobs would meet, too.
func ofLedger(err error) bool {
	f, _ := ledger.FaultOf(err)
	return slices.Contains([]ledger.Category{ledger.CategoryContention, ledger.CategoryUnknown, ledger.CategoryIO}, f.Category)
}

// trouble reports an error of the ledger, and waits before the next try.
func (c *crew) trouble(ctx context.Context, err error) {
	c.mu.Lock()
	c.errors++
	wait := min(time.Duration(c.errors)*time.Second, 10*time.Second)
	if c.errors >= maxWorkErrors && c.failed == nil {
		c.failed = err
	}
	c.mu.Unlock()
	c.notice(err.Error())
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// outcomes returns how many jobs came to what.
func (c *crew) outcomes() object {
	counts := object{}
	for o, n := range c.counts {
		counts[string(o)] = n
	}
	return object{"taken": c.taken, "outcomes": counts}
}

// print prints how many jobs came to what.
func (c *crew) print() error {
	return c.app.print(c.outcomes(), func(s *screen) {
		s.done("took %s", count(int64(c.taken), "job"))
		for _, o := range slices.Sorted(maps.Keys(c.counts)) {
			s.fields([2]string{string(o), strconv.Itoa(c.counts[o])})
		}
	})
}

// A crewError says that gait work could work on none of the last jobs.
type crewError struct {
	crew *crew
	job  string // the last one
	row  int
	err  error // of it
}

func (e *crewError) Error() string {
	return fmt.Sprintf("nothing could be worked on %d times, one after the other; the last time job %s: %v", e.row, e.job, e.err)
}

// Fault returns the error's code, nothing_started.
func (e *crewError) Fault() ledger.Fault {
	return ledger.Fault{Code: "nothing_started", Category: ledger.CategoryIO}
}

func (e *crewError) fields() object {
	e.crew.mu.Lock()
	defer e.crew.mu.Unlock()
	return e.crew.outcomes()
}
