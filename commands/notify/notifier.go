package notify

import (
	"context"
	"errors"
	"time"

	"gait/ledger"
)

// Bounds of a Notifier.
const (
	firstWait   = time.Second // between attempts
	maxWait     = 5 * time.Minute
	maxLater    = time.Hour   // that a target can ask for
	maxRefusals = 6           // after which a message is set aside
	lookEvery   = time.Second // for emergency stops, while there is more to tell
	maxAhead    = 1000        // emergency stops that are held in memory
)

func longer(wait time.Duration) time.Duration { return min(2*wait, maxWait) }

// A Result is what became of an attempt of a Notifier.
type Result string

// The results.
const (
	Taken    Result = "taken"
	NotTaken Result = "not_taken" // and tried again
	SetAside Result = "set_aside" // and not tried again
	NotKept  Result = "not_kept"  // the cursor, which is tried again
	Kept     Result = "kept"      // the cursor, after NotKept
)

// An Attempt says what a Notifier tried.
type Attempt struct {
	Result Result
	Seq    ledger.Seq    // of the event, or where the cursor is
	Err    error         // why not
	Again  time.Duration // until it is tried again
}

// A Notifier delivers messages to one target. All fields are required.
type Notifier struct {
	Log    Log
	Signer ledger.Signer
	Target Target
	Cursor Cursor
	Now    func() time.Time

	// Told is told of each attempt.
	Told func(Attempt)
}

// Run delivers until ctx ends. What fails meanwhile, such as the log, is tried again.
func (n *Notifier) Run(ctx context.Context) {
	r := &run{Notifier: n, ahead: map[ledger.Seq]bool{}}
	r.begin(ctx)
	for wait := firstWait; ctx.Err() == nil; {
		changed := n.Log.Changed()
		if err := r.deliverAll(ctx); err != nil && ctx.Err() == nil {
			n.Told(Attempt{Result: NotTaken, Seq: r.next, Err: err, Again: wait})
			r.pause(ctx, wait)
			wait = longer(wait)
			continue
		}
		wait = firstWait
		r.idle(ctx, changed)
	}
}

// A run is where a Notifier is.
type run struct {
	*Notifier

	next   ledger.Seq    // the first event that the target may not know of
	unkept bool          // the cursor is elsewhere
	keepAt time.Time     // when it is tried again
	keepIn time.Duration // how long before that; 0 unless it could not be kept

	turn     ledger.Seq          // the event whose turn it is: stops after it go ahead
	looked   ledger.Seq          // the first event that was not looked at for that
	lookedAt time.Time           // when
	stops    []ledger.Event      // that wait
	ahead    map[ledger.Seq]bool // those that were told before their turn
}

// begin finds the first event to tell of. A cursor that is ahead belongs to a state of the
// ledger that is gone. While it cannot be read, emergency stops from now on are told.
func (r *run) begin(ctx context.Context) {
	size := ledger.Seq(r.Log.Head().Size)
	r.next, r.turn, r.looked = size, size-1, size
	for wait := firstWait; ctx.Err() == nil; wait = longer(wait) {
		next, ok, err := r.Cursor.Load()
		if err == nil && ok && next <= ledger.Seq(r.Log.Head().Size) {
			r.next, r.looked, r.stops = next, next, nil
			r.kept()
			return
		}
		if err == nil {
			r.keep()
			return
		}
		r.unkept = true
		r.Told(Attempt{Result: NotKept, Seq: r.next, Err: err, Again: wait})
		r.pause(ctx, wait)
	}
}

// keep keeps the cursor.
func (r *run) keep() {
	err := r.Cursor.Save(r.next)
	if err == nil {
		r.kept()
		return
	}
	r.keepIn = max(firstWait, longer(r.keepIn))
	r.unkept, r.keepAt = true, r.Now().Add(r.keepIn)
	r.Told(Attempt{Result: NotKept, Seq: r.next, Err: err, Again: r.keepIn})
}

func (r *run) kept() {
	if r.unkept {
		r.Told(Attempt{Result: Kept, Seq: r.next})
	}
	r.unkept, r.keepIn = false, 0
}

// keepAgain keeps the cursor if it could not be kept, and its time has come.
func (r *run) keepAgain() {
	if r.keepIn > 0 && !r.Now().Before(r.keepAt) {
		r.keep()
	}
}

// idle waits for what is to be done.
func (r *run) idle(ctx context.Context, changed <-chan struct{}) {
	var again <-chan time.Time
	if r.keepIn > 0 {
		t := time.NewTimer(r.keepAt.Sub(r.Now()))
		defer t.Stop()
		again = t.C
	}
	select {
	case <-changed:
	case <-again:
	case <-ctx.Done():
	}
	r.keepAgain()
}

// deliverAll delivers what there is.
func (r *run) deliverAll(ctx context.Context) error {
	if int64(r.next) >= r.Log.Head().Size {
		return nil
	}
	r.lookedAt = r.Now()
	for e, err := range r.Log.Events(ctx, r.next) {
		if err != nil {
			return err
		}
		r.turn = e.Seq()
		if !Wants(e) {
			r.next = e.Seq() + 1
			continue
		}
		if err := r.deliver(ctx, e); err != nil {
			return err
		}
		delete(r.ahead, e.Seq())
		r.next = e.Seq() + 1
		r.keep()
	}
	return nil
}

// deliver delivers one message, however long it takes, unless it is refused.
func (r *run) deliver(ctx context.Context, e ledger.Event) error {
	if r.Now().Sub(r.lookedAt) >= lookEvery {
		r.goAhead(ctx, false)
	}
	if r.ahead[e.Seq()] {
		return nil
	}
	refusals := 0
	for wait := firstWait; ; wait = longer(wait) {
		err := r.attempt(ctx, e)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if refused(err) {
			refusals++
		}
		if refusals == maxRefusals {
			r.Told(Attempt{Result: SetAside, Seq: e.Seq(), Err: err})
			return nil
		}
		if later, ok := errors.AsType[*LaterError](err); ok {
			wait = min(max(wait, later.After), maxLater)
		}
		r.Told(Attempt{Result: NotTaken, Seq: e.Seq(), Err: err, Again: wait})
		r.pause(ctx, wait)
	}
}

// attempt tries to deliver a message once.
func (r *run) attempt(ctx context.Context, e ledger.Event) error {
	m, err := New(e, r.Signer, r.Now())
	if err != nil {
		return err
	}
	if err := r.Target.Deliver(ctx, m); err != nil {
		return err
	}
	r.Told(Attempt{Result: Taken, Seq: e.Seq()})
	return nil
}

func refused(err error) bool {
	_, ok := errors.AsType[*RefusedError](err)
	return ok
}

// pause waits, and meanwhile tells of emergency stops.
func (r *run) pause(ctx context.Context, wait time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	for again := true; ; again = false {
		changed := r.Log.Changed()
		r.goAhead(ctx, again)
		r.keepAgain()
		select {
		case <-changed:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// goAhead tells of the emergency stops that would have to wait: of those that were found now, and with
// again of all.
func (r *run) goAhead(ctx context.Context, again bool) {
	tried := len(r.stops)
	r.look(ctx)
	var left []ledger.Event
	down := false
	for i, e := range r.stops {
		if e.Seq() <= r.turn || r.ahead[e.Seq()] {
			continue
		}
		if !down && (again || i >= tried) {
			err := r.attempt(ctx, e)
			if err == nil {
				r.ahead[e.Seq()] = true
				continue
			}
			down = !refused(err)
		}
		left = append(left, e)
	}
	r.stops, r.lookedAt = left, r.Now()
}

// look looks for emergency stops after the event whose turn it is.
func (r *run) look(ctx context.Context) {
	from := max(r.looked, r.turn+1)
	if int64(from) >= r.Log.Head().Size {
		return
	}
	for e, err := range r.Log.Events(ctx, from) {
		if err != nil || len(r.stops) == maxAhead {
			return // it is looked at again
		}
		r.looked = e.Seq() + 1
		if _, stop := e.Payload().(ledger.Stopped); stop {
			r.stops = append(r.stops, e)
		}
	}
}
