package connect

import (
	"context"

	"gait/ledger"
	"gait/projection"
)

// A Page reads the events of a job, or of all jobs, page by page.
type Page struct {
	Job   string     // "": all jobs
	Since ledger.Seq // the first event of the ledger that was not read yet
	Limit int        // of a page

	Events []ledger.Event // the page that Read has read
	More   bool           // the page is full, and not the last

	jobSeq int64 // of the job's first event that was not read yet; 0: not known
}

// Read reads the next page. If it fails, p is as it was.
func (p *Page) Read(ctx context.Context, l *Ledger) error {
	next := *p
	next.Events, next.More = []ledger.Event{}, false
	if size := ledger.Seq(l.Log.Head().Size); p.Since < size {
		if err := next.read(ctx, l, size); err != nil {
			return err
		}
	}
	*p = next
	return nil
}

func (p *Page) read(ctx context.Context, l *Ledger, size ledger.Seq) (err error) {
	events := l.Log.Events(ctx, p.Since)
	if p.Job != "" {
		if p.jobSeq == 0 {
			if p.jobSeq, err = projection.JobSeqSince(ctx, l.Log, p.Job, p.Since); err != nil {
				return err
			}
		}
		events = l.Log.JobEvents(ctx, p.Job, p.jobSeq)
	}
	for e, err := range events {
		if err != nil {
			return err
		}
		if e.JobID() == "" { // of the ledger
			continue
		}
		if len(p.Events) == p.Limit {
			p.More = true
			break
		}
		p.Events = append(p.Events, e)
	}
	if p.Since = size; p.More {
		p.Since = p.Events[len(p.Events)-1].Seq() + 1
	}
	p.jobSeq += int64(len(p.Events))
	return nil
}

// pageSize is how many events a follower reads at once.
const pageSize = 1000

// Events yields the events of a job, or of all jobs if job is "", from an event
// of the ledger on: those that are there, and then new ones as they come. It
// ends when the caller stops it or with an error, that of Follow; a context that
// was canceled is an error too. The job need not be there yet.
func Events(ctx context.Context, o Options, job string, since ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		f := &eventStream{page: Page{Job: job, Since: since, Limit: pageSize}, yield: yield}
		if err := Follow(ctx, o, f); err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// An eventStream is the Follower behind Events.
type eventStream struct {
	page  Page
	yield func(ledger.Event, error) bool
}

func (s *eventStream) Look(ctx context.Context, l *Ledger) (int64, error) {
	err := s.page.Read(ctx, l)
	return int64(s.page.Since), err
}

func (s *eventStream) Show() (done bool, err error) {
	for _, e := range s.page.Events {
		if !s.yield(e, nil) {
			return true, nil
		}
	}
	return false, nil
}
