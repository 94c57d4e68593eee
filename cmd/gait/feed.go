package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gait/ledger"
	"gait/ledger/root"
)

// A feed tells when a ledger may have grown.
type feed interface {
	// wait returns when the ledger may hold more than size events. It fails
	// with the cause of the context's end.
	wait(ctx context.Context, size int64) error
}

// feed returns what tells about the ledger of --root.
func (a *app) feed() feed { return &pushed{app: a} }

// A pushed is the feed of a ledger whose daemon tells, as long as one runs.
type pushed struct {
	app  *app
	poll poll
}

func (p *pushed) wait(ctx context.Context, size int64) error {
	if mode, err := p.app.daemonMode(); err == nil && mode != daemonNever {
		if d, err := p.app.dialDaemon(ctx, p.app.rootDir()); d != nil && err == nil {
			err := d.client.Wait(ctx, size)
			d.Close()
			if err == nil {
				return nil
			}
		}
	}
	return p.poll.wait(ctx, size)
}

// Bounds of the pause between two looks at a ledger.
const (
	shortPause = 10 * time.Millisecond
	longPause  = 100 * time.Millisecond
)

// A poll is the feed of a ledger that nobody tells about: it has to be looked
// at again. While nothing happens the pauses grow.
type poll struct {
	size  int64 // when the ledger was last waited for
	pause time.Duration
}

func (p *poll) wait(ctx context.Context, size int64) error {
	p.next(size)
	t := time.NewTimer(p.pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// next sets the pause that comes before the next look.
func (p *poll) next(size int64) {
	if p.pause == 0 || size != p.size {
		p.size, p.pause = size, shortPause
		return
	}
	p.pause = min(2*p.pause, longPause)
}

// A follower sees a ledger as it grows.
type follower interface {
	// look takes from the ledger what is new. It returns how many events of
	// the ledger it has seen or passed over.
	look(r *openLedger) (seen int64, err error)
	// show prints what look took, with the ledger closed: nobody waits for a
	// slow reader. It reports whether that was all that was wanted.
	show() (done bool, err error)
}

// follow lets f look at the ledger whenever it may have grown, until f is done.
// In between the ledger is closed, so that writers get their turn. The first
// look waits for the lock no longer than --lock-timeout; a later one that
// writers keep out is tried again.
func (a *app) follow(ctx context.Context, f follower) error {
	feed, origin := a.feed(), ""
	for {
		var seen int64
		err := a.read(ctx, func(r *openLedger) (err error) {
			if origin != "" && r.Log.Origin() != origin {
				return &usageError{code: "ledger_replaced", text: fmt.Sprintf("the ledger %s has gone, %s is in its place", origin, r.Log.Origin()), hint: "run it again to follow the new one"}
			}
			origin = r.Log.Origin()
			seen, err = f.look(r)
			return err
		})
		if _, locked := errors.AsType[*root.LockedError](err); locked && origin != "" {
			if context.Cause(ctx) != nil {
				return context.Cause(ctx)
			}
			continue
		}
		if err != nil {
			return err
		}
		if done, err := f.show(); done || err != nil {
			return err
		}
		if err := feed.wait(ctx, seen); err != nil {
			return err
		}
	}
}

// A reader reads the events of a job, or of all jobs, page by page.
type reader struct {
	job    string     // "": all jobs
	since  ledger.Seq // the first event not read yet
	limit  int        // of a page
	jobSeq int64      // of the job's first event not read yet; 0: not known
	events []ledger.Event
	more   bool // the page is full, and not the last
}

// read reads the next page.
func (p *reader) read(r *openLedger) error {
	p.events, p.more = []ledger.Event{}, false
	size := ledger.Seq(r.Log.Head().Size)
	if p.since >= size {
		return nil
	}
	events := r.Log.Events(p.since)
	if p.job != "" {
		if err := p.seek(r); err != nil {
			return err
		}
		events = r.Log.JobEvents(p.job, p.jobSeq)
	}
	for e, err := range events {
		if err != nil {
			return err
		}
		if e.JobID == "" { // of the ledger
			continue
		}
		if len(p.events) == p.limit {
			p.more = true
			break
		}
		p.events = append(p.events, e)
	}
	if !p.more {
		p.since = size
	} else {
		p.since = p.events[len(p.events)-1].Seq + 1
	}
	p.jobSeq += int64(len(p.events))
	return nil
}

// seek finds the first event of the job that is to be read. It reads as many
// events as it takes to halve the job again and again.
func (p *reader) seek(r *openLedger) error {
	head, ok, err := r.Log.JobHead(p.job)
	if err != nil || !ok || p.jobSeq > 0 {
		return err
	}
	from, to := int64(1), head.JobSeq+1
	for from < to {
		middle := from + (to-from)/2
		e, err := jobEvent(r, p.job, middle)
		if err != nil {
			return err
		}
		if e.Seq < p.since {
			from = middle + 1
		} else {
			to = middle
		}
	}
	p.jobSeq = from
	return nil
}
