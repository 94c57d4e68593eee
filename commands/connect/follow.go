package connect

import (
	"context"
	"errors"
	"time"

	"gait/commands/daemon"
	"gait/ledger/root"
)

// A Follower sees a ledger as it grows.
type Follower interface {
	// Look takes from the ledger what is new. It returns how many events of
	// the ledger it has seen or passed over. If it fails it leaves the follower
	// as it was: it may be called again, on the ledger opened again.
	Look(ctx context.Context, l *Ledger) (seen int64, err error)

	// Show hands on what Look took. The ledger is closed meanwhile, so that a
	// slow reader keeps no writer waiting. It reports whether the follower has
	// all that it wants.
	Show() (done bool, err error)
}

// A paced Follower asks to be called again only after events of one job, and not more often
// than once in a time.
type paced interface {
	pace() (job string, gap time.Duration)
}

// Follow lets f look at the ledger whenever it may have grown. It returns nil
// when f is done, and the context's cause when ctx ends. Between two looks the
// ledger is closed, so that writers get their turn. The daemon may stop, be
// killed or start at any moment.
//
// The first look waits for the root's lock no longer than Options.LockTimeout
// says, and fails if a daemon does not answer. A later look is tried again
// until ctx ends. A deadline of ctx bounds what is waited for: a ledger that is
// free is looked at once even if the deadline has passed. If another ledger is in the
// place of the first one, Follow fails with a *ReplacedError. It fails with a
// *home.RolledBackError for a ledger in an older state than was seen, which never grows.
func Follow(ctx context.Context, o Options, f Follower) error {
	w := watch{options: o}
	job, gap := "", time.Duration(0)
	if p, ok := f.(paced); ok {
		job, gap = p.pace()
	}
	for {
		rested := time.NewTimer(gap)
		seen, err := w.look(ctx, f)
		if err != nil {
			return err
		}
		if done, err := f.Show(); done || err != nil {
			return err
		}
		if err := w.wait(ctx, job, seen); err != nil {
			return err
		}
		if err := expire(ctx, rested); err != nil {
			return err
		}
	}
}

// A watch opens a ledger again and again.
type watch struct {
	options Options
	origin  string      // of the ledger that was seen first; "" before that
	here    bool        // the last look was at a ledger that this process had opened
	glance  root.Glance // at its files, before that
	seen    int64       // when the ledger was last waited for
	idle    pauses      // while nothing happens
}

// look has f look at the ledger once, trying again if that may help.
func (w *watch) look(ctx context.Context, f Follower) (seen int64, err error) {
	var retry pauses
	for {
		w.glance = w.glanceNow()
		err = With(ctx, w.options, func(l *Ledger) (err error) {
			origin := l.Log.Origin()
			if w.origin != "" && origin != w.origin {
				return &ReplacedError{Was: w.origin, Now: origin}
			}
			if err := l.Newest(); err != nil {
				return err
			}
			w.here = l.root != nil
			reading, stop := ctx, func() {}
			if w.here { // it has the lock: what it reads takes a moment
				reading, stop = pastDeadline(ctx)
			}
			defer stop()
			if seen, err = f.Look(reading, l); err == nil {
				w.origin = origin
			}
			return err
		})
		switch {
		case err == nil:
			return seen, nil
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return 0, context.Cause(ctx)
		case !w.passes(err):
			return 0, err
		}
		if err := retry.sleep(ctx); err != nil {
			return 0, err
		}
	}
}

// passes reports whether an error may be gone at the next look: a daemon that
// went away while it was read, a lock that others hold, or a ledger that another
// process wrote while it was read without a lock.
func (w *watch) passes(err error) bool {
	if gone(err) {
		return true
	}
	_, locked := errors.AsType[*root.LockedError](err)
	_, changed := errors.AsType[*root.ChangedError](err)
	_, unreachable := errors.AsType[*daemon.UnreachableError](err)
	return w.origin != "" && (locked || changed || unreachable)
}

// wait returns when the ledger may hold more than seen events, of a job if that is not "":
// when its daemon says so or, if none runs, when its files have changed.
func (w *watch) wait(ctx context.Context, job string, seen int64) error {
	if seen != w.seen {
		w.seen, w.idle = seen, 0
	}
	return w.pause(ctx, func(d *daemonLog) bool { return d.client.WaitJob(ctx, job, seen) == nil })
}

// pause returns when a daemon runs and asked, called with it, reports true, when the files
// of the ledger have changed, and after a while in any case.
func (w *watch) pause(ctx context.Context, asked func(*daemonLog) bool) error {
	for quiet := time.Duration(0); ; quiet += time.Duration(w.idle) {
		served := false
		if w.options.Daemon != Never {
			if d, err := dial(ctx, w.options); d != nil && err == nil {
				ok := asked(d)
				d.Close()
				if ok {
					return nil
				}
				served = true
			}
		}
		if err := w.idle.sleep(ctx); err != nil {
			return err
		}
		if served || !w.here || quiet >= lookAnyway || !w.glance.Same(w.glanceNow()) {
			return nil
		}
	}
}

// glanceNow returns how the ledger's files look; the zero Glance, which is like no other, if
// that is not known.
func (w *watch) glanceNow() root.Glance {
	if !w.options.Remote.URL.IsZero() {
		return root.Glance{}
	}
	g, err := root.GlanceAt(w.options.Dir)
	if err != nil {
		return root.Glance{}
	}
	return g
}

// lookAnyway is how long a ledger is not opened whose files do not change.
const lookAnyway = 5 * time.Second

// Bounds of the pause between two looks at a ledger.
const (
	shortPause = 10 * time.Millisecond
	longPause  = 100 * time.Millisecond
)

// pauses is the length of the last pause. Each one is twice as long as the one
// before, up to longPause.
type pauses time.Duration

// next returns the length of the next pause.
func (p *pauses) next() time.Duration {
	*p = pauses(min(max(2*time.Duration(*p), shortPause), longPause))
	return time.Duration(*p)
}

// sleep pauses. It fails with the context's cause.
func (p *pauses) sleep(ctx context.Context) error { return expire(ctx, time.NewTimer(p.next())) }

// expire returns when a timer has expired. It fails with the context's cause.
func expire(ctx context.Context, t *time.Timer) error {
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
