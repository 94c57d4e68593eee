package main

import (
	"context"
	"errors"
	"fmt"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// do carries a request out on an open ledger. All commands do it by this function: it
// notes if the clock was behind.
func (a *app) do(ctx context.Context, l *connect.Ledger, r commands.Request) (commands.Result, error) {
	result, err := l.Do(ctx, r)
	of := result
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		of = refused.Result
	}
	if !of.Replayed && !of.Repeated { // else it was written before
		a.noteClock(of.Event)
		a.noteStop(r, of.Event)
	}
	return result, err
}

// noteStop prints a notice if a job was stopped although the clock is probably wrong.
func (a *app) noteStop(r commands.Request, e ledger.Event) {
	_, stops := r.Command.(commands.Stop)
	if !stops || a.acceptClock || e.Payload() == nil {
		return
	}
	if suspect, wrong := errors.AsType[*ledger.ClockError](ledger.CheckClock(a.now(), e.Reading())); wrong {
		a.notice(fmt.Sprintf("%v: the stop is stamped %s, as the event before it", suspect, ledger.FormatTime(e.Time())))
	}
}

// noteClock prints a notice if the clock was behind when an event was written.
func (c *console) noteClock(e ledger.Event) {
	if e.Payload() == nil || e.Clock().IsZero() {
		return
	}
	c.heldUp = &heldClock{Reading: ledger.FormatTime(e.Clock()), CreatedAt: ledger.FormatTime(e.Time())}
	c.notice(fmt.Sprintf("the clock reads %s, which is before the ledger's last event: this one is stamped %s, as that is", c.heldUp.Reading, c.heldUp.CreatedAt))
}
