package pebble_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A sim is one seed's world: a disk that outlives processes, clients, and what
// they were told. Everything random in it comes from the seed.
type sim struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	trace hash.Hash64
	count counts

	mem     *vfs.MemFS   // as the last process left it
	dir     string       // of the ledger
	created bool         // Create has returned
	leaving bool         // the ledger may have moved to another place
	broken  string       // the disk fails like this until it is mended
	clock   atomic.Int64 // in ns since ledgertest.Start; what is left of a dead process reads it too
	lives   int

	rotations uint64   // of the ledger's key, that are known to be done
	came      []string // situations that came up since the ledger was opened last

	rotationCut bool // some rotation was interrupted, so views may be missing

	clients   []*client
	acked     map[ledger.Seq]ledger.Event
	checks    []ledger.Checkpoint // of receipts
	published ledger.Checkpoint   // outside of the ledger
	retried   map[string]bool     // tags that were sent more than once

	mu   sync.Mutex
	told []ledger.Event // to a client, in a step that the process did not live through
}

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{
		t: t, seed: seed, rng: stream(seed, "world"), trace: fnv.New64a(), mem: ledgertest.NewFS(t), dir: ledgertest.Dir,
		acked: map[ledger.Seq]ledger.Event{}, retried: map[string]bool{},
	}
	for i := range clients {
		s.clients = append(s.clients, &client{name: fmt.Sprint("c", i), epochs: map[string]int64{}, rng: stream(seed, "client", uint64(i))})
	}
	return s
}

// now is the time that the processes of this world see.
func (s *sim) now() time.Time { return ledgertest.Start.Add(time.Duration(s.clock.Load())) }

// stream returns a random source that its name decides. Neighbouring seeds of a
// PCG would begin with much the same numbers.
func stream(seed uint64, name string, part ...uint64) *rand.Rand {
	return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, seed, name, part))))
}

// note adds to the trace, which is the same whenever the seed is replayed.
func (s *sim) note(format string, args ...any) {
	fmt.Fprintf(s.trace, format+"\n", args...)
	if *tell {
		s.t.Logf(format, args...)
	}
}

// chance is true n times in a hundred.
func (s *sim) chance(n int) bool { return s.rng.IntN(100) < n }

// pick draws one of some.
func pick[T any](rng *rand.Rand, some ...T) T { return some[rng.IntN(len(some))] }

// run lives a few processes' lives, and then one in which nothing fails and
// everything is settled and checked.
func (s *sim) run() {
	for range 1 + s.rng.IntN(4) {
		if l := s.begin(true); l != nil {
			l.live()
		}
	}
	s.broken = ""
	l := s.begin(false)
	l.settle()
	l.end(false)
	l = s.begin(false)
	l.checkAll()
	l.end(false)
	s.note("ends with %d events, root %s", s.published.Size, s.published.Root)
	s.count.add("seeds")
}

// live takes steps until the process ends.
func (l *life) live() {
	for range 4 + l.rng.IntN(14) {
		if !l.step() {
			return
		}
	}
	switch {
	case l.chance(20):
		l.powerCut()
	case l.chance(15):
		l.mem = l.disk.clone()
		l.happened(afterKill)
		l.die("kill between steps")
	default:
		l.end(true)
	}
}

// step does one thing, and reports whether the process is alive after it.
func (l *life) step() bool {
	l.clock.Add(l.rng.Int64N(int64(5 * time.Second)))
	switch n := l.rng.IntN(100); {
	case n < 40:
		return l.commands(1, l.ask)
	case n < 50:
		return l.call()
	case n < 62:
		return l.commands(2, l.ask)
	case n < 80:
		return l.commands(2+l.rng.IntN(clients-1), l.askTogether)
	case n < 85:
		return l.flush()
	case n < 89:
		return l.compact()
	case n < 92:
		return l.rotate()
	case n < 93:
		return l.move()
	case n < 96:
		return l.enroll()
	case n < 99:
		jump := time.Duration(l.rng.Int64N(int64(2*time.Hour))) - time.Hour
		if l.chance(20) {
			jump *= 1000
		}
		l.clock.Add(int64(jump))
		l.note("the clock jumps by %s", jump)
		l.count.add("clock jumps")
		return true
	}
	l.powerCut()
	return false
}

func (l *life) powerCut() {
	percent := pick(l.rng, survival...)
	l.mem = l.disk.cut(percent, l.chances())
	l.happened(afterPower)
	l.note("power cut, %d%% kept", percent)
	l.die("power cut between steps")
}

// commands lets n clients do a command each, as ask has them carried out.
func (l *life) commands(n int, ask func([]answer)) bool {
	answers := make([]answer, n)
	for i, k := range l.rng.Perm(clients)[:n] {
		c := l.clients[k]
		r, retry := c.next(l.revision)
		answers[i] = answer{client: c, request: r, retry: retry, was: l.used(r.RequestID)}
		if retry {
			l.retried[tag(r)] = true
		}
		c.open = &r
	}
	size := l.log.Head().Size
	alive := l.attempt("do", 6, 2*n, func() { ask(answers) })
	for i := range answers {
		if a := &answers[i]; !alive { // its result may still be written to
			l.note("%s %s %s: unknown", a.client.name, a.request.Command.Verb(), a.request.JobID)
			l.count.add("outcomes unknown")
			continue
		}
		l.answered(answers[i])
	}
	if alive {
		l.checkGrowth(size, answers)
	}
	return alive
}

// ask carries out the first request, and the others between what it reads and what
// it writes.
func (l *life) ask(answers []answer) {
	first := &answers[0]
	engine := l.engine
	if len(answers) > 1 {
		log := &between{Log: l.log, then: func() {
			for i := range answers[1:] {
				a := &answers[1+i]
				l.do(l.engine, a)
			}
		}}
		engine = &commands.Engine{Log: log, Now: l.engine.Now, Entropy: l.engine.Entropy}
	}
	l.do(engine, first)
	for i := range answers[1:] { // if the first wrote nothing
		if a := &answers[1+i]; a.err == nil && a.result.Event.Bytes() == nil {
			l.do(l.engine, a)
		}
	}
}

// askTogether lets all clients wait in the engine at once: the first one's batch
// is held at its sync until the others are in the queue, one after another.
func (l *life) askTogether(answers []answer) {
	h, held := l.disk.hold(), false
	var wait sync.WaitGroup
	for i := range answers {
		done, entered := make(chan struct{}), &entering{Context: context.Background(), entered: make(chan struct{})}
		wait.Go(func() {
			defer close(done)
			l.doIn(entered, l.engine, &answers[i])
		})
		<-entered.entered
		if held {
			continue
		}
		select {
		case <-h.reached:
			held = true
		case <-done: // nothing was written
		}
	}
	close(h.release)
	wait.Wait()
}

// An entering is a context that tells when it is first asked for its channel,
// which Do does when the request waits in the queue.
type entering struct {
	context.Context
	once    sync.Once
	entered chan struct{}
}

// Done implements context.Context.
func (e *entering) Done() <-chan struct{} {
	e.once.Do(func() { close(e.entered) })
	return e.Context.Done()
}

func (l *life) do(engine *commands.Engine, a *answer) { l.doIn(context.Background(), engine, a) }

// doIn carries a request out. What is answered before the process ends counts,
// though the client may see the answer after.
func (l *life) doIn(ctx context.Context, engine *commands.Engine, a *answer) {
	a.result, a.err = engine.Do(ctx, a.request)
	if w := a.written(); w != nil && !a.request.DryRun && !l.over.Load() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.told = append(l.told, w.Event)
	}
}

func (l *life) flush() bool {
	return l.attempt("flush", 25, 12, func() { l.must("flushing", l.db().Flush()) })
}

func (l *life) compact() bool {
	return l.attempt("compact", 25, 20, func() {
		l.must("compacting", l.db().Compact(context.Background(), []byte{0}, []byte{0xff}, false))
	})
}

// tag returns the tag of a request.
func tag(r commands.Request) string {
	var p ledger.Payload = ledger.Refused{Reason: r.Reason}
	switch c := r.Command.(type) {
	case commands.Submit:
		return c.Labels[0].Value
	case commands.AddCheckpoint:
		p = ledger.Refused{Reason: c.Summary}
	case commands.LeaseTake:
		return c.Worker
	}
	return tagOf(p)
}

// settle asks for all outcomes that are open.
func (l *life) settle() {
	for _, c := range l.clients {
		if c.open == nil || c.open.RequestID == "" {
			continue
		}
		a := answer{client: c, request: *c.open, retry: true, was: l.used(c.open.RequestID)}
		l.retried[tag(a.request)] = true
		size := l.log.Head().Size
		a.result, a.err = l.engine.Do(context.Background(), a.request)
		l.answered(a)
		l.checkGrowth(size, []answer{a})
	}
}
