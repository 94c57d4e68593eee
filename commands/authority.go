package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// An aheadLog is a log with the authority events that were decided, and perhaps are not
// durable yet.
type aheadLog struct {
	Log

	ahead []ledger.Event // oldest first
}

// AuthorityEvents returns all authority events, durable or not, oldest first.
func (l aheadLog) AuthorityEvents(ctx context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		last := ledger.Seq(-1)
		for e, err := range l.Log.AuthorityEvents(ctx) {
			if !yield(e, err) || err != nil {
				return
			}
			last = e.Seq()
		}
		for _, e := range l.ahead {
			if e.Seq() > last && !yield(e, nil) {
				return
			}
		}
	}
}

// moment returns what a call is decided at, when the clock reads now. It fails with an
// *authority.Denial if the command was signed for another time.
func (b *batch) moment(ctx context.Context, c *call, now time.Time) (Moment, error) {
	k := &b.engine.known
	at, clock := k.head.At(now)
	m := Moment{At: at, Reading: at}
	if !clock.IsZero() {
		m.Reading = clock
	}
	if err := b.readAuthority(ctx, c, &m); err != nil {
		return Moment{}, fmt.Errorf("reading who may do what: %w", err)
	}
	if s := c.signature; s != nil {
		m.Keys = s.keys
		return m, s.command.CheckTime(m.Reading)
	}
	return m, nil
}

// readAuthority reads the authority in force. If its rows do not hold, a stop or a cancel is
// decided on what all events say. If an authority event is damaged, it cannot be told who may
// stop the job, so every caller may: the ledger is corrupt in any case, and a job that
// should have stopped must not run on.
func (b *batch) readAuthority(ctx context.Context, c *call, m *Moment) (err error) {
	k, ends := &b.engine.known, c.request.Command.row().EndsJob
	m.Authority, err = authority.At(ctx, aheadLog{b.engine.Log, k.ahead}, k.head.Authority)
	if err == nil || !ends {
		return err
	}
	if isMismatch(err) {
		m.Authority, err = authority.At(ctx, aheadLog{scannedLog{b.engine.Log}, k.ahead}, k.head.Authority)
	}
	if _, damaged := errors.AsType[*ledger.CorruptError](err); damaged {
		m.unread = true
		return nil
	}
	return err
}

// A scannedLog finds its authority events by reading all events.
type scannedLog struct{ Log }

// AuthorityEvents returns all authority events, oldest first. Those who follow them find
// out if any is missing, since each names the one before it.
func (l scannedLog) AuthorityEvents(ctx context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range l.Events(ctx, 0) {
			if (err != nil || e.Type().OfAuthority()) && !yield(e, err) {
				return
			}
		}
	}
}

// apply returns the job of a basis after an event that was decided.
func (m basis) apply(e ledger.Event) (projection.Job, error) {
	if !m.unread {
		return projection.Apply(m.job, e, m.Authority, m.call())
	}
	f := projection.Believer()
	f.Job, f.Head = m.job, m.head
	err := f.Add(e)
	return f.Job, err
}

// guard is the last check of a sealed event, the one that every reader makes of it.
func (m Moment) guard(e ledger.Event) error {
	if m.unread {
		return nil
	}
	_, err := m.Authority.Check(e)
	if c, ok := errors.AsType[*ledger.CorruptError](err); ok {
		return &InvalidError{Err: fmt.Errorf("%w: the command contradicts what it leads to: %s", ledger.ErrMalformed, c.Reason)}
	}
	return err
}

// sign puts what the actor has signed into a draft.
func (c *call) sign(d *ledger.Draft) {
	if s := c.signature; s != nil {
		d.Command, d.CommandSigs = s.text, s.sigs
	}
	if r := &c.request; r.RequestID != "" && (c.signature != nil || d.Type() != ledger.TypeRefused) {
		d.RequestID, d.RequestDigest = r.RequestID, c.digest
	}
}

// A UsedError says that a signed command was not carried out, because its request id was used
// before, for something else.
type UsedError struct {
	RequestID string
	Seq       ledger.Seq // of the event that holds it
}

func (e *UsedError) Error() string {
	return fmt.Sprintf("request id %s was used up by another command, event %d: a signed command is carried out once", e.RequestID, e.Seq)
}

// Fault returns what kind of error it is.
func (*UsedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "command_used", Category: ledger.CategoryPolicy}
}
