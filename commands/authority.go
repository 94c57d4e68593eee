package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
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
	var err error
	if m.Authority, err = authority.At(ctx, aheadLog{b.engine.Log, k.ahead}, k.head.Authority); err != nil {
		return Moment{}, fmt.Errorf("reading who may do what: %w", err)
	}
	if s := c.signature; s != nil {
		m.Keys = s.keys
		return m, s.command.CheckTime(m.Reading)
	}
	return m, nil
}

// guard is the last check of a sealed event, the one that every reader makes of it.
func (m Moment) guard(e ledger.Event) error {
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
